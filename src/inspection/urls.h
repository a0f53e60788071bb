#pragma once
// What is odd about a URL, told from its text alone: addresses inside (in every spelling browsers and resolvers take), the cloud's metadata
// service, credentials in it, hosts that only look local, data carried out in host labels or the query. Resolves nothing: whoever connects
// must judge the address again. For allow-lists of hosts use the policy operator `url_host_in`. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspection/inspection.h"

namespace callgate::inspection {

struct UrlFinding {
  std::string_view rule;  // `url.metadata-service`; static storage
  Severity severity = Severity::Medium;
};

struct UrlAnalysis {
  bool understood = false;   // false: two programs could read it differently; treat it as dangerous
  std::string scheme, host;  // lower case; the host decoded and, when it is an address in disguise, as a dotted quad
  std::vector<UrlFinding> findings;
  bool has(std::string_view rule) const;
  bool inside() const;  // reaches this machine, a private network or the metadata service
};

UrlAnalysis analyze_url(std::string_view url);

}  // namespace callgate::inspection
