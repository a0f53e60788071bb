// Whatever a server names as its endpoint, what is called is a plain address of the very origin of its stream, and settled: resolving it
// once more changes nothing (T-65).

#include <cstdint>
#include <cstdlib>
#include <string>

#include "upstream/endpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using callgate::Url;
  static const Url streams[] = {*Url::parse("https://mcp.example.com/v1/sse?k=1"), *Url::parse("http://127.0.0.1:8080/"),
                                *Url::parse("http://[::1]:9/a/b/")};
  const std::string named(reinterpret_cast<const char*>(data), size);
  for (const Url& stream : streams) {
    const auto to = callgate::upstream::resolve_endpoint(stream, named);
    if (!to) continue;
    if (to->tls != stream.tls || to->host != stream.host || to->port != stream.port) std::abort();
    if (to->target.empty() || to->target.front() != '/' || to->target.find_first_of(" \r\n\t\\#") != std::string::npos) std::abort();
    const std::string path = to->target.substr(0, to->target.find('?'));
    if ((path + "/").find("/../") != std::string::npos || (path + "/").find("/./") != std::string::npos) std::abort();
    const auto again = callgate::upstream::resolve_endpoint(stream, to->target);
    if (!again || again->text() != to->text()) std::abort();
  }
  return 0;
}
