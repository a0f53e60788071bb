#pragma once
// From script to judged commands. Internal to this room.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspection/files.h"
#include "inspection/shell.h"
#include "inspection/shell_lexer.h"

namespace callgate::inspection {

using Words = std::vector<ShellWord>;

// What came before in the same pipeline.
struct Pipeline {
  bool fetches = false;  // curl, wget, nc: bytes from elsewhere
  bool decodes = false;  // base64 -d and the like
  bool secrets = false;  // the environment, keys, password files
  bool known = false;    // `text` is all there is: echo, printf, a here-document
  std::string text;
};

// Adds what this command hands to the next one in its pipeline.
void note(const std::string& name, const ShellCommand& command, Pipeline& pipeline);
std::string joined(const Words& words, std::size_t from);

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

// The variables a text sets, and what they stand for where it uses them. Only a value that is written out once, before it is used,
// is known; after any other use of a set variable `unclear()` names it. Total work is bounded by kShellBytesMax * 16, then `spent()`.
class ShellVariables {
 public:
  void set(std::string_view assignment, bool exact);  // NAME=VALUE, NAME+=VALUE, or NAME alone: a value only the shell knows
  void set_by(const Call& call);                      // export, declare, read, printf -v ...
  std::string fill(const std::string& text);          // with values instead of names
  Words fill(const Words& words);                     // ... and split into words where the shell would
  bool charge(std::size_t bytes);                     // read; false: the budget is spent
  bool charge_growth(std::size_t bytes);              // put in for something shorter, eight times as dear
  bool spent() const { return spent_; }
  std::string unclear() const;  // empty: every variable that is used is known, or comes from outside

 private:
  struct Variable {
    std::string value;
    bool exact = false;
  };
  void use(std::string_view name, bool exact);
  std::map<std::string, Variable, std::less<>> set_;
  std::set<std::string, std::less<>> used_;
  std::size_t bytes_ = 0;
  bool spent_ = false;
  std::string unclear_;
};

// Not empty: an expansion says what the program does (`git $VERB`, `python3 -c "$CODE"`).
std::string decided_by_expansion(const Call& call);

// Where in `docker exec box ls` and its like the command begins that runs inside; 0: none does.
struct InContainer {
  std::size_t at = 0;
  bool understood = true;
};
InContainer in_container(const std::string& name, const Words& words);

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
