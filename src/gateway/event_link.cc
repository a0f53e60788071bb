#include "gateway/event_link.h"

#include "base/crypto.h"
#include "gateway/event_post.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

constexpr std::size_t kQueueBytes = 256 * 1024;  // then who has more to say waits
constexpr std::size_t kIdBytes = 32;
constexpr std::chrono::seconds kPatienceMax{30};

// A request the gate makes of itself in the client's session, as long as the client may still come.
class SessionRequest {
 public:
  SessionRequest(Worker& worker, const EventLink::Owner& owner)
      : worker_(worker), owner_(owner), caller_{worker.snapshot(), nullptr, owner.remote_text, {}} {
    auto found = caller_.snapshot->directory->recheck(owner.grant_id, owner.remote, worker.rooms().clock.now());
    if (found) caller_.grant = *found;
  }
  bool allowed() const { return caller_.grant != nullptr; }
  void make(std::string_view method, std::string_view session, std::string_view accept, Part& part) {
    net::Head head;
    head.add({"mcp-session-id", session});
    if (!accept.empty()) head.add({"accept", accept});
    const std::string path = "/mcp" + owner_.path.substr(std::string_view("/sse").size());
    listener::Request request;
    request.head = &head;
    request.method = method;
    request.path = path;
    request.remote = owner_.remote;
    worker_.handle_inner(request, part, caller_);
  }

 private:
  Worker& worker_;
  const EventLink::Owner& owner_;
  InnerCaller caller_;
};

}  // namespace

// The end of a session whose client has left: told to the server, and nobody waits for the answer.
class EventLink::Farewell final : public PartOwner {
 public:
  static void say(Worker& worker, const Owner& owner, const std::string& session) {
    SessionRequest request(worker, owner);
    if (!request.allowed()) return;  // the sweep of the sessions ends it
    auto farewell = std::make_unique<Farewell>(worker);
    Farewell& running = *farewell;
    running.self_ = std::move(farewell);
    request.make("DELETE", session, {}, running.part_);
  }
  explicit Farewell(Worker& worker) : worker_(worker), part_(*this, 0) {}

 private:
  void on_part_head(Part&, const listener::ResponseHead&, bool) override {}
  bool on_part_body(Part&, std::string_view) override { return true; }
  void on_part_end(Part&, bool) override { worker_.loop().bury(std::move(self_)); }
  Worker& worker_;
  Part part_;
  std::unique_ptr<Farewell> self_;
};

EventLink::EventLink(EventLinks& links, Owner owner) : links_(links), owner_(std::move(owner)), id_(random_token(kIdBytes)) {}
EventLink::~EventLink() = default;

// ---- any thread -----------------------------------------------------------------------------------------------------

std::string EventLink::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

bool EventLink::begin_session() {
  const std::lock_guard lock(mutex_);
  return open_ && !std::exchange(beginning_, true);
}

void EventLink::set_session(std::string_view id) {
  const std::lock_guard lock(mutex_);
  session_ = id;
}

bool EventLink::deliver(std::string_view events) {
  const std::lock_guard lock(mutex_);
  if (!open_ || loop_ == nullptr) return true;  // nobody reads: whoever speaks need not wait
  queue_ += events;
  if (!std::exchange(posted_, true)) loop_->post([link = shared_from_this()] { link->pump(); });
  return queue_.size() <= kQueueBytes;
}

bool EventLink::join(net::Loop& loop, const Poster& poster) {
  const std::lock_guard lock(mutex_);
  if (open_) posts_.push_back({&loop, poster});
  return open_;
}

void EventLink::leave(const Poster& poster) {
  const std::lock_guard lock(mutex_);
  std::erase_if(posts_, [&](const Joined& one) { return one.poster == poster; });
}

void EventLink::wait(const Poster& poster) {
  const std::lock_guard lock(mutex_);
  for (Joined& one : posts_)
    if (one.poster == poster) one.waits = true;
}

void EventLink::listen() {
  const std::lock_guard lock(mutex_);
  if (!open_ || loop_ == nullptr) return;
  loop_->post([link = shared_from_this()] {
    if (!std::exchange(link->listening_, true)) link->open_listener();
  });
}

// ---- the stream's own worker ----------------------------------------------------------------------------------------

