// Answers that arrive over time: event streams, and JSON bodies too large to hold. What leaves was judged; what cannot be judged
// cuts the stream.

#include "gateway/call.h"
#include "gateway/hub_names.h"
#include "gateway/worker.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

constexpr std::size_t kKeepBytes = 64 * 1024;  // of each buffer of a call that waits for the next request
constexpr std::size_t kOutBytes = 256 * 1024;  // of a stream towards the client, before the server has to wait

bool relayable_id(std::string_view id) {
  for (char c : id)
    if (c < 0x21 || c > 0x7e) return false;
  return !id.empty() && id.size() <= 512;
}

}  // namespace

// ---- events ---------------------------------------------------------------------------------------------------------

void Call::add_events(std::string_view piece) {
  if (finished_) return;  // after the answer nothing more belongs to this request
  auto read = events_->add(piece, [this](const session::SseEvent& event) { return on_event(event); });
  if (!read && !finished_) {
    if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
    answered_at_ = worker_.mono();
    upstream_failed({Code::Unavailable, "upstream.bad_stream", "the upstream's event stream cannot be read: " + read.error().message, {}},
                    limits::CallOutcome::UpstreamError);
  }
}

bool Call::on_event(const session::SseEvent& event) {
  if (!event.has_data || event.data.empty()) {
    if (event.id || event.retry_ms) relay_event(event, {});  // a priming event, for resumption
    return true;
  }
  json::Caps caps;
  caps.bytes_max = server_->server.response_bytes_max;
  auto parsed = answer().parse(event.data, caps);
  auto message = parsed ? session::read_message(answer().root()) : tl::unexpected<Error>(parsed.error());
  if (!message) {  // T-41: what cannot be read is not passed on, and the caller is told
    if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
    answered_at_ = worker_.mono();
    upstream_failed({Code::Unavailable,
                     "upstream.bad_answer",
                     "the upstream sent an event that is not safe to pass on: " + message.error().message,
                     {}},
                    limits::CallOutcome::UpstreamError);
    return false;
  }
  switch (message->kind) {
    case session::MessageKind::Response: relay_answer(*message, event); return !finished_;
    case session::MessageKind::Notification:
      if (message->method == "notifications/tools/list_changed") worker_.rooms().tools_changed(server_->server.id);
      if (!relayed_notification(message->method) || !own_task(*message) || !inspect_event(*message)) {
        ++dropped_;
        return true;
      }
      rewritten_ = tasks_for_client(answer().root(), message->method, false);
      relay_event(event, rewritten_.empty() ? answer().canonical() : std::string_view(rewritten_));
      return true;
    case session::MessageKind::Request: relay_question(*message, event); return !finished_;
  }
  return true;
}

void Call::relay_answer(session::Message message, const session::SseEvent& event) {
  if (form_ == Form::Stream) {
    if (!resuming_) {  // L4: no answers on a fresh GET stream
      ++dropped_;
      return;
    }
    auto inspected = inspect_answer(message);
    rewritten_.clear();
    if (!inspected) session::append_error(rewritten_, message.id.raw(), session::kInternalError, inspected.error().message);
    else if (message.result["tools"].is_array()) note_list(append_filtered_list(rewritten_, answer().root(), visibility_, era_));  // T-40
    else rewritten_ = tasks_for_client(answer().root(), {}, true);
    if (rewritten_.empty()) rewritten_ = answer().canonical();
    relay_event(event, rewritten_);
    return;
  }
  if (!session::same_id(message.id, message_.id)) {
    ++dropped_;
    return;
  }
  answered_at_ = worker_.mono();
  complete_message(answer().root());
  if (reply_body_.empty()) return;
  session::SseEvent last{.event = "message", .data = reply_body_, .id = {}, .retry_ms = {}, .has_data = true};
  if (event.id && relayable_id(*event.id)) last.id = event.id;
  session::append_sse(out_, last);
  reply_body_ = {};
  if (exchange_ != nullptr) exchange_->set_timeout(std::chrono::seconds(2));  // only its end is still awaited
}

void Call::relay_event(const session::SseEvent& event, std::string_view data) {
  if (reply_ == nullptr) return;
  if (message_.method == "initialize") {  // the head of this answer carries the session id, which only the answer brings
    ++dropped_;
    return;
  }
  session::SseEvent copy{.event = "message", .data = data, .id = {}, .retry_ms = event.retry_ms, .has_data = true};
  if (event.id && relayable_id(*event.id)) copy.id = event.id, resumable_ = true;
  session::append_sse(out_, copy);
  start_stream();
}

void Call::end_events() {
  if (form_ == Form::Stream) {
    reason_ = "stream.closed";
    return finish();
  }
  if (resumable_ && !link_ && era_ == session::Era::Legacy && stream_begun_) {  // L14: the client asks for the rest with Last-Event-ID
    reason_ = "stream.resumable";
    settle(limits::CallOutcome::ConnectionLostAfterSend);
    return finish();
  }
  upstream_failed({Code::Unavailable, "upstream.no_answer", "the upstream ended its stream without an answer", {}},
                  limits::CallOutcome::ConnectionLostAfterSend);
}

