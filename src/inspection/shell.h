#pragma once
// What a shell command line would do. A lexer after POSIX (quotes, escapes, substitutions, here-documents, operators, redirections) and an
// analysis that looks through sudo, env, sh -c, xargs, find -exec, substitutions and pipes at the commands that would run. Nothing is run,
// no file is looked at: what only the shell could know (an expansion that names the program, an unclosed quote) is `unresolved`.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspection/inspection.h"

namespace callgate::inspection {

struct ShellFinding {
  std::string_view rule;  // `shell.pipe-to-shell`; static storage
  Severity severity = Severity::High;
  std::string what;  // the words that say so, cut to 120 bytes
};

struct ShellAnalysis {
  bool unresolved = false;  // something runs that the text does not name: ask
  std::string why_unresolved;
  std::vector<ShellFinding> findings;
  // Not plain: a program named by its path, a variable set before it, or a redirection that writes a file (other than /dev/null). Then the
  // names in `commands` do not say all that happens.
  bool plain = true;
  std::vector<std::vector<std::string>> commands;  // every simple command found, wrappers taken off

  bool dangerous() const { return !findings.empty(); }
  bool has(std::string_view rule) const;
  Action action() const;  // Deny for critical, Ask for what is dangerous or unresolved, else Flag
};

inline constexpr std::size_t kShellBytesMax = 64 * 1024;
ShellAnalysis analyze_shell(std::string_view text);

}  // namespace callgate::inspection
