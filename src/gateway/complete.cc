// The second half of the walk: what the upstream answered, judged, filtered, recorded, and only then delivered.

#include "gateway/call.h"
#include "gateway/event_post.h"
#include "gateway/worker.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

std::uint32_t micros(MonoTime from, MonoTime to) {
  if (from == MonoTime{} || to <= from) return 0;
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

// Before there is an id to answer, only the HTTP status can carry the refusal.
int plain_status(Code code) {
  switch (code) {
    case Code::Denied: return 403;
    case Code::RateLimited: return 429;
    case Code::InvalidArgument: return 400;
    case Code::Conflict: return 409;
    case Code::Unavailable: return 503;
    case Code::Timeout: return 504;
    case Code::Internal: return 500;
    default: return http_status(code);
  }
}

bool is_media_type(std::string_view content_type, std::string_view wanted) {
  if (content_type.size() < wanted.size()) return false;
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return net::equals_ignoring_case(type, wanted);
}

bool session_text(std::string_view text) {
  for (char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return text.size() <= 256;
}

limits::CallOutcome outcome_of(const Error& error, bool sent) {
  if (!sent) return error.reason == "upstream.connect" ? limits::CallOutcome::UpstreamRefusedConnection : limits::CallOutcome::NotSent;
  return error.code == Code::Timeout ? limits::CallOutcome::Timeout : limits::CallOutcome::ConnectionLostAfterSend;
}

}  // namespace

// ---- refusals -------------------------------------------------------------------------------------------------------

void Call::set_refusal_body(Code code, std::string_view message) {
  Refused refused{code, reason_, message, rule_, decision_id_, retry_after_ms_, rpc_code_, rpc_data_, 0, {}, {}};
  std::string url;
  if (asking_ && !asking_->id.empty()) {
    refused.approval = asking_->id;
    if (reason_ == "approval.pending" && !worker_.rooms().options.public_url.empty()) refused.approval_url = url = approval_url();
  }
  rewritten_.clear();
  bool policy_said_no = code == Code::Denied || code == Code::RateLimited;
  bool tool_call = method_ != nullptr && method_->rule == MethodRule::ToolCall && !request_id_.empty();
  // A hidden tool keeps looking unknown, whatever form denials take.
  if (policy_said_no && tool_call && rpc_code_ == 0 && deny_as_result(caller_->grant.deny_as, client_))
    append_denied_result(rewritten_, request_id_, refused, era_);
  else append_refusal(rewritten_, request_id_, refused);
  reply_body_ = rewritten_;
  content_type_ = "application/json";
}

void Call::refuse(const Error& error) {
  effect_ = Effect::Deny;
  reason_ = error.reason;
  message_text_ = error.message;
  settle(limits::CallOutcome::RefusedLater);
  if (status_ == 200) status_ = request_id_.empty() ? plain_status(error.code) : http_status(error.code);
  if (error.code == Code::Unauthenticated) extra_lines_ = "WWW-Authenticate: Bearer realm=\"callgate\"\r\n";
  set_refusal_body(error.code, message_text_);
  finish();
}

void Call::refuse_unsent(Error error) { refuse(error); }

// The decision was yes, the upstream could not keep it.
void Call::upstream_failed(const Error& error, limits::CallOutcome outcome) {
  reason_ = error.reason;
  message_text_ = error.message;
  outcome_ = "none";
  settle(outcome);
  if (stream_begun_ && body_form_ == Body::Pieces) return cut(error);
  status_ = request_id_.empty() ? 502 : 200;
  set_refusal_body(error.code, message_text_);
  if (event_reply_) {
    session::append_sse(out_, {.event = "message", .data = rewritten_, .id = {}, .retry_ms = {}, .has_data = true});
    reply_body_ = {};
  }
  finish();
}

// ---- the upstream's answer ------------------------------------------------------------------------------------------

void Call::dispatch(const Counted& counted, const Recordable& recordable) {
  if (link_ && form_ == Form::Stream) {  // there is nothing to ask of the server before this client has said something
    link_->attach(worker_, *this);
    event_reply_ = true;
    session::append_sse(out_, {.event = "endpoint", .data = EventPost::address(*link_), .id = {}, .retry_ms = {}, .has_data = true});
    return start_stream();
  }
  std::string_view method = form_ == Form::Stream ? "GET" : form_ == Form::Close ? "DELETE" : "POST";
  if (form_ == Form::Close && session_->upstream_id.empty()) {  // the upstream keeps no session: ours is all there was
    status_ = 204;
    return finish();
  }
  CallContext context;
  context.modern = era_ == session::Era::Modern;
  context.principal_id = caller_->principal.id;
  context.grant_id = caller_->grant.id;
  context.remote = remote_text_;
  context.reason = stated_reason_;
  if (session_) context.session = session_->upstream_id, context.revision = session_->revision;
  Evidence evidence{*caller_, *server_, effect_, counted, recordable, context};
  auto cleared = shared_ ? Clearance::within(evidence, method, head_lines_, body_) : Clearance::issue(evidence, method, head_lines_, body_);
  sent_at_ = worker_.mono();
  exchange_ = &worker_.transport().send({&server_->server, &server_->credentials}, cleared, *this);
}

void Call::on_head(const net::Head& head) {
  upstream_status_ = head.status;
  bool success = head.status >= 200 && head.status < 300;
  if (message_.method == "initialize" && session_text(head.header("mcp-session-id"))) upstream_session_ = head.header("mcp-session-id");
  body_form_ = Body::Whole;
  announced_ = head.content_length.value_or(0);
  answer_read_ = false;
  if (shared_) recorded_inside_ = !head.header("callgate-recorded").empty();
  if (success && (form_ == Form::Request || form_ == Form::Stream) && is_media_type(head.header("content-type"), "text/event-stream")) {
    body_form_ = Body::Events;
    event_reply_ = true;
    events_.emplace(worker_.rooms().options.sse_event_bytes_max);
    if (form_ == Form::Stream || message_.method == "subscriptions/listen") {
      exchange_->set_timeout(std::chrono::milliseconds(0));
      start_stream();
    } else if (shared_ && message_.method == "tools/call") {
      start_stream();  // the inner call may wait for a person; its client must not wait for the first byte
    }
  }
}

void Call::on_body(std::string_view piece) {
  switch (body_form_) {
    case Body::None: return;
    case Body::Events: return add_events(piece);
    case Body::Pieces: return add_piece(piece);
    case Body::Whole: break;
  }
  if (read_whole(piece)) return;
  const std::size_t bytes_max = worker_.rooms().options.whole_body_bytes_max;
  if (buffer_.empty())
    buffer_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(announced_, bytes_max)));  // or it moves as it grows
  buffer_ += piece;
  if (buffer_.size() <= bytes_max) return;
  bool rewritten = method_ != nullptr && (method_->rule == MethodRule::ToolList || method_->rule == MethodRule::Lifecycle ||
                                          message_.method == "prompts/list" || message_.method == "resources/templates/list" ||
                                          message_.method.starts_with("tasks/") || message_.task.exists() || decision_.spotlight);
  bool whole = link_ || stream_begun_ || form_ != Form::Request || upstream_status_ != 200 || rewritten;
  if (!whole && !collects_for_inspection()) begin_pieces();
}

