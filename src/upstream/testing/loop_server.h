#pragma once
// A server for tests that lives on the loop under test: no threads, no waiting. The test says what each connection answers.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/tls.h"

namespace callgate::upstream {

class LoopServer;

class Peer final : public net::Watcher {
 public:
  Peer(LoopServer& server, std::unique_ptr<net::ByteStream> stream);
  ~Peer() override { close(); }
  std::string in;  // everything received so far
  bool reading = true;
  std::size_t answered = 0;  // for the test's use
  bool open() const { return stream_ != nullptr; }
  bool saw_end = false;

  void send(std::string_view bytes) {
    out_ += bytes;
    flush();
  }
  void close_after_send() {
    closing_ = true;
    flush();
  }
  void close();
  void reset();  // RST instead of FIN
  std::size_t unsent() const { return out_.size(); }
  void on_ready(std::uint32_t) override;

 private:
  void flush();
  LoopServer& server_;
  std::unique_ptr<net::ByteStream> stream_;
  std::string out_;
  bool closing_ = false;
};

class LoopServer final : public net::Watcher {
 public:
  explicit LoopServer(net::Loop& loop, std::shared_ptr<net::TlsContext> tls = nullptr) : loop_(loop), tls_(std::move(tls)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(fd_, 64), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
    EXPECT_TRUE(loop_.watch(fd_, *this));
  }
  ~LoopServer() override {
    peers.clear();
    stop_listening();
  }
  void stop_listening() {
    if (fd_ < 0) return;
    loop_.unwatch(fd_, *this);
    ::close(std::exchange(fd_, -1));
  }
  void on_ready(std::uint32_t) override {
    while (true) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto stream = tls_ ? std::move(*net::ByteStream::tls_server(fd, *tls_)) : net::ByteStream::plain(fd);
      peers.push_back(std::make_unique<Peer>(*this, std::move(stream)));
      EXPECT_TRUE(loop_.watch(fd, *peers.back()));
      if (on_accept) on_accept(*peers.back());
    }
  }

  std::uint16_t port = 0;
  std::vector<std::unique_ptr<Peer>> peers;
  std::function<void(Peer&)> on_accept;
  std::function<void(Peer&)> on_data;  // after each read
  net::Loop& loop() { return loop_; }

 private:
  net::Loop& loop_;
  std::shared_ptr<net::TlsContext> tls_;
  int fd_ = -1;
};

inline Peer::Peer(LoopServer& server, std::unique_ptr<net::ByteStream> stream) : server_(server), stream_(std::move(stream)) {}

inline void Peer::close() {
  if (!stream_) return;
  stream_->shutdown();
  server_.loop().unwatch(stream_->fd(), *this);
  stream_.reset();
}

inline void Peer::reset() {
  if (!stream_) return;
  const linger now{1, 0};
  ::setsockopt(stream_->fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  server_.loop().unwatch(stream_->fd(), *this);
  stream_.reset();
}

inline void Peer::flush() {
  while (stream_ && !out_.empty()) {
    const auto result = stream_->write(out_);
    if (result.status == net::IoResult::Status::WouldBlock) return;
    if (result.status != net::IoResult::Status::Ok) return close();
    out_.erase(0, result.bytes);
  }
  if (closing_ && out_.empty()) close();
}

inline void Peer::on_ready(std::uint32_t) {
  std::vector<char> buffer(64 * 1024);
  while (stream_ && reading) {
    const auto result = stream_->read(buffer.data(), buffer.size());
    if (result.status == net::IoResult::Status::WouldBlock) break;
    if (result.status != net::IoResult::Status::Ok) {
      saw_end = true;
      return close();
    }
    in.append(buffer.data(), result.bytes);
    if (server_.on_data) server_.on_data(*this);
  }
  flush();
}

}  // namespace callgate::upstream
