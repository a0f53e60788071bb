// The proxy's reader over any bytes: it never crashes, and what it rebuilds is one head for one host with nothing smuggled in.
#include <cstdlib>

#include "sandbox/egress_request.h"
#include "sandbox/egress_rules.h"

namespace {

void hold(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace callgate::sandbox;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)EgressRules::parse({std::string(bytes)});
  const auto request = parse_egress_request(bytes);
  if (!request) return 0;
  hold(request->target.port != 0 && !request->target.host.empty());
  hold(request->target.host.find_first_of(" \r\n\t/@") == std::string::npos);
  hold(request->tunnel == request->rebuilt.empty());
  if (request->tunnel) return 0;
  hold(request->rebuilt.ends_with("\r\n\r\n"));
  hold(request->rebuilt.find("\r\n\r\n") == request->rebuilt.size() - 4);
  std::size_t hosts = 0;
  for (std::size_t at = 0; (at = request->rebuilt.find("\r\nHost:", at)) != std::string::npos; ++at) ++hosts;
  hold(hosts == 1);
  return 0;
}
