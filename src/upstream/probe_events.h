#pragma once
// The two endpoints of HTTP+SSE (2024-11-05) as the probe's way to ask. Inner header of upstream/.

#include "upstream/probe_http.h"

namespace callgate::upstream {

class ProbeEvents final : public ProbeLine {
 public:
  ProbeEvents(ProbeClient& client, const Server& server) : client_(client), server_(server) {}
  // Errors: those of ProbeClient; Unavailable upstream.endpoint when the endpoint event names what is never called. No error, and not
  // named(): the server answered, but this is no such stream.
  Result<void> open(std::chrono::milliseconds timeout);
  int status() const { return head_.status; }
  bool named() const { return head_.endpoint_named; }
  Result<ProbeReply> send(const ProbeRequest& request, std::chrono::milliseconds timeout) override;

 private:
  ProbeClient& client_;
  const Server& server_;
  ProbeStreamHead head_;
  Url endpoint_;
};

}  // namespace callgate::upstream
