#pragma once
// Shell text as a list of simple commands. Control flow is flattened: what stands in a branch or a loop is a command like the others.
// Internal to this room.

#include <string>
#include <string_view>
#include <vector>

namespace callgate::inspection {

struct ShellWord {
  std::string text;      // quotes removed; expansions as written ($HOME, $(...))
  bool expands = false;  // holds $x, $(...), `...`
  bool quoted = false;   // any part was quoted
  bool glob = false;     // an unquoted * ? [
};

struct ShellRedirect {
  std::string op;  // > >> < << <<< >& &> >|
  ShellWord target;
};

struct ShellCommand {
  std::vector<std::string> assignments;  // NAME=value before the command; NAME=( is an array
  std::vector<ShellWord> words;
  std::vector<ShellRedirect> redirects;
  std::string input;         // here-document or here-string
  bool piped = false;        // its input comes from the command before it
  bool after_group = false;  // ... from all of { ... } or ( ... )
};

struct ShellScript {
  std::vector<ShellCommand> commands;
  std::vector<std::string> substitutions;  // texts of $(...), `...`, <(...), >(...): scripts of their own
  std::vector<std::string> functions;      // names defined here
  std::vector<std::string> loops;          // NAME=VALUES of `for NAME in VALUES`; NAME alone where the values are not written out
  bool broken = false;                     // a quote or parenthesis is not closed
};

std::string replace_all(std::string_view text, std::string_view from, std::string_view to);  // one pass
ShellScript lex_shell(std::string_view text);

}  // namespace callgate::inspection
