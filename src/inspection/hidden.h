#pragma once
// Characters a person does not see, and letters that pass for others. For showing definitions and comparing names; what a text hides is
// reported by the Poisoning pack.

#include <cstddef>
#include <string>
#include <string_view>

namespace callgate::inspection {

bool hidden_character(char32_t c);  // tags, direction marks, joiners, selectors, escapes, other control characters but \t \n \r
char looks_like(char32_t c);        // the ASCII letter that `c` passes for; 0 when there is none

// The character at `at`, for showing it: broken UTF-8 is taken as something, never refused.
struct Shown {
  char32_t code = 0;
  std::size_t bytes = 1;
};
Shown character_at(std::string_view text, std::size_t at);
void append_spelled(std::string& out, char32_t c);  // \u{200b}

}  // namespace callgate::inspection
