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
  std::string_view method, path, query;  // path is not decoded; target with a fragment, %00 or control characters was refused
  std::string_view body;                 // whole and de-chunked; valid only during handle()
  IpAddress remote;
  bool tls = false;
  bool local_socket = false;        // came over the Unix control socket
  void* connection_memo = nullptr;  // see Reply::memo
};

struct ResponseHead {
  int status = 200;
  std::string_view content_type;  // empty: none
  std::string_view extra;         // complete header lines, each with CRLF; built by us, never copied from a peer
                                  // Date, framing, nosniff and `Cache-Control: no-store` (unless here) are added
};

// Told when the other side of an unfinished reply changes. Called on the loop, never from inside a call to the Reply, and not after
// finish(), send() or abort().
class ReplyObserver {
 public:
  virtual ~ReplyObserver() = default;
  // The connection was reset or a write failed or stalled. The Reply is dead after this call. A client that closes in order cannot be
  // told from one that only ended its sending side; it is noticed when the next byte is written (so streams need keep-alive bytes).
  virtual void on_client_gone() = 0;
  virtual void on_drained() {}  // the write buffer fell below its low mark (64 KB)
  // The client ended its sending side: mostly it has closed, but it may still read. May be followed by abort() or a reply as usual.
  virtual void on_half_close() {}
};

// The answer to one request; lives in the connection. Exactly one of send(), or begin_stream() .. finish(), or abort(); then, or after
// on_client_gone(), the Reply must not be touched. send() and finish() write at once; begin_stream() and write() gather what is written
// in one batch of the loop into one system call.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void observe(ReplyObserver* observer) = 0;
  virtual void send(const ResponseHead& head, std::string_view body) = 0;  // copies what the socket does not take at once
  virtual void begin_stream(const ResponseHead& head) = 0;                 // chunked
  // False: above the high mark (256 KB); stop until on_drained(). What is written nevertheless is kept up to 16 MB; then the client
  // counts as gone.
  virtual bool write(std::string_view data) = 0;
  virtual void finish() = 0;
  virtual void abort() = 0;  // close now, so that a cut stream looks cut
  // A slot that lives as long as the connection, for the handler's own use (the last token seen); freed with `destroy`, also when
  // it is replaced.
  virtual void set_memo(void* memo, void (*destroy)(void*)) = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  virtual void handle(const Request& request, Reply& reply) = 0;  // on the loop; must not block
  // Refused before it became a request: framing, caps, timeouts, Host, Origin. The listener answers; this only records.
  virtual void refused(const IpAddress& remote, std::string_view first_line, const Error& error, int status) = 0;
};

struct Options {
  std::string address = "127.0.0.1";     // an IPv4 or IPv6 address; `::` takes both
  std::uint16_t port = 8808;             // 0: any; see Listener::port()
  std::string unix_path;                 // not empty: the control socket instead, mode 0600, peer must be the same user or root
  std::shared_ptr<net::TlsContext> tls;  // null: plain
  std::vector<std::string> hosts;        // allowed Host values beside loopback names and the bound address (T-64, DNS rebinding)
  std::vector<std::string> origins;      // allowed Origin values; a request without Origin passes; `null` never does
  net::HeadCaps head_caps;
  std::size_t body_bytes_max = 4 * 1024 * 1024;
  std::size_t connections_max = 20'000;  // per listener; beyond: accept and close
  std::size_t connections_per_address_max = 10'000;
  std::chrono::milliseconds head_timeout{10'000};   // whole head from its first byte, or from accept (slowloris)
  std::chrono::milliseconds body_timeout{30'000};   // whole body
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds write_timeout{60'000};  // no progress while bytes wait
};

// One worker: a loop and the handler that lives on it.
struct Worker {
  net::Loop* loop = nullptr;
  Handler* handler = nullptr;
};

class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const Options& options, std::vector<Worker> workers);
  std::uint16_t port() const;
  void stop_accepting();  // any thread; open connections go on
  std::size_t connections() const;
  ~Listener();  // after the loops have stopped, before they are destroyed

 private:
  Listener();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::listener
