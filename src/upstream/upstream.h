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
#include "model/network.h"
#include "net/loop.h"
#include "net/offload.h"
#include "upstream/transport.h"

namespace callgate::upstream {

class Upstreams final : public Transport {
 public:
  struct Options {
    std::size_t connections_per_server_max = 16'384;  // beyond: upstream.busy
    std::size_t idle_per_server_max = 128;
    std::chrono::milliseconds idle_timeout{30'000};
    std::function<Result<std::vector<IpAddress>>(const std::string& host)> look_up;  // for tests; called on the offload; empty: DNS
  };
  Upstreams(net::Loop& loop, net::Offload& offload, const Options& options);
  ~Upstreams() override;
  // The credentials are read here only. A closed-by-the-server pooled connection is passed over as long as no byte left on it.
  Exchange& send(const Target& target, const ClearedCall& call, ResponseSink& sink) override;
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
