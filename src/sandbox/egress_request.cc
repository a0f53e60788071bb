#include "sandbox/egress_request.h"

#include <algorithm>
#include <charconv>

#include "net/http1.h"
#include "sandbox/egress_rules.h"

namespace callgate::sandbox {
namespace {

bool visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool line_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\t'; });
}

bool hop_by_hop(std::string_view name) {
  for (const char* each : {"Host", "Connection", "Proxy-Connection", "Proxy-Authorization", "Keep-Alive", "Upgrade", "TE", "Trailer"}) {
    if (net::equals_ignoring_case(name, each)) return true;
  }
  return false;
}

}  // namespace

std::optional<EgressTarget> parse_egress_target(std::string_view text, std::uint16_t otherwise) {
  EgressTarget target;
  target.port = otherwise;
  if (text.empty() || !visible_ascii(text)) return std::nullopt;
  const auto colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && colon > 0 && (text.front() == '[' ? text[colon - 1] == ']' : text.find(':') == colon);
  if (has_port) {
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), target.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
    text = text.substr(0, colon);
  }
  target.host = lower_host(text);
  if (target.port == 0 || target.host.empty() || target.host.size() > 253) return std::nullopt;
  if (target.host.find_first_of("/@%?#\\[]") != std::string::npos) return std::nullopt;
  return target;
}

std::optional<EgressRequest> parse_egress_request(std::string_view head) {
  const auto line_end = head.find("\r\n");
  if (line_end == std::string_view::npos || !head.ends_with("\r\n\r\n")) return std::nullopt;
  const std::string_view line = head.substr(0, line_end);
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first) return std::nullopt;
  const std::string_view method = line.substr(0, first), what = line.substr(first + 1, last - first - 1), version = line.substr(last + 1);
  if (!token(method) || !visible_ascii(what) || (version != "HTTP/1.1" && version != "HTTP/1.0")) return std::nullopt;
  EgressRequest request;
  if (method == "CONNECT") {
    auto target = parse_egress_target(what, 0);
    if (!target) return std::nullopt;
    request.target = std::move(*target);
    request.tunnel = true;
    return request;
  }
  if (!what.starts_with("http://")) return std::nullopt;
  const std::string_view rest = what.substr(7);
  const auto slash = std::min(rest.find_first_of("/?#"), rest.size());
  auto target = parse_egress_target(rest.substr(0, slash), 80);
  if (!target || rest.find('#') != std::string_view::npos) return std::nullopt;
  request.target = std::move(*target);
  // One request to one host, then the connection ends: the next may be meant for another.
  request.rebuilt.append(method).append(rest.substr(slash).starts_with("/") ? " " : " /").append(rest.substr(slash));
  request.rebuilt.append(" HTTP/1.1\r\nHost: ").append(rest.substr(0, slash)).append("\r\nConnection: close\r\n");
  for (std::size_t at = line_end + 2; at + 2 < head.size();) {
    const auto end = head.find("\r\n", at);
    const std::string_view header = head.substr(at, end - at);
    at = end + 2;
    const auto colon = header.find(':');
    if (colon == std::string_view::npos || !token(header.substr(0, colon)) || !line_text(header)) return std::nullopt;
    if (!hop_by_hop(header.substr(0, colon))) request.rebuilt.append(header).append("\r\n");
  }
  request.rebuilt.append("\r\n");
  return request;
}

}  // namespace callgate::sandbox
