#pragma once
// What a server shows besides its tools and a model reads as well: prompts, resource templates, and the instructions of its handshake.
// Pinned as tools are (T-47).

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"

namespace callgate {

enum class PartKind : std::uint8_t { Tool, Prompt, Template, Instructions };
inline constexpr std::array kOtherParts{PartKind::Prompt, PartKind::Template, PartKind::Instructions};
std::string_view part_name(PartKind kind);  // tool, prompt, template, instructions
std::optional<PartKind> parse_part(std::string_view name);

struct Part {
  PartKind kind = PartKind::Prompt;
  std::string name;             // of a template its uriTemplate; of instructions `instructions`
  std::string definition_json;  // the whole entry of its list, canonical; instructions: {"name":"instructions","description":text}
  Digest fingerprint{};
  WallTime seen_at{};
};

}  // namespace callgate
