#pragma once
// IP addresses and ranges as values. IPv4-mapped IPv6 addresses are folded to IPv4 on reading, so ::ffff:127.0.0.1 cannot hide (T-65).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callgate {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
  bool v4 = false;
  // Strict: dotted quad with decimal bytes only (no octal, hex, or short forms) or RFC 4291 text without a zone.
  static std::optional<IpAddress> parse(std::string_view text);
  std::string text() const;
  bool operator==(const IpAddress&) const = default;
  bool loopback() const;
  bool link_local() const;     // 169.254/16, fe80::/10: cloud metadata lives here
  bool private_range() const;  // RFC 1918, fc00::/7, 100.64/10
  bool special() const;        // unspecified, multicast, broadcast, documentation, reserved, NAT64 and 6to4 of such
};

struct IpRange {
  IpAddress address;
  unsigned prefix_bits = 128;                                  // counted in the 128-bit form
  static std::optional<IpRange> parse(std::string_view text);  // 10.0.0.0/8, 2001:db8::/32, or one address
  bool contains(const IpAddress& address) const;
  std::string text() const;
};

// scheme://host[:port]/path?query. https and http only; no userinfo, no fragment; host lower case, ASCII only (xn-- is fine), numbers
// only as a strict dotted quad.
struct Url {
  bool tls = false;
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string target = "/";  // path and query
  static std::optional<Url> parse(std::string_view text);
  std::string text() const;
  std::string authority() const;  // host[:port], as for the Host header; the default port is left out
};

}  // namespace callgate
