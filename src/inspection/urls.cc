#include "inspection/urls.h"

#include <algorithm>
#include <optional>

#include "inspection/secret_checks.h"
#include "inspection/token_shape.h"
#include "model/network.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kInside[] = {"url.loopback",         "url.private-address", "url.link-local",
                                        "url.metadata-service", "url.special-address", "url.local-name"};

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1; }

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// 127.1, 0177.0.0.1, 0x7f000001, 2130706433: what inet_aton and browsers take for an address.
std::optional<std::uint32_t> loose_ipv4(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::vector<std::uint64_t> parts;
  while (true) {
    auto dot = std::min(host.find('.'), host.size());
    auto part = host.substr(0, dot);
    int base = 10;
    if (part.size() > 1 && part[0] == '0') {
      base = 8;
      part.remove_prefix(1);
      if ((part[0] | 0x20) == 'x') {
        base = 16;
        part.remove_prefix(1);
      }
    } else if (part.empty()) {
      return {};
    }
    std::uint64_t value = 0;
    for (char c : part) {
      int digit = hex_digit(c);
      if (digit < 0 || digit >= base || value > 0xffffffffu) return {};
      value = value * static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(digit);
    }
    parts.push_back(value);
    if (parts.size() > 4) return {};
    if (dot == host.size()) break;
    host.remove_prefix(dot + 1);
  }
  std::uint64_t address = 0;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i] > 255) return {};
    address |= parts[i] << (24 - 8 * i);
  }
  std::uint64_t room = std::uint64_t(1) << (8 * (5 - parts.size()));
  if (parts.back() >= room) return {};
  return static_cast<std::uint32_t>(address | parts.back());
}

std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." + std::to_string(address >> 8 & 255) + "." +
         std::to_string(address & 255);
}

class Look {
 public:
  explicit Look(UrlAnalysis& out) : out_(out) {}
  void run(std::string_view url);

 private:
  void add(std::string_view rule, Severity severity) {
    if (!out_.has(rule)) out_.findings.push_back({rule, severity});
  }
  bool split(std::string_view url, std::string& authority, std::string& rest);
  void host();
  void address(const IpAddress& address);
  void names();
  void carried(std::string_view rest);
  UrlAnalysis& out_;
};

bool Look::split(std::string_view url, std::string& authority, std::string& rest) {
  for (char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return add("url.odd-characters", Severity::High), false;
  auto colon = url.find(':');
  if (colon == std::string_view::npos) return false;
  out_.scheme = lower(url.substr(0, colon));
  bool web = out_.scheme == "http" || out_.scheme == "https" || out_.scheme == "ws" || out_.scheme == "wss";
  if (!web) {
    add("url.odd-scheme", Severity::High);
    return false;
  }
  auto after = url.substr(colon + 1);
  if (!after.starts_with("//") || after.starts_with("///")) return add("url.odd-characters", Severity::High), false;
  after.remove_prefix(2);
  auto end = std::min(after.find_first_of("/?#"), after.size());
  authority = after.substr(0, end);
  rest = after.substr(end);
  return true;
}

void Look::address(const IpAddress& address) {
  const auto& b = address.bytes;
  bool metadata =
      address.v4 &&
      ((b[12] == 169 && b[13] == 254 && (b[14] == 169 || b[14] == 170)) || (b[12] == 100 && b[13] == 100 && b[14] == 100 && b[15] == 200) ||
       (b[12] == 192 && b[13] == 0 && b[14] == 0 && b[15] == 192) || (b[12] == 168 && b[13] == 63 && b[14] == 129 && b[15] == 16));
  if (!address.v4 && address.text().starts_with("fd00:ec2:")) metadata = true;
  if (metadata) add("url.metadata-service", Severity::Critical);
  if (address.loopback()) add("url.loopback", Severity::High);
  if (address.link_local()) add("url.link-local", Severity::High);
  if (address.private_range()) add("url.private-address", Severity::High);
  if (address.special() || (address.v4 && b[12] == 0)) add("url.special-address", Severity::High);
}

void Look::names() {
  const std::string& host = out_.host;
  auto is = [&](std::string_view name) { return host == name || host.ends_with("." + std::string(name)); };
  if (is("localhost") || is("localdomain") || is("local") || is("internal") || is("lan") || is("home.arpa") || is("intranet") || is("corp"))
    add("url.local-name", Severity::High);
  if (host == "metadata.google.internal" || host == "metadata" || host == "instance-data" || host == "metadata.goog" ||
      host == "metadata.azure.com")
    add("url.metadata-service", Severity::Critical);
  for (std::string_view service :
       {"nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "1u.ms", "rbndr.us", "traefik.me",
        "fbi.com.localtest.me", "127.0.0.1.nip.io", "spoofed.burpcollaborator.net", "readme.localtest.me"})
    if (is(service)) add("url.name-for-any-address", Severity::High);
  // The front of the name says local, the end says otherwise: made for prefix checks.
  if ((host.starts_with("localhost.") || host.starts_with("127.0.0.1.") || host.starts_with("127.") || host.starts_with("169.254.")) &&
      !is("localhost"))
    add("url.pretends-local", Severity::High);
  if (host.find("xn--") != std::string::npos) add("url.punycode", Severity::Low);
  if (host.find('.') == std::string::npos && !host.empty() && host.find(':') == std::string::npos) add("url.bare-name", Severity::Low);
}

void Look::host() {
  std::string& host = out_.host;
  if (host.starts_with('[')) {
    auto close = host.find(']');
    std::string inside = close == std::string::npos ? "" : host.substr(1, close - 1);
    if (auto zone = inside.find('%'); zone != std::string::npos) {
      add("url.odd-characters", Severity::Medium);
      inside.resize(zone);
    }
    auto parsed = IpAddress::parse(inside);
    if (!parsed) {
      out_.understood = false;
      return add("url.odd-characters", Severity::High);
    }
    host = parsed->text();
    return address(*parsed);
  }
  if (auto loose = loose_ipv4(host)) {
    std::string plain = dotted(*loose);
    if (plain != host) add("url.disguised-address", Severity::High);
    host = plain;
    if (auto parsed = IpAddress::parse(plain)) address(*parsed);
    return;
  }
  for (char c : host)
    if (!in_class('t', c) && c != '.') {
      add("url.odd-characters", Severity::High);
      out_.understood = false;
      break;
    }
  while (host.ends_with('.')) host.pop_back();
  names();
}

// Bytes that look like somebody packed them: readable once decoded, or too random for a name.
bool packed(std::string_view text, std::size_t least) {
  if (text.size() < least) return false;
  bool hex = std::all_of(text.begin(), text.end(), [](char c) { return hex_digit(c) >= 0; });
  if (hex && text.size() % 2 == 0) {
    std::string made;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
      made.push_back(static_cast<char>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1])));
    if (looks_like_text(made)) return true;
  }
  auto decoded = decode_base64(text.substr(0, text.size() / 4 * 4), 4096);
  if (decoded && text.size() >= 16 && !looks_like_words(text) && looks_like_text(*decoded)) return true;
  return text.size() >= 28 && entropy_bits(text) >= 4.0 && has_digit_and_letter(text) && !looks_like_words(text);
}

