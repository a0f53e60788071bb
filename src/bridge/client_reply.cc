#include "bridge/client_reply.h"

#include <utility>

#include "session/sse.h"

namespace callgate::bridge {

namespace {

constexpr std::size_t kHeldMax = 1'024;

Error unrecorded() {
  return {Code::Unavailable, "bridge.unrecorded", "the gate refused to go on with this call: call again to learn why", {}};
}

}  // namespace

ClientReply::ClientReply(net::Loop& loop, upstream::ResponseSink& sink, ReplyOwner& owner) : loop_(loop), sink_(&sink), owner_(owner) {}

void ClientReply::begin_events() {
  if (!events_) queue({.kind = Step::Kind::Events, .text = {}, .session_id = {}, .error = {}});
  events_ = true;
}
void ClientReply::notify(std::string_view message) {
  if (steps_.size() >= kHeldMax) return;  // nobody reads: a hint less does no harm
  begin_events();
  queue({.kind = Step::Kind::Notify, .text = std::string(message), .session_id = {}, .error = {}});
}
void ClientReply::answer(std::string_view message, int status, std::string_view session_id) {
  queue({.kind = Step::Kind::Answer, .text = std::string(message), .status = status, .session_id = std::string(session_id), .error = {}});
  over_ = true;
}
void ClientReply::empty(int status) {
  queue({.kind = Step::Kind::Empty, .text = {}, .status = status, .session_id = {}, .error = {}});
  over_ = true;
}
void ClientReply::fail(Error error, bool sent) {
  queue({.kind = Step::Kind::Fail, .text = {}, .session_id = {}, .error = std::move(error), .sent = sent});
  over_ = true;
}
void ClientReply::finish() {
  queue({.kind = Step::Kind::Finish, .text = {}, .session_id = {}, .error = {}});
  over_ = true;
}

void ClientReply::queue(Step step) {
  if (over_) return;
  steps_.push_back(std::move(step));
  if (!queued_ && !paused_) {
    queued_ = true;
    loop_.defer(*this);
  }
}

void ClientReply::resume() {
  paused_ = false;
  if (steps_.empty() || queued_ || sink_ == nullptr) return;
  queued_ = true;
  loop_.defer(*this);
}

void ClientReply::drop() {
  sink_ = nullptr;
  over_ = true;
  steps_.clear();
}

void ClientReply::on_batch_end() {
  queued_ = false;
  std::size_t done = 0;
  while (sink_ != nullptr && !paused_ && done < steps_.size()) {
    Step step = std::move(steps_[done++]);
    if (take(step)) continue;
    drop();
    return owner_.on_reply_done();
  }
  if (sink_ != nullptr) steps_.erase(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(done));
}

void ClientReply::head(int status, std::string_view content_type, std::string_view session_id) {
  if (std::exchange(head_sent_, true)) return;
  net::Head head;
  head.status = status;
  if (!content_type.empty()) head.add({"Content-Type", content_type});
  if (!session_id.empty()) head.add({"Mcp-Session-Id", session_id});
  said_recorded_ = recorded_;
  if (recorded_) head.add({"callgate-recorded", "1"});
  sink_->on_head(head);
}

// False when this was the end. The sink may cancel in any callback: then drop() was the end.
bool ClientReply::take(Step& step) {
  if (step.kind == Step::Kind::Answer && said_recorded_ && !recorded_) {
    std::exchange(sink_, nullptr)->on_error(unrecorded(), true);
    return false;
  }
  std::string out;
  const bool event = step.kind == Step::Kind::Notify || (step.kind == Step::Kind::Answer && events_);
  if (event) session::append_sse(out, {.event = "message", .data = step.text, .id = {}, .retry_ms = {}, .has_data = true});
  else out = std::move(step.text);
  switch (step.kind) {
    case Step::Kind::Events: head(200, "text/event-stream"); return true;
    case Step::Kind::Notify: sink_->on_body(out); return true;
    case Step::Kind::Answer: head(step.status, "application/json", step.session_id); break;
    case Step::Kind::Empty: head(step.status, {}); break;
    case Step::Kind::Finish: break;
    case Step::Kind::Fail: std::exchange(sink_, nullptr)->on_error(*step.error, step.sent); return false;
  }
  if (sink_ != nullptr && !out.empty()) sink_->on_body(out);
  if (sink_ == nullptr) return true;
  std::exchange(sink_, nullptr)->on_end();
  return false;
}

}  // namespace callgate::bridge
