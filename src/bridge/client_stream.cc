#include "bridge/client_stream.h"

#include "bridge/words.h"
#include "session/revision.h"

namespace callgate::bridge {

ClientStream::ClientStream(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink)
    : Actor(core), reply_(core.loop(), sink, *this), origin_(std::make_shared<Origin>(target, call)), wait_([this] { refresh(); }) {}

void ClientStream::start(const ClearedCall& call) {
  session_ = core().hub().find_client(call.context(), origin_->target->server.id, core().now());
  if (!session_) return reply_.empty(404);
  Address older;
  {
    const std::lock_guard lock(core().hub().mutex);
    older = std::exchange(session_->stream, address());
  }
  // One stream per session hears everything; a message goes on exactly one (L5).
  core().tell<ClientStream>(older, [](ClientStream& stream) { stream.finish(); });
  reply_.begin_events();
  refresh();
}

// Empty when there is nothing to listen to.
std::string ClientStream::compose() {
  const ClientSession& session = *session_;
  std::string body;
  json::Writer writer(body);
  const std::lock_guard lock(core().hub().mutex);
  if (!session.tools_change && !session.prompts_change && !session.resources_change && session.uris.empty()) return body;
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(std::to_string(core().hub().next_id()));
  writer.member("method", "subscriptions/listen").key("params").begin_object().key("notifications").begin_object();
  if (session.tools_change) writer.member("toolsListChanged", true);
  if (session.prompts_change) writer.member("promptsListChanged", true);
  if (session.resources_change) writer.member("resourcesListChanged", true);
  if (!session.uris.empty()) {
    writer.key("resourceSubscriptions").begin_array();
    for (const std::string& uri : session.uris) writer.string(uri);
    writer.end_array();
  }
  writer.end_object().key("_meta").begin_object().member(session::kMetaVersion, session::kModernRevision);
  writer.key(session::kMetaClientInfo).raw(session.client_info).key(session::kMetaCapabilities).raw(session.capabilities);
  writer.end_object().end_object().end_object();
  return body;
}

void ClientStream::refresh() {
  if (reply_.over()) return;
  core().loop().disarm(wait_);
  for (std::unique_ptr<Leg>* leg : {&next_, &leg_}) {
    if (!*leg || (leg == &leg_ && (*leg)->open())) continue;  // the one that is heard stays until the next is acknowledged
    (*leg)->cancel();
    core().loop().bury(std::move(*leg));
  }
  Leg::Request request;
  request.modern = true;
  request.body = compose();
  if (request.body.empty()) {
    if (leg_) leg_->cancel();
    return;
  }
  request.head = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: ";
  (request.head += session::kModernRevision) += "\r\nMcp-Method: subscriptions/listen\r\n";
  next_ = std::make_unique<Leg>(*this, origin_);
  next_->send(core().below(), std::move(request));
  next_->set_timeout(std::chrono::milliseconds(0));
}

void ClientStream::on_leg_message(Leg& leg, const session::Message& message, const json::Document&) {
  if (message.kind != session::MessageKind::Notification) return;
  if (message.method == "notifications/subscriptions/acknowledged") {
    failures_ = 0;
    if (&leg != next_.get()) return;
    std::swap(leg_, next_);
    if (!next_) return;
    next_->cancel();
    core().loop().bury(std::move(next_));
    return;
  }
  bool told = message.method == "notifications/resources/updated" || message.method == "notifications/tools/list_changed" ||
              message.method == "notifications/prompts/list_changed" || message.method == "notifications/resources/list_changed";
  if (told && &leg == leg_.get()) reply_.notify(without_meta_key(message, kMetaSubscription));
}

// It ended or broke: again, after a while.
void ClientStream::on_leg_end(Leg& leg, const Error*, bool) {
  if (reply_.over() || (&leg == leg_.get() && next_)) return;
  std::int64_t after = std::min<std::int64_t>(30'000, std::int64_t{1'000} << std::min<std::uint32_t>(failures_++, 5));
  core().loop().arm(wait_, std::chrono::milliseconds(after));
}

void ClientStream::finish() {
  reply_.finish();
  if (leg_) leg_->cancel();
  if (next_) next_->cancel();
}

void ClientStream::cancel() {
  reply_.drop();
  end();
}

void ClientStream::on_removed() {
  if (leg_) leg_->cancel();
  if (next_) next_->cancel();
  core().loop().disarm(wait_);
  if (!session_) return;
  const std::lock_guard lock(core().hub().mutex);
  if (session_->stream == address()) session_->stream = {};
  session_->used_at = core().now();
}

}  // namespace callgate::bridge
