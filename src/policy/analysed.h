#pragma once
// The operators that read a language: SQL and shell commands, by the analyses of inspection/. They allocate, unlike the others, and are
// bounded by the length those analyses take. What is not understood is Mistyped, so that it neither passes a `require` nor slips
// past a `deny_if`; so is a text of which only a part is what was named.

#include <string>
#include <string_view>

#include "policy/operators.h"

namespace callgate::policy {

// `read_only`, or kinds of statements. The dialect comes after, from its own field.
Result<void> add_sql_kind(const Node& node, Constant& out);

Truth sql_is(const Constant& constant, std::string_view text);
// `safe`: nothing dangerous, nothing that only the shell could know. A list: every command that would run is one of them.
Truth command_line_is(const Constant& constant, std::string_view text);

// What the analysis saw, for explain; empty when there is nothing to add.
std::string analysis_note(Op op, const Constant& constant, std::string_view text);

}  // namespace callgate::policy
