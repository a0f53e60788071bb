#pragma once
// JSON-RPC 2.0 as MCP uses it, read strictly from a judged document. What is not clearly one message is refused:
// spelling variants of reserved keys (T-01), batches (T-09), parameters that are not objects (T-10), odd ids (T-11).

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"

namespace callgate::session {

inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kHeaderMismatch = -32020;      // 2026-07-28
inline constexpr int kUnsupportedVersion = -32022;  // 2026-07-28

inline constexpr std::string_view kMetaVersion = "io.modelcontextprotocol/protocolVersion";  // 2026-07-28: what a request says of itself
inline constexpr std::string_view kMetaClientInfo = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";

enum class MessageKind : std::uint8_t { Request, Notification, Response };

// What nearly every call asks of params and params._meta is found while the message is read, in one pass over each. Missing where it is.
struct Message {
  MessageKind kind = MessageKind::Request;
  std::string_view method;    // requests and notifications
  json::Value id;             // requests and responses; a string or an integer within +-(2^53 - 1)
  json::Value params;         // an object, or missing
  json::Value result, error;  // responses: exactly one of them
  json::Value name, arguments, meta, request_state, input_responses, task;  // of params; meta: `_meta`
  struct Meta {
    json::Value version, client_info, capabilities;  // kMeta...
    json::Value traceparent, reason;                 // reason: callgate/reason
  } of_meta;
};

// Errors: InvalidRequest rpc.* (maps to -32600).
Result<Message> read_message(json::Value root);
Result<void> read_message(json::Value root, Message& into);  // where it stays, for it is large; empty on error

// True when both are the same id: same kind, and same text or same integer. 1 is not "1".
bool same_id(json::Value a, json::Value b);

// {"jsonrpc":"2.0","id":ID,"error":{...}}; `id` is canonical JSON, empty for null; `data` is a JSON object or empty.
void append_error(std::string& out, std::string_view id, int code, std::string_view message, std::string_view data = {});

}  // namespace callgate::session
