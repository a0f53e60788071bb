#include "upstream/dial.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/file_limit.h"
#include "net/tcp.h"

namespace callgate::upstream {

Result<int> dial(const IpAddress& address, std::uint16_t port) {
  sockaddr_storage to{};
  socklen_t size = 0;
  if (address.v4) {
    auto& in = reinterpret_cast<sockaddr_in&>(to);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.bytes.data() + 12, 4);
    size = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(to);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.bytes.data(), 16);
    size = sizeof in;
  }
  const int fd = ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Code::Unavailable, "upstream.connect", "no socket is left: raise the limit on open files", std::strerror(errno));
  if (net::among_last(fd)) {
    ::close(fd);
    return fail(Code::Unavailable, "upstream.connect", "no socket is left: raise the limit on open files", "the rest is for the journal");
  }
  net::prepare_tcp(fd, address.loopback());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), size) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return fail(Code::Unavailable, "upstream.connect", "cannot connect", address.text() + ": " + std::strerror(error));
  }
  return fd;
}

int dial_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

bool quiet(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace callgate::upstream
