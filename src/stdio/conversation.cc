// The life of a conversation, and what goes to the process. What comes from it is in incoming.cc.

#include "stdio/conversation.h"

#include <algorithm>

#include "stdio/message.h"
#include "stdio/switchboard.h"
#include "telemetry/log.h"

namespace callgate::stdio {
namespace {

constexpr std::size_t kWaitingMax = 1'024;  // calls that wait for the process to be ready
constexpr std::string_view kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr std::string_view kFull = "server reads too slowly what it is sent: try again in a moment";

}  // namespace

Conversation::Conversation(Switchboard& board, std::string key, const Ticket& first, std::string principal_id)
    : board_(board),
      key_(std::move(key)),
      spec_(first.spec),
      clearance_(kept(*first.clearance)),
      modern_(first.modern),
      principal_id_(std::move(principal_id)),
      number_(board.next_process()),
      self_(std::make_shared<Conversation*>(this)),
      stall_([this] { on_stall(); }) {
  touch();
  started_at_ = board_.loop().now();
}

Conversation::~Conversation() { *self_ = nullptr; }

void Conversation::touch() { used_at_ = board_.loop().now(); }

void Conversation::start() {
  board_.opener().open(board_.loop(), board_.limits(), spec_, [self = self_](Result<std::unique_ptr<Channel>> channel) {
    if (*self != nullptr) (*self)->opened(std::move(channel));
  });
}

void Conversation::opened(Result<std::unique_ptr<Channel>> channel) {
  const std::string& slug = spec_->server.slug;
  Result<void> open;
  if (channel) {
    channel_ = std::move(*channel);
    open = channel_->begin(*this, board_.log_of(spec_->server.id), number_, clearance_);
  } else {
    open = tl::unexpected<Error>(channel.error());
  }
  if (!open) {
    telemetry::log_warn("stdio server could not be started",
                        {{"server", slug}, {"reason", std::string(open.error().reason)}, {"detail", open.error().detail}});
    fail_all(
        {Code::Unavailable, "upstream.start", "server `" + slug + "` could not be started: " + open.error().message, open.error().detail});
    if (channel_) {
      state_ = State::Stopping;
      channel_->kill();
    } else {
      board_.gone(*this);
    }
    return;
  }
  telemetry::log_info(spec_->server.eras.events ? "event stream of a server asked for" : "stdio server started",
                      {{"server", slug}, {"process", std::to_string(number_)}});
  if (state_ == State::Stopping) return channel_->stop();
  if (modern_) return become_ready();
  const Session* first = sessions_.empty() ? nullptr : *sessions_.begin();
  for (const Session* session : sessions_)
    if (session->initialized) first = session;
  if (first == nullptr) return stop();  // everyone left while it started
  initialized_ = first->initialized;
  say_hello(first->hello);
}

void Conversation::say_hello(const std::string& body) {
  state_ = State::Hello;
  json::Document document;
  if (!document.parse(body)) return stop();
  const std::int64_t number = next_id_++;
  std::string line;
  append_replaced(line, document.root(), {{document.root()["id"], std::to_string(number)}});
  Pending pending;
  pending.kind = Kind::Hello;
  pending_.emplace(number, std::move(pending));
  for (const Greeting& greeting : hellos_) greeting.ticket->mark_sent();
  channel_->write(line, clearance_, number);
}

void Conversation::become_ready() {
  state_ = State::Ready;
  if (!modern_ && initialized_) channel_->write(kInitialized, clearance_, 0);
  std::deque<std::shared_ptr<Ticket>> waiting;
  waiting.swap(waiting_);
  for (const auto& ticket : waiting) {
    ticket->conversation = nullptr;
    if (!ticket->over()) board_.take(ticket);
  }
  end_if_idle();
}

// ---- from the caller ------------------------------------------------------------------------------------------------

void Conversation::hello(const std::shared_ptr<Ticket>& ticket, Session& session, const session::Message& message) {
  touch();
  attach(session);
  if (!hello_result_.empty()) {  // shared, and already greeted
    std::string text;
    append_result(text, message.id.raw(), hello_result_);
    return ticket->answer(200, text);
  }
  ticket->conversation = this;
  hellos_.push_back({ticket, std::string(message.id.raw())});
}

void Conversation::attach(Session& session) {
  if (session.conversation != nullptr && session.conversation != this) session.conversation->detach(session);
  session.conversation = this;
  sessions_.insert(&session);
}

void Conversation::detach(Session& session) {
  sessions_.erase(&session);
  if (session.conversation == this) session.conversation = nullptr;
  std::erase_if(asked_, [&](const auto& entry) { return entry.second == &session; });
  for (auto& [number, pending] : pending_)
    if (pending.session == &session) pending.session = nullptr;
}

void Conversation::request(const std::shared_ptr<Ticket>& ticket, Session* session, json::Value root, const session::Message& message) {
  touch();
  if (!ready()) {
    if (waiting_.size() >= kWaitingMax)
      return ticket->fail(Code::Unavailable, "upstream.busy",
                          "server `" + spec_->server.slug + "` is still starting: try again in a moment");
    ticket->conversation = this;
    waiting_.push_back(ticket);
    return;
  }
  const json::Value token = message.params["_meta"]["progressToken"];
  const std::int64_t number = next_id_++;
  const std::string own = std::to_string(number);
  line_.clear();
  append_replaced(line_, root, {{message.id, own}, {token, own}});
  if (!channel_->write(line_, *ticket->clearance, number)) {
    return ticket->fail(Code::Unavailable, "upstream.busy", "the `" + spec_->server.slug + "` " + std::string(kFull));
  }
  Pending pending{Kind::Call, ticket, session, std::string(message.id.raw()), {}};
  if (message.method == "subscriptions/listen") pending.kind = Kind::Listen;
  if (token.exists()) pending.token = token.raw();
  pending_.emplace(number, std::move(pending));
  ticket->conversation = this;
  ticket->number = number;
  ticket->mark_sent();
}

void Conversation::notification(const std::shared_ptr<Ticket>& ticket, Session* session, json::Value root,
                                const session::Message& message) {
  touch();
  if (message.method == "notifications/initialized" && session != nullptr) {
    session->initialized = true;
    if (!ready() || initialized_) {  // said already for another session, or said when it is ready
      if (!ready()) initialized_ = true;
      return ticket->reply(202);
    }
    initialized_ = true;
  } else if (!ready()) {
    ++board_.counts().dropped;
    return ticket->reply(202);
  }
  line_.clear();
  if (message.method == "notifications/cancelled") {
    const std::string_view wanted = message.params["requestId"].raw();
    const auto found = std::ranges::find_if(pending_, [&](const auto& entry) {
      return entry.second.kind != Kind::Hello && entry.second.session == session && session != nullptr && entry.second.id == wanted;
    });
    if (found == pending_.end()) return ticket->reply(202);  // races are no error
    append_replaced(line_, root, {{message.params["requestId"], std::to_string(found->first)}});
    channel_->write(line_, *ticket->clearance, 0);
    const auto cancelled = std::move(found->second.ticket);
    pending_.erase(found);
    cancelled->conversation = nullptr;
    cancelled->fail(Code::Cancelled, "upstream.cancelled", "cancelled by the client");
    return ticket->reply(202);
  }
  append_replaced(line_, root, {});
  if (!channel_->write(line_, *ticket->clearance, 0))
    return ticket->fail(Code::Unavailable, "upstream.busy", "the `" + spec_->server.slug + "` " + std::string(kFull));
  ticket->reply(202);
}

// T-50: only who was asked may answer, and once.
void Conversation::response(const std::shared_ptr<Ticket>& ticket, Session& session, json::Value root, const session::Message& message) {
  touch();
  const auto asked = asked_.find(message.id.raw());
  if (asked == asked_.end() || asked->second != &session) {
    ++board_.counts().strays;
    return ticket->reply(202);
  }
  asked_.erase(asked);
  line_.clear();
  append_replaced(line_, root, {});
  if (!ready() || !channel_->write(line_, *ticket->clearance, 0)) ++board_.counts().dropped;
  ticket->reply(202);
}

void Conversation::cancel(Ticket& ticket, bool timed_out) {
  ticket.conversation = nullptr;
  const auto found = pending_.find(ticket.number);
  if (ticket.number != 0 && found != pending_.end() && found->second.ticket.get() == &ticket) {
    pending_.erase(found);
    if (modern_ || timed_out) send_cancelled(ticket.number);
  }
  std::erase_if(waiting_, [&](const auto& one) { return one.get() == &ticket; });
  if (std::erase_if(hellos_, [&](const auto& one) { return one.ticket.get() == &ticket; }) > 0) {
    if (Session* session = board_.find_session(ticket.session)) board_.drop_session(*session);  // nobody knows its name
  }
  if (!modern_ && !ready() && usable() && !busy()) return stop();  // nobody waits for the handshake any more
  if (!modern_ && state_ == State::Hello && hellos_.empty() && waiting_.empty()) return stop();
  end_if_idle();
}

void Conversation::send_cancelled(std::int64_t number) {
  if (!channel_ || !channel_->open()) return;
  channel_->write(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + std::to_string(number) +
                      R"(,"reason":"the caller no longer waits"}})",
                  clearance_, 0);
}

// ---- back-pressure --------------------------------------------------------------------------------------------------

bool Conversation::too_full(Ticket& ticket) {
  if (!ticket.hold_if_full(board_.limits().waiting_bytes_max)) return false;
  if (!held_) board_.loop().arm(stall_, board_.limits().stall_max);
  held_ = true;
  return true;
}

void Conversation::room() {
  if (!held_) return;
  const std::size_t most = board_.limits().waiting_bytes_max;
  for (const auto& [number, pending] : pending_)
    if (pending.ticket && pending.ticket->hold_if_full(most)) return;
  for (const Session* session : sessions_)
    if (session->listener && session->listener->hold_if_full(most)) return;
  held_ = false;
  board_.loop().disarm(stall_);
  if (channel_) channel_->read_on();
}

// One who reads nothing must not stop everybody else, nor keep the process from being heard.
void Conversation::on_stall() {
  const std::size_t most = board_.limits().waiting_bytes_max;
  const std::string why = "the stream was ended: it was not read for a long time";
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto ticket = at->second.ticket;
    if (ticket && ticket->hold_if_full(most)) {
      send_cancelled(at->first);
      at = pending_.erase(at);
      ticket->conversation = nullptr;
      ticket->fail(Code::Timeout, "upstream.timeout", why);
    } else {
      ++at;
    }
  }
  for (Session* session : sessions_)
    if (session->listener && session->listener->hold_if_full(most))
      std::exchange(session->listener, nullptr)->fail(Code::Timeout, "upstream.timeout", why);
  room();
}

