// The first half of the walk: everything that is judged before a byte leaves for the upstream.

#include <algorithm>

#include "base/append.h"
#include "base/same_bytes.h"
#include "bridge/header_params.h"
#include "gateway/call.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

constexpr std::size_t kReasonBytesMax = 500;
constexpr std::size_t kClientBytesMax = 200;

std::string_view media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

// T-12: JSON in UTF-8 and nothing else.
bool json_content(std::string_view content_type) {
  if (same_text(content_type, "application/json")) return true;  // as nearly everybody writes it
  if (!net::equals_ignoring_case(media_type(content_type), "application/json")) return false;
  std::size_t semicolon = content_type.find(';');
  if (semicolon == std::string_view::npos) return true;
  std::string_view parameter = content_type.substr(semicolon + 1);
  while (!parameter.empty() && parameter.front() == ' ') parameter.remove_prefix(1);
  return net::equals_ignoring_case(parameter, "charset=utf-8") || net::equals_ignoring_case(parameter, "charset=\"utf-8\"");
}

bool visible_ascii(std::string_view text) {
  for (char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return !text.empty() && text.size() <= 512;
}

void append_line(std::string& out, std::string_view name, std::string_view value) { append(out, name, ": ", value, "\r\n"); }

void destroy_memo(void* memo) { delete static_cast<AuthMemo*>(memo); }

}  // namespace

void Call::begin(const listener::Request& request, listener::Reply& reply) {
  reply_ = &reply;
  reply.observe(this);
  started_ = worker_.mono();
  wall_ = worker_.wall();
  if (!snapshot_) snapshot_ = worker_.snapshot();
  worker_.write_decision_id(decision_id_);
  remote_ = request.remote;
  const auto* memo = static_cast<const AuthMemo*>(request.connection_memo);  // printing an address is dear
  if (memo != nullptr) remote_text_ = memo->remote_text;
  else if (!inner_) remote_text_ = request.local_socket ? std::string("local") : request.remote.text();
  (http_line_ = request.method) += over_events_ ? " /sse" : " ";
  http_line_ += request.path.substr(over_events_ ? 4 : 0, 200);
  auto admitted = admit(request);
  head_ = nullptr;  // the listener's own
  decided_at_ = worker_.mono_again();
  if (!admitted) return refuse(admitted.error());
  if (asking_) return look_up_approval();
  effect_ = Effect::Allow;
  worker_.queue_send(*this);
}

Result<void> Call::admit(const listener::Request& request) {
  CG_CHECK(identify(request));
  CG_CHECK(find_server(request));
  if (over_events_) return admit_link(request);
  if (request.method == "POST") return admit_post(request);
  if (request.method == "GET") return admit_stream(request);
  if (request.method == "DELETE") return admit_close(request);
  status_ = 405;
  extra_lines_ = "Allow: POST, GET, DELETE\r\n";
  return fail(Code::InvalidRequest, "gateway.method", "the MCP endpoint takes POST, GET and DELETE");
}

Result<void> Call::identify(const listener::Request& request) {
  if (inner_) return {};       // by the outer call, a moment ago
  if (!request.query.empty())  // T-63: credentials in a URL end up in logs
    return fail(Code::InvalidRequest, "gateway.query", "the MCP endpoint takes no query: send the grant in the Authorization header");
  const auto [header, times] = request.head->find("authorization");
  if (times > 1) return fail(Code::Unauthenticated, "identity.malformed", "more than one Authorization header: send exactly one");
  if (auto* memo = static_cast<AuthMemo*>(request.connection_memo); memo != nullptr && memo->snapshot == snapshot_ &&
                                                                    wall_ < memo->good_until && memo->remote == request.remote &&
                                                                    equal_constant_time(memo->header.reveal(), header)) {
    caller_ = memo->caller;
    if (wall_ - memo->noted_at > std::chrono::seconds(1)) {
      memo->noted_at = wall_;
      worker_.rooms().note_use(caller_->grant.id, wall_);
    }
    return {};
  }
  CG_TRY(caller_, snapshot_->directory->authenticate(header, request.remote, wall_));
  WallTime good_until = caller_->grant.expires_at;
  if (caller_->grant.overlap_until) good_until = std::min(good_until, *caller_->grant.overlap_until);
  auto memo = std::make_unique<AuthMemo>(
      AuthMemo{Secret(std::string(header)), request.remote, remote_text_, snapshot_, caller_, good_until, wall_});
  worker_.rooms().note_use(caller_->grant.id, wall_);
  reply_->set_memo(memo.release(), destroy_memo);
  return {};
}