void Look::carried(std::string_view rest) {
  std::string_view host = out_.host;
  std::size_t labels = 0, long_labels = 0, label_bytes = 0;
  while (!host.empty() && out_.host.find(':') == std::string::npos) {
    auto dot = std::min(host.find('.'), host.size());
    auto label = host.substr(0, dot);
    ++labels;
    long_labels += label.size() >= 30;
    label_bytes += label.size();
    if (dot < host.size() && packed(label, 12)) add("url.data-in-host", Severity::High);
    host.remove_prefix(std::min(host.size(), dot + 1));
  }
  if (long_labels >= 2 || (labels >= 6 && label_bytes > 90) || out_.host.size() > 120) add("url.data-in-host", Severity::High);
  auto question = rest.find('?');
  if (question == std::string_view::npos) return;
  auto query = rest.substr(question + 1, rest.find('#', question) - question - 1);
  if (query.size() > 1024) add("url.long-query", Severity::Medium);
  while (!query.empty()) {
    auto amp = std::min(query.find('&'), query.size());
    auto pair = query.substr(0, amp);
    auto value = percent_decoded(pair.substr(std::min(pair.size(), pair.find('=') == std::string_view::npos ? 0 : pair.find('=') + 1)));
    if (packed(value, 16)) add("url.data-in-query", Severity::Medium);
    query.remove_prefix(std::min(query.size(), amp + 1));
  }
}

void Look::run(std::string_view url) {
  std::string authority, rest;
  if (url.size() > 16 * 1024 || !split(url, authority, rest)) return;
  out_.understood = true;
  auto sign = authority.rfind('@');
  if (sign != std::string::npos) {
    add("url.userinfo", Severity::High);
    authority.erase(0, sign + 1);
  }
  auto colon = authority.starts_with('[') ? authority.find(':', authority.find(']')) : authority.find(':');
  std::string name = authority.substr(0, colon);
  std::string decoded = percent_decoded(name);
  if (decoded != name && !name.starts_with('[')) add("url.odd-characters", Severity::High);
  out_.host = lower(decoded);
  // Characters that compatibility forms turn into dots and digits.
  if (std::any_of(out_.host.begin(), out_.host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    add("url.odd-characters", Severity::High);
    out_.understood = false;
  }
  if (out_.host.empty()) {
    out_.understood = false;
    return add("url.odd-characters", Severity::High);
  }
  host();
  carried(rest);
}

}  // namespace

bool UrlAnalysis::has(std::string_view rule) const {
  return std::any_of(findings.begin(), findings.end(), [&](const UrlFinding& finding) { return finding.rule == rule; });
}

bool UrlAnalysis::inside() const {
  return std::any_of(std::begin(kInside), std::end(kInside), [&](std::string_view rule) { return has(rule); });
}

UrlAnalysis analyze_url(std::string_view url) {
  UrlAnalysis out;
  Look(out).run(url);
  return out;
}

}  // namespace callgate::inspection
