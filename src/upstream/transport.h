#pragma once
// What the gateway knows of any way to a server: HTTP (upstream.h), a confined process (stdio/), or a bridge between the eras
// (bridge/) that wraps one of them. Every transport looks like a streamable-HTTP MCP server of the call's era: a POST is answered by
// a head and a JSON body or an event stream, GET opens the stream of what nobody asked for, DELETE ends the session.
// One Transport per worker loop; not thread-safe.

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "model/cleared_call.h"
#include "model/entities.h"
#include "net/http1.h"
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

class Transport {
 public:
  virtual ~Transport() = default;
  // The call's bytes must stay valid until on_end/on_error/cancel. Never calls the sink before returning.
  virtual Exchange& send(const Target& target, const ClearedCall& call, ResponseSink& sink) = 0;
};

}  // namespace callgate::upstream
