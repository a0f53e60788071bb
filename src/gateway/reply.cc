#include "gateway/reply.h"

#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {

int http_status(Code code) {
  switch (code) {
    case Code::InvalidRequest: return 400;
    case Code::Unauthenticated: return 401;
    case Code::Forbidden: return 403;
    case Code::NotFound: return 404;
    case Code::TooLarge: return 413;
    // Everything else is an answer inside the protocol: clients read a policy refusal only from a 200.
    case Code::InvalidArgument:
    case Code::Conflict:
    case Code::RateLimited:
    case Code::Denied:
    case Code::Unavailable:
    case Code::Timeout:
    case Code::Cancelled:
    case Code::Internal: return 200;
  }
  return 200;
}

int rpc_code(Code code) {
  switch (code) {
    case Code::InvalidRequest: return session::kInvalidRequest;
    case Code::InvalidArgument: return session::kInvalidParams;
    case Code::Conflict: return session::kInvalidRequest;
    case Code::TooLarge: return session::kInvalidRequest;
    case Code::NotFound:
    case Code::Unauthenticated:
    case Code::Forbidden: return session::kInvalidRequest;
    case Code::RateLimited:
    case Code::Denied:
    case Code::Unavailable:
    case Code::Timeout:
    case Code::Cancelled:
    case Code::Internal: return session::kInternalError;
  }
  return session::kInternalError;
}

void append_refusal(std::string& out, std::string_view id, const Refused& refused) {
  int code = refused.rpc_code != 0 ? refused.rpc_code : rpc_code(refused.code);
  if (!refused.rpc_data.empty()) return session::append_error(out, id, code, refused.message, refused.rpc_data);
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").key("id");
  if (id.empty()) writer.null();
  else writer.raw(id);
  writer.key("error").begin_object().member("code", std::int64_t{code}).member("message", refused.message);
  writer.key("data").begin_object().member("code", refused.reason);
  if (!refused.rule.empty()) writer.member("rule", refused.rule);
  writer.member("decision_id", refused.decision_id);
  if (refused.retry_after_ms >= 0) writer.member("retry_after_ms", refused.retry_after_ms);
  if (!refused.approval.empty()) writer.member("approval", refused.approval);
  if (!refused.approval_url.empty()) writer.member("approval_url", refused.approval_url);
  writer.end_object().end_object().end_object();
}

void append_denied_result(std::string& out, std::string_view id, const Refused& refused, session::Era era) {
  std::string text(refused.message);
  text += " [";
  if (!refused.rule.empty()) (text += "rule ") += refused.rule, text += ", ";
  (text += "decision ") += refused.decision_id;
  if (refused.retry_after_ms > 0) text += ", retry after " + std::to_string((refused.retry_after_ms + 999) / 1000) + " s";
  text += ']';
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id).key("result").begin_object();
  if (era == session::Era::Modern) writer.member("resultType", "complete");
  writer.key("content").begin_array().begin_object().member("type", "text").member("text", text).end_object().end_array();
  writer.member("isError", true).end_object().end_object();
}

bool deny_as_result(DenyAs form, std::string_view client) {
  if (form != DenyAs::Auto) return form == DenyAs::Result;
  // Measured: these end the whole run on a JSON-RPC error, or show its backtrace to the model.
  for (std::string_view name : {"langchain", "@langchain/", "codex", "mcp "})
    if (client.starts_with(name)) return true;
  return false;
}

}  // namespace callgate::gateway
