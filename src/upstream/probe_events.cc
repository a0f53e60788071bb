#include "upstream/probe_events.h"

#include "upstream/endpoint.h"

namespace callgate::upstream {

Result<void> ProbeEvents::open(std::chrono::milliseconds timeout) {
  CG_TRY(head_, client_.open_stream(timeout));
  head_.endpoint_named = head_.endpoint_named && head_.event_stream && head_.status == 200;
  if (!head_.endpoint_named) return {};
  CG_TRY(endpoint_, resolve_endpoint(server_.url, head_.endpoint));
  return {};
}

Result<ProbeReply> ProbeEvents::send(const ProbeRequest& request, std::chrono::milliseconds timeout) {
  if (request.method != "POST") return ProbeReply{};  // the session is the stream
  return client_.post(endpoint_, request, timeout);
}

}  // namespace callgate::upstream
