#pragma once
// What the load generator and the backend stub share: non-blocking sockets on loopback and just enough HTTP framing for
// peers we trust. Not for the product: net/ reads what strangers send.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline bool same_letters(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((static_cast<unsigned char>(a[i]) | 0x20U) != static_cast<unsigned char>(lower[i])) return false;
  }
  return true;
}

// The value of a header in a head that starts with its first line; empty when absent. `name` in lower case, letters and dashes.
inline std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() > name.size() && line[name.size()] == ':' && same_letters(line.substr(0, name.size()), name)) {
      const std::size_t start = line.find_first_not_of(' ', name.size() + 1);
      return start == std::string_view::npos ? std::string_view{} : line.substr(start);
    }
  }
  return {};
}

// Where the body of a message ends in `data`, or npos while it has not all arrived. `checked` remembers progress through chunks.
inline std::size_t message_end(std::string_view data, std::size_t& checked) {
  const std::size_t head_end = data.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return head_end;
  const std::string_view head = data.substr(0, head_end + 2);
  if (!same_letters(header(head, "transfer-encoding"), "chunked")) {
    const std::string_view length = header(head, "content-length");
    const std::size_t end = head_end + 4 + (length.empty() ? 0 : std::strtoull(std::string(length).c_str(), nullptr, 10));
    return data.size() >= end ? end : std::string_view::npos;
  }
  std::size_t at = checked > head_end ? checked : head_end + 4;
  for (;;) {
    checked = at;
    const std::size_t line_end = data.find("\r\n", at);
    if (line_end == std::string_view::npos) return line_end;
    const std::size_t size = std::strtoull(std::string(data.substr(at, line_end - at)).c_str(), nullptr, 16);
    const std::size_t next = line_end + 2 + size + 2;
    if (next > data.size()) return std::string_view::npos;
    if (size == 0) return next;
    at = next;
  }
}

}  // namespace bench
