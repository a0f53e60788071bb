#include "model/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace callgate {
namespace {

constexpr std::size_t kHostMax = 253;
constexpr std::size_t kLabelMax = 63;
constexpr std::size_t kUrlMax = 2048;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex_digit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A decimal number without sign, leading zeros or anything else around it.
std::optional<unsigned> strict_decimal(std::string_view text, unsigned max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  IpAddress address;
  address.v4 = true;
  address.bytes[10] = address.bytes[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto byte = strict_decimal(text.substr(0, dot), 255);
    if (!byte) return std::nullopt;
    address.bytes[12 + i] = static_cast<std::uint8_t>(*byte);
    text.remove_prefix(i < 3 ? dot + 1 : dot);
  }
  return address;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof copy) return std::nullopt;
  for (const char c : text) {
    if (!hex_digit(c) && c != ':' && c != '.') return std::nullopt;  // no zone, no NUL
  }
  std::memcpy(copy, text.data(), text.size());
  IpAddress address;
  if (inet_pton(AF_INET6, copy, address.bytes.data()) != 1) return std::nullopt;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  address.v4 = std::memcmp(address.bytes.data(), kMapped, sizeof kMapped) == 0;
  return address;
}

struct Bits {
  std::uint32_t value;
  unsigned prefix;
};

std::uint32_t word(const IpAddress& address, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | address.bytes[at + i];
  return value;
}

bool in(std::uint32_t address, Bits range) { return (address ^ range.value) >> (32 - range.prefix) == 0; }

IpAddress from_v4_bytes(const IpAddress& from, std::size_t at) {
  IpAddress address;
  address.v4 = true;
  address.bytes[10] = address.bytes[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) address.bytes[12 + i] = from.bytes[at + i];
  return address;
}

// The IPv4 address that a transition address leads to: judged in its place, or 6to4 and NAT64 would be a way round (T-65).
std::optional<IpAddress> embedded_v4(const IpAddress& address) {
  if (address.v4) return std::nullopt;
  if (address.bytes[0] == 0x20 && address.bytes[1] == 0x02) return from_v4_bytes(address, 2);  // 2002::/16
  const bool middle_zero = word(address, 4) == 0 && word(address, 8) == 0;
  if (middle_zero && word(address, 0) == 0x0064ff9b) return from_v4_bytes(address, 12);                  // 64:ff9b::/96
  if (middle_zero && word(address, 0) == 0 && word(address, 12) > 1) return from_v4_bytes(address, 12);  // ::/96, not :: and ::1
  return std::nullopt;
}

bool special_v4(std::uint32_t a) {
  static constexpr Bits kRanges[] = {
      {0x00000000, 8},   // this network, unspecified
      {0xc0000000, 24},  // 192.0.0.0 protocol assignments
      {0xc0000200, 24},  // 192.0.2.0 documentation
      {0xc0586300, 24},  // 192.88.99.0 6to4 relays
      {0xc6120000, 15},  // 198.18.0.0 benchmarking
      {0xc6336400, 24},  // 198.51.100.0 documentation
      {0xcb007100, 24},  // 203.0.113.0 documentation
      {0xe0000000, 4},   // multicast
      {0xf0000000, 4},   // reserved, broadcast
  };
  for (const Bits& range : kRanges) {
    if (in(a, range)) return true;
  }
  return false;
}

bool special_v6(const IpAddress& address) {
  const std::uint32_t first = word(address, 0);
  const std::uint32_t second = word(address, 4);
  if (first == 0x0064ff9b && second == 0 && word(address, 8) == 0) return false;  // NAT64: judged by its IPv4
  if (!in(first, {0x20000000, 3})) return true;                                   // only 2000::/3 is given out for global use
  return in(first, {0x20010000, 23})                                              // 2001::/23: Teredo, benchmarking, ORCHID
         || first == 0x20010db8                                                   // documentation
         || in(first, {0x3fff0000, 20});                                          // documentation
}

bool host_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelMax || label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if (!letter(c) && !digit(c) && c != '-' && c != '_') return false;
  }
  return true;
}

// What a lenient resolver may read as a number: 2130706433, 0x7f.1, 017700000001, 127.1 (WHATWG URL, "ends in a number").
bool looks_numeric(std::string_view last_label) {
  if (last_label.size() >= 2 && last_label[0] == '0' && lower(last_label[1]) == 'x') {
    last_label.remove_prefix(2);
    for (const char c : last_label) {
      if (!hex_digit(c)) return false;
    }
    return true;
  }
  for (const char c : last_label) {
    if (!digit(c)) return false;
  }
  return true;
}

std::optional<std::string> read_host(std::string_view host) {
  if (host.empty() || host.size() > kHostMax) return std::nullopt;
  for (std::size_t begin = 0; begin <= host.size();) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    const std::string_view label = host.substr(begin, end - begin);
    if (!host_label(label)) return std::nullopt;
    if (end == host.size() && looks_numeric(label) && !parse_v4(host)) return std::nullopt;
    begin = end + 1;
  }
  std::string text(host);
  for (char& c : text) c = lower(c);
  return text;
}

