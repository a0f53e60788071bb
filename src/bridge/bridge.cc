#include "bridge/bridge.h"

namespace callgate::bridge {

struct Registry::Inner {
  Options options;
};

struct Bridge::Inner {};

Registry::Registry(const Options& options) : inner_(std::make_shared<Inner>()) { inner_->options = options; }
Registry::~Registry() = default;
Registry::Stats Registry::stats() const { return {}; }

Bridge::Bridge(net::Loop&, upstream::Transport& inner, Registry&) : below_(inner) {}
Bridge::~Bridge() = default;

bool Bridge::needed(const Server& server, bool modern_call) {
  if (server.eras.legacy == server.eras.modern) return false;  // both, or never probed
  return modern_call != server.eras.modern;
}

upstream::Exchange& Bridge::send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) {
  return below_.send(target, call, sink);
}

}  // namespace callgate::bridge
