#include "sse/event_channel.h"

#include <algorithm>

#include "upstream/endpoint.h"

namespace callgate::sse {
namespace {

using session::SseEvent;
using std::chrono::milliseconds;

constexpr std::string_view kGetHead = "Accept: text/event-stream\r\n";
constexpr std::string_view kPostHead = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";

bool event_stream(std::string_view content_type) {
  return net::equals_ignoring_case(content_type.substr(0, content_type.find_first_of("; \t")), "text/event-stream");
}

}  // namespace

// ---- one message on its way -----------------------------------------------------------------------------------------

class EventChannel::Post final : public upstream::ResponseSink {
 public:
  Post(EventChannel& channel, Waiting message) : channel_(channel), message_(std::move(message)) {}
  ~Post() override { cancel(); }
  void begin() {
    const ClearedCall call = message_.by.reworded("POST", kPostHead, message_.message, {});
    exchange_ = &channel_.way_out_.send({&channel_.posts_to_, &channel_.spec_->credentials}, call, *this);
  }
  bool request() const { return message_.number != 0; }
  void cancel() {
    if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  }

 private:
  void on_head(const net::Head& head) override { status_ = head.status; }
  void on_body(std::string_view) override {}  // the answer comes as an event, or not at all
  void on_end() override {
    exchange_ = nullptr;
    if (status_ >= 300) {
      if (request()) channel_.reader_->on_refused(message_.number, status_);
      else channel_.log_->note(channel_.number_, "(the gate: HTTP " + std::to_string(status_) + " to a notification or an answer)");
    }
    channel_.posted(*this);
  }
  void on_error(const Error& error, bool sent) override {
    exchange_ = nullptr;
    // One that waits with its 202 until it has an answer is not late before that is: the call's own deadline counts.
    const bool waits = error.code == Code::Timeout && sent;
    if (request() && !waits) channel_.reader_->on_unsent(message_.number, error, sent);
    channel_.posted(*this);
  }

