#include "bridge/run.h"

#include "bridge/listen.h"
#include "bridge/modern_call.h"
#include "bridge/translate.h"
#include "bridge/words.h"
#include "session/revision.h"

namespace callgate::bridge {
namespace {

constexpr std::uint32_t kFollowsMax = 8;  // times a stream may break off before its answer without anything new
constexpr std::chrono::milliseconds kRetryMax(30'000);

}  // namespace

Run::Run(Core& core, Request request, Client client)
    : Actor(core),
      request_(std::move(request)),
      client_(std::move(client)),
      started_(core.now()),
      gather_([this] { park(); }),
      expiry_([this] { on_expiry(); }),
      wait_([this] { stage_ == Stage::TaskPoll ? poll_task() : void(follow_stream()); }) {}

void Run::on_removed() {
  if (!parked_id_.empty()) core().hub().forget_parked(parked_id_);
  leave_session();
  drop_leg();
  for (auto& post : posts_) post->cancel();
  for (net::Timer* timer : {&gather_, &expiry_, &wait_}) core().loop().disarm(*timer);
}

void Run::leave_session() {
  if (!session_) return;
  const std::lock_guard lock(core().hub().mutex);
  std::erase(session_->runs, address());
}

void Run::drop_leg() {
  if (!leg_) return;
  if (answered_) return drain(core(), std::move(leg_));
  leg_->cancel();
  core().loop().bury(std::move(leg_));
}

// ---- towards the server ---------------------------------------------------------------------------------------------

void Run::on_session(const Result<std::shared_ptr<ServerSession>>& opened) {
  if (!opened) {
    tell_failure(opened.error(), false);
    return end();
  }
  session_ = *opened;
  bool raise = false;
  if (client_.level >= 0 && session_->can_log) {
    const std::lock_guard lock(core().hub().mutex);
    raise = session_->level < 0 || client_.level < session_->level;
    if (raise) session_->level = client_.level;
  }
  if (!raise) return send_call();
  constexpr std::array<std::string_view, 8> names = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", "logging/setLevel").key("params");
  writer.begin_object().member("level", names[static_cast<std::size_t>(client_.level)]).end_object().end_object();
  send(std::move(body), Stage::Level);
}

void Run::send_call() {
  if (input_method(request_.method)) {
    const std::lock_guard lock(core().hub().mutex);
    if (std::ranges::find(session_->runs, address()) == session_->runs.end()) session_->runs.push_back(address());
  }
  std::string body = compose(as_task_);
  send(std::move(body), Stage::Call);
}

void Run::send(std::string body, Stage stage) {
  drop_leg();
  stage_ = stage;
  answered_ = false;
  last_event_id_.clear();
  follows_ = 0;
  leg_ = std::make_unique<Leg>(*this, request_.wish.origin);
  leg_->send(core().below(), to_session(*session_, std::move(body)));
}

// The client's request without its envelope; the server's progress comes back under our id.
std::string Run::compose(bool as_task) {
  json::Document document;
  (void)document.parse(request_.body);  // canonical bytes of a judged document
  json::Value params = document.root()["params"], meta = params["_meta"];
  upstream_id_ = call_id_ = std::to_string(core().hub().next_id());
  if (request_.method == "resources/read" && params["uri"].is_string()) uri_ = params["uri"].raw();
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", request_.method).key("params");
  writer.begin_object();
  append_members(writer, params, {"_meta", "inputResponses", "requestState", "task"});
  if (as_task) writer.key("task").begin_object().member("ttl", std::int64_t{900'000}).end_object();
  writer.key("_meta").begin_object();
  append_members(writer, meta,
                 {session::kMetaVersion, session::kMetaClientInfo, session::kMetaCapabilities, kMetaLogLevel, "progressToken"});
  if (!client_.progress_token.empty()) writer.key("progressToken").raw(call_id_);
  writer.end_object().end_object().end_object();
  return body;
}

// ---- from the server ------------------------------------------------------------------------------------------------

void Run::on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) {
  if (&leg != leg_.get() || (leg.status() == 404 && !reopened_ && !session_->upstream_id.empty())) return;
  last_event_id_ = leg.last_event_id();
  follows_ = 0;
  switch (message.kind) {
    case session::MessageKind::Notification: return on_notification(message);
    case session::MessageKind::Request: return on_question(message);
    case session::MessageKind::Response: break;
  }
  if (message.id.raw() != upstream_id_ || answered_) return;  // T-50: another's answer
  answered_ = true;
  on_answer(message, document);
}

void Run::on_answer(const session::Message& message, const json::Document& document) {
  if (stage_ == Stage::Level) return send_call();  // or the server refused the level: the call goes on without its messages
  if (stage_ == Stage::TaskPoll || starts_task(message)) return on_task(message);
  core().loop().disarm(gather_);
  questions_.clear();
  if (parked_id_.empty()) return deliver(message);
  kept_answer_ = document.canonical();  // the server did not wait for the client; the retry gets it
}

void Run::on_notification(const session::Message& message) {
  json::Value params = message.params;
  if (fan_out(core(), *session_, message)) return;
  if (message.method == "notifications/cancelled") {
    std::erase_if(questions_, [&](const Question& question) { return question.id == params["requestId"].raw(); });
    return;
  }
  if (!parked_id_.empty()) return;
  std::string out;
  if (message.method == "notifications/progress") {
    bool ours = params["progressToken"].exists() && params["progressToken"].raw() == call_id_;
    if (!ours || client_.progress_token.empty()) return;
    out = renamed_progress(message, client_.progress_token);
  } else if (message.method == "notifications/message") {
    int level = log_level(params["level"].string());
    if (client_.level < 0 || level < client_.level) return;
    out = without_meta_key(message, {});
  } else {
    return;
  }
  core().tell<ModernCall>(client_.call, [out = std::move(out)](ModernCall& call) { call.notify(out); });
}

void Run::on_leg_end(Leg& leg, const Error* error, bool sent) {
  if (&leg != leg_.get()) {  // an answer to the server's question: it was taken, or the call cannot go on
    bool taken = error == nullptr && leg.success();
    if (!taken && !answered_) give_up({Code::Unavailable, "bridge.answer", "the server did not take the client's answer", {}});
    return;
  }
  if (answered_) return;
  if (error != nullptr) {
    if (error->code == Code::Timeout && sent) cancel_upstream("timeout");
    if (parked_id_.empty()) {
      tell_failure(*error, sent);
      return end();
    }
    kept_failure_ = *error;
    return;
  }
  if (stage_ == Stage::Level) return send_call();
  no_answer(leg);
}

void Run::no_answer(Leg& leg) {
  if (leg.status() == 404 && !session_->upstream_id.empty() && !reopened_) {
    // The server forgot the session, so it did not look at the request: once more, with a new one.
    reopened_ = true;
    forget_session(core(), *session_);
    leave_session();
    if (request_.body.empty()) return give_up({Code::Unavailable, "bridge.session_lost", "the server ended the session: call again", {}});
    questions_.clear();  // the old session's
    core().loop().disarm(gather_);
    session_.reset();
    stage_ = Stage::Session;
    drop_leg();
    return want_session(*this, request_.wish);
  }
  if (leg.success() && !leg.last_event_id().empty() && follows_ < kFollowsMax) {
    last_event_id_ = leg.last_event_id();
    std::chrono::milliseconds after(std::clamp<std::int64_t>(leg.retry_ms().value_or(1'000), 20, kRetryMax.count()));
    return core().loop().arm(wait_, after);
  }
  if (!parked_id_.empty()) {
    kept_failure_ = Error{Code::Unavailable, "upstream.no_answer", "the server ended the call while it waited for the client", {}};
    return;
  }
  int status = leg.status();
  if (leg.success() || status == 404 || status == 405) {
    tell_failure({Code::Unavailable, "upstream.no_answer", "the server ended its stream without an answer", {}}, true);
  } else {
    core().tell<ModernCall>(client_.call, [status](ModernCall& call) { call.http(status); });
  }
  end();
}

// The server closed the stream and wants to be asked again (2025-11-25), or the connection broke: go on after the last event seen.
bool Run::follow_stream() {
  ++follows_;
  Leg::Request request = to_session(*session_, {});
  request.method = "GET";
  request.head = "Accept: text/event-stream\r\n";
  if (!session_->upstream_id.empty()) request.head += "Mcp-Session-Id: " + session_->upstream_id + "\r\n";
  request.head += "MCP-Protocol-Version: " + session_->revision + "\r\nLast-Event-ID: " + last_event_id_ + "\r\n";
  drop_leg();
  leg_ = std::make_unique<Leg>(*this, request_.wish.origin);
  leg_->send(core().below(), std::move(request));
  if (!parked_id_.empty()) leg_->set_timeout(std::chrono::milliseconds(0));
  return true;
}

// ---- towards the client ---------------------------------------------------------------------------------------------

void Run::deliver(const session::Message& message) {
  json::Value error = message.error;
  if (error.exists() && error_code(error) == kUrlsRequired && input_method(request_.method))
    return deliver_urls(error["data"]["elicitations"]);
  if (error.exists()) {
    int status = error_code(error) == session::kMethodNotFound ? 404 : 200;
    tell_answer(modern_error(client_.id, error, uri_), status);
  } else {
    tell_answer(modern_result(client_.id, request_.method, message.result, session_->server_info));
  }
  end();
}

// The retry brings no state and calls again: the server has nothing under way.
void Run::deliver_urls(json::Value elicitations) {
  if (!client_.can.urls) {
    constexpr std::string_view needed = R"({"requiredCapabilities":{"elicitation":{"url":{}}}})";
    tell_answer(error_message(client_.id, kMissingCapability, "this call needs a client that can open links", needed), 400);
    return end();
  }
  questions_.clear();
  elicitations.for_each_element([&](json::Value entry) {
    if (!entry.is_object() || questions_.size() >= 16) return;
    std::string params;
    json::Writer writer(params);
    writer.begin_object().member("mode", "url");
    append_members(writer, entry, {"mode", "elicitationId"});
    writer.end_object();
    questions_.push_back({"elicitation_" + std::to_string(questions_.size() + 1), {}, "elicitation/create", std::move(params)});
  });
  if (questions_.empty()) tell_answer(error_message(client_.id, session::kInternalError, "the server wants a link opened, but names none"));
  else tell_answer(input_required({}));
  end();
}

void Run::tell_answer(std::string body, int status) {
  core().tell<ModernCall>(client_.call, [body = std::move(body), status](ModernCall& call) { call.answer(body, status); });
}

void Run::tell_failure(const Error& error, bool sent) {
  core().tell<ModernCall>(client_.call, [error, sent](ModernCall& call) { call.fail(error, sent); });
}

void Run::client_gone(Address who) {
  if (who != client_.call) return;
  cancel_upstream("the client closed the request");
  end();
}

void Run::pause(Address who, bool paused) {
  if (leg_ && who == client_.call) paused ? leg_->pause() : leg_->resume();
}

void Run::give_up(Error error) {
  cancel_upstream(error.message);
  if (parked_id_.empty()) {
    tell_failure(error, true);
    return end();
  }
  kept_failure_ = std::move(error);
  drop_leg();
}

void Run::cancel_upstream(std::string_view why) {
  if (!session_ || (answered_ && task_id_.empty()) || (stage_ != Stage::Call && stage_ != Stage::TaskPoll && stage_ != Stage::TaskResult))
    return;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0");
  if (task_id_.empty()) {
    writer.member("method", "notifications/cancelled").key("params").begin_object().key("requestId").raw(call_id_).member("reason", why);
  } else {
    writer.key("id").raw(std::to_string(core().hub().next_id())).member("method", "tasks/cancel").key("params").begin_object();
    writer.member("taskId", task_id_);
  }
  writer.end_object().end_object();
  core().add<Errand>(request_.wish.origin).send(to_session(*session_, std::move(body)));
}

}  // namespace callgate::bridge
