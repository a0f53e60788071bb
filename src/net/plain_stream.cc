#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/tls.h"

namespace callgate::net {
namespace {

// Without the wrappers of the C library, which make a point of cancellation of each call: two locked instructions, and no thread here is
// ever cancelled. ThreadSanitizer learns from the wrappers what happened before what.
#if defined(__SANITIZE_THREAD__)
ssize_t receive(int fd, void* into, std::size_t size) { return ::recv(fd, into, size, 0); }
ssize_t send(int fd, const msghdr& message) { return ::sendmsg(fd, &message, MSG_NOSIGNAL); }
#else
ssize_t receive(int fd, void* into, std::size_t size) { return ::syscall(SYS_recvfrom, fd, into, size, 0, nullptr, nullptr); }
ssize_t send(int fd, const msghdr& message) { return ::syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL); }
#endif

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}
  ~PlainStream() override { ::close(fd_); }

  IoResult read(char* into, std::size_t size) override {
    while (true) {
      const ssize_t got = receive(fd_, into, size);
      if (got > 0) {
        const auto bytes = static_cast<std::size_t>(got);
        return {IoResult::Status::Ok, bytes, bytes < size};
      }
      if (got == 0) return {IoResult::Status::Closed, 0, true};
      if (errno == EINTR) continue;
      return from_errno();
    }
  }

  IoResult write(std::string_view first, std::string_view second) override {
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? parts + 1 : parts;
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    while (true) {
      const ssize_t put = send(fd_, message);
      if (put >= 0) return {IoResult::Status::Ok, static_cast<std::size_t>(put), false};
      if (errno == EINTR) continue;
      return from_errno();
    }
  }

  int fd() const override { return fd_; }
  bool handshake_done() const override { return true; }
  std::string failure() const override { return error_ == 0 ? std::string() : std::strerror(error_); }
  void shutdown() override { ::shutdown(fd_, SHUT_WR); }

 private:
  IoResult from_errno() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoResult::Status::WouldBlock, 0, true};
    error_ = errno;
    return {IoResult::Status::Failed, 0, true};
  }

  int fd_;
  int error_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> ByteStream::plain(int fd) { return std::make_unique<PlainStream>(fd); }

}  // namespace callgate::net
