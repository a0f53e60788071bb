#include "upstream/endpoint.h"

#include <string>
#include <vector>

namespace callgate::upstream {
namespace {

constexpr std::size_t kEndpointMax = 2'048;

tl::unexpected<Error> refused(std::string why) {
  return fail(Code::Unavailable, "upstream.endpoint",
              "the server's `endpoint` event " + why + ": check the server, or whether something between rewrites its answers");
}

// RFC 3986 section 5.2.4, so that what is sent is what was judged, whoever reads it next.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  bool directory = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    directory = part == "." || part == ".." || part.empty();
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != "." && (!part.empty() || end < path.size())) {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string_view part : parts) (out += '/') += part;
  return directory || out.empty() ? out + "/" : out;
}

bool has_scheme(std::string_view text) {
  const std::size_t end = text.find_first_of(":/?#");
  return end != std::string_view::npos && end > 0 && text[end] == ':';
}

}  // namespace

Result<Url> resolve_endpoint(const Url& stream, std::string_view named) {
  if (named.empty() || named.size() > kEndpointMax) return refused("names no address, or one that is too long");
  for (const char c : named)
    if (c <= 0x20 || c > 0x7e || c == '\\' || c == '#') return refused("names an address with characters that have no place in one");
  Url to = stream;
  if (has_scheme(named) || named.starts_with("//")) {
    const auto url = Url::parse((named.starts_with("//") ? stream.tls ? "https:" : "http:" : "") + std::string(named));
    if (!url) return refused("names no plain http or https address");
    if (url->tls != stream.tls || url->host != stream.host || url->port != stream.port)
      return refused("leads to another origin than its stream, which is never followed");
    to = *url;
  } else {
    const std::string_view base = std::string_view(stream.target).substr(0, stream.target.find('?'));
    if (named.front() == '/') to.target = named;
    else if (named.front() == '?') to.target = std::string(base) + std::string(named);
    else to.target = std::string(base.substr(0, base.rfind('/') + 1)) + std::string(named);
  }
  const std::size_t query = std::min(to.target.find('?'), to.target.size());
  to.target = without_dots(std::string_view(to.target).substr(0, query)) + to.target.substr(query);
  const auto checked = Url::parse(to.text());
  if (!checked || to.target.starts_with("//") || checked->host != stream.host || checked->port != stream.port || checked->tls != stream.tls)
    return refused("names no plain address");
  return *checked;
}

}  // namespace callgate::upstream
