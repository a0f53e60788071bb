#include "listener/admission.h"

#include <algorithm>

namespace callgate::listener {
namespace {

using net::equals_ignoring_case;

constexpr std::string_view kLoopbackNames[] = {"localhost", "127.0.0.1", "[::1]"};

// Splits `host[:port]`; the port must be digits. An IPv6 address stands in brackets.
bool split_port(std::string_view value, std::string_view& host, std::string_view& port) {
  const std::size_t bracket = value.find(']');
  const std::size_t colon = value.find(':', bracket == std::string_view::npos ? 0 : bracket);
  host = value.substr(0, colon);
  port = colon == std::string_view::npos ? std::string_view() : value.substr(colon + 1);
  if (colon == std::string_view::npos) return !host.empty();
  if (host.empty() || port.empty() || port.size() > 5) return false;
  return std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::any_of(list.begin(), list.end(), [value](const std::string& entry) { return equals_ignoring_case(entry, value); });
}

bool known_method(std::string_view method) {
  for (const std::string_view known : {"POST", "GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"}) {
    if (method == known) return true;
  }
  return false;
}

}  // namespace

AllowedNames::AllowedNames(const std::string& bound_address, std::uint16_t port, std::vector<std::string> hosts,
                           std::vector<std::string> origins)
    : hosts_(std::move(hosts)), origins_(std::move(origins)) {
  const bool v6 = bound_address.find(':') != std::string::npos;
  if (bound_address != "0.0.0.0" && bound_address != "::") hosts_.push_back(v6 ? "[" + bound_address + "]" : bound_address);
  for (const std::string_view name : kLoopbackNames) {
    hosts_.emplace_back(name);
    for (const std::string_view scheme : {"http://", "https://"}) {
      loopback_origins_.push_back(std::string(scheme) + std::string(name) + ":" + std::to_string(port));
    }
  }
}

bool AllowedNames::host(std::string_view value) const {
  std::string_view name, port;
  if (!split_port(value, name, port)) return false;
  return contains(hosts_, name) || contains(hosts_, value);
}

bool AllowedNames::origin(std::string_view value, std::string_view host, bool tls) const {
  if (contains(origins_, value) && !equals_ignoring_case(value, "null")) return true;
  if (contains(loopback_origins_, value)) return true;
  std::string_view authority = value;
  if (equals_ignoring_case(value.substr(0, 8), "https://")) authority.remove_prefix(8);
  else if (!tls && equals_ignoring_case(value.substr(0, 7), "http://")) authority.remove_prefix(7);
  else return false;
  return !host.empty() && equals_ignoring_case(authority, host);
}

Result<void> admit_head(const net::Head& head, const AllowedNames* names, bool tls, std::size_t body_bytes_max) {
  if (!known_method(head.method)) return fail(Code::InvalidRequest, "http.method", "this method is not spoken here");
  if (names != nullptr) {
    const std::string_view host = head.header("Host");
    if (!names->host(host)) {
      return fail(Code::Forbidden, "http.host_not_allowed",
                  "the Host header names a host this gate does not answer to; add it to the allowed hosts if it should");
    }
    const std::size_t origins = head.count("Origin");
    if (origins > 1 || (origins == 1 && !names->origin(head.header("Origin"), host, tls))) {
      return fail(Code::Forbidden, "http.origin_not_allowed",
                  "the Origin header names a site that may not call this gate; add it to the allowed origins if it should");
    }
  }
  const std::size_t codings = head.count("Content-Encoding");
  if (codings > 1 || (codings == 1 && !equals_ignoring_case(head.header("Content-Encoding"), "identity"))) {
    return fail(Code::InvalidRequest, "http.content_encoding", "encoded bodies are not read here; send the body as it is");
  }
  if (head.content_length.value_or(0) > body_bytes_max) {
    return fail(Code::TooLarge, "http.body_too_large", "the body is larger than this gate takes");
  }
  return {};
}

int status_of(const Error& error) {
  struct Row {
    std::string_view reason;
    int status;
  };
  static constexpr Row kRows[] = {
      {"http.version", 505},          {"http.transfer_coding", 501},    {"http.method", 501},
      {"http.host_not_allowed", 403}, {"http.origin_not_allowed", 403}, {"http.content_encoding", 415},
      {"http.body_too_large", 413},   {"http.head_too_large", 431},     {"http.target_too_long", 414},
      {"http.timeout", 408},          {"listener.connections", 503},
  };
  for (const Row& row : kRows) {
    if (row.reason == error.reason) return row.status;
  }
  return 400;
}

}  // namespace callgate::listener
