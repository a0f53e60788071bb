#pragma once
// Characters a person does not see, and letters that pass for others. For showing definitions and comparing names; what a text hides is
// reported by the Poisoning pack.

namespace callgate::inspection {

bool hidden_character(char32_t c);  // tags, direction marks, joiners, selectors, escapes, other control characters but \t \n \r
char looks_like(char32_t c);        // the ASCII letter that `c` passes for; 0 when there is none

}  // namespace callgate::inspection
