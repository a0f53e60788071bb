#pragma once
// Sockets must not take the last file descriptors: the journal and the database need some to record and to refuse (T-69, T-72).

namespace callgate::net {

// True for a descriptor among the last ones this process may open; give it back. New descriptors are the lowest free number, so one
// comparison tells. Any thread.
bool among_last(int fd);

}  // namespace callgate::net
