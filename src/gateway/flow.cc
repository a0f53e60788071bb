// Rules over sequences in the walk. What the session has seen is looked at when a call is judged, and what the call adds is noted just
// before it is sent: in one step with a second judgement when anything has changed in between. So
// - what a caller can have learnt from an answer was noted before that answer, and with it anything the caller sends next, could exist;
// - of two calls that may not both pass, the second one to be noted is judged by a session that has seen the first;
// - a call that was refused, here or before, has added nothing.

#include <algorithm>

#include "base/encoding.h"
#include "gateway/call.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

// The trace id of a W3C traceparent: version-trace-parent-flags.
std::string_view trace_id(std::string_view traceparent) {
  std::string_view id = traceparent.size() >= 36 && traceparent[2] == '-' && traceparent[35] == '-' ? traceparent.substr(3, 32) : "";
  bool hex = id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hex && id.find_first_not_of('0') != std::string_view::npos ? id : std::string_view();
}

std::string short_digest(std::string_view text) {
  Digest digest = blake2b(text);
  return hex_encode(digest).substr(0, 24);
}

}  // namespace

// What the client keeps apart, where the policy lets it. Left out: all that the grant has seen.
std::string Call::flow_part() const {
  policy::FlowScope scope = visibility_.policy->flow_scope();
  std::string id;
  switch (scope) {
    case policy::FlowScope::Grant: return {};
    case policy::FlowScope::Session:
      if (session_) id = session_->digest;
      break;
    case policy::FlowScope::Client: {
      std::string_view given = message_.meta["callgate/session"].string();
      if (!given.empty()) id = short_digest(given);
      break;
    }
    case policy::FlowScope::Trace: id = trace_id(traceparent_); break;
  }
  return id.empty() ? id : std::string(policy::flow_scope_name(scope)) + ":" + id;
}

Result<void> Call::look_at_flow() {
  flow_.reset();
  if (!visibility_.policy->tracks() && server_->server.labels.empty()) return {};
  if (worker_.rooms().flows == nullptr)
    return fail(Code::Unavailable, "flows.unavailable",
                "the policy looks at what went before a call, and this gate keeps no account of that");
  flow_part_ = flow_part();
  flow_ = worker_.rooms().flows->look(trail(), wall_);
  return {};
}

// The call again, as it was judged, behind what has come in between.
Result<policy::FlowStep> Call::judge_flow(const policy::FlowState& state) {
  json::Value arguments = method_->rule == MethodRule::ToolCall ? message_.arguments : message_.params;
  policy::Input input = policy_input(message_.method, subject(), arguments);
  input.flow = &state;
  policy::Decision now = visibility_.policy->decide(input, worker_.spare());
  bool fine = now.effect == Effect::Allow || (now.effect == Effect::Ask && asked_about(now.ask));
  if (fine) return now.flow;
  rule_ = now.rule;
  rule_line_ = now.line;
  if (now.effect == Effect::Deny) return fail(Code::Denied, now.reason, std::string(now.message));
  return fail(Code::Denied, "flows.changed",
              "Another call of this session came in between, and now a person has to be asked: make the call again.");
}

bool Call::asked_about(const policy::Ask& ask) const {
  if (!asking_ || !asking_->approved) return false;
  const auto& asked = asking_->proposal.rules;
  return std::ranges::all_of(ask.rules, [&](std::string_view rule) { return std::ranges::find(asked, rule) != asked.end(); });
}

// What is noted of this call: what the policy says of it, and for a task what was said of the call that made it.
policy::FlowStep Call::flow_step(policy::FlowStep step, std::vector<std::string_view>& labels) const {
  if (task_labels_.empty()) return step;
  labels.assign(step.labels.begin(), step.labels.end());
  for (const std::string& label : task_labels_)
    if (std::ranges::find(labels, label) == labels.end()) labels.push_back(label);
  step.labels = labels;
  step.noted = true;
  return step;
}

Result<void> Call::pass_flow() {
  if (!task_labels_.empty() && !flow_ && worker_.rooms().flows != nullptr) flow_ = worker_.rooms().flows->look(trail(), wall_);
  std::vector<std::string_view> labels;
  policy::FlowStep step = flow_step(decision_.flow, labels);
  if (!flow_ || !step.noted) return {};
  WallTime now = worker_.rooms().clock.now();
  auto again = [&](const policy::FlowState& state) -> Result<policy::FlowStep> {
    CG_TRY(policy::FlowStep judged, judge_flow(state));
    return flow_step(judged, labels);
  };
  CG_TRY(auto passed, worker_.rooms().flows->pass(trail(), flow_, step, now, again));
  flow_json_.clear();
  flows::append_passed(flow_json_, trail(), passed, now);
  return {};
}

bool Call::stopped_by_flow() {
  auto passed = pass_flow();
  if (!passed) refuse_unsent(passed.error());
  return !passed;
}

// `detail`, an object or nothing, with what the record says of the session.
std::string Call::with_flow(std::string detail) const {
  if (!flow_) return detail;
  std::string flow = flow_json_;
  if (flow.empty()) flows::append_refused(flow, trail(), *flow_);
  if (detail.empty()) return "{" + flow + "}";
  detail.back() = ',';
  return detail + flow + "}";
}

}  // namespace callgate::gateway
