#pragma once
// The options of a server that is a command; shared by `server add`, `server edit` and `wrap`. Inner header of cli/.

#include <vector>

#include "cli/session.h"

namespace callgate::cli {

std::vector<Argument> server_command_arguments();
// Members of the REST body for what is given; the command itself is what stands behind `--`. Paths are made whole here, where they
// are meant.
Result<void> put_command(json::Writer& out, const Args& args);

}  // namespace callgate::cli