void EventLink::attach(Worker& worker, Call& call) {
  worker_ = &worker;
  call_ = &call;
  again_ = std::make_unique<net::Timer>([this] { open_listener(); });
  const std::lock_guard lock(mutex_);
  loop_ = &worker.loop();
}

void EventLink::room(bool there_is) {
  room_ = there_is;
  if (room_) pump();
}

void EventLink::touch(WallTime now) {
  if (const std::string id = session(); !id.empty()) (void)worker_->rooms().sessions.find(id, owner_.grant_id, owner_.server_id, now);
}

// Moves what waits to the client, as long as that takes it.
void EventLink::pump() {
  std::string events;
  bool too_slow = false;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    if (!open_) return;
    too_slow = queue_.size() > links_.options().queue_bytes_max;
    if (room_) {
      events.swap(queue_);
      for (Joined& one : posts_)
        if (std::exchange(one.waits, false))
          one.loop->post([poster = one.poster] {
            if (*poster != nullptr) (*poster)->drained();
          });
    }
  }
  if (too_slow) return call_->cut_link("stream.too_slow", "the client did not read its event stream for too long");
  if (listener_) listener_->drained();
  if (!events.empty()) call_->push(events);
}

// The session's GET stream, as a client of streamable HTTP would open it, and open again.
void EventLink::open_listener() {
  const std::string session = this->session();
  if (call_ == nullptr || session.empty() || listener_) return;
  SessionRequest request(*worker_, owner_);
  if (!request.allowed()) return;  // the stream's own recheck ends it
  listener_ = std::make_unique<Part>(*this, 0);
  listened_at_ = worker_->loop().now();
  request.make("GET", session, "text/event-stream", *listener_);
}

void EventLink::on_part_head(Part&, const listener::ResponseHead& head, bool stream) {
  relayed_ = stream;
  if (head.status >= 400 && head.status < 500) listening_ = false;  // the session has ended: the next POST says so
}

bool EventLink::on_part_body(Part&, std::string_view piece) { return !relayed_ || deliver(piece); }

void EventLink::on_part_end(Part&, bool) {
  worker_->loop().bury(std::move(listener_));
  if (!listening_ || call_ == nullptr) return;
  if (worker_->loop().now() - listened_at_ > kPatienceMax) patience_ = std::chrono::seconds(1);
  worker_->loop().arm(*again_, patience_);
  patience_ = std::min(patience_ * 2, kPatienceMax);
}

void EventLink::close(bool by_client) {
  std::string session;
  {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    open_ = false;
    session.swap(session_);
    std::string().swap(queue_);
    for (const Joined& one : posts_)
      one.loop->post([poster = one.poster] {
        if (*poster != nullptr) (*poster)->stream_gone();
      });
    posts_.clear();
  }
  const auto self = shared_from_this();
  links_.forget(*this);
  call_ = nullptr;
  if (worker_ == nullptr) return;
  worker_->loop().disarm(*again_);
  if (listener_ && !listener_->over()) {
    listening_ = false;
    Part& part = *listener_;
    worker_->loop().bury(std::move(listener_));
    part.abandon();
  }
  if (by_client && !session.empty())
    worker_->loop().post([worker = worker_, self, session] { Farewell::say(*worker, self->owner_, session); });
}

// ---- all of the gate ------------------------------------------------------------------------------------------------

Result<std::shared_ptr<EventLink>> EventLinks::open(EventLink::Owner owner) {
  const std::lock_guard lock(mutex_);
  std::size_t& mine = per_grant_[owner.grant_id];
  if (links_.size() >= options_.links_max || mine >= options_.per_grant_max)
    return fail(Code::RateLimited, "session.too_many_streams", "too many open event streams for this grant: close some and try again");
  ++mine;
  auto link = std::make_shared<EventLink>(*this, std::move(owner));
  links_.emplace(link->id(), link);
  return link;
}

std::shared_ptr<EventLink> EventLinks::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = links_.find(std::string(id));
  return found == links_.end() ? nullptr : found->second;
}

std::size_t EventLinks::size() const {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

void EventLinks::forget(const EventLink& link) {
  const std::lock_guard lock(mutex_);
  if (links_.erase(link.id()) == 0) return;
  const auto mine = per_grant_.find(link.owner().grant_id);
  if (--mine->second == 0) per_grant_.erase(mine);
}

}  // namespace callgate::gateway
