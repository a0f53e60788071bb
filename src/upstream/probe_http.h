#pragma once
// Blocking HTTP to one server for the probe (libcurl). Connects only to the addresses it was given, which were judged before; follows
// nothing, uses no proxy, stops at its caps. Inner header of upstream/.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/entities.h"
#include "vault/vault.h"

namespace callgate::upstream {

struct ProbeRequest {
  std::string method = "POST";
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::function<bool(std::string_view data)> is_answer;  // event streams: the event to wait for
};

struct ProbeReply {
  int status = 0;
  bool event_stream = false;
  std::string content_type, session_id, location;
  std::string body;  // of an event stream: the data of the event waited for; empty if it never came
};

// What opening the event stream of HTTP+SSE (2024-11-05) brought.
struct ProbeStreamHead {
  int status = 0;
  bool event_stream = false, endpoint_named = false;  // its first event was `endpoint`
  std::string endpoint;                               // data of that, not judged
};

// A way to ask: HTTP here, HTTP+SSE in probe_events.h, a process in stdio/.
class ProbeLine {
 public:
  virtual ~ProbeLine() = default;
  virtual Result<ProbeReply> send(const ProbeRequest& request, std::chrono::milliseconds timeout) = 0;
};

class ProbeClient final : public ProbeLine {
 public:
  ProbeClient(const Server& server, const vault::Credentials& credentials, const std::vector<IpAddress>& judged);
  ~ProbeClient() override;
  // Errors, with the cause in plain words as message: Unavailable upstream.{connect, tls, reset, protocol},
  // Timeout upstream.{connect_timeout, tls, timeout}, TooLarge upstream.too_large.
  Result<ProbeReply> send(const ProbeRequest& request, std::chrono::milliseconds timeout) override;

  // HTTP+SSE: a GET that stays open and its first event; then POSTs to the address judged from that, with the answers on the stream.
  // Errors as above.
  Result<ProbeStreamHead> open_stream(std::chrono::milliseconds timeout);
  Result<ProbeReply> post(const Url& to, const ProbeRequest& request, std::chrono::milliseconds timeout);

  // About the first connection.
  std::string peer_address() const;
  std::string tls_summary() const;  // "TLSv1.3, certificate until Jan  1 2027"; empty without TLS
  std::chrono::milliseconds connect_took() const;
  std::chrono::milliseconds tls_took() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::upstream
