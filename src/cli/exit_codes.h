#pragma once
// What a command's exit code says. Stable; docs/reference/cli.md.

#include <string_view>

#include "base/result.h"

namespace callgate::cli {

enum Exit : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kDenied = 4,   // by policy, or the caller lacks the role
  kPending = 5,  // an approval is open
  kNotAuthenticated = 6,
  kConflict = 7,     // exists already, or changed meanwhile
  kInvalid = 8,      // a value or a policy test failed
  kUnreachable = 9,  // no daemon
  kRetryable = 10,
  kOperator = 11,   // needs a person at the machine: journal, keys, publishing
  kUnknownId = 12,  // a named thing inside the request does not exist
  kChanges = 20,    // plan found changes; a back-test what --fail-on names
};

int exit_code_of(int http_status, std::string_view reason);
int exit_code_of(const Error& error);

}  // namespace callgate::cli