// Most answers come in one piece: no copy is made of it. What cannot be parsed is kept as any other, and refused where those are.
bool Call::read_whole(std::string_view piece) {
  const bool wanted = !finished_ && form_ == Form::Request && upstream_status_ >= 200 && upstream_status_ < 300;
  if (!wanted || piece.size() != announced_ || !buffer_.empty() || piece.size() > worker_.rooms().options.whole_body_bytes_max)
    return false;
  return answer_read_ = parse_answer(piece).has_value();
}

json::Document& Call::answer() {
  if (!answer_) answer_ = worker_.answers().take();
  return *answer_;
}

Result<void> Call::parse_answer(std::string_view bytes) {
  json::Caps caps;
  caps.bytes_max = server_->server.response_bytes_max;
  return answer().parse(bytes, caps);
}

void Call::on_end() {
  exchange_ = nullptr;
  if (finished_) return recycle_when_done();
  answered_at_ = worker_.mono();
  switch (body_form_) {
    case Body::Events: return end_events();
    case Body::Pieces: return end_pieces();
    case Body::None:
    case Body::Whole: return complete_whole();
  }
}

void Call::on_error(const Error& error, bool sent) {
  exchange_ = nullptr;
  if (finished_) return recycle_when_done();
  answered_at_ = worker_.mono();
  upstream_failed(error, outcome_of(error, sent));
}

