#pragma once
// Chooses the way by the server's kind: what a worker sends through.

#include <memory>

#include "stdio/processes.h"

namespace callgate::stdio {

class Route final : public upstream::Transport {
 public:
  Route(upstream::Transport& http, Processes& processes, net::Loop& loop) : http_(http), stdio_(processes.front(loop)) {}
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override {
    return (target.server->kind == ServerKind::Stdio ? *stdio_ : http_).send(target, call, sink);
  }

 private:
  upstream::Transport& http_;
  std::unique_ptr<upstream::Transport> stdio_;
};

}  // namespace callgate::stdio