Result<void> Call::find_server(const listener::Request& request) {
  std::string_view name = request.path.substr(std::string_view("/mcp").size());
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty()) {
    shared_ = true;
    server_ = &Hub::entry();
    visibility_ = {caller_, server_, nullptr};
    return {};
  }
  if (name.ends_with('/')) name.remove_suffix(1);
  // T-62: one plain segment; nothing is decoded, folded or resolved.
  const auto in_slug = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  bool plain = !name.empty() && std::ranges::all_of(name, in_slug);
  server_ = plain ? snapshot_->catalog->server(name) : nullptr;
  // A server outside the grant looks like one that does not exist.
  if (server_ == nullptr || !identity::may_use_server(*caller_, server_->server)) {
    server_ = nullptr;
    return fail(Code::NotFound, "gateway.unknown_server",
                "this grant has no server at this address: check the URL with `callgate grant show " + caller_->grant.id + "`");
  }
  if (server_->server.disabled)
    return fail(Code::Unavailable, "catalog.disabled", "server `" + server_->server.slug + "` is switched off: ask its operator");
  if (server_->credentials_unreadable)
    return fail(Code::Unavailable, "vault.unreadable",
                "the stored credentials of server `" + server_->server.slug + "` cannot be opened: ask its operator");
  const std::string& own = caller_->grant.policy;
  visibility_ = {caller_, server_, own.empty() ? server_->policy.get() : snapshot_->catalog->policy(own)};
  return {};
}

Result<void> Call::admit_post(const listener::Request& request) {
  head_ = request.head;
  CG_CHECK(read_post(request));
  if (era_ == session::Era::Legacy) CG_CHECK(join_session(request));
  read_context(*request.head);
  CG_CHECK(admit_method());
  if (era_ == session::Era::Modern && !shared_) CG_CHECK(dress_modern());
  if (era_ == session::Era::Modern && !shared_) CG_CHECK(dress_subscriptions());
  dress_tasks();
  compose_head(*request.head);
  return {};
}

Result<void> Call::read_post(const listener::Request& request) {
  if (!json_content(request.head->header("content-type"))) {
    status_ = 415;
    return fail(Code::InvalidRequest, "gateway.content_type", "send the message as `Content-Type: application/json` in UTF-8");
  }
  if (auto parsed = document_.parse(request.body); !parsed) {
    rpc_code_ = session::kParseError;
    return parsed;
  }
  CG_CHECK(session::read_message(document_.root(), message_));
  request_id_ = message_.id.raw();
  form_ = message_.kind == session::MessageKind::Request ? Form::Request : Form::Notification;
  era_ = session::era_of(*request.head, message_);
  if (era_ == session::Era::Legacy) return {};
  if (over_events_)
    return fail(Code::InvalidRequest, "session.revision",
                "this address is for clients of HTTP+SSE: send requests of this revision to /mcp");
  if (in_batch_) return fail(Code::InvalidRequest, "rpc.batch", "this revision has no batches: send each message in its own POST");
  session::ModernFault fault = session::check_modern(*request.head, message_);
  if (fault.code == 0) return {};
  rpc_code_ = fault.code;
  rpc_data_ = std::move(fault.data);
  status_ = 400;
  return fail(Code::InvalidRequest, fault.code == session::kHeaderMismatch ? "session.header_mismatch" : "session.modern",
              std::move(fault.message));
}

