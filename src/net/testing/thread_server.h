#pragma once
// A small blocking HTTP server on a thread of its own, for tests of blocking code. One connection at a time; stops by itself.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/tls.h"

namespace callgate::net {

struct SeenRequest {
  std::string method, head, body;
  bool has(std::string_view line) const { return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos; }
};

class ThreadServer {
 public:
  // The answer to one request, as bytes; empty closes the connection, "hang" never answers.
  using Handler = std::function<std::string(const SeenRequest&)>;

  explicit ThreadServer(Handler handler, std::shared_ptr<TlsContext> tls = nullptr) : handler_(std::move(handler)), tls_(std::move(tls)) {
    EXPECT_EQ(::pipe(stop_), 0);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ThreadServer() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    ::close(fd_);
  }
  std::vector<SeenRequest> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::uint16_t port = 0;

 private:
  bool readable(int fd) {  // false: stop
    pollfd both[2] = {{fd, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    ::poll(both, 2, 20'000);
    return both[1].revents == 0 && both[0].revents != 0;
  }
  void serve() {
    while (readable(fd_)) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto stream = tls_ ? std::move(*ByteStream::tls_server(fd, *tls_)) : ByteStream::plain(fd);
      converse(*stream);
    }
  }
  void converse(ByteStream& stream) {
    std::string in;
    char buffer[16 * 1024];
    while (readable(stream.fd())) {
      const auto got = stream.read(buffer, sizeof buffer);
      if (got.status != IoResult::Status::Ok) return;
      in.append(buffer, got.bytes);
      const std::size_t end = in.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::size_t at = in.substr(0, end + 2).find("\r\nContent-Length: ");
      const std::size_t length = at == std::string::npos ? 0 : std::stoul(in.substr(at + 18, 10));
      if (in.size() < end + 4 + length) continue;
      const SeenRequest request{in.substr(0, in.find(' ')), in.substr(0, end + 2), in.substr(end + 4, length)};
      in.erase(0, end + 4 + length);
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
      }
      answer = handler_(request);
      if (answer == "hang") {
        readable(stream.fd());
        return;
      }
      if (answer.empty()) return;
      if (stream.write(answer).status != IoResult::Status::Ok) return;
    }
  }
  Handler handler_;
  std::shared_ptr<TlsContext> tls_;
  int fd_ = -1;
  int stop_[2] = {-1, -1};
  std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::thread thread_;
};

}  // namespace callgate::net
