#include "gateway/event_post.h"

#include "gateway/worker.h"
#include "session/jsonrpc.h"
#include "session/sse.h"

namespace callgate::gateway {
namespace {

constexpr std::string_view kStreams = "/sse", kEndpoint = "/mcp", kMessages = "/messages/";
constexpr std::string_view kSessionLine = "Mcp-Session-Id: ";

std::string event_of(std::string_view json) {
  std::string text;
  session::append_sse(text, {.event = "message", .data = json, .id = {}, .retry_ms = {}, .has_data = true});
  return text;
}

}  // namespace

// Everything the walk looks at is that of the endpoint of streamable HTTP; only where answers go is different.
void EventPost::begin(Worker& worker, const listener::Request& request, listener::Reply& reply) {
  listener::Request inner = request;
  std::string path(kEndpoint);
  if (request.method == "POST") {
    const std::size_t at = request.path.rfind(kMessages);
    const bool named = at != std::string_view::npos;
    path += request.path.substr(kStreams.size(), named ? at - kStreams.size() : std::string_view::npos);
    auto link = named ? worker.rooms().links->find(request.path.substr(at + kMessages.size())) : nullptr;
    auto post = std::unique_ptr<EventPost>(new EventPost(worker, reply, std::move(link)));
    EventPost& running = *post;
    running.self_ = std::move(post);
    return running.run(inner, path);
  }
  path += request.path.substr(kStreams.size());
  inner.path = path;
  worker.handle_link(inner, reply, nullptr);
}

std::string EventPost::address(const EventLink& link) {
  std::string path = link.owner().path;
  if (path.ends_with('/')) path.pop_back();
  return path + std::string(kMessages) + link.id();
}

EventPost::EventPost(Worker& worker, listener::Reply& outer, std::shared_ptr<EventLink> link)
    : worker_(worker), outer_(&outer), link_(std::move(link)), named_(std::make_shared<EventPost*>(this)) {}

EventPost::~EventPost() { *named_ = nullptr; }

void EventPost::run(const listener::Request& request, std::string_view path) {
  outer_->observe(this);
  listener::Request inner = request;
  inner.path = path;
  const Call& call = worker_.handle_link(inner, *this, link_);
  if (call.finished()) return;  // refused; it says so at the end of the batch, once that is recorded
  method_ = call.method();
  id_ = call.request_id();
  accepted();
  if (!link_->join(worker_.loop(), named_)) stream_gone();
}

void EventPost::stream_gone() {
  listener::ReplyObserver* call = std::exchange(observer_, nullptr);
  over();
  if (call != nullptr) call->on_client_gone();
}

void EventPost::accepted() {
  if (outer_ != nullptr) std::exchange(outer_, nullptr)->send({202, {}, {}}, {});
}

void EventPost::set_memo(void* memo, void (*destroy)(void*)) {
  if (outer_ != nullptr) outer_->set_memo(memo, destroy);
  else destroy(memo);
}

// The session belongs to the stream; its name is not told.
void EventPost::take_session(const listener::ResponseHead& head) {
  if (method_ == "notifications/initialized" && head.status == 202) link_->listen();
  if (method_ != "initialize") return;
  std::string_view id;
  if (const std::size_t at = head.extra.find(kSessionLine); at != std::string_view::npos)
    id = head.extra.substr(at + kSessionLine.size(), head.extra.find("\r\n", at) - at - kSessionLine.size());
  if (!id.empty()) link_->set_session(id);
}

void EventPost::send(const listener::ResponseHead& head, std::string_view body) {
  if (outer_ != nullptr && (head.status >= 400 || !link_)) {
    std::exchange(outer_, nullptr)->send(head, body);
    return over();
  }
  accepted();
  take_session(head);
  if (!body.empty() && link_) (void)link_->deliver(head.content_type == "text/event-stream" ? std::string(body) : event_of(body));
  over();
}

void EventPost::begin_stream(const listener::ResponseHead& head) { take_session(head); }

bool EventPost::write(std::string_view data) {
  if (link_->deliver(data)) return true;
  link_->wait(named_);
  return false;
}

void EventPost::finish() { over(); }

// Cut in the middle: the stream is another's too, so its end cannot say it.
void EventPost::abort() {
  if (!id_.empty()) {
    std::string error;
    session::append_error(error, id_, session::kInternalError, "this call was cut off: whether it took effect is not known");
    (void)link_->deliver(event_of(error));
  }
  over();
}

void EventPost::over() {
  observer_ = nullptr;
  *named_ = nullptr;
  if (link_) link_->leave(named_);
  if (outer_ != nullptr) std::exchange(outer_, nullptr)->abort();
  worker_.loop().bury(std::move(self_));
}

}  // namespace callgate::gateway
