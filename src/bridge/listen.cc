#include "bridge/listen.h"

#include "bridge/modern_call.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::size_t kUrisMax = 256;  // of one subscription

bool wants(const Listener& listener, const session::Message& message) {
  if (message.method == "notifications/tools/list_changed") return listener.tools;
  if (message.method == "notifications/prompts/list_changed") return listener.prompts;
  if (message.method == "notifications/resources/list_changed") return listener.resources;
  return message.params["uri"].is_string() && listener.uris.contains(std::string(message.params["uri"].string()));
}

std::string ended_message(const std::string& id) {
  std::string result;
  json::Writer writer(result);
  writer.begin_object().member("resultType", "complete").key("_meta").begin_object().key(kMetaSubscription).raw(id);
  writer.end_object().end_object();
  return result_message(id, result);
}

}  // namespace

bool fan_out(Core& core, ServerSession& session, const session::Message& message) {
  bool for_listeners = message.method == "notifications/resources/updated" || message.method.ends_with("/list_changed");
  if (!for_listeners) return false;
  std::vector<std::pair<Address, std::string>> told;
  {
    const std::lock_guard lock(core.hub().mutex);
    for (const Listener& listener : session.listeners)
      if (wants(listener, message)) told.emplace_back(listener.client, listener.id);
  }
  for (auto& [client, id] : told)
    core.tell<ModernCall>(client, [text = with_meta(message, kMetaSubscription, id)](ModernCall& call) { call.notify(text); });
  return true;
}

// ---- one subscription -----------------------------------------------------------------------------------------------

void Listening::start(json::Value filter) {
  wanted_.listening = address();
  wanted_.client = client_;
  wanted_.id = id_;
  wanted_.tools = filter["toolsListChanged"].is(json::Kind::True);
  wanted_.prompts = filter["promptsListChanged"].is(json::Kind::True);
  wanted_.resources = filter["resourcesListChanged"].is(json::Kind::True);
  filter["resourceSubscriptions"].for_each_element([&](json::Value uri) {
    if (uri.is_string() && uris_.size() < kUrisMax) uris_.emplace_back(uri.string());
  });
  std::ranges::reverse(uris_);
  want_session(*this, wish_);
}

void Listening::on_session(const Result<std::shared_ptr<ServerSession>>& opened) {
  if (!opened) {
    core().tell<ModernCall>(client_, [error = opened.error()](ModernCall& call) { call.fail(error, false); });
    return end();
  }
  session_ = *opened;
  wanted_.tools &= session_->tools_change;
  wanted_.prompts &= session_->prompts_change;
  wanted_.resources &= session_->resources_change;
  if (!session_->can_subscribe) uris_.clear();
  subscribe_next();
}

void Listening::subscribe_next() {
  while (!uris_.empty()) {
    asking_ = std::move(uris_.back());
    uris_.pop_back();
    if (wanted_.uris.contains(asking_)) continue;
    bool first = false;
    {
      const std::lock_guard lock(core().hub().mutex);
      first = session_->uri_users[asking_]++ == 0;
    }
    if (first) return request("resources/subscribe", asking_);
    wanted_.uris.insert(asking_);
  }
  asking_.clear();
  acknowledge();
}

namespace {

std::string uri_request(const std::string& id, std::string_view method, const std::string& uri) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id).member("method", method).key("params");
  writer.begin_object().member("uri", uri).end_object().end_object();
  return body;
}

}  // namespace

void Listening::request(std::string_view method, const std::string& uri) {
  if (leg_) core().loop().bury(std::move(leg_));
  leg_id_ = std::to_string(core().hub().next_id());
  leg_ = std::make_unique<Leg>(*this, wish_.origin);
  leg_->send(core().below(), to_session(*session_, uri_request(leg_id_, method, uri)));
}

void Listening::on_leg_message(Leg& leg, const session::Message& message, const json::Document&) {
  if (message.kind == session::MessageKind::Notification) fan_out(core(), *session_, message);
  if (message.kind != session::MessageKind::Response || message.id.raw() != leg_id_ || asking_.empty()) return;
  std::string uri = std::exchange(asking_, {});
  leg.cancel();
  if (message.result.exists()) {
    wanted_.uris.insert(uri);
  } else {
    const std::lock_guard lock(core().hub().mutex);
    if (--session_->uri_users[uri] == 0) session_->uri_users.erase(uri);
  }
  subscribe_next();
}

void Listening::on_leg_end(Leg& leg, const Error*, bool) {
  if (asking_.empty()) return;
  std::string uri = std::exchange(asking_, {});
  {
    const std::lock_guard lock(core().hub().mutex);
    if (--session_->uri_users[uri] == 0) session_->uri_users.erase(uri);
  }
  if (leg.status() != 404) return subscribe_next();
  forget_session(core(), *session_);
  session_ended();
}

void Listening::acknowledge() {
  acknowledged_ = true;
  std::string message;
  json::Writer writer(message);
  writer.begin_object().member("jsonrpc", "2.0").member("method", "notifications/subscriptions/acknowledged").key("params").begin_object();
  writer.key("notifications").begin_object();
  if (wanted_.tools) writer.member("toolsListChanged", true);
  if (wanted_.prompts) writer.member("promptsListChanged", true);
  if (wanted_.resources) writer.member("resourcesListChanged", true);
  if (!wanted_.uris.empty()) {
    writer.key("resourceSubscriptions").begin_array();
    for (const std::string& uri : wanted_.uris) writer.string(uri);
    writer.end_array();
  }
  writer.end_object().key("_meta").begin_object().key(kMetaSubscription).raw(id_).end_object().end_object().end_object();
  core().tell<ModernCall>(client_, [message = std::move(message)](ModernCall& call) { call.notify(message); });
  bool open_stream = false;
  {
    const std::lock_guard lock(core().hub().mutex);
    session_->listeners.push_back(wanted_);
    open_stream = !session_->stream;
  }
  if (!open_stream) return;
  ServerStream& stream = core().add<ServerStream>(wish_.origin, session_, Address());
  {
    const std::lock_guard lock(core().hub().mutex);
    if (!session_->stream) session_->stream = stream.address();
  }
  stream.start();
}

