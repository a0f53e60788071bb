#pragma once
// The one place that turns a refusal into what the caller sees: HTTP status, JSON-RPC code, denial form.

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/entities.h"
#include "session/revision.h"

namespace callgate::gateway {

struct Refused {
  Code code = Code::Internal;
  std::string_view reason;  // slug
  std::string_view message;
  std::string_view rule;  // JSON pointer; empty: no rule decided
  std::string_view decision_id;
  std::int64_t retry_after_ms = -1;  // below 0: not a limit
  int rpc_code = 0;                  // 0: by `code`
  std::string_view rpc_data;         // replaces the standard data; a JSON object
  int status = 0;                    // 0: by `code`
  std::string_view approval;         // apr_..., when a person was asked
  std::string_view approval_url;     // where to look at it; nothing is decided there by a link
};

int http_status(Code code);
int rpc_code(Code code);

// JSON-RPC error with the matching id (canonical JSON; empty: null).
void append_refusal(std::string& out, std::string_view id, const Refused& refused);
// tools/call denied as a tool result that a model can read: isError, one text block, no structuredContent.
void append_denied_result(std::string& out, std::string_view id, const Refused& refused, session::Era era);
// What `auto` means for this client: programs that end their run on a JSON-RPC error get a result.
bool deny_as_result(DenyAs form, std::string_view client);

}  // namespace callgate::gateway
