#include "admin/past.h"

#include "admin/backtest_runs.h"

namespace callgate::admin {

Result<std::unique_ptr<Past>> past_call(Context& context) {
  CG_CHECK(context.services.index.catch_up());
  const std::string& name = context.parameter("record");
  CG_TRY(auto entry, context.services.index.find(name));
  if (!entry) return fail(Code::NotFound, "audit.no_record", "there is no record with this decision id or sequence number");
  auto past = std::make_unique<Past>();
  backtest::CallReader reader;
  CG_CHECK(reader.read(entry->sequence, entry->payload, past->call));
  if (past->call.kind == "intent" || past->call.kind == "approval") {  // the call itself has the same decision id
    audit::Query query;
    query.decision_id = past->call.decision;
    query.kind = "call";
    query.limit = 1;
    CG_TRY(auto calls, context.services.index.query(query));
    if (!calls.empty()) CG_CHECK(reader.read(calls[0].sequence, calls[0].payload, past->call));
  }
  CG_TRY(past->lookup, facts_of_today(context.services));
  past->today = past->lookup(past->call);
  past->scene.set(past->call, past->today);
  if (past->today.grant) past->policy_now = past->today.grant->policy;
  if (past->policy_now.empty() && past->today.server) past->policy_now = past->today.server->policy;
  if (past->policy_now.empty()) past->policy_now = past->call.policy;
  return past;
}

void write_explanation(json::Writer& out, const policy::Explanation& explanation) {
  out.member("effect", explanation.effect == Effect::Allow ? "allow" : explanation.effect == Effect::Ask ? "ask" : "deny");
  out.member("reason", explanation.reason).member("message", explanation.message).member("rule", explanation.rule);
  out.member("line", static_cast<std::int64_t>(explanation.line)).key("steps").begin_array();
  for (const auto& step : explanation.steps) {
    out.begin_object().member("pointer", step.pointer).member("line", static_cast<std::int64_t>(step.line)).member("layer", step.layer);
    out.member("condition", step.condition).member("input", step.input).member("outcome", step.outcome).end_object();
  }
  out.end_array();
}

}  // namespace callgate::admin
