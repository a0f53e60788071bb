#pragma once
// Reaching the real server over HTTP from a worker loop: pooled keep-alive connections, TLS, deadlines, caps, pinned addresses.
// One Upstreams per loop; not thread-safe. Names are resolved off the loop (answers are kept for 30 s), every address of the answer is
// judged (T-65: one refused address refuses the name), and a judged address is the one connected to. Redirects are never followed: a 3xx
// is a head like any other. Compressed answers are refused (T-13, T-50). Nothing is ever sent twice once a byte may have left.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cleared_call.h"
#include "model/entities.h"
#include "net/http1.h"
#include "net/loop.h"
#include "net/offload.h"
#include "vault/vault.h"

namespace callgate::upstream {

// Receives one response, on the loop. After on_end() or on_error() nothing more comes and the Exchange is gone: on_end() may send again,
// and may get the same connection. Exactly one of the two is called, unless the exchange is cancelled. Nothing comes while it is paused.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void on_head(const net::Head& head) = 0;   // views valid during the call
  virtual void on_body(std::string_view piece) = 0;  // de-chunked; views valid during the call
  virtual void on_end() = 0;
  // sent: some byte of the request may have reached the server. Errors: Unavailable upstream.{resolve, address_refused, connect, tls,
  // reset, protocol, busy}, Timeout upstream.{connect_timeout, timeout}, TooLarge upstream.too_large (a head; or a body that is not an
  // event stream, beyond Server.response_bytes_max), Internal upstream.request (our own head lines are malformed; nothing was sent).
  virtual void on_error(const Error& error, bool sent) = 0;
};

// Handle to one exchange under way; all of it may be called inside the sink's callbacks. Dead after on_end, on_error and cancel().
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void pause() = 0;  // stop reading: the client is slow
  virtual void resume() = 0;
  virtual void cancel() = 0;                                                // closes the connection; no further callbacks
  virtual void set_timeout(std::chrono::milliseconds until_next_byte) = 0;  // 0: none (listen streams)
};

struct Target {
  const Server* server = nullptr;  // must outlive the exchange: the caller holds the snapshot
  const vault::Credentials* credentials = nullptr;
};

class Upstreams {
 public:
  struct Options {
    std::size_t connections_per_server_max = 1024;  // beyond: upstream.busy
    std::size_t idle_per_server_max = 128;
    std::chrono::milliseconds idle_timeout{30'000};
    std::function<Result<std::vector<IpAddress>>(const std::string& host)> look_up;  // for tests; called on the offload; empty: DNS
  };
  Upstreams(net::Loop& loop, net::Offload& offload, const Options& options);
  ~Upstreams();
  // The call's bytes must stay valid until on_end/on_error/cancel. Never calls the sink before returning. The credentials are read here
  // only. A closed-by-the-server pooled connection is passed over as long as no byte left on it.
  Exchange& send(const Target& target, const ClearedCall& call, ResponseSink& sink);
  void drop_idle();  // after a configuration change
  struct Stats {
    std::size_t open = 0, idle = 0;
    std::uint64_t connects = 0, reuses = 0;
  };
  Stats stats() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// T-65: which resolved addresses a server may use. Link-local, unspecified, multicast and reserved ones never.
Result<void> check_address(const IpAddress& address, bool allow_private);

}  // namespace callgate::upstream