Result<void> Call::check_version_header(const net::Head& head) const {
  const auto [version, times] = head.find("mcp-protocol-version");
  if (times > 1 || (!version.empty() && !session::legacy_revision(version) && version != "2024-11-05"))
    return fail(Code::InvalidRequest, "session.revision", "unsupported MCP-Protocol-Version: use 2025-11-25, 2025-06-18 or 2025-03-26");
  return {};  // another one than was negotiated is let pass, as published SDKs do (L7): the session's own goes upstream
}

Result<void> Call::join_session(const listener::Request& request) {
  const net::Head& head = *request.head;
  // T-60: a session begins with initialize, and its id is ours alone; one the client brings along is not looked at.
  if (message_.method == "initialize" && form_ == Form::Request) {
    if (in_batch_) return fail(Code::InvalidRequest, "rpc.batch", "initialize cannot be part of a batch");
    CG_CHECK(check_version_header(head));
    if (link_ && !link_->begin_session())
      return fail(Code::InvalidRequest, "session.begun", "this event stream has had its initialize: open another one");
    return {};
  }
  const std::string linked = link_ ? link_->session() : std::string();
  if (link_ && linked.empty()) return fail(Code::InvalidRequest, "session.missing", "initialize first");
  if (!link_ && head.count("mcp-session-id") != 1)
    return fail(Code::InvalidRequest, "session.missing", "send the Mcp-Session-Id that initialize answered with, exactly once");
  auto& sessions = worker_.rooms().sessions;
  CG_TRY(session_, sessions.find(link_ ? linked : head.header("mcp-session-id"), caller_->grant.id, server_->server.id, wall_));
  CG_CHECK(check_version_header(head));
  if (in_batch_ && session_->revision != "2025-03-26")  // T-09
    return fail(Code::InvalidRequest, "rpc.batch", "this session's revision has no batches: send each message in its own POST");
  if (form_ != Form::Request || request.method != "POST") return {};
  CG_CHECK(sessions.begin_request(session_->id, request_id_));
  in_flight_ = true;
  return {};
}

void Call::read_context(const net::Head& head) {
  const session::Message::Meta& meta = message_.of_meta;
  json::Value info = era_ == session::Era::Modern ? meta.client_info : message_.params["clientInfo"];
  if (session_) client_ = session_->client;
  else if (info.is_object()) (client_ = info["name"].string()) += ' ', client_ += info["version"].string();
  if (client_.size() > kClientBytesMax) client_.resize(kClientBytesMax);
  std::string_view reason = head.header("x-callgate-reason");
  if (reason.empty()) reason = meta.reason.string();
  if (!reason.empty()) stated_reason_ = reason.substr(0, kReasonBytesMax);
  traceparent_ = meta.traceparent.string().substr(0, 64);
}

Result<void> Call::admit_method() {
  if (message_.kind == session::MessageKind::Response) return admit_answer();
  method_ = find_method(message_.method, era_, form_ == Form::Notification);
  if (method_ == nullptr) {
    rpc_code_ = session::kMethodNotFound;
    if (era_ == session::Era::Modern) status_ = 404;
    return fail(Code::Denied, "gateway.unknown_method", "Method not found: " + std::string(message_.method));
  }
  body_ = document_.canonical();
  if (message_.method == "notifications/cancelled" && session_)  // what waits for a person is given up here; the rest is the server's
    worker_.rooms().sessions.cancel(session_->id, message_.params["requestId"].raw());
  if (shared_) return admit_shared();
  switch (method_->rule) {
    case MethodRule::ToolCall: return admit_tool_call();
    case MethodRule::Governed: CG_CHECK(admit_governed()); return admit_task();
    case MethodRule::Unknown: break;
    case MethodRule::ToolList:
    case MethodRule::Lifecycle:
      CG_CHECK(inspect_arguments());
      if (message_.method == "initialize") {
        append_initialize(body_text_, document_.root(), visibility_);
        body_ = body_text_;
      }
      return {};
  }
  return fail(Code::Denied, "gateway.unknown_method", "this method has no rule");
}

// The shared endpoint: what each server is asked is judged by the inner call that asks it.
Result<void> Call::admit_shared() {
  if (method_->rule != MethodRule::ToolCall || (form_ == Form::Request && message_.name.is_string())) return {};
  return fail(Code::InvalidRequest, "rpc.call_without_id", "tools/call needs an id and params.name");
}

