// subscriptions/listen at the shared endpoint: changed tools are seen here; resources are subscribed to at the server of each, by an
// inner subscriptions/listen of their own, opened again when it breaks off, and ended with the question.

#include <algorithm>

#include "gateway/hub_question.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMetaSubscription = "io.modelcontextprotocol/subscriptionId";
constexpr std::size_t kUrisMax = 256;             // of one subscription
constexpr auto kAcknowledgedWithin = 5s;          // a server that says nothing by then is not waited for
constexpr std::size_t kHeldBytesMax = 64 * 1024;  // of news that comes before the acknowledgement

}  // namespace

// Open until the client leaves.
void Hub::Question::listen() {
  mode_ = Mode::Listen;
  json::Value filter = message_.params["notifications"];
  tools_wanted_ = filter["toolsListChanged"].is(json::Kind::True);
  std::size_t count = 0;
  filter["resourceSubscriptions"].for_each_element([&](json::Value uri) {
    SplitName split = split_uri(uri.string());
    const catalog::ServerEntry* server = usable(split.slug);
    if (server == nullptr || ++count > kUrisMax) return;
    auto known = std::ranges::find(subscriptions_, server->server.slug, &Subscription::slug);
    if (known == subscriptions_.end()) {
      known = subscriptions_.emplace(known);
      known->slug = server->server.slug;
    }
    known->uris.emplace(split.rest);
  });
  net::Head head;
  head.status = 200;
  head.add({"content-type", "text/event-stream"});
  sink_->on_head(head);
  if (sink_ == nullptr) return;
  epoch_ = caller_.snapshot->epoch;
  seen_ = hub_.names_for(*caller_.snapshot, *caller_.grant).digest();
  acknowledge_by_ = worker_.loop().now() + kAcknowledgedWithin;
  timer_ = std::make_unique<net::Timer>([this] { look_again(); });
  if (tools_wanted_ || !subscriptions_.empty()) worker_.loop().arm(*timer_, 500ms);
  for (std::size_t i = 0; i < subscriptions_.size() && sink_ != nullptr; ++i) subscribe(i);
  acknowledge_when_settled();
}

void Hub::Question::subscribe(std::size_t position) {
  Subscription& at = subscriptions_[position];
  const catalog::ServerEntry* server = usable(at.slug);
  if (server == nullptr) return void(at.settled = true);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).member("method", message_.method);
  writer.key("params").begin_object().key("_meta").raw(message_.params["_meta"].raw());
  writer.key("notifications").begin_object().key("resourceSubscriptions").begin_array();
  for (const std::string& uri : acknowledged_ ? at.honoured : at.uris) writer.string(uri);
  writer.end_array().end_object().end_object().end_object();
  at.events = std::make_unique<session::SseReader>(worker_.rooms().options.sse_event_bytes_max);
  at.open = true;
  if (auto old = std::ranges::find(parts_, position, &Part::position); old != parts_.end()) {  // may still be on the stack
    worker_.loop().bury(std::move(*old));
    parts_.erase(old);
  }
  ask(*server, position, body, {});
}

Part* Hub::Question::part_of(std::size_t position) {
  auto found = std::ranges::find(parts_, position, &Part::position);
  return found == parts_.end() || (*found)->over() ? nullptr : found->get();
}

void Hub::Question::tell(std::string_view data) {
  std::string event;
  session::append_sse(event, {.event = "message", .data = data, .id = {}, .retry_ms = {}, .has_data = true});
  if (!acknowledged_) {
    if (held_.size() + event.size() <= kHeldBytesMax) held_ += event;
  } else if (sink_ != nullptr) {
    sink_->on_body(event);
  }
}

