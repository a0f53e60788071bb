#pragma once
// Names that could be taken for one another, and texts that speak of another server's tools (T-48). Hints for whoever approves tools;
// what a caller reaches never depends on a name alone, since every tool is addressed with its server.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::risk {

struct NamedTool {
  std::string_view server;  // slug
  std::string_view name;
  std::string_view text;  // description, or the whole definition
};

enum class NameFlagKind : std::uint8_t {
  Duplicate,   // another server has a tool of this very name
  Confusable,  // looks like another tool's name: other letters, case, separators, one letter more or less
  Refers,      // its text names a tool of another server
};
std::string_view name_flag_kind(NameFlagKind kind);  // duplicate, confusable, refers

struct NameFlag {
  NameFlagKind kind{};
  std::string server, tool;
  std::string other_server, other_tool;
};

inline constexpr std::size_t kNamesMax = 20'000;  // further tools are not compared
// Every flag once for each tool concerned, ordered by server and tool; at most 1,000.
std::vector<NameFlag> name_flags(std::span<const NamedTool> tools);

}  // namespace callgate::risk
