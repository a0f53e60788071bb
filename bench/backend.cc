// The upstream of the benchmark: one epoll thread that answers MCP over HTTP as fast as it can.
//   bench_backend [PORT]      prints `listening PORT`
// A tools/call is answered with about as many bytes as the path says (/r/1024); /t/TOOLS/BYTES lists so many tools.
#include <sys/epoll.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <unordered_map>

#include "wire.h"

namespace {

struct Connection {
  std::string in, out;
  std::size_t sent = 0;
  std::size_t checked = 0;
};

// The numbers in /r/BYTES and /t/TOOLS/BYTES.
struct Wish {
  std::size_t tools = 1, bytes = 1024;
};

Wish read_path(std::string_view path) {
  Wish wish;
  const std::size_t slash = path.find('/', 3);
  if (path.starts_with("/t/") && slash != std::string_view::npos) {
    wish.tools = std::strtoull(std::string(path.substr(3, slash - 3)).c_str(), nullptr, 10);
    wish.bytes = std::strtoull(std::string(path.substr(slash + 1)).c_str(), nullptr, 10);
  } else if (path.starts_with("/r/")) {
    wish.bytes = std::strtoull(std::string(path.substr(3)).c_str(), nullptr, 10);
  }
  return wish;
}

std::string tool_list(std::size_t count) {
  std::string list = R"({"tools":[)";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) list += ',';
    list += R"({"name":")" + (i == 0 ? std::string("refund_payment") : "tool_" + std::to_string(i));
    list += R"(","description":"one of many","inputSchema":{"type":"object"}})";
  }
  return list + R"(],"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
}

const std::string& call_result(std::size_t bytes) {
  static std::map<std::size_t, std::string> made;
  std::string& text = made[bytes];
  if (text.empty()) {
    const std::string_view before = R"({"content":[{"type":"text","text":")";
    const std::string_view after = R"("}],"resultType":"complete"})";
    const std::size_t around = before.size() + after.size() + 34;
    text = std::string(before) + std::string(bytes > around ? bytes - around : 1, 'x') + std::string(after);
  }
  return text;
}

std::string result_for(std::string_view body, const Wish& wish) {
  if (body.find("\"tools/call\"") != std::string_view::npos) return call_result(wish.bytes);
  if (body.find("\"tools/list\"") != std::string_view::npos) return tool_list(wish.tools);
  if (body.find("\"server/discover\"") != std::string_view::npos) {
    return R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  }
  if (body.find("\"initialize\"") != std::string_view::npos) {
    return R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}})";
  }
  return "{}";
}

// The JSON-RPC id as written. The load puts no other member of that name in its messages.
std::string_view id_of(std::string_view body) {
  const std::size_t at = body.find("\"id\":");
  if (at == std::string_view::npos) return {};
  const std::size_t start = body.find_first_not_of(' ', at + 5);
  return body.substr(start, body.find_first_of(",}", start) - start);
}

void answer(Connection& c, std::string_view message) {
  const std::size_t head_end = message.find("\r\n\r\n");
  const std::string_view head = message.substr(0, head_end + 2);
  const std::string_view body = message.substr(head_end + 4);
  const std::size_t path_start = head.find(' ') + 1;
  const Wish wish = read_path(head.substr(path_start, head.find(' ', path_start) - path_start));
  const std::string_view id = id_of(body);
  if (!message.starts_with("POST") || id.empty()) {
    c.out += message.starts_with("POST") ? "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
                                         : "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n";
    return;
  }
  const std::string result = result_for(body, wish);
  constexpr std::string_view kBefore = R"({"jsonrpc":"2.0","id":)", kBetween = R"(,"result":)";
  const std::size_t length = kBefore.size() + id.size() + kBetween.size() + result.size() + 1;
  c.out += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
  c.out += std::to_string(length) + "\r\n\r\n";
  c.out += kBefore;
  c.out += id;
  c.out += kBetween;
  c.out += result;
  c.out += '}';
}

// False: the connection is over.
bool serve(int fd, Connection& c) {
  static char buffer[1 << 18];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (n < 0) break;
    c.in.append(buffer, static_cast<std::size_t>(n));
    if (static_cast<std::size_t>(n) < sizeof buffer) break;
  }
  std::size_t end;
  while ((end = bench::message_end(c.in, c.checked)) != std::string::npos) {
    answer(c, std::string_view(c.in).substr(0, end));
    c.in.erase(0, end);
    c.checked = 0;
  }
  while (c.sent < c.out.size()) {
    const ssize_t n = send(fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return true;
    if (n < 0) return false;
    c.sent += static_cast<std::size_t>(n);
  }
  c.out.clear();
  c.sent = 0;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = bench::loopback(static_cast<std::uint16_t>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0));
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 4096) != 0) bench::die("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening %d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  const int poll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, std::unique_ptr<Connection>> connections;
  epoll_event ready[512];
  for (;;) {
    const int count = epoll_wait(poll, ready, 512, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == listener) {
        for (int peer; (peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          bench::no_delay(peer);
          event.events = EPOLLIN | EPOLLOUT | EPOLLET;
          event.data.fd = peer;
          epoll_ctl(poll, EPOLL_CTL_ADD, peer, &event);
          connections[peer] = std::make_unique<Connection>();
        }
      } else if (!serve(fd, *connections[fd])) {
        connections.erase(fd);
        close(fd);
      }
    }
  }
}