void Call::complete_whole() {
  bool success = upstream_status_ >= 200 && upstream_status_ < 300;
  if (form_ == Form::Close) {
    status_ = 204;  // our session is gone, whatever the upstream thinks of its own
    settle(limits::CallOutcome::Answered);
    return finish();
  }
  if (form_ == Form::Notification && success) {
    status_ = 202;
    return finish();
  }
  if (!success || form_ != Form::Request) return upstream_refused();
  if (auto parsed = answer_read_ ? Result<void>() : parse_answer(buffer_); !parsed)
    return upstream_failed({Code::Unavailable,
                            "upstream.bad_answer",
                            "the upstream answered with JSON that is not safe to pass on: " + parsed.error().message,
                            {}},
                           limits::CallOutcome::UpstreamError);
  if (go_on_with_answers(answer().root())) return;
  complete_message(answer().root());
}

// Takes the one answer to this request, from a JSON body or from an event.
void Call::complete_message(json::Value root) {
  auto message = session::read_message(root);
  if (!message || message->kind != session::MessageKind::Response || !session::same_id(message->id, message_.id))
    return upstream_failed({Code::Unavailable, "upstream.bad_answer", "the upstream's answer does not belong to this request", {}},
                           limits::CallOutcome::UpstreamError);
  result_ = answer().canonical();
  result_bytes_ = answer().canonical().size();
  if (auto inspected = inspect_answer(*message); !inspected) return withhold(inspected.error());
  if (auto marked = spotlight(*message); !marked) return upstream_failed(marked.error(), limits::CallOutcome::UpstreamError);
  if (auto accepted = accept_answer(*message); !accepted) return upstream_failed(accepted.error(), limits::CallOutcome::UpstreamError);
  bool tool_error = message->result["isError"].is(json::Kind::True);
  outcome_ = message->error.exists() ? "error" : tool_error ? "tool_error" : "result";
  settle(message->error.exists() ? limits::CallOutcome::UpstreamError
         : tool_error            ? limits::CallOutcome::ToolError
                                 : limits::CallOutcome::Answered);
  status_ = 200;
  content_type_ = "application/json";
  finish();
}

// Fills reply_body_ with what the caller may see of the answer.
Result<void> Call::accept_answer(const session::Message& message) {
  reply_body_ = answer().canonical();
  if (message.error.exists()) return {};
  if (shared_ && message_.method != "initialize") return {};
  if (message_.method == "tasks/get") CG_CHECK(judge_inputs(message.result["inputRequests"]));
  if (std::string tasks = tasks_for_client(answer().root(), message_.method, true); !tasks.empty()) {
    rewritten_ = std::move(tasks);
    reply_body_ = rewritten_;
  }
  if (method_->rule == MethodRule::ToolList) {
    rewritten_.clear();
    note_list(append_filtered_list(rewritten_, answer().root(), visibility_, era_));
    reply_body_ = rewritten_;
  } else if (message_.method == "server/discover") {
    rewritten_.clear();
    append_discover(rewritten_, answer().root());
    reply_body_ = rewritten_;
  } else if (message_.method == "initialize") {
    return open_session(message.result);
  } else if (era_ == session::Era::Modern && message.result["resultType"].string() == "input_required") {
    return accept_input_required(message.result);
  }
  return {};
}

void Call::note_list(const FilterResult& filtered) {
  if (!filtered.catalog_outdated) return;
  worker_.rooms().doubts->raise(server_->server.id, filtered.changed);
  worker_.rooms().tools_changed(server_->server.id);
}

// Of an answer on a stream that is taken up again nobody knows to which request: its members say what it lists.
Result<void> Call::keep_approved(session::Message& message) {
  if (shared_ || server_ == nullptr || message.error.exists()) return {};
  std::string_view method = message_.method;
  if (form_ == Form::Stream) method = message.result["prompts"].exists() ? "prompts/list" : "resources/templates/list";
  PartsResult parts = approved_parts(answer().root(), method, *server_);
  if (!parts.answer) return {};
  note_list(parts.found);
  rewritten_ = std::move(*parts.answer);
  return read_rewritten(message);
}

