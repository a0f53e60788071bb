#include "stdio/switchboard.h"

#include <algorithm>
#include <cmath>

#include "base/crypto.h"
#include "stdio/message.h"

namespace callgate::stdio {
namespace {

constexpr std::chrono::seconds kSweepEvery{5};
constexpr std::chrono::seconds kLivedLongEnough{30};  // then an end is no sign that the next start fails too
constexpr std::chrono::seconds kPatienceMax{30};
constexpr std::chrono::seconds kIdleEnough{15};  // to be ended when another needs the place
constexpr std::size_t kSessionIdBytes = 24;
constexpr int kSessionUnknown = -32001;  // as the published SDKs answer it

std::vector<Secret> secret_values(const Secret& environment) {
  std::vector<Secret> values;
  std::string_view rest = environment.reveal();
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    const std::size_t equals = one.find('=');
    if (equals != std::string_view::npos) values.emplace_back(std::string(one.substr(equals + 1)));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return values;
}

}  // namespace

Switchboard::Switchboard(net::Loop& loop, Opener& opener, const Limits& limits)
    : loop_(loop), opener_(opener), limits_(limits), sweeper_([this] { sweep(); }) {
  loop_.arm(sweeper_, kSweepEvery);
}

Switchboard::~Switchboard() = default;

// ---- what comes from the workers ------------------------------------------------------------------------------------

void Switchboard::take(const std::shared_ptr<Ticket>& ticket) {
  if (ticket->over()) return;
  if (closing_) return ticket->fail(Code::Unavailable, "gate.stopping", "the gate is stopping: try again in a moment");
  switch (ticket->ask) {
    case Ask::Post: return take_post(ticket);
    case Ask::Listen: return take_listen(ticket);
    case Ask::Close: return take_close(ticket);
  }
}

void Switchboard::take_post(const std::shared_ptr<Ticket>& ticket) {
  json::Caps caps;
  caps.bytes_max = limits_.input_bytes_max;
  const auto parsed = document_.parse(ticket->body, caps);
  const auto read = parsed ? session::read_message(document_.root()) : tl::unexpected<Error>(parsed.error());
  if (!read) return ticket->fail(Code::Internal, "upstream.request", "the gate's own message cannot be read", read.error().message);
  const session::Message& message = *read;
  if (ticket->modern) return take_modern(ticket, message);
  const bool request = message.kind == session::MessageKind::Request;
  if (request && message.method == "initialize") return take_initialize(ticket, message);
  Session* session = session_of(*ticket, message.id.raw());
  if (session == nullptr) return;
  if (message.kind == session::MessageKind::Response) {
    if (session->conversation != nullptr) return session->conversation->response(ticket, *session, document_.root(), message);
    ++counts_.strays;
    return ticket->reply(202);
  }
  Conversation* conversation = conversation_for(*ticket, session);
  if (conversation == nullptr) return;
  conversation->attach(*session);
  if (request) conversation->request(ticket, session, document_.root(), message);
  else conversation->notification(ticket, session, document_.root(), message);
}

void Switchboard::take_modern(const std::shared_ptr<Ticket>& ticket, const session::Message& message) {
  if (message.kind != session::MessageKind::Request) {  // over HTTP there is nothing a client of this revision has to tell
    ++counts_.dropped;
    return ticket->reply(202);
  }
  if (Conversation* conversation = conversation_for(*ticket, nullptr)) conversation->request(ticket, nullptr, document_.root(), message);
}

void Switchboard::take_initialize(const std::shared_ptr<Ticket>& ticket, const session::Message& message) {
  auto session = std::make_unique<Session>();
  session->id = random_token(kSessionIdBytes);
  session->principal_id = ticket->principal_id;
  session->server_id = ticket->spec->server.id;
  session->hello = document_.canonical();
  session->used_at = loop_.now();
  Conversation* conversation = conversation_for(*ticket, session.get());
  if (conversation == nullptr) return;
  ticket->session = session->id;
  ticket->name_session(session->id);
  Session& kept = *session;
  sessions_.emplace(kept.id, std::move(session));
  counts_.sessions = sessions_.size();
  conversation->hello(ticket, kept, message);
}

void Switchboard::take_listen(const std::shared_ptr<Ticket>& ticket) {
  Session* session = session_of(*ticket, {});
  if (session == nullptr) return;
  if (session->listener) session->listener->reply(200);  // a client that came back before its old stream was missed
  session->listener = ticket;
  ticket->open_stream();
  for (const std::string& text : session->backlog) ticket->event(text);
  session->backlog.clear();
  session->backlog_bytes = 0;
}

void Switchboard::take_close(const std::shared_ptr<Ticket>& ticket) {
  Session* session = session_of(*ticket, {});
  if (session == nullptr) return;
  end(*session);
  ticket->reply(204);
}

Session* Switchboard::find_session(const std::string& id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

// T-60: another principal's session, or another server's, looks like one that never was.
Session* Switchboard::session_of(Ticket& ticket, std::string_view request_id) {
  Session* session = find_session(ticket.session);
  if (session != nullptr && session->principal_id == ticket.principal_id && session->server_id == ticket.spec->server.id) {
    session->used_at = loop_.now();
    return session;
  }
  std::string body;
  session::append_error(body, request_id, kSessionUnknown, "Session not found");
  ticket.answer(404, body);
  return nullptr;
}

void Switchboard::cancel(const std::shared_ptr<Ticket>& ticket, bool timed_out) {
  ticket->drop();
  if (ticket->conversation != nullptr) ticket->conversation->cancel(*ticket, timed_out);
  if (ticket->ask != Ask::Listen) return;
  Session* session = find_session(ticket->session);
  if (session == nullptr || session->listener != ticket) return;
  session->listener.reset();
  if (session->conversation != nullptr) session->conversation->room();
}

void Switchboard::room(const std::shared_ptr<Ticket>& ticket) {
  Conversation* conversation = ticket->conversation;
  if (conversation == nullptr)
    if (const Session* session = find_session(ticket->session)) conversation = session->conversation;
  if (conversation != nullptr) conversation->room();
}

// ---- processes ------------------------------------------------------------------------------------------------------

Conversation* Switchboard::conversation_for(Ticket& ticket, Session* session) {
  const Spec& spec = *ticket.spec;
  const bool shared = spec.server.command.shared;
  const std::string principal = shared ? std::string() : ticket.principal_id;
  std::string key = ticket.modern ? "m:" + spec.server.id + ":" + principal : shared ? "l:" + spec.server.id : "s:" + session->id;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    Conversation& conversation = *found->second;
    const bool outdated = conversation.spec().server.version < spec.server.version;
    if (conversation.usable() && !outdated) return &conversation;
    by_key_.erase(found);
    if (outdated) conversation.retire();
  }
  if (auto allowed = may_start(spec, principal); !allowed) {
    ticket.fail(allowed.error().code, allowed.error().reason, allowed.error().message);
    return nullptr;
  }
  log_of(spec.server.id)->set_secrets(secret_values(spec.credentials.environment()));
  conversations_.push_back(std::make_unique<Conversation>(*this, key, ticket, principal));
  counts_.running = conversations_.size();
  Conversation& conversation = *conversations_.back();
  by_key_.emplace(std::move(key), &conversation);
  conversation.start();
  return &conversation;
}

std::string Switchboard::patience_key(const Spec& spec, std::string_view principal_id) {
  return spec.server.id + ":" + std::string(principal_id);
}

Result<void> Switchboard::may_start(const Spec& spec, const std::string& principal_id) {
  const std::string& slug = spec.server.slug;
  if (const auto found = patience_.find(patience_key(spec, principal_id)); found != patience_.end()) {
    const Patience& patience = found->second;
    if (patience.version == spec.server.version && loop_.now() < patience.not_before) {
      const auto wait = std::chrono::ceil<std::chrono::seconds>(patience.not_before - loop_.now());
      return fail(Code::Unavailable, "upstream.restarting",
                  "server `" + slug + "` ended " + std::to_string(patience.failures) + " times in a row and is started again in " +
                      std::to_string(wait.count()) + " s: look at `callgate server logs " + slug + "`");
    }
    ++counts_.restarts;
  }
  if (!make_place(spec, principal_id))
    return fail(Code::Unavailable, "upstream.busy", "too many processes of server `" + slug + "` are in use: try again later");
  return {};
}

bool Switchboard::make_place(const Spec& spec, const std::string& principal_id) {
  return free_one(limits_.processes_max, [](const Conversation&) { return true; }) &&
         free_one(limits_.per_server_max, [&](const Conversation& one) { return one.spec().server.id == spec.server.id; }) &&
         (principal_id.empty() ||
          free_one(limits_.per_principal_max, [&](const Conversation& one) { return one.principal_id() == principal_id; }));
}

// The one idle for longest gives way; a session whose process went is greeted again when it calls.
bool Switchboard::free_one(std::size_t most, const std::function<bool(const Conversation&)>& counted) {
  std::size_t count = 0;
  Conversation* idle = nullptr;
  for (const auto& one : conversations_) {
    if (!one->usable() || !counted(*one)) continue;
    ++count;
    const bool heard = std::ranges::any_of(one->sessions(), [](const Session* session) { return session->listener != nullptr; });
    if (one->busy() || heard || one->shared() || loop_.now() - one->used_at() < kIdleEnough) continue;
    if (idle == nullptr || one->used_at() < idle->used_at()) idle = one.get();
  }
  if (count < most) return true;
  if (idle == nullptr) return false;
  idle->stop();
  return true;
}

void Switchboard::gone(Conversation& conversation) {
  if (const auto found = by_key_.find(conversation.key()); found != by_key_.end() && found->second == &conversation) by_key_.erase(found);
  for (Session* session : std::set<Session*>(conversation.sessions())) conversation.detach(*session);
  if (!conversation.wanted_end() && !conversation.spec().server.eras.events) {  // a stream costs nothing to open again
    Patience& patience = patience_[patience_key(conversation.spec(), conversation.principal_id())];
    const std::int64_t version = conversation.spec().server.version;
    if (patience.version != version || loop_.now() - conversation.started_at() >= kLivedLongEnough) patience = {version, 0, {}};
    ++patience.failures;
    const auto wait = patience.failures < 2 ? std::chrono::seconds(0) : std::chrono::seconds(1) * (1 << std::min(patience.failures - 2, 6));
    patience.not_before = loop_.now() + std::min<std::chrono::seconds>(wait, kPatienceMax);
  }
  const auto at = std::ranges::find_if(conversations_, [&](const auto& one) { return one.get() == &conversation; });
  if (at == conversations_.end()) return;
  loop_.bury(std::move(*at));
  conversations_.erase(at);
  counts_.running = conversations_.size();
}

// ---- ends -----------------------------------------------------------------------------------------------------------

void Switchboard::drop_session(Session& session) {
  if (session.conversation != nullptr) session.conversation->detach(session);
  if (session.listener) session.listener->reply(200);
  sessions_.erase(std::string(session.id));
  counts_.sessions = sessions_.size();
}

void Switchboard::end(Session& session) {
  Conversation* conversation = session.conversation;
  drop_session(session);
  if (conversation != nullptr && !conversation->shared() && !conversation->has_sessions()) conversation->stop();
}

void Switchboard::end_session(std::string_view id) {
  if (Session* session = find_session(std::string(id))) end(*session);
}

void Switchboard::retain(const std::vector<std::pair<std::string, std::int64_t>>& current) {
  std::unordered_map<std::string_view, std::int64_t> versions;
  for (const auto& [id, version] : current) versions.emplace(id, version);
  std::vector<Conversation*> outdated;
  for (const auto& one : conversations_) {
    const auto found = versions.find(one->spec().server.id);
    if (found == versions.end() || found->second > one->spec().server.version) outdated.push_back(one.get());
  }
  for (Conversation* one : outdated) {
    const bool removed = !versions.contains(one->spec().server.id);
    if (removed) one->stop();
    else one->retire();
  }
  std::vector<Session*> homeless;
  for (const auto& [id, session] : sessions_)
    if (!versions.contains(session->server_id)) homeless.push_back(session.get());
  for (Session* session : homeless) end(*session);
  std::erase_if(patience_,
                [&](const auto& entry) { return !versions.contains(std::string_view(entry.first).substr(0, entry.first.find(':'))); });
  const std::lock_guard lock(log_mutex_);
  std::erase_if(logs_, [&](const auto& entry) { return !versions.contains(entry.first) && entry.second.use_count() == 1; });
}

void Switchboard::sweep() {
  std::vector<Session*> forgotten;
  for (const auto& [id, session] : sessions_) {
    const bool busy = session->listener != nullptr || (session->conversation != nullptr && session->conversation->busy());
    if (!busy && loop_.now() - session->used_at > limits_.session_idle_max) forgotten.push_back(session.get());
  }
  for (Session* session : forgotten) end(*session);
  std::vector<Conversation*> idle;
  for (const auto& one : conversations_) {
    if (!one->usable() || one->busy()) continue;
    const bool legacy = one->key().front() != 'm';
    if (legacy ? !one->has_sessions() : loop_.now() - one->used_at() > limits_.idle_max) idle.push_back(one.get());
  }
  for (Conversation* one : idle) one->stop();
  loop_.arm(sweeper_, kSweepEvery);
}

void Switchboard::close() {
  closing_ = true;
  while (!sessions_.empty()) end(*sessions_.begin()->second);
  std::vector<Conversation*> all;
  for (const auto& one : conversations_) all.push_back(one.get());
  for (Conversation* one : all) one->stop();
}

std::shared_ptr<ErrorLog> Switchboard::log_of(const std::string& server_id) {
  const std::lock_guard lock(log_mutex_);
  auto& log = logs_[server_id];
  if (!log) log = std::make_shared<ErrorLog>(loop_.clock(), limits_.log_bytes_max);
  return log;
}

}  // namespace callgate::stdio
