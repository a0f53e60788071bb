#pragma once
// What the commands about policies share. Inner header of cli/.

#include <string>
#include <string_view>

#include "cli/session.h"

namespace callgate::cli {

// A name is a stored policy; anything that looks like a path, or is a file here, is a file.
bool is_policy_file(const std::string& word);
// Of --args: the text itself, or what is in @FILE.
Result<std::string> read_arguments(const std::string& text);
// The rules that were looked at, as a table.
void print_steps(Session& session, json::Value steps);
// Starts a back-test of a stored policy's calls and waits for its end, with progress on stderr; an interrupt cancels it. Refusals too come
// back as an Answer.
Result<Answer> run_backtest(Session& session, std::string_view policy, std::string_view body);

}  // namespace callgate::cli