Result<void> Call::open_session(json::Value result) {
  std::string_view revision = result["protocolVersion"].string();
  if (!session::legacy_revision(revision) && revision != "2024-11-05")
    return fail(Code::Unavailable, "upstream.revision", "the upstream answered initialize with a revision this gate does not speak");
  session::Session opened;
  opened.grant_id = caller_->grant.id;
  opened.server_id = server_->server.id;
  opened.upstream_id = upstream_session_;
  opened.revision = revision;
  opened.client = client_;
  opened.features = session::read_features(message_.params["capabilities"]);
  CG_TRY(session_, worker_.rooms().sessions.open(std::move(opened), wall_));
  extra_lines_ = "Mcp-Session-Id: " + session_->id + "\r\n";
  rewritten_.clear();
  append_initialized(rewritten_, answer().root());
  reply_body_ = rewritten_;
  return {};
}

// The upstream said no over HTTP. Its 401 and 403 are about the gate's credentials, never about the caller's.
void Call::upstream_refused() {
  outcome_ = "error";
  settle(limits::CallOutcome::UpstreamError);
  reason_ = "upstream.status";
  message_text_ = "the upstream answered HTTP " + std::to_string(upstream_status_);
  bool own_credentials = upstream_status_ == 401 || upstream_status_ == 403;
  if (own_credentials) {
    reason_ = "upstream.auth";
    message_text_ = "the upstream does not accept this gate's credentials: ask the operator to run `callgate server probe " +
                    server_->server.slug + "`";
  }
  if (form_ == Form::Stream && (upstream_status_ == 404 || upstream_status_ == 405)) return hold_stream();
  if (upstream_status_ == 404 && session_ && !session_->upstream_id.empty())
    worker_.rooms().sessions.close(session_->id);  // the client must initialize again
  bool told = upstream_status_ >= 400 && upstream_status_ < 500 && !own_credentials;
  status_ = told ? upstream_status_ : 502;
  if (told && form_ == Form::Request && answer().parse(buffer_)) {
    auto message = session::read_message(answer().root());
    bool ours = message && message->error.exists() && (!message->id.exists() || session::same_id(message->id, message_.id));
    if (ours && inspect_answer(*message)) {
      reply_body_ = answer().canonical();
      content_type_ = "application/json";
      return finish();
    }
  }
  if (told) rpc_code_ = upstream_status_ == 404 || upstream_status_ == 405 ? session::kMethodNotFound : session::kInvalidRequest;
  else if (!request_id_.empty()) status_ = 200;
  if (upstream_status_ == 405) extra_lines_ = "Allow: POST\r\n";
  set_refusal_body(Code::Unavailable, message_text_);
  finish();
}

// ---- the end --------------------------------------------------------------------------------------------------------

void Call::settle(limits::CallOutcome outcome) {
  if (!reservation_.empty()) worker_.rooms().counters.settle(reservation_, limits::settle_for(outcome));
}

// The one exit: queues the reply, which leaves behind its record.
void Call::finish() {
  if (finished_) return;
  finished_ = true;
  if (in_flight_) worker_.rooms().sessions.end_request(session_->id, request_id_);
  in_flight_ = false;
  if (link_ && form_ == Form::Stream) link_->close(reason_ == "client.gone" || reason_ == "stream.too_slow");
  if (!asked_ids_.empty()) forget_questions();
  if (asking_) asking_->call = nullptr;
  note_details();
  worker_.queue_outgoing(*this);
}

// Of what is finished; all calls of a batch one after the other, when it is flushed.
void Call::add_record() {
  if (worker_.rooms().options.audit && !(recorded_inside_ && reason_ == "ok")) worker_.add_record(record());
}

