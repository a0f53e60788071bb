#include "bridge/leg.h"

namespace callgate::bridge {
namespace {

bool is_event_stream(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return net::equals_ignoring_case(type, "text/event-stream");
}

bool visible_ascii(std::string_view text) {
  for (char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return !text.empty() && text.size() <= 512;
}

}  // namespace

void Leg::send(upstream::Transport& below, Request request) {
  request_ = std::move(request);
  CallContext context;
  context.modern = request_.modern;
  context.principal_id = origin_->principal_id;
  context.grant_id = origin_->grant_id;
  context.remote = origin_->remote;
  context.reason = origin_->reason;
  context.session = request_.session;
  context.revision = request_.revision;
  call_.emplace(origin_->clearance.reworded(request_.method, request_.head, request_.body, context));
  exchange_ = &below.send({&origin_->target->server, &origin_->target->credentials}, *call_, *this);
}

void Leg::pause() {
  if (exchange_ != nullptr) exchange_->pause();
}
void Leg::resume() {
  if (exchange_ != nullptr) exchange_->resume();
}
void Leg::set_timeout(std::chrono::milliseconds until_next_byte) {
  if (exchange_ != nullptr) exchange_->set_timeout(until_next_byte);
}
void Leg::cancel() {
  over_ = true;
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
}

void Leg::on_head(const net::Head& head) {
  status_ = head.status;
  if (success() && is_event_stream(head.header("content-type"))) events_.emplace(origin_->target->server.response_bytes_max);
  owner_->on_leg_head(*this, head);
}

void Leg::on_body(std::string_view piece) {
  if (over_) return;
  if (events_) return add_events(piece);
  if (status_ == 202) return;  // there is nothing to read in it
  if (body_.size() + piece.size() > origin_->target->server.response_bytes_max) return broken("its answer is too large");
  body_ += piece;
}

void Leg::add_events(std::string_view piece) {
  auto read = events_->add(piece, [this](const session::SseEvent& event) {
    if (event.id && visible_ascii(*event.id)) last_event_id_ = *event.id;
    if (event.retry_ms) retry_ms_ = event.retry_ms;
    if (!event.has_data || event.data.empty()) return !over_;
    return hand_over(event.data) && !over_;
  });
  if (!read && !over_) broken(read.error().message);
}

// True when the bytes were a message.
bool Leg::hand_over(std::string_view bytes) {
  json::Caps caps;
  caps.bytes_max = origin_->target->server.response_bytes_max;
  auto parsed = document_.parse(bytes, caps);
  auto message = parsed ? session::read_message(document_.root()) : tl::unexpected<Error>(parsed.error());
  if (!message) {  // T-41: what cannot be read is not passed on, and the caller is told
    if (success()) broken(message.error().message);
    return false;
  }
  owner_->on_leg_message(*this, *message, document_);
  return true;
}

void Leg::broken(std::string message) {
  cancel();
  const Error error{Code::Unavailable, "upstream.bad_answer", "the server's answer is not safe to pass on: " + message, {}};
  owner_->on_leg_end(*this, &error, true);
}

void Leg::on_end() {
  exchange_ = nullptr;
  if (over_) return;
  if (!events_ && !body_.empty()) {
    std::string whole = std::exchange(body_, {});
    if (!hand_over(whole) && over_) return;
  }
  if (over_) return;
  over_ = true;
  owner_->on_leg_end(*this, nullptr, true);
}

void Leg::on_error(const Error& error, bool sent) {
  exchange_ = nullptr;
  if (std::exchange(over_, true)) return;
  owner_->on_leg_end(*this, &error, sent);
}

}  // namespace callgate::bridge
