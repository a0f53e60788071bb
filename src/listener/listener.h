#pragma once
// The door: accepts, TLS, HTTP/1.1 framing, caps, timeouts, Host and Origin allow-list. Knows only an abstract handler.
// One acceptor hands sockets to the loop with the fewest connections; a connection lives on one loop for good.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/network.h"
#include "net/http1.h"
#include "net/loop.h"
#include "net/tls.h"

namespace callgate::listener {

struct Request {
  const net::Head* head = nullptr;
  std::string_view method, path, query;   // path is not decoded; target with a fragment, %00 or control characters was refused
  std::string_view body;                  // whole and de-chunked; valid only during handle()
  IpAddress remote;
  bool tls = false;
  bool local_socket = false;              // came over the Unix control socket
  void* connection_memo = nullptr;        // see Reply::memo
};

struct ResponseHead {
  int status = 200;
  std::string_view content_type;          // empty: none
  std::string_view extra;                 // complete header lines, each with CRLF; built by us, never copied from a peer
};

// Told when the other side of an unfinished reply changes. Neither is called after finish(), send() or abort().
class ReplyObserver {
 public:
  virtual ~ReplyObserver() = default;
  virtual void on_client_gone() = 0;      // the Reply is dead after this call
  virtual void on_drained() {}            // the write buffer fell below its low mark
};

// The answer to one request; lives in the connection. Exactly one of send(), or begin_stream() .. finish(), or abort().
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void observe(ReplyObserver* observer) = 0;
  virtual void send(const ResponseHead& head, std::string_view body) = 0;   // copies what the socket does not take at once
  virtual void begin_stream(const ResponseHead& head) = 0;                  // chunked
  virtual bool write(std::string_view data) = 0;                            // false: above the high mark (256 KB); stop until on_drained()
  virtual void finish() = 0;
  virtual void abort() = 0;                                                 // close now, so that a cut stream looks cut
  // A slot that lives as long as the connection, for the handler's own use (the last token seen); freed with `destroy`.
  virtual void set_memo(void* memo, void (*destroy)(void*)) = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  virtual void handle(const Request& request, Reply& reply) = 0;            // on the loop; must not block
  // Refused before it became a request: framing, caps, timeouts, Host, Origin. The listener answers; this only records.
  virtual void refused(const IpAddress& remote, std::string_view first_line, const Error& error, int status) = 0;
};

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8808;                       // 0: any; see Listener::port()
  std::string unix_path;                           // not empty: the control socket instead, mode 0600, peer must be the same user or root
  std::shared_ptr<net::TlsContext> tls;            // null: plain
  std::vector<std::string> hosts;                  // allowed Host values beside loopback names and the bound address (T-64, DNS rebinding)
  std::vector<std::string> origins;                // allowed Origin values; a request without Origin passes; `null` never does
  net::HeadCaps head_caps;
  std::size_t body_bytes_max = 4 * 1024 * 1024;
  std::size_t connections_max = 20'000;            // per listener; beyond: accept and close
  std::size_t connections_per_address_max = 10'000;
  std::chrono::milliseconds head_timeout{10'000};  // whole head from its first byte, or from accept (slowloris)
  std::chrono::milliseconds body_timeout{30'000};  // whole body
  std::chrono::milliseconds idle_timeout{75'000};  // between requests
  std::chrono::milliseconds write_timeout{60'000}; // no progress while bytes wait
};

// One worker: a loop and the handler that lives on it.
struct Worker { net::Loop* loop = nullptr; Handler* handler = nullptr; };

class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const Options& options, std::vector<Worker> workers);
  std::uint16_t port() const;
  void stop_accepting();                            // any thread; open connections go on
  std::size_t connections() const;
  ~Listener();                                      // after the loops have stopped

 private:
  Listener();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::listener
