#pragma once
// Chooses the way by the server's kind: what a worker sends through. Event streams are the servers of HTTP+SSE (sse/).

#include <memory>

#include "stdio/processes.h"

namespace callgate::stdio {

class Route final : public upstream::Transport {
 public:
  Route(upstream::Transport& http, Processes& processes, Processes* event_streams, net::Loop& loop)
      : http_(http), stdio_(processes.front(loop)), events_(event_streams != nullptr ? event_streams->front(loop) : nullptr) {}
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override {
    if (target.server->kind == ServerKind::Stdio) return stdio_->send(target, call, sink);
    return (target.server->eras.events && events_ ? *events_ : http_).send(target, call, sink);
  }

 private:
  upstream::Transport& http_;
  std::unique_ptr<upstream::Transport> stdio_, events_;
};

}  // namespace callgate::stdio
