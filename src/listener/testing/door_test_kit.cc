#include "listener/testing/door_test_kit.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace callgate::listener::testing {

Client::Client(std::uint16_t port, const char* address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  // Loopback connects at once: the kernel completes the handshake into the backlog.
  fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;  // without it small writes wait in the client's kernel, and a drip is none
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0) << std::strerror(errno);
}

Client::Client(const std::string& unix_path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, unix_path.data(), unix_path.size());
  fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0) << std::strerror(errno);
}

Client::~Client() { close(); }

std::size_t Client::write(std::string_view bytes) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    const ssize_t put = ::send(fd, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put <= 0) break;
    total += static_cast<std::size_t>(put);
  }
  return total;
}

void Client::read() {
  std::array<char, 64 * 1024> piece;
  while (!ended) {
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) received.append(piece.data(), static_cast<std::size_t>(got));
    else if (got < 0 && errno == EAGAIN) return;
    else ended = true;
  }
}

void Client::end_writing() { ::shutdown(fd, SHUT_WR); }

void Client::close() {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

void Client::reset() {
  const struct ::linger now { 1, 0 };
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void ScriptedHandler::handle(const Request& request, Reply& reply) {
  seen.push_back({std::string(request.method), std::string(request.path), std::string(request.query), std::string(request.body),
                  std::string(request.head->header("Host")), request.remote, request.tls, request.local_socket, request.connection_memo});
  if (on_request) on_request(request, reply);
  else reply.send({.status = 200, .content_type = "text/plain", .extra = {}}, request.body);
}

void ScriptedHandler::refused(const IpAddress&, std::string_view first_line, const Error& error, int status) {
  refusals.push_back({std::string(first_line), std::string(error.reason), status});
}

TestDoor::TestDoor(Options options) : loop(net::Loop::create(&clock).value()) {
  options.port = 0;
  auto opened = Listener::open(options, {{loop.get(), &handler}});
  if (!opened) {
    ADD_FAILURE() << opened.error().message << ": " << opened.error().detail;
    return;
  }
  listener = std::move(*opened);
  port = listener->port();
}

void TestDoor::turn(int batches) {
  for (int i = 0; i < batches; ++i) loop->run_once(std::chrono::milliseconds(0));
}

void TestDoor::advance(std::chrono::milliseconds by) {
  clock.advance(by);
  turn(3);
}

std::string TestDoor::exchange(Client& client, std::string_view bytes) {
  client.received.clear();
  for (int quiet = 0; quiet < 3;) {
    const std::size_t before = client.received.size();
    const std::size_t put = client.write(bytes);
    bytes.remove_prefix(put);
    const bool worked = loop->run_once(std::chrono::milliseconds(0));
    client.read();
    quiet = worked || put > 0 || client.received.size() > before ? 0 : quiet + 1;
  }
  return client.received;
}

std::string get(const std::string& path, const std::string& more_headers) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers + "\r\n";
}

std::string post(const std::string& path, const std::string& body, const std::string& more_headers) {
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers + length + "\r\n" + body;
}

int status_in(std::string_view response) {
  if (response.size() < 12 || !response.starts_with("HTTP/1.1 ")) return 0;
  return (response[9] - '0') * 100 + (response[10] - '0') * 10 + (response[11] - '0');
}

std::size_t count_in(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

}  // namespace callgate::listener::testing
