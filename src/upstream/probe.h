#pragma once
// The staged look at a server when it is added, edited or re-checked: resolve, connect, TLS, MCP handshake
// (server/discover, else initialize), authentication, tools. Blocking (libcurl); runs on the worker pool, never on a loop.

#include <string>
#include <string_view>
#include <vector>

#include "model/entities.h"
#include "model/part.h"
#include "vault/vault.h"

namespace callgate::upstream {

struct Stage {
  std::string name;  // resolve | connect | tls | handshake | auth | tools; stdio: command | sandbox | start | handshake | tools
  bool ok = false;
  bool skipped = false;
  std::string what;  // "203.0.113.7 in 12 ms", "TLSv1.3, expires 2027-01-01", "2026-07-28, server refunds 1.2.0", "14 tools"
  std::string why;   // when not ok: what went wrong
  std::string fix;   // when not ok: what to do now, as a command where possible
  std::int64_t took_ms = 0;
};

struct ProbeReport {
  bool ok = false;
  std::vector<Stage> stages;
  std::vector<std::string> protocol_versions;
  Eras eras;  // both are asked for
  std::string server_name, server_version, instructions;
  bool auth_required = false;
  std::vector<Tool> tools;
  std::vector<Part> parts;             // prompts, resource templates, instructions
  std::vector<PartKind> kinds_told{};  // which of these the server told about; of the others nothing is known
};

// Every stage is there, in order; after a failed one the rest is skipped.
// Nothing the server wrote is followed or used as a name of anything; texts of its own appear quoted, cut and cleaned.
ProbeReport probe(const Server& server, const vault::Credentials& credentials);

}  // namespace callgate::upstream
