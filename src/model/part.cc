#include "model/part.h"

#include <algorithm>

namespace callgate {
namespace {

constexpr std::array<std::string_view, 4> kNames{"tool", "prompt", "template", "instructions"};

}  // namespace

std::string_view part_name(PartKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<PartKind> parse_part(std::string_view name) {
  auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<PartKind>(at - kNames.begin());
}

}  // namespace callgate
