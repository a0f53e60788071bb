#pragma once
// The only maker of ClearedCall. It asks for one piece of evidence per room, so a forgotten step does not compile:
// who (identity), to what (catalog), by which decision (policy), counted (limits, flushed), and recordable (audit).

#include <string_view>

#include "catalog/catalog.h"
#include "identity/identity.h"
#include "model/cleared_call.h"
#include "policy/policy.h"

namespace callgate::gateway {

// Proof that the ledger holds every reservation of this batch. Made only by Worker after Counters::flush succeeded.
class Counted {
  friend class Worker;
  Counted() = default;
};
// Proof that the journal takes records, and in strict mode holds the intent. Made only by Worker.
class Recordable {
  friend class Worker;
  Recordable() = default;
};

struct Evidence {
  const identity::GrantEntry& caller;
  const catalog::ServerEntry& server;
  Effect decision;
  const Counted& counted;
  const Recordable& recordable;
  CallContext context;
};

}  // namespace callgate::gateway

namespace callgate {

class Clearance {
 public:
  // Asserts that the decision is Allow and the caller may use the server: the last look before anything leaves.
  static ClearedCall issue(const gateway::Evidence& evidence, std::string_view method, std::string_view head, std::string_view body);
  // For the shared endpoint, which is no server: nothing leaves by this, the inner calls it leads to need clearances of their own.
  static ClearedCall within(const gateway::Evidence& evidence, std::string_view method, std::string_view head, std::string_view body);
};

}  // namespace callgate