Result<void> Call::admit_governed() {
  if (visibility_.policy == nullptr)
    return fail(Code::Denied, "policy.missing", "no policy applies to this grant, so everything is denied: ask its owner to name one");
  capture();
  if (message_.method == "prompts/get") CG_CHECK(check_prompt(message_.name.string()));
  std::string_view subject = message_.name.string();
  if (message_.method.starts_with("resources/")) subject = message_.params["uri"].string();
  auto decided = decide(subject, message_.params, {});
  if (!decided && decided.error().reason == "policy.method") {
    rpc_code_ = session::kMethodNotFound;
    return fail(Code::Denied, "policy.method", "Blocked by policy: " + std::string(message_.method) + " is not allowed for this grant.");
  }
  return decided;
}

Result<void> Call::check_prompt(std::string_view prompt) {
  auto refusal = unapproved_prompt(*server_, prompt);
  if (!refusal && !worker_.rooms().doubts->about(server_->server.id, doubt_about_prompt(prompt))) return {};
  rpc_code_ = session::kInvalidParams;
  if (refusal) return tl::unexpected(std::move(*refusal));
  return fail(Code::Denied, "catalog.prompt_held",
              "Prompt " + std::string(prompt) + " was just seen to change and is held until it was looked at");
}

Result<void> Call::admit_tool_call() {
  json::Value name = message_.name;
  json::Value arguments = message_.arguments;
  if (!name.is_string() || name.string().empty() || name.string().size() > 256)
    return fail(Code::InvalidArgument, "rpc.tool_name", "tools/call needs params.name, a text of 1 to 256 bytes");
  if (arguments.exists() && !arguments.is_object())  // T-10
    return fail(Code::InvalidArgument, "rpc.arguments", "params.arguments must be an object");
  if (form_ != Form::Request)  // T-11
    return fail(Code::InvalidRequest, "rpc.call_without_id", "tools/call needs an id");
  capture();
  if (visibility_.policy == nullptr)
    return fail(Code::Denied, "policy.missing", "no policy applies to this grant, so everything is denied: ask its owner to name one");
  bool hidden = !visible(visibility_, name.string());
  const std::optional<std::size_t> place = server_->place_of(name.string());
  if (hidden || unknown_to_catalog(*server_, place) || worker_.rooms().doubts->about(server_->server.id, name.string())) {
    rpc_code_ = session::kInvalidParams;
    if (hidden) return fail(Code::Denied, "policy.hidden", "Unknown tool: " + std::string(name.string()));
    return tl::unexpected(unknown_tool(*server_, name.string()));
  }
  if (worker_.withholds(snapshot_, visibility_, name.string())) {
    rpc_code_ = session::kInvalidParams;
    return fail(Code::Denied, "inspection.tool_withheld", "Unknown tool: " + std::string(name.string()));
  }
  CG_CHECK(check_arguments(name.string(), server_->input_schema(place)));
  return decide(name.string(), arguments, server_->risk(place));
}

// C-53: what the tool itself would not take is refused here, before it can count or match anything.
Result<void> Call::check_arguments(std::string_view tool, const schema::Schema* schema) {
  if (schema == nullptr || !worker_.rooms().options.validate_input) return {};
  if (era_ == session::Era::Modern && head_ != nullptr) CG_CHECK(check_mirrored(tool, *schema));
  static const json::Document empty = [] {
    json::Document object;
    (void)object.parse("{}");
    return object;
  }();
  json::Value arguments = message_.arguments;
  auto violation = schema->validate(arguments.exists() ? arguments : empty.root());
  if (!violation) return {};
  rpc_code_ = session::kInvalidParams;
  std::string place = violation->pointer.empty() ? std::string("the arguments") : violation->pointer;
  return fail(Code::InvalidArgument, "schema.arguments",
              "Invalid arguments for tool " + std::string(tool) + ": " + place + " " + violation->message);
}

