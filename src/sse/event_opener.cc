#include "sse/event_opener.h"

namespace callgate::sse {

void EventOpener::open(net::Loop& loop, const stdio::Limits& limits, const std::shared_ptr<const stdio::Spec>& spec, Opened opened) {
  if (!way_out_) way_out_ = std::make_unique<upstream::Upstreams>(loop, offload_, options_);
  EventChannel::Bounds bounds;
  bounds.waiting_bytes_max = limits.input_bytes_max;
  loop.post(
      [this, &loop, spec, bounds, opened = std::move(opened)] { opened(std::make_unique<EventChannel>(loop, *way_out_, spec, bounds)); });
}

stdio::Limits event_limits() {
  stdio::Limits limits;
  limits.processes_max = 8'192;
  limits.per_server_max = 4'096;
  limits.per_principal_max = 256;
  limits.input_bytes_max = 8UL * 1024 * 1024;
  return limits;
}

}  // namespace callgate::sse
