// A legacy client's request on its way to a modern server, and the answer on its way back.

#include "bridge/legacy_call.h"
#include "bridge/translate.h"
#include "bridge/words.h"
#include "session/revision.h"

namespace callgate::bridge {
namespace {

constexpr std::uint32_t kToolPagesMax = 50;
constexpr std::size_t kTextMax = 256 * 1024;
constexpr std::array<std::string_view, 8> kLevels = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};

std::string modern_head(std::string_view method, std::string_view name) {
  std::string head = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: ";
  ((head += session::kModernRevision) += "\r\nMcp-Method: ") += method;
  head += "\r\n";
  if (!name.empty()) ((head += "Mcp-Name: ") += header_value(name)) += "\r\n";
  return head;
}

// What an older revision knows of capabilities: elicitation since 2025-06-18, links and sampling with tools since 2025-11-25.
ClientCan known_to(std::string_view revision, ClientCan can) {
  if (revision < "2025-11-25") can.urls = can.sampling_tools = false;
  if (revision < "2025-06-18") can.forms = false;
  return can;
}

}  // namespace

// ---- initialize -----------------------------------------------------------------------------------------------------

void LegacyCall::discover() {
  auto opened = std::make_shared<ClientSession>();
  std::string_view wanted = message_.params["protocolVersion"].string();
  bool known = session::legacy_revision(wanted) || wanted == "2024-11-05";
  json::Value info = message_.params["clientInfo"], capabilities = message_.params["capabilities"];
  opened->id = random_token(32);
  opened->principal_id = origin_->principal_id;
  opened->grant_id = origin_->grant_id;
  opened->server_id = origin_->target->server.id;
  opened->revision = known ? wanted : std::string_view("2025-11-25");
  opened->can = known_to(opened->revision, read_client_can(capabilities));
  opened->capabilities = declared_capabilities(opened->can, capabilities);
  opened->client_info =
      info["name"].is_string() && info["version"].is_string() && info.raw().size() <= 4096 ? std::string(info.raw()) : own_info();
  session_ = std::move(opened);
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", "server/discover").key("params");
  append_envelope(writer.begin_object(), {});
  writer.end_object().end_object();
  send(modern_head("server/discover", {}), std::move(body), Stage::Discover);
}

void LegacyCall::open_session(json::Value result) {
  json::Value offered = result["capabilities"], info = result["_meta"][kMetaServerInfo];
  bool speaks = false;
  result["supportedVersions"].for_each_element([&](json::Value version) { speaks |= version.string() == session::kModernRevision; });
  if (!speaks || result.raw().size() > kTextMax)
    return reply_.fail({Code::Unavailable, "upstream.revision", "the server does not offer a revision this gate speaks", {}}, true);
  ClientSession& session = *session_;
  session.can_log = offered["logging"].is_object();
  session.can_subscribe = offered["resources"]["subscribe"].is(json::Kind::True);
  session.tools_change = offered["tools"]["listChanged"].is(json::Kind::True);
  session.prompts_change = offered["prompts"]["listChanged"].is(json::Kind::True);
  session.resources_change = offered["resources"]["listChanged"].is(json::Kind::True);
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("protocolVersion", session.revision).key("capabilities").raw(offered_capabilities(offered));
  writer.key("serverInfo");
  if (info["name"].is_string() && info["version"].is_string()) writer.raw(info.raw());
  else writer.begin_object().member("name", origin_->target->server.slug).member("version", "0").end_object();
  if (result["instructions"].is_string()) writer.key("instructions").raw(result["instructions"].raw());
  writer.end_object();
  auto opened = core().hub().open_client(session_, core().now());
  if (!opened) return reply_.fail(opened.error(), true);
  reply_.answer(result_message(id_, text), 200, session.id);
}

// ---- requests -------------------------------------------------------------------------------------------------------

// What every modern request says about its sender: params._meta, into params that are open.
void LegacyCall::append_envelope(json::Writer& writer, json::Value meta) {
  int level = -1;
  {
    const std::lock_guard lock(core().hub().mutex);
    level = session_->level;
  }
  writer.key("_meta").begin_object();
  append_members(writer, meta,
                 {session::kMetaVersion, session::kMetaClientInfo, session::kMetaCapabilities, kMetaLogLevel, "progressToken"});
  if (!progress_token_.empty()) writer.key("progressToken").raw(upstream_id_);
  writer.member(session::kMetaVersion, session::kModernRevision).key(session::kMetaClientInfo).raw(session_->client_info);
  writer.key(session::kMetaCapabilities).raw(session_->capabilities);
  if (level >= 0) writer.member(kMetaLogLevel, kLevels[static_cast<std::size_t>(level)]);
  writer.end_object();
}

