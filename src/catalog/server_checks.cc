#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "catalog/rows.h"

namespace callgate::catalog {
namespace {

constexpr std::size_t kSlugMax = 64;
constexpr std::size_t kPemMax = 256 * 1024;

// Words that stand, or may come to stand, where a slug could be in a path.
constexpr std::array<std::string_view, 22> kReserved = {
    "admin", "api",     "approve", "assets", "audit",  "callgate", "console", "health", "healthz", "login",      "logout",
    "mcp",   "metrics", "oauth",   "ready",  "readyz", "server",   "servers", "setup",  "static",  "well-known", "all"};

bool slug_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// Ids and slugs share one table of names: a slug must never look like an id.
bool looks_like_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t at : {8u, 13u, 18u, 23u})
    if (text[at] != '-') return false;
  return true;
}

tl::unexpected<Error> invalid(std::string message) { return fail(Code::InvalidArgument, "catalog.invalid_server", std::move(message)); }

Result<void> check_url(const Url& url) {
  if (url.host.empty() || url.port == 0) return invalid("a server needs a URL such as `https://mcp.example.com/mcp`, or a command");
  if (!Url::parse(url.text())) return invalid("the URL is not a plain http or https URL");
  if (auto address = IpAddress::parse(url.host); address && (address->link_local() || address->special()))
    return invalid(
        fmt::format("the address {} is never called: link-local and special addresses hold cloud metadata and the like", address->text()));
  return {};
}

// Named as in a policy (policy/compile_flows.cc).
Result<void> check_labels(const std::vector<std::string>& labels) {
  auto good = [](const std::string& label) {
    bool plain = std::all_of(label.begin(), label.end(), [](char c) { return slug_char(c) || c == '_' || c == '.'; });
    return plain && !label.empty() && label.size() <= 64;
  };
  if (labels.size() > 16) return invalid("a server has at most 16 labels");
  for (const std::string& label : labels)
    if (!good(label)) return invalid("a label is named with a-z, 0-9, `_`, `-` and `.`, at most 64 of them");
  return {};
}

bool reserved(std::string_view slug) { return std::find(kReserved.begin(), kReserved.end(), slug) != kReserved.end(); }

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return lower;
}

Result<void> check_line(std::string_view field, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail(Code::InvalidArgument, "catalog.invalid_text", fmt::format("{} must be at most {} bytes", field, bytes_max));
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(Code::InvalidArgument, "catalog.invalid_text", fmt::format("{} must not hold control characters or line breaks", field));
  return {};
}

Result<void> check_slug(std::string_view slug) {
  auto wrong = [](std::string message) { return fail(Code::InvalidArgument, "catalog.invalid_slug", std::move(message)); };
  if (slug.empty() || slug.size() > kSlugMax || !std::all_of(slug.begin(), slug.end(), slug_char))
    return wrong("a slug is 1 to 64 of the characters a-z, 0-9 and `-`");
  if (slug.front() == '-' || slug.back() == '-') return wrong("a slug must not begin or end with `-`");
  if (looks_like_uuid(slug)) return wrong("a slug must not look like an id");
  if (reserved(slug)) return wrong(fmt::format("the slug `{}` is reserved: choose another", slug));
  return {};
}

std::string slug_from(std::string_view name) {
  std::string slug;
  for (char c : lower_case(name)) {
    if (slug_char(c) && c != '-') slug += c;
    else if (!slug.empty() && slug.back() != '-') slug += '-';
  }
  if (slug.size() > kSlugMax - 8) slug.resize(kSlugMax - 8);  // room for a number behind it
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  if (slug.empty()) return "mcp-server";
  if (!check_slug(slug)) slug += "-mcp";
  return slug;
}

Result<void> check_server(const Server& server) {
  using namespace std::chrono_literals;
  if (server.name.empty()) return invalid("a server needs a name");
  CG_CHECK(check_line("the name", server.name, 100));
  CG_CHECK(check_labels(server.labels));
  if (server.kind == ServerKind::Stdio) CG_CHECK(check_command(server.command));
  else CG_CHECK(check_url(server.url));
  if (server.connect_timeout < 1ms || server.connect_timeout > 2min)
    return invalid("the connect timeout must be between 1 ms and 2 minutes");
  if (server.call_timeout < 1ms || server.call_timeout > 24h) return invalid("the call timeout must be between 1 ms and 24 hours");
  if (server.response_bytes_max < 1024 || server.response_bytes_max > 1024ul * 1024 * 1024)
    return invalid("the largest response must be between 1 KiB and 1 GiB");
  if (server.tls_ca_pem.size() > kPemMax) return invalid("the extra trust anchors may have at most 256 KiB");
  if (!server.tls_ca_pem.empty() && server.tls_ca_pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    return invalid("the extra trust anchor must be certificates in PEM form");
  return {};
}

}  // namespace callgate::catalog
