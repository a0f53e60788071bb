// What the process says: answers to whom they belong, the rest to whom it most likely concerns, and to nobody where that is not clear.

#include <algorithm>

#include "stdio/conversation.h"
#include "stdio/message.h"
#include "stdio/switchboard.h"
#include "telemetry/log.h"

namespace callgate::stdio {
namespace {

constexpr std::size_t kAskedMax = 256;
constexpr std::size_t kBacklogMax = 64;
constexpr std::size_t kBacklogBytesMax = 64 * 1024;

// The statuses a modern HTTP server answers with (mcp-spec: N8, N9); everything else is an answer like any other.
int status_of(bool modern, json::Value error) {
  if (!modern || !error.exists()) return 200;
  const std::string_view code = error["code"].number();
  if (code == "-32601") return 404;
  return code == "-32020" || code == "-32021" || code == "-32022" ? 400 : 200;
}

bool list_changed(std::string_view method) {
  return method == "notifications/tools/list_changed" || method == "notifications/prompts/list_changed" ||
         method == "notifications/resources/list_changed";
}

}  // namespace

bool Conversation::on_line(std::string_view line) {
  json::Caps caps;
  caps.bytes_max = spec_->server.response_bytes_max;
  if (!document_.parse(line, caps)) {
    noise();
    return !held_;
  }
  const json::Value root = document_.root();
  if (root.is_array()) {  // 2025-03-26
    root.for_each_element([this](json::Value one) { take(one); });
  } else {
    take(root);
  }
  document_.trim(256 * 1024);
  return !held_;
}

// T-71: banners, progress bars, a forgotten print. Skipped, and said once.
void Conversation::noise() {
  ++board_.counts().noise;
  if (std::exchange(noisy_, true)) return;
  board_.log_of(spec_->server.id)->note(number_, "(the gate: a line on standard output was no MCP message and was skipped)");
  telemetry::log_warn("stdio server writes what is no message to its output", {{"server", spec_->server.slug}});
}

void Conversation::on_too_long() {
  board_.log_of(spec_->server.id)->note(number_, "(the gate: a message past the size limit; the process is started again)");
  telemetry::log_warn("stdio server sent too long a message", {{"server", spec_->server.slug}});
  if (state_ == State::Stopping) return;
  state_ = State::Stopping;
  fail_all({Code::TooLarge,
            "upstream.too_large",
            "server `" + spec_->server.slug + "` sent a message that is too large: raise its response limit, or ask for less",
            {}});
  channel_->kill();
}

void Conversation::on_gone(const std::string& how, const Error* unopened) {
  const std::string& slug = spec_->server.slug;
  if (!wanted_end_) {
    const bool events = spec_->server.eras.events;
    board_.log_of(spec_->server.id)
        ->note(number_, (events ? "(the gate: the stream ended: " : "(the gate: the process ended: ") + how + ")");
    telemetry::log_warn(events ? "event stream of a server ended" : "stdio server ended", {{"server", slug}, {"how", how}});
  }
  state_ = State::Stopping;
  if (unopened != nullptr) {
    fail_all(*unopened, true);
  } else if (spec_->server.eras.events) {
    fail_all({Code::Unavailable, "upstream.reset",
              "server `" + slug + "` closed its event stream while it worked on this call: whether it took effect is not known", how});
  } else {
    fail_all({Code::Unavailable, "upstream.exited",
              "server `" + slug + "` ended while it worked on this call: look at `callgate server logs " + slug + "`", how});
  }
  board_.gone(*this);
}

std::shared_ptr<Ticket> Conversation::take_pending(std::int64_t number) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return nullptr;
  const auto ticket = std::move(found->second.ticket);
  pending_.erase(found);
  if (ticket) ticket->conversation = nullptr;
  return ticket;
}