std::string LegacyCall::compose(std::string& head) {
  json::Value params = message_.params;
  bool named = message_.method == "tools/call" || message_.method == "prompts/get";
  head = modern_head(message_.method, named                                 ? params["name"].string()
                                      : message_.method == "resources/read" ? params["uri"].string()
                                                                            : std::string_view());
  if (message_.method == "tools/call") {
    const std::lock_guard lock(core().hub().mutex);
    auto mirrored = session_->header_params.find(std::string(params["name"].string()));
    if (mirrored != session_->header_params.end()) append_header_params(head, mirrored->second, params["arguments"]);
  }
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", message_.method).key("params").begin_object();
  append_members(writer, params, {"_meta", "inputResponses", "requestState", "task"});
  if (!answers_.empty()) {
    writer.key("inputResponses").begin_object();
    for (const auto& [key, answer] : answers_) writer.key(key).raw(answer);
    writer.end_object();
  }
  if (!request_state_.empty()) writer.key("requestState").raw(request_state_);
  append_envelope(writer, params["_meta"]);
  writer.end_object().end_object();
  return body;
}

void LegacyCall::send_call() {
  std::string head, body = compose(head);
  send(std::move(head), std::move(body), Stage::Call);
}

void LegacyCall::send(std::string head, std::string body, Stage stage) {
  drop_leg();
  stage_ = stage;
  leg_ = std::make_unique<Leg>(*this, origin_);
  Leg::Request request;
  request.modern = true;
  request.head = std::move(head);
  request.body = std::move(body);
  leg_->send(core().below(), std::move(request));
}

void LegacyCall::drop_leg() {
  if (!leg_) return;
  leg_->cancel();
  core().loop().bury(std::move(leg_));
}

// ---- answers --------------------------------------------------------------------------------------------------------

// The inside of the gate says so of the calls it made itself: one call, one record.
void LegacyCall::on_leg_head(Leg& leg, const net::Head& head) {
  if (&leg == leg_.get() && stage_ == Stage::Call) reply_.note_recorded(!head.header("callgate-recorded").empty());
}

void LegacyCall::on_leg_message(Leg& leg, const session::Message& message, const json::Document&) {
  if (&leg != leg_.get()) return;
  if (message.kind == session::MessageKind::Notification) return on_notification(message);
  bool ours = message.kind == session::MessageKind::Response && message.id.raw() == upstream_id_;
  if (!ours && !(message.error.exists() && !leg.success() && !message.id.exists())) return;  // T-50; a modern server asks nothing here
  on_answer(message);
}

void LegacyCall::on_notification(const session::Message& message) {
  if (stage_ != Stage::Call) return;
  if (message.method == "notifications/progress") {
    json::Value token = message.params["progressToken"];
    if (token.exists() && token.raw() == upstream_id_ && !progress_token_.empty())
      reply_.notify(renamed_progress(message, progress_token_));
  } else if (message.method == "notifications/message") {
    reply_.notify(without_meta_key(message, kMetaSubscription));
  }
}

void LegacyCall::on_answer(const session::Message& message) {
  Stage stage = stage_;
  stage_ = Stage::Local;
  drain(core(), std::move(leg_));
  if (stage == Stage::ToolList) return on_tool_page(message);
  if (stage == Stage::Discover && message.result.exists()) return open_session(message.result);
  if (message.error.exists()) {
    bool stale = error_code(message.error) == session::kHeaderMismatch && message_.method == "tools/call" && !tools_refreshed_;
    if (stale) return refresh_tools({});
    return reply_.answer(legacy_error(id_, message_.method, message.error));
  }
  std::string_view type = message.result["resultType"].string();
  if (type == "input_required" && input_method(message_.method)) return on_input_required(message.result);
  if (!type.empty() && type != "complete")
    return refuse(session::kInternalError, "the server answered with a kind of result that this revision does not have");
  if (message_.method == "tools/list") {
    const std::lock_guard lock(core().hub().mutex);
    keep_header_params(message.result, session_->header_params);
  }
  reply_.answer(legacy_result(id_, message_.method, message.result, session_->revision));
}

void LegacyCall::on_leg_end(Leg& leg, const Error* error, bool sent) {
  if (&leg != leg_.get() || reply_.over() || stage_ == Stage::Local || stage_ == Stage::Asking || stage_ == Stage::Waiting) return;
  if (error != nullptr) return reply_.fail(*error, sent);
  int status = leg.status();
  // A 404 of the server is about its address, never about the client's session.
  if (leg.success() || status == 404 || status == 405)
    return reply_.fail({Code::Unavailable, "upstream.no_answer", "the server ended its stream without an answer", {}}, true);
  reply_.empty(status);
}

// N13: the server's idea of mirrored parameters is newer than ours, and it did nothing yet.
void LegacyCall::refresh_tools(std::string cursor) {
  tools_refreshed_ = true;
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", "tools/list").key("params").begin_object();
  if (!cursor.empty()) writer.key("cursor").raw(cursor);
  append_envelope(writer, {});
  writer.end_object().end_object();
  send(modern_head("tools/list", {}), std::move(body), Stage::ToolList);
}

void LegacyCall::on_tool_page(const session::Message& message) {
  {
    const std::lock_guard lock(core().hub().mutex);
    keep_header_params(message.result, session_->header_params);
  }
  json::Value next = message.result["nextCursor"];
  if (next.is_string() && ++pages_ < kToolPagesMax) return refresh_tools(std::string(next.raw()));
  send_call();
}

}  // namespace callgate::bridge
