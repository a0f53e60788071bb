#pragma once
// The way out of a sandbox that may reach listed hosts. The supervisor made listening sockets inside the sandbox's empty network and
// handed them over; here, outside, their connections are accepted, judged and carried to exactly the address that was judged. One
// listener speaks HTTP (CONNECT, and plain requests with an absolute target); the others stand for one listed name and port each.
// Lives on one loop thread. It never logs what passes, only hosts that were refused.

#include <memory>
#include <vector>

#include "net/loop.h"
#include "net/offload.h"
#include "sandbox/descriptor.h"
#include "sandbox/egress_rules.h"

namespace callgate::sandbox {

struct EgressOptions {
  std::string server;  // for the log
  bool allow_private = false;
  std::size_t connections_max = 256;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{600'000};
};

class Egress {
 public:
  virtual ~Egress() = default;  // on the loop's thread; closes every connection
  // listeners: the proxy's, then one for each port of each name, in the rules' order.
  static Result<std::unique_ptr<Egress>> start(net::Loop& loop, net::Offload& resolving, EgressRules rules,
                                               std::vector<Descriptor> listeners, EgressOptions options);
};

// `address port` of each listener, in that order; empty without listed hosts.
std::vector<std::string> egress_listeners(const EgressRules& rules);

}  // namespace callgate::sandbox