// What the server thinks of one message is about that one; of the handshake, about all that follows.
void Conversation::on_refused(std::int64_t number, int status) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;
  if (found->second.kind == Kind::Hello) {
    std::vector<Greeting> hellos;
    hellos.swap(hellos_);
    for (const Greeting& one : hellos) {
      one.ticket->conversation = nullptr;
      if (auto* session = board_.find_session(one.ticket->session)) board_.drop_session(*session);
      one.ticket->reply(status);
    }
    return stop();
  }
  if (const auto ticket = take_pending(number)) ticket->reply(status);
  end_if_idle();
}

void Conversation::on_unsent(std::int64_t number, const Error& error, bool sent) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;
  if (found->second.kind == Kind::Hello) {
    fail_all(error, !sent);
    return stop();
  }
  if (const auto ticket = take_pending(number)) {
    ticket->mark_sent(sent);
    ticket->fail(error.code, error.reason, error.message, error.detail);
  }
  end_if_idle();
}

void Conversation::take(json::Value root) {
  if (state_ == State::Stopping) return;
  const auto message = session::read_message(root);
  if (!message) return noise();
  spoke_ = true;
  switch (message->kind) {
    case session::MessageKind::Response: return take_response(root, *message);
    case session::MessageKind::Notification: return take_notification(root, *message);
    case session::MessageKind::Request: return take_request(root, *message);
  }
}

// T-11: an answer to what was not asked, or asked and answered before, goes nowhere.
void Conversation::take_response(json::Value root, const session::Message& message) {
  const auto number = own_number(message.id);
  const auto found = number ? pending_.find(*number) : pending_.end();
  if (found == pending_.end()) {
    ++board_.counts().strays;
    return;
  }
  touch();
  if (found->second.kind == Kind::Hello) {
    pending_.erase(found);
    return take_hello(message);
  }
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  json::Value subscription;
  if (pending.kind == Kind::Listen) subscription = message.result["_meta"][kSubscriptionId];
  if (own_number(subscription) != number) subscription = {};
  line_.clear();
  append_replaced(line_, root, {{message.id, pending.id}, {subscription, pending.id}});
  pending.ticket->conversation = nullptr;
  pending.ticket->answer(status_of(modern_, message.error), line_);
  end_if_idle();
}

void Conversation::take_hello(const session::Message& message) {
  std::vector<Greeting> hellos;
  hellos.swap(hellos_);
  if (message.error.exists() || !message.result.is_object()) {
    const std::string error(message.error.raw());
    for (const Greeting& one : hellos) {
      one.ticket->conversation = nullptr;
      one.ticket->answer(200, R"({"jsonrpc":"2.0","id":)" + one.id + R"(,"error":)" + (error.empty() ? "{}" : error) + "}");
      if (auto* session = board_.find_session(one.ticket->session)) board_.drop_session(*session);
    }
    wanted_end_ = true;
    return stop();
  }
  hello_result_ = message.result.raw();
  for (const Greeting& one : hellos) {
    std::string text;
    append_result(text, one.id, hello_result_);
    one.ticket->conversation = nullptr;
    one.ticket->answer(200, text);
  }
  become_ready();
}

void Conversation::take_notification(json::Value root, const session::Message& message) {
  if (message.method == "notifications/progress") return take_progress(root, message);
  if (message.method == "notifications/cancelled") return take_cancelled(root, message);
  if (take_subscribed(root, message)) return;
  if (shared() && !modern_ && list_changed(message.method)) {  // concerns everyone, and tells nobody anything of another
    for (Session* session : sessions_) deliver(session, root.raw(), true);
    return;
  }
  Session* session = only_session();
  const bool whose = modern_ ? (!shared() || pending_.size() == 1) : session != nullptr;
  if (!whose || !deliver(session, root.raw(), !modern_)) ++board_.counts().dropped;
}

void Conversation::take_progress(json::Value root, const session::Message& message) {
  const json::Value token = message.params["progressToken"];
  const auto number = own_number(token);
  const auto found = number ? pending_.find(*number) : pending_.end();
  if (found == pending_.end() || found->second.token.empty()) {
    ++board_.counts().strays;
    return;
  }
  touch();
  line_.clear();
  append_replaced(line_, root, {{token, found->second.token}});
  deliver_event(*found->second.ticket, line_);
}

