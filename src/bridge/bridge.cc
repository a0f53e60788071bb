#include "bridge/bridge.h"

#include "bridge/client_stream.h"
#include "bridge/legacy_call.h"
#include "bridge/modern_call.h"
#include "bridge/shared.h"
#include "bridge/state.h"

namespace callgate::bridge {

struct Registry::Inner : Hub {
  using Hub::Hub;
};

struct Bridge::Inner : Core {
  using Core::Core;
};

Registry::Registry(const Options& options) : inner_(std::make_shared<Inner>(options)) {}
Registry::~Registry() = default;

Registry::Stats Registry::stats() const {
  const std::lock_guard lock(inner_->mutex);
  Stats stats;
  stats.legacy_clients = inner_->clients.size();
  stats.legacy_servers = inner_->servers.size();
  stats.parked = inner_->parked.size();
  for (const auto& [id, session] : inner_->clients) stats.waiting_answers += session->questions.size();
  for (const auto& [key, session] : inner_->servers) stats.listeners += session->listeners.size();
  return stats;
}

void Registry::sweep(const std::function<bool(std::string_view grant_id)>& still_good) {
  Hub& hub = *inner_;
  std::vector<std::shared_ptr<ServerSession>> servers;
  std::vector<Address> runs, calls, streams;
  {
    const std::lock_guard lock(hub.mutex);
    for (auto& [id, parked] : hub.parked)
      if (!still_good(parked.grant_id)) runs.push_back(parked.run);
    for (auto& [key, session] : hub.servers)
      if (session->ready && !still_good(session->grant_id)) servers.push_back(session);
    hub.drop_clients([&](const ClientSession& session) {
      if (still_good(session.grant_id)) return false;
      for (auto& [id, call] : session.open_calls) calls.push_back(call);
      streams.push_back(session.stream);
      return true;
    });
  }
  auto tell = [&](Address to, auto fn) { hub.post(to.core, [to, fn](Core& core) { core.tell<Actor>(to, fn); }); };
  for (Address run : runs) tell(run, [](Actor& actor) { static_cast<Run&>(actor).on_expiry(); });
  for (Address call : calls) tell(call, [](Actor& actor) { static_cast<LegacyCall&>(actor).cancelled_by_client(); });
  for (Address stream : streams) tell(stream, [](Actor& actor) { static_cast<ClientStream&>(actor).finish(); });
  for (auto& session : servers) hub.post(session->home, [session](Core& core) { end_session(core, session); });
}

Bridge::Bridge(net::Loop& loop, upstream::Transport& inner, Registry& registry)
    : below_(inner), inner_(std::make_shared<Inner>(loop, inner, registry.inner_)) {
  inner_->open();
}
Bridge::~Bridge() { inner_->close(); }

bool Bridge::needed(const Server& server, bool modern_call) {
  if (server.eras.legacy == server.eras.modern) return false;  // both, or never probed
  return modern_call != server.eras.modern;
}

void Bridge::release(const CallContext& context, const Server& server, std::string_view body, std::string_view state) {
  if (state.empty() || !needed(server, true)) return;
  json::Document document;
  if (!document.parse(body)) return;
  Hub& hub = inner_->hub();
  Digest binding = state_binding(context, server.id, document.root()["method"].string(), document.root()["params"]);
  auto opened = open_state(hub.sealer, state, binding, inner_->now());
  auto parked = opened ? hub.take_parked(opened->parked_id, binding) : std::nullopt;
  if (parked) inner_->tell<Run>(parked->run, [](Run& run) { run.on_released(); });
}

upstream::Exchange& Bridge::send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) {
  if (!needed(*target.server, call.context().modern)) return below_.send(target, call, sink);
  if (call.context().modern) {
    ModernCall& made = inner_->add<ModernCall>(target, call, sink);
    made.start(call);
    return made;
  }
  if (call.method() == "GET") {
    ClientStream& made = inner_->add<ClientStream>(target, call, sink);
    made.start(call);
    return made;
  }
  LegacyCall& made = inner_->add<LegacyCall>(target, call, sink);
  made.start(call);
  return made;
}

}  // namespace callgate::bridge
