#pragma once
// One connection to a server, and at the same time the handle of the exchange that uses it. Its life:
//   resolving -> connecting -> active (send, head, body) -> idle -> active ... -> closed
// Errors are always delivered one turn of the loop later, from a clean stack, so that no caller is ever surprised by its own sink.
// Callbacks may cancel, pause or send again: after each of them `serial_` tells whether the exchange is still the same one.
// Inner header of upstream/.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/tls.h"
#include "upstream/resolver.h"
#include "upstream/upstream.h"

namespace callgate::upstream {

class Connection;

constexpr std::size_t kAheadBytes = 1024 * 1024;

// The connections to one server as configured at one version.
struct Pool {
  std::int64_t version = 0;
  std::string authority;  // for the Host header
  std::size_t open = 0;
  std::vector<Connection*> idle;  // the most recently used last
};

// What the connections of one loop share.
struct Dock {
  Dock(net::Loop& loop_in, net::Offload& offload_in, const Upstreams::Options& options_in);
  ~Dock();

  Pool& pool_for(const Server& server);
  Connection& add(Pool& pool);
  void bury(Connection& connection);          // deleted when no event can name it
  void settle_later(Connection& connection);  // calls connection.settle() in the next turn
  bool keep(Connection& connection);          // into the idle list, if there is room and it is still wanted
  Connection* take_idle(Pool& pool);          // null: none
  void close_idle(Pool& pool);
  Result<std::shared_ptr<net::TlsContext>> tls_for(const Server& server);
  void sweep();
  void run_pending();

  net::Loop& loop;
  Upstreams::Options options;
  Resolver resolver;
  std::vector<char> read_buffer;  // one read at a time: views into it die with the callback
  std::unique_ptr<char[]> ahead;  // what the connections read before their turn in this batch of the loop
  std::size_t ahead_used = 0;
  std::uint64_t ahead_batch = 0;
  net::Head head;                                           // of the response being read; views into it die with the callback
  std::string head_buffer;                                  // one head at a time; wiped after use, it holds credentials
  std::unordered_map<std::string, Pool> pools;              // by server id
  std::pair<const std::string, Pool>* last_pool = nullptr;  // the one asked for last: mostly the next one, too
  std::unordered_map<std::string, std::shared_ptr<net::TlsContext>> tls_contexts;
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<Connection*> pending, running;
  net::Timer sweeper;
  std::size_t idle_count = 0;
  std::uint64_t connects = 0, reuses = 0;
  std::shared_ptr<Dock*> self;  // null inside once the dock is gone: posted tasks look here
};

class Connection final : public net::Watcher, public Exchange, private Resolver::Waiter {
 public:
  Connection(Dock& dock, Pool& pool);
  ~Connection() override;

  void open(const Target& target, const ClearedCall& call, ResponseSink& sink);
  bool reuse(const Target& target, const ClearedCall& call, ResponseSink& sink);  // false: it was dead, nothing was sent
  void refuse(ResponseSink& sink, Error error);                                   // an exchange that fails before it starts
  void close();                                                                   // no callbacks
  void settle();                                                                  // deliver the error, or go on reading

  void pause() override;
  void resume() override;
  void cancel() override;
  void set_timeout(std::chrono::milliseconds until_next_byte) override;
  void on_ready(std::uint32_t events) override;
  bool read_ahead(std::uint32_t events) override;

  MonoTime idle_since{};
  std::size_t index = 0;  // in Dock::connections
  bool pending = false;   // in Dock::pending
  std::int64_t version() const { return version_; }
  Pool& pool() { return pool_; }

 private:
  enum class State : std::uint8_t { Resolving, Connecting, Active, Idle, Failed, Closed };
  enum class Phase : std::uint8_t { Head, Body };

  // connect
  void on_resolved(const Result<Addresses>& answer) override;
  void take_addresses(const Addresses& addresses);
  void dial_next();
  void on_connected(std::uint32_t events);
  void on_timer();
  // send
  void begin(const Target& target, const ClearedCall& call, ResponseSink& sink);
  void flush();
  void note_handshake();
  bool all_sent() const { return head_left_.empty() && body_left_.empty(); }
  // receive
  void read_some();
  void keep_ahead();
  void on_stream_end(const net::IoResult& result);
  void take(std::string_view piece);
  void process(std::string_view bytes);
  bool process_head(std::string_view& bytes);
  bool accept_head(const net::Head& head);
  bool process_body(std::string_view& bytes);
  void keep_rest(std::string_view rest);
  void finish(bool clean);
  // end
  void fail_with(Code code, std::string_view reason, std::string message, std::string detail = {});
  void fail_reset(std::string detail);
  void release_socket();
  void end_exchange();
  void wipe_head();
  std::string name() const;

  Dock& dock_;
  Pool& pool_;
  std::int64_t version_;
  State state_ = State::Resolving;
  Phase phase_ = Phase::Head;
  bool counted_ = false;  // in pool_.open
  bool tls_ = false;
  bool connected_ = false;  // TLS handshake done too
  bool sent_ = false;
  bool send_failed_ = false;
  bool paused_ = false;
  bool hung_up_ = false;  // the server closed its side: never reused
  bool drained_ = false;  // the last read left nothing in the kernel
  bool keep_alive_ = false;
  bool event_stream_ = false;
  std::uint8_t informational_ = 0;
  std::uint64_t serial_ = 0;  // of the exchange
  int fd_ = -1;               // while connecting; later the stream owns it
  std::unique_ptr<net::ByteStream> stream_;
  net::Timer timer_;
  MonoTime connect_deadline_{}, connected_at_{};

  const Server* server_ = nullptr;  // of the exchange
  ResponseSink* sink_ = nullptr;
  bool to_head_request_ = false;
  std::string head_;  // the unsent request head, when it did not leave at once; wiped
  std::string_view head_left_, body_left_;
  std::chrono::milliseconds timeout_{0};
  Addresses addresses_;
  std::size_t next_address_ = 0;
  std::string connect_detail_;
  std::string carry_;                   // received and not yet used: part of a head, or what came while paused
  std::optional<net::IoResult> ahead_;  // of a read that was made before its turn, into
  const char* ahead_at_ = nullptr;      // the dock's memory for that
  net::BodyReader body_;
  std::uint64_t received_ = 0;
  std::size_t since_rearm_ = 0;
  std::optional<Error> error_;
};

}  // namespace callgate::upstream
