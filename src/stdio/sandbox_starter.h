#pragma once
// Starts stdio servers through sandbox/, on threads of its own: starting blocks.

#include <memory>
#include <mutex>

#include "sandbox/sandbox.h"
#include "stdio/child.h"

namespace callgate::stdio {

// The one launcher of a gate, made when the first stdio server needs it: a gate without any does not ask what this machine can confine.
// Thread-safe.
class Sandboxes {
 public:
  explicit Sandboxes(sandbox::LauncherOptions options) : options_(std::move(options)) {}
  Result<sandbox::Launcher*> launcher();
  std::vector<std::string> weakened(const Server& server);  // what of its confinement this machine cannot do; blocks for a moment

 private:
  std::mutex mutex_;
  sandbox::LauncherOptions options_;
  std::unique_ptr<sandbox::Launcher> launcher_;
};

// The secret part of the environment is added here, and only here.
sandbox::Profile profile_of(const Server& server, const vault::Credentials& credentials);

// Everything it started ends before the sandboxes do.
std::unique_ptr<Starter> make_sandbox_starter(std::shared_ptr<Sandboxes> sandboxes);

}  // namespace callgate::stdio
