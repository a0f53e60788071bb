#include "gateway/batch.h"

#include "gateway/worker.h"
#include "session/sse.h"

namespace callgate::gateway {

bool Batch::begin(Worker& worker, const listener::Request& request, listener::Reply& reply) {
  std::size_t first = request.body.find_first_not_of(" \t\r\n");
  if (request.method != "POST" || first == std::string_view::npos || request.body[first] != '[') return false;
  std::string_view version = request.head->header("mcp-protocol-version");
  if (!version.empty() && version != "2025-03-26") return false;
  auto batch = std::unique_ptr<Batch>(new Batch(worker, reply));
  json::Value root;
  if (batch->document_.parse(request.body)) root = batch->document_.root();
  if (!root.is_array() || root.size() == 0 || root.size() > kMembersMax) return false;
  Batch& running = *batch;
  running.self_ = std::move(batch);
  running.run(request);
  return true;
}

void Batch::run(const listener::Request& request) {
  reply_->observe(this);
  left_ = document_.root().size();
  members_.resize(left_);
  std::size_t position = 0;
  document_.root().for_each_element([&](json::Value message) {
    members_[position].part = std::make_unique<Part>(*this, position);
    listener::Request member = request;
    member.body = message.raw();
    member.connection_memo = nullptr;
    worker_.handle_member(member, *members_[position++].part);
  });
  starting_ = false;
  if (left_ == 0) answer();
}

void Batch::on_part_head(Part& part, const listener::ResponseHead& head, bool stream) {
  Member& member = members_[part.position()];
  member.status = head.status;
  member.streams = stream || head.content_type == "text/event-stream";
  member.extra = head.extra;
}

bool Batch::on_part_body(Part& part, std::string_view piece) {
  Member& member = members_[part.position()];
  if (!member.streams) {
    member.body += piece;
    return true;
  }
  if (reply_ == nullptr) return true;
  stream({});
  return reply_ == nullptr || reply_->write(piece);
}

void Batch::on_part_end(Part& part, bool whole) {
  Member& member = members_[part.position()];
  if (!whole) cut_ = true;
  if (streaming_ && !member.streams && !member.body.empty()) {
    std::string event;
    session::append_sse(event, {.event = "message", .data = member.body, .id = {}, .retry_ms = {}, .has_data = true});
    member.body.clear();
    stream(event);
  }
  if (--left_ == 0 && !starting_) answer();
}

// From now on answers are events; those that were waiting go first.
void Batch::stream(std::string_view events) {
  if (reply_ == nullptr) return;
  if (!streaming_) {
    streaming_ = true;
    reply_->begin_stream({200, "text/event-stream", {}});
    std::string waiting;
    for (Member& member : members_) {
      if (member.streams || member.body.empty() || !member.part || !member.part->over()) continue;
      session::append_sse(waiting, {.event = "message", .data = member.body, .id = {}, .retry_ms = {}, .has_data = true});
      member.body.clear();
    }
    if (!waiting.empty()) reply_->write(waiting);
  }
  if (!events.empty()) reply_->write(events);
}

void Batch::answer() {
  listener::Reply* reply = std::exchange(reply_, nullptr);
  if (reply != nullptr && streaming_) {
    if (cut_) reply->abort();
    else reply->finish();
  } else if (reply != nullptr) {
    std::string body;
    const Member* refused = nullptr;
    bool any = false;
    for (const Member& member : members_) {
      if (member.status >= 400 && refused == nullptr) refused = &member;
      any |= member.status < 400;
      if (member.body.empty()) continue;
      body += body.empty() ? '[' : ',';
      body += member.body;
    }
    if (!any && refused != nullptr) {  // nothing passed: say it as HTTP would for one
      reply->send({refused->status, "application/json", refused->extra}, refused->body);
    } else if (body.empty()) {
      reply->send({202, {}, {}}, {});
    } else {
      reply->send({200, "application/json", {}}, body += ']');
    }
  }
  worker_.loop().bury(std::move(self_));
}

void Batch::on_client_gone() {
  reply_ = nullptr;
  for (Member& member : members_)
    if (member.part && !member.part->over()) {
      member.part->abandon();
      --left_;
    }
  if (left_ == 0) answer();
}

void Batch::on_drained() {
  for (Member& member : members_)
    if (member.part) member.part->drained();
}

}  // namespace callgate::gateway
