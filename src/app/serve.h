#pragma once
// The daemon: one composition root that owns every object, starts the parts in order and stops them in reverse.

#include <string>

#include "config/settings.h"

namespace callgate::app {

struct ServeOptions {
  std::string ready_file;        // written with "URL\n" once requests are taken
  bool unsafe_no_audit = false;  // benchmarks only: nothing is recorded
};

// Runs until SIGTERM or SIGINT; a second signal ends at once. Returns the exit code.
int serve(const config::Settings& settings, const ServeOptions& options);

}  // namespace callgate::app
