#pragma once
// A role, compiled: exact names in hash tables, globs in short lists.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/entities.h"

namespace callgate::identity {

// `*` any run of bytes, `?` one byte; everything else compares as it is.
bool glob_match(std::string_view glob, std::string_view text);
inline bool has_wildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

// A role's permissions; one for all grants that have the role.
class Permissions {
 public:
  explicit Permissions(const Role& role);
  bool cover(std::string_view server_slug, std::string_view tool) const;  // tool empty: any tool

 private:
  struct Tools {
    TextSet exact;
    std::vector<std::string> globs;
    bool cover(std::string_view tool) const;
  };
  std::unordered_map<std::string, Tools, TextHash, std::equal_to<>> by_slug_;
  std::vector<std::pair<std::string, Tools>> by_glob_;
};

}  // namespace callgate::identity
