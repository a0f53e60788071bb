#pragma once
// Writing to a place in a file, whole: a system call may take less than it was given, or be interrupted.

#include <cstdint>
#include <string_view>

namespace callgate {

// 0, or the errno of what went wrong; then any part of `bytes` may be in the file, and the caller cuts it off.
int write_at(int fd, std::string_view bytes, std::uint64_t offset);

}  // namespace callgate