// Modern: the end of a subscription. Legacy: the process takes back what it asked.
void Conversation::take_cancelled(json::Value root, const session::Message& message) {
  const json::Value id = message.params["requestId"];
  if (modern_) {
    const auto number = own_number(id);
    const auto found = number ? pending_.find(*number) : pending_.end();
    if (found == pending_.end() || found->second.kind != Kind::Listen) {
      ++board_.counts().strays;
      return;
    }
    const auto ticket = std::move(found->second.ticket);
    pending_.erase(found);
    ticket->conversation = nullptr;
    ticket->open_stream();
    return ticket->reply(200);
  }
  const auto asked = asked_.find(id.raw());
  if (asked == asked_.end()) {
    ++board_.counts().strays;
    return;
  }
  Session* session = asked->second;
  asked_.erase(asked);
  deliver(session, root.raw(), true);
}

// What belongs to a subscription says so by our number for it.
bool Conversation::take_subscribed(json::Value root, const session::Message& message) {
  if (!modern_) return false;
  const json::Value subscription = message.params["_meta"][kSubscriptionId];
  const auto number = own_number(subscription);
  const auto found = number ? pending_.find(*number) : pending_.end();
  if (found == pending_.end() || found->second.kind != Kind::Listen) return false;
  touch();
  line_.clear();
  append_replaced(line_, root, {{subscription, found->second.id}});
  deliver_event(*found->second.ticket, line_);
  return true;
}

void Conversation::take_request(json::Value root, const session::Message& message) {
  const std::string id(message.id.raw());
  if (message.method == "ping") {  // about this hop only
    line_.clear();
    append_result(line_, id, "{}");
    channel_->write(line_, clearance_, 0);
    return;
  }
  if (modern_) return refuse_upstream(id, "a server of this revision asks nothing: answer with input_required");
  Session* session = only_session();
  if (state_ != State::Ready || session == nullptr || asked_.size() >= kAskedMax || asked_.contains(id) ||
      !deliver(session, root.raw(), false))
    return refuse_upstream(id, "nobody is there to answer");
  asked_.emplace(id, session);
}

void Conversation::refuse_upstream(std::string_view id, std::string_view why) {
  ++board_.counts().dropped;
  line_.clear();
  session::append_error(line_, id, session::kMethodNotFound, why);
  channel_->write(line_, clearance_, 0);
}

// Whose business it is what a process says unasked. A process of one session: that session's. A shared one: that of the only session with
// an open request, or of the only session there is; else it cannot be known, and guessing would tell one caller of another.
Session* Conversation::only_session() const {
  if (sessions_.size() == 1) return *sessions_.begin();
  Session* only = nullptr;
  for (const auto& [number, pending] : pending_) {
    if (pending.session == nullptr) continue;
    if (only != nullptr && only != pending.session) return nullptr;
    only = pending.session;
  }
  return only;
}

Ticket* Conversation::newest_of(const Session* session) const {
  for (auto at = pending_.rbegin(); at != pending_.rend(); ++at)
    if (at->second.kind == Kind::Call && at->second.ticket && at->second.session == session) return at->second.ticket.get();
  return nullptr;
}

bool Conversation::deliver(Session* session, std::string_view text, bool keep) {
  if (Ticket* ticket = newest_of(session)) {
    deliver_event(*ticket, text);
    return true;
  }
  if (session == nullptr) return false;
  if (session->listener) {
    deliver_event(*session->listener, text);
    return true;
  }
  if (!keep || text.size() > kBacklogBytesMax) return false;
  session->backlog.emplace_back(text);
  session->backlog_bytes += text.size();
  while (session->backlog.size() > kBacklogMax || session->backlog_bytes > kBacklogBytesMax) {
    session->backlog_bytes -= session->backlog.front().size();
    session->backlog.pop_front();
    ++board_.counts().dropped;
  }
  return true;
}

void Conversation::deliver_event(Ticket& ticket, std::string_view text) {
  ticket.event(text);
  too_full(ticket);
}

}  // namespace callgate::stdio
