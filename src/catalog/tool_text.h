#pragma once
// What a tool says of itself, kept for searching: its definition as last seen and its words, counted (the shared endpoint's tool search).
// Words are lower case, split at camelCase and at everything but letters, digits and bytes past ASCII; a plural counts as its singular.
// The name weighs three times, the title twice. Pure and immutable.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::catalog {

struct ToolText {
  std::string definition;  // the tools/list entry, canonical JSON
  struct Word {
    std::uint64_t hash = 0;
    std::uint32_t weight = 0;
  };
  std::vector<Word> words;   // sorted by hash, each once
  std::uint32_t length = 0;  // sum of weights
  std::uint32_t weight(std::uint64_t word) const;
};

std::shared_ptr<const ToolText> make_tool_text(std::string_view name, std::string definition);

// The words of a text as hashes, in order, repeated ones included.
std::vector<std::uint64_t> words_of(std::string_view text);

}  // namespace callgate::catalog
