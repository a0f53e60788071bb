#pragma once
// A small blocking HTTP server on a thread of its own, for tests of blocking code. One connection at a time; stops by itself.

#include <netinet/tcp.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "net/testing/listening_thread.h"
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

  explicit ThreadServer(Handler handler, std::shared_ptr<TlsContext> tls = nullptr) : handler_(std::move(handler)), tls_(std::move(tls)) {}
  std::vector<SeenRequest> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto stream = tls_ ? std::move(*ByteStream::tls_server(fd, *tls_)) : ByteStream::plain(fd);
    converse(*stream);
  }
  void converse(ByteStream& stream) {
    std::string in;
    char buffer[16 * 1024];
    while (thread_.readable(stream.fd())) {
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
        thread_.readable(stream.fd());
        return;
      }
      if (answer.empty()) return;
      if (stream.write(answer).status != IoResult::Status::Ok) return;
    }
  }
  Handler handler_;
  std::shared_ptr<TlsContext> tls_;
  std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  ListeningThread thread_{[this](int fd) { serve(fd); }};

 public:
  const std::uint16_t port = thread_.port();
};

}  // namespace callgate::net