// ---- the end --------------------------------------------------------------------------------------------------------

void Conversation::retire() {
  if (!usable()) return;
  wanted_end_ = true;
  if (state_ != State::Ready) return stop();
  state_ = State::Retiring;
  end_if_idle();
}

void Conversation::end_if_idle() {
  if (state_ == State::Retiring && !busy()) stop();
}

void Conversation::stop() {
  if (state_ == State::Stopping) return;
  const bool started = channel_ != nullptr;
  state_ = State::Stopping;
  wanted_end_ = true;
  fail_all({Code::Unavailable, "upstream.exited", "server `" + spec_->server.slug + "` was stopped: call again", {}});
  if (started) channel_->stop();
}

void Conversation::fail_all(const Error& error, bool unsent) {
  Pendings pending;
  pending.swap(pending_);
  std::deque<std::shared_ptr<Ticket>> waiting;
  waiting.swap(waiting_);
  std::vector<Greeting> hellos;
  hellos.swap(hellos_);
  asked_.clear();
  const auto end = [&](const std::shared_ptr<Ticket>& ticket) {
    if (!ticket) return;
    ticket->conversation = nullptr;
    if (unsent) ticket->mark_sent(false);
    ticket->fail(error.code, error.reason, error.message, error.detail);
  };
  for (auto& [number, one] : pending) end(one.ticket);
  for (auto& one : waiting) end(one);
  for (auto& one : hellos) {
    end(one.ticket);
    if (auto* session = board_.find_session(one.ticket->session)) board_.drop_session(*session);
  }
}

}  // namespace callgate::stdio