// The first message of the subscription says what of it is honoured, so it waits until every server has said so.
void Hub::Question::acknowledge_when_settled() {
  if (acknowledged_ || sink_ == nullptr || !std::ranges::all_of(subscriptions_, &Subscription::settled)) return;
  std::string data;
  json::Writer writer(data);
  writer.begin_object().member("jsonrpc", "2.0").member("method", "notifications/subscriptions/acknowledged").key("params").begin_object();
  writer.key("notifications").begin_object();
  if (tools_wanted_) writer.member("toolsListChanged", true);
  if (std::ranges::any_of(subscriptions_, [](const Subscription& at) { return !at.honoured.empty(); })) {
    writer.key("resourceSubscriptions").begin_array();
    for (const Subscription& at : subscriptions_)
      for (const std::string& uri : at.honoured) writer.string(shared_uri(at.slug, uri));
    writer.end_array();
  }
  writer.end_object().key("_meta").begin_object().key(kMetaSubscription).raw(message_.id.raw()).end_object().end_object().end_object();
  acknowledged_ = true;
  std::string held = std::exchange(held_, {});
  tell(data);
  if (sink_ != nullptr && !held.empty()) sink_->on_body(held);
}

// What one server says on the stream of its subscription.
void Hub::Question::heard(std::size_t position, std::string_view data) {
  Subscription& at = subscriptions_[position];
  json::Document document;
  auto message = document.parse(data) ? session::read_message(document.root()) : tl::unexpected<Error>(Error{});
  if (!message || message->kind != session::MessageKind::Notification) return;
  if (message->method == "notifications/subscriptions/acknowledged") {
    message->params["notifications"]["resourceSubscriptions"].for_each_element([&](json::Value uri) {
      if (!acknowledged_ && at.uris.contains(std::string(uri.string()))) at.honoured.emplace(uri.string());
    });
    at.settled = true;
    at.failures = 0;
    return acknowledge_when_settled();
  }
  json::Value uri = message->params["uri"];
  if (message->method != "notifications/resources/updated" || !uri.is_string()) return;
  std::string told;
  json::Writer writer(told);
  writer.begin_object().member("jsonrpc", "2.0").member("method", message->method).key("params").begin_object();
  message->params.for_each_member([&](std::string_view name, json::Value value) {
    if (name == "_meta") return;
    writer.key(name);
    if (name == "uri") writer.string(shared_uri(at.slug, value.string()));
    else writer.raw(value.raw());
  });
  writer.key("_meta").begin_object().key(kMetaSubscription).raw(message_.id.raw()).end_object().end_object().end_object();
  tell(told);
}

// The server's stream is over. What it had acknowledged is asked for again after a while; the rest was never promised.
void Hub::Question::subscription_over(std::size_t position) {
  Subscription& at = subscriptions_[position];
  at.open = false;
  at.settled = true;
  at.again_at = worker_.loop().now() + std::min<std::chrono::milliseconds>(60s, 1s * (1 << std::min(at.failures++, 6)));
  acknowledge_when_settled();
}

void Hub::Question::look_again() {
  worker_.loop().arm(*timer_, 500ms);
  MonoTime now = worker_.loop().now();
  bool changed = worker_.snapshot()->epoch != epoch_;
  if (changed && !find_caller()) return;  // the outer call is cut by its own recheck
  epoch_ = caller_.snapshot->epoch;
  for (std::size_t i = 0; i < subscriptions_.size() && sink_ != nullptr; ++i) {
    Subscription& at = subscriptions_[i];
    bool gone = changed && usable(at.slug) == nullptr;
    if (at.open && (gone || (!at.settled && now >= acknowledge_by_))) {
      if (Part* part = part_of(i); part != nullptr) part->abandon();
      subscription_over(i);
    } else if (!at.open && acknowledged_ && now >= at.again_at && !at.honoured.empty() && !gone) {
      subscribe(i);
    }
  }
  if (!changed || !tools_wanted_ || sink_ == nullptr) return;
  Digest seen = hub_.names_for(*caller_.snapshot, *caller_.grant).digest();
  if (seen == std::exchange(seen_, seen)) return;
  std::string data;
  json::Writer writer(data);
  writer.begin_object().member("jsonrpc", "2.0").member("method", "notifications/tools/list_changed").key("params").begin_object();
  writer.key("_meta").begin_object().key(kMetaSubscription).raw(message_.id.raw()).end_object().end_object().end_object();
  tell(data);
}

}  // namespace callgate::gateway
