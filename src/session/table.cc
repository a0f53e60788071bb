#include "session/table.h"

#include "base/crypto.h"
#include "base/encoding.h"

namespace callgate::session {

namespace {
constexpr std::size_t kAskedBytesMax = 64 * 1024;  // of one session: a grant may have a thousand, each with a server that talks

std::size_t bytes_of(std::string_view request_id, const SessionTable::Asked& question) {
  return request_id.size() + question.method.size() + question.kept.size();
}
}  // namespace

void SessionTable::erase(std::unordered_map<std::string_view, Slot>::iterator at) {
  auto keep_alive = at->second.session;  // the key lives inside it
  auto count = per_grant_.find(keep_alive->grant_id);
  if (count != per_grant_.end() && --count->second == 0) per_grant_.erase(count);
  slots_.erase(at);
}

Result<std::shared_ptr<const Session>> SessionTable::open(Session session, WallTime now) {
  session.id = random_token(32);
  Digest digest = blake2b(session.id);
  session.digest = "ses_" + hex_encode(std::span(digest).first(8));
  session.created_at = now;
  auto stored = std::make_shared<const Session>(std::move(session));
  std::lock_guard lock(mutex_);
  if (slots_.size() >= options_.sessions_max || per_grant_[stored->grant_id] >= options_.per_grant_max) {
    for (auto at = slots_.begin(); at != slots_.end();) {
      auto next = std::next(at);
      if (now - at->second.used_at > options_.idle_max) erase(at);
      at = next;
    }
    if (slots_.size() >= options_.sessions_max || per_grant_[stored->grant_id] >= options_.per_grant_max)
      return fail(Code::RateLimited, "session.too_many", "too many open sessions for this grant: close some with DELETE and try again");
  }
  ++per_grant_[stored->grant_id];
  slots_.emplace(stored->id, Slot{stored, now, {}, {}, {}, 0});
  return stored;
}

Result<std::shared_ptr<const Session>> SessionTable::find(std::string_view id, std::string_view grant_id, std::string_view server_id,
                                                          WallTime now) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(id);
  if (at != slots_.end() && now - at->second.used_at > options_.idle_max && at->second.in_flight.empty()) {
    erase(at);
    at = slots_.end();
  }
  // T-60: the session of another grant or server is as unknown as a guessed one.
  if (at == slots_.end() || at->second.session->grant_id != grant_id || at->second.session->server_id != server_id)
    return fail(Code::NotFound, "session.unknown", "this session is unknown or has ended: initialize again");
  if (now > at->second.used_at) at->second.used_at = now;
  return at->second.session;
}

bool SessionTable::close(std::string_view id) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(id);
  if (at == slots_.end()) return false;
  erase(at);
  return true;
}

std::vector<std::shared_ptr<const Session>> SessionTable::sweep(WallTime now, const std::function<bool(const Session&)>& still_good) {
  std::vector<std::shared_ptr<const Session>> closed;
  std::lock_guard lock(mutex_);
  for (auto at = slots_.begin(); at != slots_.end();) {
    auto next = std::next(at);
    bool idle = at->second.in_flight.empty() && now - at->second.used_at > options_.idle_max;
    if (idle || !still_good(*at->second.session)) {
      closed.push_back(at->second.session);
      erase(at);
    }
    at = next;
  }
  return closed;
}

std::size_t SessionTable::size() const {
  std::lock_guard lock(mutex_);
  return slots_.size();
}

Result<void> SessionTable::begin_request(std::string_view session_id, std::string_view request_id) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  if (at == slots_.end()) return fail(Code::NotFound, "session.unknown", "this session has ended: initialize again");
  if (at->second.in_flight.size() >= options_.in_flight_max)
    return fail(Code::RateLimited, "session.too_many_requests", "too many requests of this session are open: wait for answers");
  if (!at->second.in_flight.emplace(request_id).second)
    return fail(Code::Conflict, "session.duplicate_id", "a request with this id is still open: use a new id");
  return {};
}

void SessionTable::end_request(std::string_view session_id, std::string_view request_id) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  if (at == slots_.end()) return;
  std::string id(request_id);
  at->second.in_flight.erase(id);
  at->second.cancelled.erase(id);
}

void SessionTable::cancel(std::string_view session_id, std::string_view request_id) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  std::string id(request_id);
  if (at != slots_.end() && at->second.in_flight.contains(id)) at->second.cancelled.insert(std::move(id));
}

bool SessionTable::cancelled(std::string_view session_id, std::string_view request_id) const {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  return at != slots_.end() && at->second.cancelled.contains(std::string(request_id));
}

Result<void> SessionTable::ask(std::string_view session_id, std::string_view request_id, Asked question) {
  const std::size_t bytes = bytes_of(request_id, question);
  if (bytes > kAskedBytesMax)
    return fail(Code::TooLarge, "ask.too_large",
                "what this server asks is too large to be kept until it is answered: ask for less at once");
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  if (at == slots_.end()) return fail(Code::NotFound, "session.unknown", "this session has ended");
  Slot& slot = at->second;
  if (slot.asked.size() >= options_.asked_max || slot.asked_bytes + bytes > kAskedBytesMax)
    return fail(Code::RateLimited, "session.too_many_requests",
                "the requests of this server that wait for the client's answer are too many or too large");
  if (!slot.asked.emplace(request_id, std::move(question)).second)
    return fail(Code::Conflict, "session.duplicate_id", "a request of this server with this id is still open");
  slot.asked_bytes += bytes;
  return {};
}

std::optional<SessionTable::Asked> SessionTable::take_asked(std::string_view session_id, std::string_view request_id) {
  std::lock_guard lock(mutex_);
  auto at = slots_.find(session_id);
  if (at == slots_.end()) return std::nullopt;
  auto asked = at->second.asked.find(std::string(request_id));
  if (asked == at->second.asked.end()) return std::nullopt;
  at->second.asked_bytes -= bytes_of(request_id, asked->second);
  Asked question = std::move(asked->second);
  at->second.asked.erase(asked);
  return question;
}

}  // namespace callgate::session