// ---- large JSON -----------------------------------------------------------------------------------------------------

void Call::begin_pieces() {
  body_form_ = Body::Pieces;
  json::Caps caps;
  caps.bytes_max = server_->server.response_bytes_max;
  pieces_ = std::make_unique<Pieces>(caps);
  content_type_ = "application/json";
  std::string first = std::exchange(buffer_, {});
  add_piece(first);
}

// The newest piece is held back until the next one, so that a document that turns out bad never looks complete.
void Call::add_piece(std::string_view piece) {
  if (finished_) return;
  if (auto checked = pieces_->check.add(piece); !checked)
    return cut({Code::Unavailable, "upstream.bad_answer", "the upstream answered with JSON that is not safe to pass on", {}});
  pieces_->digest.add(piece);
  result_bytes_ += piece.size();
  out_ += buffer_;
  buffer_ = piece;
  start_stream();
}

void Call::end_pieces() {
  if (!pieces_->check.finish() || pieces_->check.top_level_id() != request_id_)
    return cut(
        {Code::Unavailable, "upstream.bad_answer", "the upstream's answer is not safe to pass on or does not belong to this request", {}});
  out_ += buffer_;
  result_digest_ = pieces_->digest.finish();
  outcome_ = "streamed";
  settle(limits::CallOutcome::Answered);
  finish();
}

// ---- the stream to the client ---------------------------------------------------------------------------------------

void Call::start_stream() {
  streaming_ = true;
  if (out_.size() > kOutBytes && exchange_ != nullptr && !paused_) {  // T-72: enough for one batch, however much the server sends
    paused_ = true;
    exchange_->pause();
  }
  worker_.queue_outgoing(*this);
}

// The server has nothing to say unasked; the gate may have, so the client's stream is kept open here.
void Call::hold_stream() {
  upstream_status_ = 0;
  outcome_ = "none";
  event_reply_ = true;
  out_ += ": open\n\n";
  start_stream();
}

void Call::push(std::string_view events) {
  if (finished_) return;
  out_ += events;
  start_stream();
}

void Call::cut_link(std::string_view reason, std::string message) { cut({Code::Unavailable, reason, std::move(message), {}}); }

void Call::deliver_stream(bool recorded) {
  if (!recorded) return cut({Code::Unavailable, "audit.unwritable", "this stream could not be recorded", {}});
  if (reply_ == nullptr) {  // nobody reads: the server must not wait for it either
    out_.clear();
    return on_drained();
  }
  if (!stream_begun_) {
    reply_->begin_stream({200, event_reply_ ? std::string_view("text/event-stream") : content_type_, extra_lines_});
    stream_begun_ = true;
    worker_.add_stream(*this);
  }
  last_write_ = worker_.loop().now();
  if (out_.empty()) return;
  bool room = reply_->write(out_);
  out_.clear();
  if (room) return on_drained();
  if (link_ && form_ == Form::Stream) link_->room(false);
  if (out_.capacity() > kOutBytes) std::string().swap(out_);
  if (exchange_ != nullptr && !paused_) {
    paused_ = true;
    exchange_->pause();
  }
}

void Call::on_drained() {
  if (link_ && form_ == Form::Stream && !finished_) link_->room(true);
  if (!paused_) return;
  paused_ = false;
  if (exchange_ != nullptr) exchange_->resume();
}

void Call::cut(const Error& error) {
  if (finished_) return;
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  cut_ = true;
  answered_at_ = worker_.mono();
  reason_ = error.reason;
  message_text_ = error.message;
  settle(limits::CallOutcome::ConnectionLostAfterSend);
  if (!stream_begun_) {
    status_ = request_id_.empty() ? 502 : 200;
    event_reply_ = false;
    set_refusal_body(error.code, message_text_);
  }
  finish();
}

// What was admitted but not sent is refused by the worker; what is done or idle is left alone.
void Call::stop() {
  if (waiting()) return stop_waiting();
  if (exchange_ == nullptr && !streaming_) return;
  cut({Code::Unavailable, "gate.stopping", "the gate is stopping: whether this call took effect is not known", {}});
}

// B-07, T-61: a grant that ended ends its streams too.
void Call::recheck(const Snapshot& snapshot, WallTime now) {
  if (finished_) return;
  if (waiting()) return recheck_waiting(snapshot, now);
  if (inner_) return;  // the outer call is looked at, and takes its inner ones with it
  auto caller = snapshot.directory->recheck(caller_->grant.id, remote_, now);
  if (!caller) return cut(caller.error());
  if (shared_) return;
  const catalog::ServerEntry* server = snapshot.catalog->server(server_->server.id);
  if (server == nullptr || server->server.disabled || !identity::may_use_server(**caller, server->server))
    return cut({Code::Forbidden, "catalog.disabled", "this server is no longer available to this grant", {}});
  if (link_ && form_ == Form::Stream && link_->session().empty()) return;  // it has listed nothing yet
  if (endless() && snapshot.epoch != listed_epoch_) tell_list_changed(snapshot, **caller);
}

