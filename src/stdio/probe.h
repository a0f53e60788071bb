#pragma once
// The staged look at a stdio server: command, sandbox, start, handshake (server/discover, else initialize; a server that hangs up on the
// unknown question is started again once), tools. Blocking; never on a loop.

#include "stdio/sandbox_starter.h"
#include "upstream/probe.h"

namespace callgate::stdio {

// Every stage is there, in order; after a failed one the rest is skipped.
upstream::ProbeReport probe(Sandboxes& sandboxes, const Server& server, const vault::Credentials& credentials);

}  // namespace callgate::stdio
