#include "gateway/errand.h"

#include "gateway/worker.h"

namespace callgate::gateway {

void Errand::send(const Counted& counted, const Recordable& recordable) {
  CallContext context;
  context.modern = origin_.modern;
  context.principal_id = origin_.caller->principal.id;
  context.grant_id = origin_.caller->grant.id;
  if (origin_.session) context.session = origin_.session->upstream_id, context.revision = origin_.session->revision;
  Evidence evidence{*origin_.caller, *origin_.server, Effect::Allow, counted, recordable, context};
  bool shared = origin_.server == &Hub::entry();
  auto cleared = shared ? Clearance::within(evidence, "POST", origin_.head_lines, body_)
                        : Clearance::issue(evidence, "POST", origin_.head_lines, body_);
  worker_.transport().send({&origin_.server->server, &origin_.server->credentials}, cleared, *this);
}

void Errand::on_end() { worker_.errand_done(*this); }
void Errand::on_error(const Error&, bool) { worker_.errand_done(*this); }

}  // namespace callgate::gateway