  EventChannel& channel_;
  Waiting message_;
  upstream::Exchange* exchange_ = nullptr;
  int status_ = 0;
};

// ---- life -----------------------------------------------------------------------------------------------------------

EventChannel::EventChannel(net::Loop& loop, upstream::Upstreams& way_out, std::shared_ptr<const stdio::Spec> spec, const Bounds& bounds)
    : loop_(loop),
      way_out_(way_out),
      spec_(std::move(spec)),
      bounds_(bounds),
      posts_to_(spec_->server),
      events_(spec_->server.response_bytes_max),
      timer_([this] { on_timer(); }),
      self_(std::make_shared<EventChannel*>(this)) {}

EventChannel::~EventChannel() {
  *self_ = nullptr;
  if (get_ != nullptr) get_->cancel();
}

Result<void> EventChannel::begin(stdio::ChannelReader& reader, std::shared_ptr<stdio::ErrorLog> log, std::uint64_t number,
                                 const ClearedCall& by) {
  reader_ = &reader;
  log_ = std::move(log);
  number_ = number;
  loop_.arm(timer_, spec_->server.connect_timeout + spec_->server.call_timeout);
  get_ = &way_out_.send({&spec_->server, &spec_->credentials}, by.reworded("GET", kGetHead, {}, {}), *this);
  return {};
}

Error EventChannel::named(Code code, std::string_view reason, std::string what, std::string detail) const {
  return {code, reason, "server `" + spec_->server.slug + "` " + std::move(what), std::move(detail)};
}

// Everything under way is given up at once; the reader hears of it from a clean stack.
void EventChannel::close(std::string how, std::optional<Error> unopened) {
  if (state_ == State::Gone) return;
  if (state_ == State::Opening && !unopened) unopened = named(Code::Unavailable, "upstream.reset", "could not be reached: " + how, how);
  state_ = State::Gone;
  how_ = std::move(how);
  unopened_ = std::move(unopened);
  loop_.disarm(timer_);
  if (get_ != nullptr) std::exchange(get_, nullptr)->cancel();
  waiting_.clear();
  waiting_bytes_ = 0;
  for (auto& post : posts_) {
    post->cancel();
    loop_.bury(std::move(post));
  }
  posts_.clear();
  loop_.post([self = self_] {
    if (*self == nullptr) return;
    EventChannel& channel = **self;
    channel.log_->finish(channel.number_);
    channel.reader_->on_gone(channel.how_, channel.unopened_ ? &*channel.unopened_ : nullptr);
  });
}

void EventChannel::stop() { close("it was closed", std::nullopt); }

// A stream that trickles comments never ends by itself.
void EventChannel::on_timer() {
  close("no endpoint event in time", named(Code::Timeout, "upstream.timeout", "opened no event stream in time: try again later", {}));
}

// ---- what the server says -------------------------------------------------------------------------------------------

void EventChannel::on_head(const net::Head& head) {
  if (head.status == 200 && event_stream(head.header("content-type"))) return;
  const std::string status = "HTTP " + std::to_string(head.status);
  if (head.status == 401 || head.status == 403)
    return close(status, named(Code::Unavailable, "upstream.auth",
                               "does not accept this gate's credentials: ask the operator to run `callgate server probe " +
                                   spec_->server.slug + "`"));
  close(status,
        named(Code::Unavailable, "upstream.status",
              "opens no event stream (" + status + "): ask the operator to run `callgate server probe " + spec_->server.slug + "`"));
}

void EventChannel::on_body(std::string_view piece) {
  auto read = events_.add(piece, [this](const SseEvent& event) { return on_event(event); });
  if (read || state_ == State::Gone) return;
  reader_->on_too_long();
  close("an event was too large", std::nullopt);
}

void EventChannel::on_end() {
  get_ = nullptr;
  close("the server ended its event stream", std::nullopt);
}

void EventChannel::on_error(const Error& error, bool) {
  get_ = nullptr;
  close(error.message, state_ == State::Opening ? std::optional<Error>(error) : std::nullopt);
}

bool EventChannel::on_event(const SseEvent& event) {
  if (event.event == "endpoint") {
    take_endpoint(event.data);
    return state_ != State::Gone;
  }
  if (!event.has_data || event.data.empty() || (!event.event.empty() && event.event != "message")) return true;
  if (state_ == State::Opening) {
    close("its first event was no endpoint", named(Code::Unavailable, "upstream.endpoint", "named no endpoint in its first event"));
    return false;
  }
  if (held_) kept_.emplace_back(event.data);
  else held_ = !reader_->on_line(event.data);
  if (held_ && get_ != nullptr) get_->pause();
  return state_ != State::Gone;
}

// Once, and for good: a second one would lead away the calls of a session that is under way.
void EventChannel::take_endpoint(std::string_view named_address) {
  if (state_ != State::Opening) return close("it named a second endpoint", std::nullopt);
  auto to = upstream::resolve_endpoint(spec_->server.url, named_address);
  if (!to) return close(to.error().message, to.error());
  posts_to_.url = std::move(*to);
  state_ = State::Open;
  loop_.disarm(timer_);
  get_->set_timeout(milliseconds(0));
  post_next();
}

void EventChannel::read_on() {
  if (!held_ || std::exchange(reading_on_, true)) return;
  loop_.post([self = self_] {
    if (*self != nullptr) (*self)->deliver_kept();
  });
}

void EventChannel::deliver_kept() {
  held_ = reading_on_ = false;
  while (!held_ && !kept_.empty() && state_ != State::Gone) {
    const std::string message = std::move(kept_.front());
    kept_.pop_front();
    held_ = !reader_->on_line(message);
  }
  if (!held_ && get_ != nullptr) get_->resume();
}

// ---- what it is told ------------------------------------------------------------------------------------------------

bool EventChannel::write(std::string_view message, const ClearedCall& by, std::int64_t number) {
  if (state_ == State::Gone || waiting_bytes_ + message.size() > bounds_.waiting_bytes_max) return false;
  waiting_.push_back({std::string(message), stdio::kept(by), number});
  waiting_bytes_ += message.size();
  if (state_ == State::Open) post_next();
  return true;
}

void EventChannel::post_next() {
  while (!waiting_.empty() && !in_order_ && posts_.size() < bounds_.posts_max) {
    waiting_bytes_ -= waiting_.front().message.size();
    posts_.push_back(std::make_unique<Post>(*this, std::move(waiting_.front())));
    waiting_.pop_front();
    in_order_ = !posts_.back()->request();
    posts_.back()->begin();
  }
}

void EventChannel::posted(Post& post) {
  const auto at = std::ranges::find_if(posts_, [&](const auto& one) { return one.get() == &post; });
  if (at == posts_.end()) return;  // everything was given up meanwhile
  if (!post.request()) in_order_ = false;
  loop_.bury(std::move(*at));
  posts_.erase(at);
  if (state_ == State::Open) post_next();
}

}  // namespace callgate::sse
