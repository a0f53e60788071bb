#include "bridge/shared.h"

#include "bridge/actor.h"
#include "bridge/pool.h"

namespace callgate::bridge {
namespace {
constexpr std::chrono::milliseconds kSweep(60'000);
}

void count_down(std::unordered_map<std::string, std::size_t>& counts, const std::string& of) {
  auto found = counts.find(of);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

bool Hub::post(std::uint64_t core, std::function<void(Core&)> task) {
  const std::lock_guard lock(mutex);
  auto found = cores.find(core);
  if (found == cores.end()) return false;
  found->second.first->post([core_held = found->second.second, task = std::move(task)] {
    if (auto live = core_held.lock()) task(*live);
  });
  return true;
}

// ---- parked calls ---------------------------------------------------------------------------------------------------

bool Hub::park(const std::string& id, Parked call) {
  const std::lock_guard lock(mutex);
  if (parked.size() >= options.parked_max) return false;
  auto own = parked_of.find(call.principal_id);
  if (own != parked_of.end() && own->second >= options.parked_per_principal_max) return false;
  ++parked_of[call.principal_id];
  parked.emplace(id, std::move(call));
  return true;
}

std::optional<Parked> Hub::take_parked(const std::string& id, const Digest& binding) {
  const std::lock_guard lock(mutex);
  auto found = parked.find(id);
  if (found == parked.end() || found->second.binding != binding) return std::nullopt;
  Parked taken = std::move(found->second);
  parked.erase(found);
  count_down(parked_of, taken.principal_id);
  return taken;
}

bool Hub::forget_parked(const std::string& id) {
  const std::lock_guard lock(mutex);
  auto found = parked.find(id);
  if (found == parked.end()) return false;
  count_down(parked_of, found->second.principal_id);
  parked.erase(found);
  return true;
}

// ---- sessions of legacy clients -------------------------------------------------------------------------------------

void Hub::erase_client(std::unordered_map<std::string, std::shared_ptr<ClientSession>>::iterator at) {
  count_down(client_sessions_of, at->second->principal_id);
  clients.erase(at);
}

void Hub::drop_clients(const std::function<bool(const ClientSession&)>& ended) {
  for (auto at = clients.begin(); at != clients.end();) {
    auto next = std::next(at);
    if (ended(*at->second)) erase_client(at);
    at = next;
  }
}

void Hub::drop_idle(MonoTime now) {
  drop_clients([&](const ClientSession& session) {
    bool used = session.stream || !session.open_calls.empty();
    return !used && now - session.used_at > options.session_idle_max;
  });
}

Result<std::shared_ptr<ClientSession>> Hub::open_client(std::shared_ptr<ClientSession> session, MonoTime now) {
  const std::lock_guard lock(mutex);
  auto over = [&] {
    auto own = client_sessions_of.find(session->principal_id);
    return clients.size() >= options.sessions_max || (own != client_sessions_of.end() && own->second >= options.sessions_per_principal_max);
  };
  if (over()) drop_idle(now);
  if (over()) return fail(Code::RateLimited, "bridge.too_many_sessions", "too many sessions: end some, or try again later");
  session->used_at = now;
  ++client_sessions_of[session->principal_id];
  clients.emplace(session->id, session);
  return session;
}

std::shared_ptr<ClientSession> Hub::find_client(const CallContext& context, std::string_view server_id, MonoTime now) {
  const std::lock_guard lock(mutex);
  auto found = clients.find(std::string(context.session));
  if (found == clients.end()) return nullptr;
  ClientSession& session = *found->second;
  if (session.principal_id != context.principal_id || session.grant_id != context.grant_id || session.server_id != server_id)
    return nullptr;
  if (now - session.used_at > options.session_idle_max && !session.stream) {
    erase_client(found);
    return nullptr;
  }
  session.used_at = now;
  return found->second;
}

void Hub::close_client(const std::string& id) {
  const std::lock_guard lock(mutex);
  auto found = clients.find(id);
  if (found != clients.end()) erase_client(found);
}

// ---- actors ---------------------------------------------------------------------------------------------------------

Actor::Actor(Core& core) : core_(core), id_(core.hub().next_id()) {}
Address Actor::address() const { return {core_.id(), id_}; }
void Actor::end() { core_.remove(id_); }

void Core::open() {
  id_ = hub_->next_id();
  loop_.arm(sweep_, kSweep);
  const std::lock_guard lock(hub_->mutex);
  hub_->cores.emplace(id_, std::pair(&loop_, weak_from_this()));
}

void Core::sweep() {
  {
    const std::lock_guard lock(hub_->mutex);
    hub_->drop_idle(now());
  }
  sweep_sessions(*this);
  loop_.arm(sweep_, kSweep);
}

void Core::close() {
  {
    const std::lock_guard lock(hub_->mutex);
    hub_->cores.erase(id_);
  }
  live_ = false;
  loop_.disarm(sweep_);
  auto last = std::move(actors_);
  actors_.clear();
  for (auto& [id, actor] : last) actor->on_removed();
}

Actor* Core::find(std::uint64_t actor) {
  auto found = actors_.find(actor);
  return found == actors_.end() ? nullptr : found->second.get();
}

void Core::remove(std::uint64_t actor) {
  auto found = actors_.find(actor);
  if (found == actors_.end()) return;
  auto last = std::move(found->second);
  actors_.erase(found);
  last->on_removed();
  loop_.bury(std::move(last));
}

}  // namespace callgate::bridge