// A policy, a role or the server's own tools have changed what the caller sees: say so on the stream that is for it.
void Call::tell_list_changed(const Snapshot& snapshot, const identity::GrantEntry& caller) {
  listed_epoch_ = snapshot.epoch;
  const catalog::ServerEntry* server = snapshot.catalog->server(server_->server.id);
  Visibility now{&caller, server, policy_for(*snapshot.catalog, caller, *server)};
  if (!listed_) listed_ = seen_tools(visibility_);
  Digest seen = seen_tools(now);
  if (seen == *listed_) return;
  listed_ = seen;
  bool modern = era_ == session::Era::Modern;
  if (modern && !message_.params["notifications"]["toolsListChanged"].is(json::Kind::True)) return;
  std::string data = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed")";
  if (modern) (data += R"(,"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":)") += request_id_, data += "}}";
  data += '}';
  relay_event({}, data);
}

void Call::keep_alive(MonoTime now) {
  if (!stream_begun_ || finished_ || !event_reply_ || reply_ == nullptr) return;
  if (now - last_write_ < worker_.rooms().options.stream_keep_alive) return;
  last_write_ = now;
  if (link_ && form_ == Form::Stream) link_->touch(worker_.rooms().clock.now());
  if (!waiting()) return void(reply_->write(": keep-alive\n\n"));
  std::string event;
  append_waiting(event);
  reply_->write(event);
}

void Call::drop_from_streams() {
  if (stream_begun_) worker_.drop_stream(*this);
}

// The end of a call: what others own goes back to them, and it stands there as nobody's.
void Call::let_go() {
  // Of an ordinary call nothing is large but what the request was read into, for most of that may have been white space.
  const bool small = answer_read_ && !streaming_ && body_.size() + result_bytes_ <= kKeepBytes / 4;
  document_.trim(kKeepBytes);
  reply_ = nullptr;
  exchange_ = nullptr;
  snapshot_.reset();
  session_.reset();
  link_.reset();
  flow_.reset();
  if (asking_) asking_->call = nullptr;
  asking_.reset();
  put_back_scratch();
  if (answer_) {
    answer_->trim(kKeepBytes);
    worker_.answers().put_back(std::move(answer_));
  }
  if (!reservation_.empty()) reservation_ = {};  // settled ones are empty and keep their memory
  events_.reset();
  pieces_.reset();
  over_events_ = in_batch_ = inner_ = shared_ = recorded_inside_ = resuming_ = resumable_ = finished_ = delivered_ = streaming_ =
      stream_begun_ = paused_ = in_flight_ = intent_added_ = event_reply_ = cut_ = queued_ = answer_read_ = answered_early_ = false;
  if (small) return;
  for (std::string* text : {&arguments_json_, &detail_json_, &body_text_, &buffer_, &out_, &rewritten_, &findings_json_, &flow_json_,
                            &message_text_, &rpc_data_, &head_lines_, &extra_lines_})
    if (text->capacity() > kKeepBytes) std::string().swap(*text);
}

// Ready for the next request; the memory stays. Done when that is there, for it writes into the same places.
void Call::reset() {
  caller_ = nullptr;
  server_ = nullptr;
  visibility_ = {};
  method_ = nullptr;
  form_ = Form::Request;
  era_ = session::Era::Legacy;
  effect_ = Effect::Deny;
  body_form_ = Body::None;
  upstream_status_ = rpc_code_ = 0;
  status_ = 200;
  rule_line_ = found_ = dropped_ = asked_ = 0;
  retry_after_ms_ = -1;
  announced_ = result_bytes_ = listed_epoch_ = 0;
  reason_ = "ok";
  outcome_ = "none";
  body_ = result_ = reply_body_ = content_type_ = {};
  started_ = decided_at_ = sent_at_ = answered_at_ = last_write_ = {};
  message_ = {};
  decision_ = {};
  for (std::string* text :
       {&decision_id_,    &http_line_,        &remote_text_,     &client_,      &request_id_,    &head_lines_,  &extra_lines_,
        &rule_,           &message_text_,     &arguments_json_,  &detail_json_, &stated_reason_, &traceparent_, &findings_json_,
        &masked_subject_, &ask_message_,      &body_text_,       &flow_part_,   &flow_json_,     &task_,        &rpc_data_,
        &buffer_,         &upstream_session_, &answered_method_, &out_,         &rewritten_}) {
    if (!text->empty()) text->clear();  // most are, and clearing writes where the text would be
  }
  task_labels_.clear();
  asked_ids_.clear();
  result_digest_.reset();
  listed_.reset();
}

}  // namespace callgate::gateway