// N7: an annotated argument is repeated in its header, exactly, and a header repeats its own argument.
Result<void> Call::check_mirrored(std::string_view tool, const schema::Schema& schema) {
  if (!schema.mirrored().valid) {  // N12: not listed either
    rpc_code_ = session::kInvalidParams;
    return fail(Code::Denied, "catalog.invalid_tool", "Unknown tool: " + std::string(tool));
  }
  for (const schema::Mirrored& mirrored : schema.mirrored().parameters) {
    json::Value value = message_.arguments;
    for (const std::string& name : mirrored.path) value = value[name];
    bool given = value.exists() && !value.is(json::Kind::Null);
    auto decoded = session::decode_header_value(head_->header(mirrored.header));
    if (head_->count(mirrored.header) == (given ? 1U : 0U) && (!given || (decoded && session::says(*decoded, value)))) continue;
    rpc_code_ = session::kHeaderMismatch;
    status_ = 400;
    return fail(Code::InvalidRequest, "session.header_mismatch", "the " + mirrored.header + " header does not match its argument");
  }
  return {};
}

// What a decision may look at, whether about the request or about what a server asks during it.
policy::Input Call::policy_input(std::string_view method, std::string_view subject, json::Value arguments) const {
  return policy_input(method, subject, arguments, message_.method == "tools/call" ? server_->risk(subject) : std::string_view());
}

policy::Input Call::policy_input(std::string_view method, std::string_view subject, json::Value arguments, std::string_view risk) const {
  policy::Input input;
  input.method = method;
  input.tool = subject;
  input.arguments = arguments;
  input.principal = &caller_->principal;
  input.grant = &caller_->grant;
  input.server = &server_->server;
  input.tool_risk = risk;
  input.session_id = session_ ? std::string_view(session_->digest) : std::string_view();
  input.client = client_;
  input.stated_reason = stated_reason_;
  input.flow = flow_.get();
  input.now = wall_;
  return input;
}

Result<void> Call::decide(std::string_view subject, json::Value arguments, std::string_view risk) {
  CG_CHECK(look_at_flow());
  decision_ = visibility_.policy->decide(policy_input(message_.method, subject, arguments, risk), scratch());
  rule_ = decision_.rule;
  rule_line_ = decision_.line;
  if (decision_.effect == Effect::Deny) return fail(Code::Denied, decision_.reason, std::string(decision_.message));
  CG_CHECK(inspect_arguments());  // may ask, too
  if (decision_.effect == Effect::Ask) return ask_person(decision_.ask, decision_.message);
  CG_CHECK(reserve(decision_.claims));
  const bool viewed = !decision_.shadow.empty() || decision_.flow.noted || !decision_.flow.labels.empty();
  if (!viewed) put_back_scratch();
  return {};
}

// What a decision is made in, and what it views.
policy::Scratch& Call::scratch() {
  if (!scratch_) scratch_ = worker_.scratches().take();
  return *scratch_;
}

void Call::put_back_scratch() {
  if (!scratch_) return;
  decision_.claims = {};
  decision_.ask = {};
  decision_.shadow = {};
  decision_.flow = {};
  scratch_->shadow.clear();  // its texts are of a policy that may be gone
  worker_.scratches().put_back(std::move(scratch_));
}

Result<void> Call::reserve(std::span<const policy::Claim> claims) {
  if (claims.empty()) return {};
  CG_TRY(auto outcome, worker_.rooms().counters.reserve(claims, wall_, reservation_));
  if (outcome.reserved) return {};
  const policy::Claim& full = claims[outcome.refusal.claim];
  rule_ = full.rule;
  rule_line_ = full.line;
  retry_after_ms_ = outcome.refusal.retry_after.count();
  return fail(Code::RateLimited, "limits.exceeded", full.on_deny.empty() ? std::move(outcome.refusal.message) : std::string(full.on_deny));
}

