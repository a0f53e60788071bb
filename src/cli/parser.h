#pragma once
// From argv to one command and its arguments. Inner header of cli/.

#include <string>
#include <vector>

#include "cli/command.h"

namespace callgate::cli {

struct Parsed {
  const Command* command = nullptr;
  Args args;
  // Instead of a command: text to print (help), or an error with exit code 2.
  std::string help, error;
};

Parsed parse(const std::vector<Command>& commands, std::vector<std::string> words);

}  // namespace callgate::cli
