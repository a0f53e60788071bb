#pragma once
// Starts stdio servers through sandbox/, on threads of its own: starting blocks.

#include <memory>

#include "sandbox/sandbox.h"
#include "stdio/child.h"

namespace callgate::stdio {

// The secret part of the environment is added here, and only here.
sandbox::Profile profile_of(const Server& server, const vault::Credentials& credentials);

// The launcher dies with the starter.
std::unique_ptr<Starter> make_sandbox_starter(std::shared_ptr<sandbox::Launcher> launcher);

}  // namespace callgate::stdio
