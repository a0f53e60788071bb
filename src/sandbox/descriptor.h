#pragma once
// An owned file descriptor, and memory files.

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace callgate::sandbox {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Sealed against any change, close-on-exec, positioned at its start.
Result<Descriptor> memory_file(const char* name, std::string_view content, bool executable = false);
std::string errno_text(int number);

}  // namespace callgate::sandbox
