#include "gateway/clearance.h"

#include "base/assert.h"
#include "gateway/hub.h"

namespace callgate {

ClearedCall Clearance::issue(const gateway::Evidence& evidence, std::string_view method, std::string_view head, std::string_view body) {
  // INVARIANT: nothing reaches an upstream without an explicit yes.
  CG_ASSERT(evidence.decision == Effect::Allow);
  CG_ASSERT(identity::may_use_server(evidence.caller, evidence.server.server));
  return {method, head, body, evidence.context};
}

ClearedCall Clearance::within(const gateway::Evidence& evidence, std::string_view method, std::string_view head, std::string_view body) {
  CG_ASSERT(evidence.decision == Effect::Allow);
  CG_ASSERT(&evidence.server == &gateway::Hub::entry());
  return {method, head, body, evidence.context};
}

}  // namespace callgate
