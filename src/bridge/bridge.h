#pragma once
// Lets a client of one protocol era use a server of the other (docs/protocol.md). The gateway always speaks the client's era with a
// Bridge; the Bridge speaks the server's era with the transport below it, and stays out of the way where both agree or the server's
// era is unknown. What it sends follows from a cleared call; it decides nothing. What cannot be translated is answered with a clear
// error: see README.md. One Bridge per worker loop, gone before its loop and the transport below. One Registry for all, thread-safe.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "net/loop.h"
#include "upstream/transport.h"

namespace callgate::bridge {

// What outlives one exchange: sessions of both directions, calls that wait for the client's answer, and the key of their tokens, which
// dies with the process.
class Registry {
 public:
  struct Options {
    std::size_t parked_per_principal_max = 16;
    std::size_t parked_max = 1'000;
    std::size_t sessions_max = 100'000;  // of each direction
    std::size_t sessions_per_principal_max = 1'000;
    std::chrono::seconds session_idle_max{3'600};       // of a legacy client's session
    std::chrono::seconds server_session_idle_max{600};  // of ours with a legacy server
    std::chrono::milliseconds stream_patience{1'000};   // for a legacy server's GET stream, before the first call
    std::chrono::seconds parked_max_age{300};           // how long a client may take to answer once
    std::chrono::seconds input_time_max{900};           // all rounds of one call together
    std::uint32_t input_rounds_max = 16;                // of one call
    std::chrono::milliseconds gather_window{20};        // what a server asks within it goes to the client together
  };
  Registry() : Registry(Options()) {}
  explicit Registry(const Options& options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  struct Stats {
    std::size_t legacy_clients = 0;   // sessions of legacy clients with modern servers
    std::size_t legacy_servers = 0;   // our sessions with legacy servers
    std::size_t parked = 0;           // calls that wait for a client's retry
    std::size_t waiting_answers = 0;  // questions a legacy client has not answered yet
    std::size_t listeners = 0;
  };
  Stats stats() const;

  // Ends what belongs to grants that are no longer good: sessions of both directions at once, parked calls too. Any thread; what it ends
  // ends on its own loop.
  void sweep(const std::function<bool(std::string_view grant_id)>& still_good);

 private:
  friend class Bridge;
  struct Inner;
  std::shared_ptr<Inner> inner_;
};

class Bridge final : public upstream::Transport {
 public:
  Bridge(net::Loop& loop, upstream::Transport& inner, Registry& registry);
  ~Bridge() override;  // open exchanges below are cancelled; their sinks hear nothing more
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override;

  // A requestState this bridge gave out will not be shown to the client: the call that waits for it ends, at the server too. The rest is of
  // the request it was given out for. Anything else is left alone.
  void release(const CallContext& context, const Server& server, std::string_view body, std::string_view state);

  // Whether this server has to be spoken to in another era than the call's.
  static bool needed(const Server& server, bool modern_call);

 private:
  struct Inner;
  upstream::Transport& below_;
  std::shared_ptr<Inner> inner_;
};

}  // namespace callgate::bridge