bool target_ok(std::string_view target) {
  constexpr std::string_view kAllowed = "-._~!$&'()*+,;=:@/?";
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '%') {
      if (i + 2 >= target.size() || !hex_digit(target[i + 1]) || !hex_digit(target[i + 2])) return false;
      i += 2;
    } else if (!letter(c) && !digit(c) && kAllowed.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool take_prefix(std::string_view& text, std::string_view lower_prefix) {
  if (text.size() < lower_prefix.size()) return false;
  for (std::size_t i = 0; i < lower_prefix.size(); ++i) {
    if (lower(text[i]) != lower_prefix[i]) return false;
  }
  text.remove_prefix(lower_prefix.size());
  return true;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN] = {};
  if (v4) {
    inet_ntop(AF_INET, bytes.data() + 12, out, sizeof out);
  } else {
    inet_ntop(AF_INET6, bytes.data(), out, sizeof out);
  }
  return out;
}

bool IpAddress::loopback() const {
  if (v4) return bytes[12] == 127;
  if (const auto inner = embedded_v4(*this)) return inner->loopback();
  return word(*this, 0) == 0 && word(*this, 4) == 0 && word(*this, 8) == 0 && word(*this, 12) == 1;
}

bool IpAddress::link_local() const {
  if (v4) return bytes[12] == 169 && bytes[13] == 254;
  if (const auto inner = embedded_v4(*this)) return inner->link_local();
  return in(word(*this, 0), {0xfe800000, 10});
}

bool IpAddress::private_range() const {
  if (v4) {
    const std::uint32_t a = word(*this, 12);
    return in(a, {0x0a000000, 8}) || in(a, {0xac100000, 12}) || in(a, {0xc0a80000, 16}) || in(a, {0x64400000, 10});
  }
  if (const auto inner = embedded_v4(*this)) return inner->private_range();
  return in(word(*this, 0), {0xfc000000, 7});
}

bool IpAddress::special() const {
  if (v4) return special_v4(word(*this, 12));
  const auto inner = embedded_v4(*this);
  if (inner && inner->special()) return true;
  if (!inner && (loopback() || link_local() || private_range())) return false;
  return special_v6(*this);
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpRange range{*address, 128};
  if (slash == std::string_view::npos) return range;
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  const auto bits = strict_decimal(text.substr(slash + 1), dotted ? 32 : 128);
  if (!bits) return std::nullopt;
  range.prefix_bits = dotted ? *bits + 96 : *bits;
  if (range.address.v4 && range.prefix_bits < 96) return std::nullopt;  // ::ffff:0:0/64 would be neither family
  for (unsigned bit = range.prefix_bits; bit < 128; ++bit) {
    range.address.bytes[bit / 8] = static_cast<std::uint8_t>(range.address.bytes[bit / 8] & ~(0x80U >> bit % 8));
  }
  return range;
}

// Families do not mix: ::/0 is every IPv6 address and no IPv4 one, so a range never admits more than its text says.
bool IpRange::contains(const IpAddress& candidate) const {
  if (candidate.v4 != address.v4) return false;
  for (unsigned bit = 0; bit < prefix_bits; bit += 8) {
    const unsigned left = prefix_bits - bit;
    const unsigned mask = left >= 8 ? 0xffU : (0xff00U >> left) & 0xffU;
    if (((candidate.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string IpRange::text() const {
  if (prefix_bits == 128) return address.text();
  return address.text() + "/" + std::to_string(address.v4 ? prefix_bits - 96 : prefix_bits);
}

std::optional<Url> Url::parse(std::string_view text) {
  if (text.size() > kUrlMax) return std::nullopt;
  Url url;
  if (take_prefix(text, "https://")) {
    url.tls = true;
  } else if (!take_prefix(text, "http://")) {
    return std::nullopt;
  }
  const std::size_t path = std::min(text.find_first_of("/?#\\"), text.size());
  std::string_view authority = text.substr(0, path);
  std::string_view target = text.substr(path);

  url.port = url.tls ? 443 : 80;
  std::string_view host = authority;
  std::size_t colon = authority.find(':');
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, close - 1);
    colon = close + 1 == authority.size() ? std::string_view::npos : close + 1;
    if (colon != std::string_view::npos && authority[colon] != ':') return std::nullopt;
    if (host.find(':') == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(host);
    if (!address) return std::nullopt;
    url.host = address->text();
  } else {
    host = authority.substr(0, colon);
    auto name = read_host(host);
    if (!name) return std::nullopt;
    url.host = std::move(*name);
  }
  if (colon != std::string_view::npos) {
    const auto port = strict_decimal(authority.substr(colon + 1), 65535);
    if (!port || *port == 0) return std::nullopt;
    url.port = static_cast<std::uint16_t>(*port);
  }
  if (!target_ok(target)) return std::nullopt;  // a fragment and a backslash end here
  url.target = target.empty() || target[0] == '?' ? "/" + std::string(target) : std::string(target);
  return url;
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::text() const { return (tls ? "https://" : "http://") + authority() + target; }

}  // namespace callgate
