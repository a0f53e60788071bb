// Which static header lines a server may have (T-66).
#include <fmt/core.h>

#include <array>

#include "vault/vault.h"

namespace callgate::vault {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kValueMax = 8 * 1024;

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Headers that frame a message, belong to one connection, or are written by the gateway itself.
constexpr std::array<std::string_view, 20> kOurs = {"accept",
                                                    "accept-encoding",
                                                    "connection",
                                                    "content-encoding",
                                                    "content-length",
                                                    "content-type",
                                                    "expect",
                                                    "host",
                                                    "http2-settings",
                                                    "keep-alive",
                                                    "last-event-id",
                                                    "proxy-authenticate",
                                                    "proxy-authorization",
                                                    "proxy-connection",
                                                    "te",
                                                    "trailer",
                                                    "traceparent",
                                                    "tracestate",
                                                    "transfer-encoding",
                                                    "upgrade"};

tl::unexpected<Error> refused(std::string message) { return fail(Code::InvalidArgument, "vault.header", std::move(message)); }

}  // namespace

Result<void> check_header(std::string_view name, std::string_view value) {
  if (name.empty() || name.size() > kNameMax) return refused("a header name has 1 to 64 characters");
  std::string lower;
  for (char c : name) {
    if (!token_char(c)) return refused("a header name holds a character that is not allowed there: use letters, digits and `-`");
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  for (std::string_view ours : kOurs)
    if (lower == ours) return refused(fmt::format("the header `{}` is set by callgate itself: leave it out", name));
  if (lower.starts_with("mcp-"))
    return refused(fmt::format("headers of the protocol itself such as `{}` are set by callgate: leave it out", name));
  if (value.empty()) return refused(fmt::format("the value of `{}` is empty: look whether its variable is set", name));
  if (value.size() > kValueMax) return refused(fmt::format("the value of `{}` is longer than {} bytes", name, kValueMax));
  for (char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return refused(fmt::format("the value of `{}` holds a line break or control character: remove it", name));
  auto edge = [](char c) { return c == ' ' || c == '\t'; };
  if (edge(value.front()) || edge(value.back()))
    return refused(fmt::format("the value of `{}` begins or ends with a blank: remove it", name));
  return {};
}

}  // namespace callgate::vault