void Listening::session_ended() {
  core().tell<ModernCall>(client_, [text = ended_message(id_)](ModernCall& call) { call.answer(text, 200); });
  end();
}

void Listening::release(const std::string& uri) {
  {
    const std::lock_guard lock(core().hub().mutex);
    auto found = session_->uri_users.find(uri);
    if (found == session_->uri_users.end() || --found->second > 0) return;
    session_->uri_users.erase(found);
    if (session_->gone) return;
  }
  std::string body = uri_request(std::to_string(core().hub().next_id()), "resources/unsubscribe", uri);
  core().add<Errand>(wish_.origin).send(to_session(*session_, std::move(body)));
}

void Listening::on_removed() {
  if (leg_) leg_->cancel();
  if (!session_) return;
  bool live = core().live();
  Address stream;
  {
    const std::lock_guard lock(core().hub().mutex);
    std::erase_if(session_->listeners, [&](const Listener& listener) { return listener.listening == address(); });
    stream = session_->stream;
  }
  if (!live) return;
  if (!asking_.empty()) wanted_.uris.insert(asking_);
  for (const std::string& uri : wanted_.uris) release(uri);
  core().tell<ServerStream>(stream, [](ServerStream& reader) { reader.stop_if_unwanted(); });
}

// ---- the server's own stream ----------------------------------------------------------------------------------------

bool ServerStream::wanted() {
  const std::lock_guard lock(core().hub().mutex);
  return session_->stream == address() && (session_->may_ask || !session_->listeners.empty()) && !session_->gone;
}

void ServerStream::stop_if_unwanted() {
  if (wanted()) return;
  session_ended();
}

void ServerStream::tell_waiting() {
  core().tell<Actor>(std::exchange(waiting_, {}), [](Actor& opening) { opening.on_stream_open(); });
}

void ServerStream::on_leg_head(Leg&, const net::Head&) { tell_waiting(); }

void ServerStream::start() {
  if (!wanted()) return end();
  Leg::Request request = to_session(*session_, {});
  request.method = "GET";
  request.head = "Accept: text/event-stream\r\n";
  if (!session_->upstream_id.empty()) request.head += "Mcp-Session-Id: " + session_->upstream_id + "\r\n";
  request.head += "MCP-Protocol-Version: " + session_->revision + "\r\n";
  if (!last_event_id_.empty()) request.head += "Last-Event-ID: " + last_event_id_ + "\r\n";
  if (leg_) core().loop().bury(std::move(leg_));
  leg_ = std::make_unique<Leg>(*this, origin_);
  leg_->send(core().below(), std::move(request));
  leg_->set_timeout(std::chrono::milliseconds(0));
}

void ServerStream::on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) {
  last_event_id_ = leg.last_event_id();
  failures_ = 0;
  heard_ = true;
  if (message.kind == session::MessageKind::Notification) {
    fan_out(core(), *session_, message);
  } else if (message.kind == session::MessageKind::Request) {
    on_question(message, document);
  }
}

void ServerStream::on_question(const session::Message& message, const json::Document& document) {
  Address run;
  {
    const std::lock_guard lock(core().hub().mutex);
    if (session_->runs.size() == 1) run = session_->runs.front();
  }
  bool ping = message.method == "ping";
  std::string refusal = ping ? result_message(message.id.raw(), "{}")
                             : error_message(message.id.raw(), session::kMethodNotFound, "a request must belong to one call under way");
  auto put = [run, question = std::string(document.canonical()), refusal, origin = origin_, session = session_](Core& core) {
    if (Actor* found = core.find(run.actor)) return static_cast<Run&>(*found).stray_question(question);
    core.add<Errand>(origin).send(to_session(*session, refusal));
  };
  if (!ping && run.core == core().id()) return put(core());
  if (!ping && run && core().hub().post(run.core, put)) return;
  core().add<Errand>(origin_).send(to_session(*session_, std::move(refusal)));
}

void ServerStream::session_ended() {
  std::vector<Listener> listeners;
  {
    const std::lock_guard lock(core().hub().mutex);
    listeners = session_->listeners;
  }
  for (const Listener& listener : listeners)
    core().tell<Listening>(listener.listening, [](Listening& listening) { listening.session_ended(); });
  end();
}

void ServerStream::on_leg_end(Leg& leg, const Error*, bool) {
  tell_waiting();
  if (leg.status() == 404 && last_event_id_.empty() && !heard_) return;  // no such stream
  if (leg.status() == 404 && !session_->upstream_id.empty()) return forget_session(core(), *session_);
  if (leg.status() == 405 || leg.status() == 501) return;  // it has no such stream; what comes on other streams is still told
  std::int64_t after = std::min<std::int64_t>(30'000, std::int64_t{1'000} << std::min<std::uint32_t>(failures_++, 5));
  if (leg.success() && leg.retry_ms()) after = std::clamp<std::int64_t>(*leg.retry_ms(), 20, 30'000);
  core().loop().arm(wait_, std::chrono::milliseconds(after));
}

void ServerStream::on_removed() {
  if (leg_) leg_->cancel();
  core().loop().disarm(wait_);
  const std::lock_guard lock(core().hub().mutex);
  if (session_->stream == address()) session_->stream = {};
}

}  // namespace callgate::bridge
