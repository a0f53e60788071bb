#pragma once
// The command line. One table of commands (all_commands) gives parsing, help, completion and docs/reference/cli.md; one file per
// group of commands. Talks to the gate over REST: the control socket in the data directory, or --url with an API token.

#include <string>
#include <string_view>
#include <vector>

namespace callgate::cli {

int run(int argc, char** argv);
std::string cli_markdown();  // docs/reference/cli.md

}  // namespace callgate::cli