Record Call::record() const {
  Record record;
  record.kind = caller_ == nullptr                              ? Record::Kind::Refusal
                : form_ == Form::Stream || form_ == Form::Close ? Record::Kind::Session
                                                                : Record::Kind::Call;
  record.time = wall_;
  record.decision_id = decision_id_;
  if (caller_ != nullptr) {
    record.principal_id = caller_->principal.id;
    record.principal_name = caller_->principal.name;
    record.principal_kind = caller_->principal.kind == PrincipalKind::Robot ? "robot" : "user";
    record.grant_id = caller_->grant.id;
    record.grant_label = caller_->grant.label;
  }
  record.client = client_;
  record.remote_address = remote_text_;
  if (session_) record.session_id = session_->digest;
  if (server_ != nullptr) {
    record.server_id = server_->server.id;
    record.server_slug = server_->server.slug;
  }
  record.era = era_ == session::Era::Modern ? session::kModernRevision
               : session_                   ? std::string_view(session_->revision)
                                            : std::string_view();
  record.method = !message_.method.empty()    ? message_.method
                  : !answered_method_.empty() ? std::string_view(answered_method_)
                                              : std::string_view(http_line_);
  if (message_.method == "tools/call" || message_.method == "prompts/get") record.tool = message_.name.string();
  else if (message_.method.starts_with("resources/")) record.tool = message_.params["uri"].string();
  if (!masked_subject_.empty()) record.tool = masked_subject_;
  record.request_id = request_id_;
  record.effect = effect_;
  record.reason = reason_;
  record.message = message_text_;
  record.rule = rule_;
  record.rule_line = rule_line_;
  if (visibility_.policy != nullptr) {
    record.policy = visibility_.policy->name();
    record.policy_version = visibility_.policy->version();
  }
  record.shadow = decision_.shadow;
  record.stated_reason = stated_reason_;
  record.arguments_json = arguments_json_;
  record.upstream_status = upstream_status_;
  record.outcome = outcome_;
  record.result_digest = result_digest_;
  record.result = result_;
  record.result_bytes = result_bytes_;
  record.decide_us = micros(started_, decided_at_);
  record.upstream_us = micros(sent_at_, answered_at_);
  record.total_us = finished_ ? micros(started_, worker_.mono()) : 0;
  record.traceparent = traceparent_;
  record.detail_json = detail_json_;
  return record;
}

void Call::add_intent() {
  if (intent_added_ || recorded_inside_ || waiting()) return;
  intent_added_ = true;
  Record intent = record();
  std::string detail = with_flow(detail_json_);
  intent.detail_json = detail;
  intent.kind = form_ == Form::Stream ? Record::Kind::Session : Record::Kind::Intent;
  if (form_ == Form::Stream) intent.reason = "stream.opened";
  worker_.add_record(intent);
}

void Call::deliver(bool recorded) {
  queued_ = false;
  if (!finished_) return deliver_stream(recorded);
  if (!recorded && !stream_begun_) {
    reason_ = "audit.unwritable";
    rpc_code_ = 0;
    rpc_data_.clear();
    status_ = request_id_.empty() ? 503 : 200;
    set_refusal_body(Code::Unavailable,
                     "this call could not be recorded, so its answer is withheld: ask the operator to look at the audit journal");
    event_reply_ = false;
  }
  listener::Reply* reply = std::exchange(reply_, nullptr);
  drop_from_streams();
  delivered_ = true;
  if (reply == nullptr) return recycle_when_done();
  if (stream_begun_) {
    if (event_reply_ && !reply_body_.empty())  // an answer that came whole, in a stream that was begun while a person was asked
      session::append_sse(out_, {.event = "message", .data = reply_body_, .id = {}, .retry_ms = {}, .has_data = true});
    if (recorded && !cut_) {
      if (!out_.empty()) reply->write(out_);
      reply->finish();
    } else {
      reply->abort();
    }
  } else if (event_reply_) {
    reply->send({status_, "text/event-stream", extra_lines_}, out_);
  } else {
    reply->send({status_, content_type_, extra_lines_}, reply_body_);
  }
  recycle_when_done();
}

void Call::on_client_gone() {
  reply_ = nullptr;
  if (finished_) return;
  if (waiting()) {  // the approval stays: the same call finds it again
    bool on_pool = asking_->stage == Asking::Stage::Looking || asking_->stage == Asking::Stage::Using;
    if (on_pool) return;  // its answer comes any moment, and finds that nobody is there
    reason_ = "client.gone";
    return finish();
  }
  bool ends_with_client = era_ == session::Era::Modern || form_ == Form::Stream;  // N6; a legacy disconnect is not a cancellation (L9)
  if (!ends_with_client || (exchange_ == nullptr && !streaming_)) return on_drained();  // nobody reads now: the server need not wait
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  answered_at_ = worker_.mono();
  reason_ = "client.gone";
  settle(limits::CallOutcome::ClientGone);
  finish();
}

// A client that closed its socket looks like one that only stopped sending. Where leaving cancels, it is taken to have left (N6);
// elsewhere it still gets its answer, for half-closed HTTP clients exist.
void Call::on_half_close() {
  if (finished_ || (era_ != session::Era::Modern && form_ != Form::Stream)) return;
  if (listener::Reply* reply = std::exchange(reply_, nullptr)) reply->abort();
  on_client_gone();
}

void Call::recycle_when_done() {
  if (delivered_ && exchange_ == nullptr && !queued_) worker_.recycle(*this);
}

}  // namespace callgate::gateway
