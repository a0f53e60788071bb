#pragma once
// From script to judged commands. Internal to this room.

#include <string>
#include <string_view>
#include <vector>

#include "inspection/files.h"
#include "inspection/shell.h"
#include "inspection/shell_lexer.h"

namespace callgate::inspection {

// What came before in the same pipeline.
struct Pipeline {
  bool fetches = false;  // curl, wget, nc: bytes from elsewhere
  bool decodes = false;  // base64 -d and the like
  bool secrets = false;  // the environment, keys, password files
  bool known = false;    // `text` is all there is: echo, printf, a here-document
  std::string text;
};

// One command with its wrappers taken off.
struct Call {
  std::string name;                                     // `rm` for /bin/rm
  std::vector<std::string> args;                        // quotes removed, expansions as written
  std::vector<bool> literal;                            // args[i] holds no expansion
  bool more_args = false;                               // xargs and find add what we do not see
  bool remote = false;                                  // runs on another machine (ssh, docker, kubectl)
  const Pipeline* before = nullptr;                     // null: not behind a pipe
  bool flag(char letter) const;                         // in any -abc
  bool option(std::string_view wanted) const;           // --name or --name=...
  std::string value_of(std::string_view wanted) const;  // of --name value, --name=value or -n value
  std::vector<std::string> operands() const;            // what is no option
  std::string line() const;
};

using Report = std::vector<ShellFinding>;
void report(Report& out, std::string_view rule, Severity severity, std::string what);

// The rules, by program.
void judge_call(const Call& call, Report& out);
void judge_git(const Call& call, Report& out);
void judge_files(const Call& call, Report& out);
void judge_packages(const Call& call, Report& out);
void judge_network(const Call& call, Report& out);
void judge_system(const Call& call, Report& out);
void judge_interpreters(const Call& call, Report& out);
void judge_destructive_verbs(const Call& call, Report& out);
void judge_redirect(std::string_view op, std::string_view target, Report& out);
void judge_assignment(std::string_view assignment, bool before_command, Report& out);
bool is_shell(std::string_view name);
bool is_interpreter(std::string_view name);

}  // namespace callgate::inspection
