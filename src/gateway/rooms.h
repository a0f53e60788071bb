#pragma once
// What every worker shares. Owned by app/, outlives the workers.

#include <atomic>
#include <functional>

#include "approvals/approvals.h"
#include "audit/audit.h"
#include "bridge/bridge.h"
#include "flows/flows.h"
#include "gateway/definitions.h"
#include "gateway/doubts.h"
#include "gateway/event_link.h"
#include "gateway/snapshot.h"
#include "gateway/task_ids.h"
#include "limits/limits.h"
#include "listener/listener.h"
#include "net/offload.h"
#include "session/table.h"
#include "stdio/processes.h"

namespace callgate::gateway {

// Answers /api/v1 and the pages beside the MCP endpoint; may block, called on the offload pool.
struct SideRequest {
  std::string method, path, query, body, authorization, content_type;
  IpAddress remote;
  bool local_socket = false;
};
struct SideReply {
  int status = 200;
  std::string content_type, extra_headers, body;
};

struct Options {
  bool record_before_effect = false;                  // audit.commit = before_effect
  bool audit = true;                                  // false only for benchmarks (--unsafe-no-audit)
  bool validate_input = true;                         // arguments against the tool's inputSchema (C-53)
  std::size_t shared_search_above = 0;                // tools a grant sees at /mcp before a search stands for the list; 0: always the list
  std::size_t whole_body_bytes_max = 1024 * 1024;     // larger JSON answers are checked and relayed piece by piece
  std::size_t inspected_bytes_max = 2 * 1024 * 1024;  // of arguments or of one answer: what is larger was not looked at
  std::size_t sse_event_bytes_max = 4 * 1024 * 1024;
  std::chrono::milliseconds stream_keep_alive{15'000};
  std::chrono::milliseconds approval_hold{200'000};  // how long an answer is held open for a person to decide; 0: not at all
  std::string public_url;                            // of this gate, for links to approvals
  bool approval_elicitation = true;                  // show that link through the client where it can (URL elicitation)
  std::chrono::milliseconds stream_recheck{500};     // revocation on open streams (B-07, T-61)
};

struct Rooms {
  const Clock& clock;
  SnapshotHolder& snapshots;
  session::SessionTable& sessions;
  limits::Counters& counters;
  audit::Journal& journal;
  net::Offload& offload;
  Options options;
  std::function<SideReply(const SideRequest&)> side;  // admin API
  std::function<void(std::string_view grant_id, WallTime)> note_use;
  std::function<void(std::string_view server_id)> tools_changed;  // an upstream listed what the catalog does not know
  vault::Vault* vault = nullptr;                                  // seals what a client carries for a server between two requests
  bridge::Registry* bridges = nullptr;                            // null: both sides always speak the same era
  stdio::Processes* processes = nullptr;                          // null: HTTP servers only
  approvals::Approvals* approvals = nullptr;                      // null: nobody can be asked, so what needs a person is refused
  flows::Flows* flows = nullptr;                                  // null: what looks at sequences is refused
  std::shared_ptr<TaskTable> tasks = std::make_shared<TaskTable>();
  std::shared_ptr<Doubts> doubts = std::make_shared<Doubts>();                  // settled by whoever looks at a server again
  std::shared_ptr<WithheldTools> withheld = std::make_shared<WithheldTools>();  // for their definitions, by what lists showed
  stdio::Processes* event_streams = nullptr;                                    // servers that only speak HTTP+SSE (sse/)
  std::shared_ptr<EventLinks> links = std::make_shared<EventLinks>();           // clients that do
};

}  // namespace callgate::gateway
