#pragma once
// What every TCP socket of the data path is told before it connects or listens; accepted sockets inherit it.
// Threads: any. Errors: none; a kernel that refuses one of these serves as well without.

namespace callgate::net {

// Small messages leave at once (TCP_NODELAY). `loopback`: both ends are on this machine, where nothing is congested, so the socket does
// without the machine's congestion control: bbr and fq pace each segment by a timer, which a call pays four times.
void prepare_tcp(int fd, bool loopback);

}  // namespace callgate::net
