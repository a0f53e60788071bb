#pragma once
// The sockets of a test server on a thread of its own: listens on loopback, hands out one connection at a time, stops by itself.
// Hold it as the last member: the thread ends before what it uses goes.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <thread>

namespace callgate::net {

class ListeningThread {
 public:
  // `each` gets every accepted descriptor, and owns it.
  explicit ListeningThread(std::function<void(int)> each) : each_(std::move(each)) {
    EXPECT_EQ(::pipe(stop_), 0);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ListeningThread() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    ::close(fd_);
  }
  std::uint16_t port() const { return port_; }
  bool readable(int fd) const {  // waits; false: stop
    pollfd both[2] = {{fd, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    ::poll(both, 2, 20'000);
    return both[1].revents == 0 && both[0].revents != 0;
  }

 private:
  void serve() {
    while (readable(fd_)) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      each_(fd);
    }
  }
  std::function<void(int)> each_;
  int fd_ = -1, stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace callgate::net