void Call::capture() {
  bool governed = method_->rule == MethodRule::Governed;  // of other methods the parameters are the arguments
  json::Value arguments = governed ? message_.params : message_.arguments;
  if (server_->server.capture == Capture::None || !worker_.rooms().options.audit) return;
  if (arguments.exists()) audit::capture_arguments(arguments_json_, arguments, server_->server.capture);
  else arguments_json_ = "{}";  // there were none, which is another thing than none kept
}

void Call::compose_head(const net::Head& head) {
  std::string& out = head_lines_;
  if (form_ == Form::Stream) {
    out += "Accept: text/event-stream\r\n";
  } else if (form_ != Form::Close) {
    out += "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
  }
  if (era_ == session::Era::Legacy) {
    if (session_ && !session_->upstream_id.empty()) append_line(out, "Mcp-Session-Id", session_->upstream_id);
    if (session_) append_line(out, "MCP-Protocol-Version", session_->revision);
    return;
  }
  append(out, "MCP-Protocol-Version: ", session::kModernRevision, "\r\nMcp-Method: ", message_.method, "\r\n");
  bool named = message_.method == "tools/call" || message_.method == "prompts/get" || message_.method == "resources/read";
  if (named) append_line(out, "Mcp-Name", head.header("mcp-name"));  // checked against the body
  if (!task_.empty()) append_line(out, "Mcp-Name", bridge::header_value(task_));
  for (const net::Header& header : head.headers())
    if (goes_on(header, message_, *server_)) append_line(out, header.name, header.value);
}

Result<void> Call::admit_stream(const listener::Request& request) {
  form_ = Form::Stream;
  const net::Head& head = *request.head;
  if (head.header("mcp-protocol-version") >= session::kModernRevision && !head.header("mcp-protocol-version").empty()) {
    status_ = 405;
    extra_lines_ = "Allow: POST\r\n";
    return fail(Code::InvalidRequest, "gateway.method", "this revision has no GET stream: use subscriptions/listen");
  }
  if (head.header("accept").find("text/event-stream") == std::string_view::npos) {
    status_ = 406;
    return fail(Code::InvalidRequest, "gateway.accept", "the GET stream needs `Accept: text/event-stream`");
  }
  CG_CHECK(join_session(request));
  client_ = session_->client;
  compose_head(head);
  std::string_view last = head.header("last-event-id");
  if (last.empty()) return {};
  if (!visible_ascii(last) || head.count("last-event-id") != 1)
    return fail(Code::InvalidRequest, "session.last_event_id", "Last-Event-ID must be one id as it was sent");
  resuming_ = true;
  append_line(head_lines_, "Last-Event-ID", last);
  return {};
}

// The endpoints of HTTP+SSE (2024-11-05): GET opens the stream, POST says something to it. T-60: another grant's stream looks like one that
// never was; the id in its address opens nothing.
Result<void> Call::admit_link(const listener::Request& request) {
  if (request.method == "POST") {
    if (!link_ || link_->owner().grant_id != caller_->grant.id || link_->owner().server_id != server_->server.id) {
      link_.reset();
      return fail(Code::NotFound, "session.unknown_stream", "this event stream is unknown or has ended: open another one");
    }
    return admit_post(request);
  }
  if (request.method != "GET") {
    status_ = 405;
    extra_lines_ = "Allow: POST, GET\r\n";
    return fail(Code::InvalidRequest, "gateway.method", "the endpoints of HTTP+SSE take GET and POST");
  }
  form_ = Form::Stream;
  if (request.head->header("accept").find("text/event-stream") == std::string_view::npos) {
    status_ = 406;
    return fail(Code::InvalidRequest, "gateway.accept", "the event stream needs `Accept: text/event-stream`");
  }
  std::string path = "/sse" + std::string(request.path.substr(std::string_view("/mcp").size()));
  CG_TRY(link_, worker_.rooms().links->open({caller_->grant.id, server_->server.id, std::move(path), remote_, remote_text_}));
  return {};
}

Result<void> Call::admit_close(const listener::Request& request) {
  form_ = Form::Close;
  CG_CHECK(join_session(request));
  client_ = session_->client;
  compose_head(*request.head);
  worker_.rooms().sessions.close(session_->id);
  return {};
}

}  // namespace callgate::gateway
