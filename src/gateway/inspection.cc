#include "gateway/inspection.h"

#include <algorithm>

#include "base/encoding.h"
#include "telemetry/log.h"

namespace callgate::gateway {
namespace {

// Without its scheme, and out of base64: of `Bearer x` x, of `Basic dTpw` dTpw, u:p and p. Whole where what follows the space is short.
void add_value(inspection::KnownSecrets& known, std::string_view value) {
  std::size_t space = value.rfind(' ');
  if (space == std::string_view::npos || value.find(' ') != space || !known.add(value.substr(space + 1))) known.add(value);
  if (!value.starts_with("Basic ") && !value.starts_with("basic ")) return;
  auto plain = base64_decode(value.substr(space + 1));
  if (!plain) return;
  known.add(*plain);
  if (std::size_t colon = plain->find(':'); colon != std::string::npos) known.add(std::string_view(*plain).substr(colon + 1));
}

void add_credentials(inspection::KnownSecrets& known, const vault::Credentials& credentials) {
  std::string_view lines = credentials.header_lines().reveal();
  while (!lines.empty()) {
    std::size_t end = std::min(lines.find("\r\n"), lines.size());
    std::string_view line = lines.substr(0, end);
    if (std::size_t colon = line.find(": "); colon != std::string_view::npos) add_value(known, line.substr(colon + 2));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
  std::string_view variables = credentials.environment().reveal();
  while (!variables.empty()) {
    std::size_t end = std::min(variables.find('\0'), variables.size());
    std::string_view one = variables.substr(0, end);
    if (std::size_t equals = one.find('='); equals != std::string_view::npos) add_value(known, one.substr(equals + 1));
    variables.remove_prefix(std::min(end + 1, variables.size()));
  }
}

}  // namespace

std::shared_ptr<const Inspection> Inspection::make(const catalog::Catalog& catalog, inspection::Scanners& scanners) {
  auto made = std::make_shared<Inspection>();
  inspection::PackMask all = 0;
  for (const auto& policy : catalog.policies()) {
    inspection::PackMask packs = policy->inspected_packs();
    all |= packs;
    bool known = std::any_of(made->scanners_.begin(), made->scanners_.end(), [&](const auto& one) { return one.first == packs; });
    if (packs == 0 || known) continue;
    auto scanner = scanners.get(packs);
    if (!scanner) telemetry::log_error("texts cannot be inspected", {{"detail", scanner.error().message}});
    made->scanners_.emplace_back(packs, scanner ? *scanner : nullptr);
  }
  if ((all & inspection::mask_of(inspection::Pack::Vault)) != 0)
    for (const catalog::ServerEntry& server : catalog.servers()) add_credentials(made->known_, server.credentials);
  return made;
}

const inspection::Scanner* Inspection::scanner(const policy::Policy& policy) const {
  for (const auto& [packs, scanner] : scanners_)
    if (packs == policy.inspected_packs()) return scanner.get();
  return nullptr;
}

}  // namespace callgate::gateway
