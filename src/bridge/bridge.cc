#include "bridge/bridge.h"

#include "bridge/client_stream.h"
#include "bridge/legacy_call.h"
#include "bridge/modern_call.h"
#include "bridge/shared.h"

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

Bridge::Bridge(net::Loop& loop, upstream::Transport& inner, Registry& registry)
    : below_(inner), inner_(std::make_shared<Inner>(loop, inner, registry.inner_)) {
  inner_->open();
}
Bridge::~Bridge() { inner_->close(); }

bool Bridge::needed(const Server& server, bool modern_call) {
  if (server.eras.legacy == server.eras.modern) return false;  // both, or never probed
  return modern_call != server.eras.modern;
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
