#pragma once
// Servers of HTTP+SSE (2024-11-05) as a transport: what stdio/processes.h needs to make of each a streamable-HTTP server of a legacy era.
// Owns its way out (upstream/), on the loop of the conversations.

#include <memory>

#include "net/offload.h"
#include "sse/event_channel.h"
#include "stdio/processes.h"
#include "upstream/upstream.h"

namespace callgate::sse {

class EventOpener final : public stdio::Opener {
 public:
  explicit EventOpener(upstream::Upstreams::Options options = {}) : options_(std::move(options)) {}
  void open(net::Loop& loop, const stdio::Limits& limits, const std::shared_ptr<const stdio::Spec>& spec, Opened opened) override;

 private:
  upstream::Upstreams::Options options_;
  net::Offload offload_{1, 1'024};  // of its own: it looks names up until the last conversation has ended
  std::unique_ptr<upstream::Upstreams> way_out_;
};

// One stream for each client session, so there are more of them than there could be processes.
stdio::Limits event_limits();

}  // namespace callgate::sse
