// Why a recorded call ended as it did: the rule of then with what it saw, what the policy of today would say, and what to do about it.
// Arguments are shown as far as the record holds them, and only where a rule reads them.
#include <algorithm>

#include "admin/past.h"
#include "admin/reply.h"
#include "policy/policy.h"
#include "policy/suppose.h"

namespace callgate::admin {
namespace {

struct Advice {
  std::string_view reason;  // what it begins with
  std::string_view words;
};
// The first that fits.
constexpr Advice kAdvice[] = {
    {"policy.hidden",
     "the tool does not exist for this caller: take it out of `hide`, or cover it by the grant's role (`callgate role show`)"},
    {"policy.require", "make the call as the rule wants it, or change the rule (`callgate policy show`)"},
    {"policy.deny_if", "stay clear of what the rule denies, or change the rule (`callgate policy show`)"},
    {"policy.default", "list the tool below `tools` of the policy, if it is to be called"},
    {"policy.method", "allow the method below `methods` of the policy, if it is to be used"},
    {"policy.reason_required", "state a reason: `_meta[\"callgate/reason\"]` or the header X-Callgate-Reason"},
    {"policy.limit_amount", "send the amount that is counted as a plain number"},
    {"policy.missing", "name a policy for the grant (`callgate grant edit`) or the server (`callgate server edit`)"},
    {"policy.", "look at the policy (`callgate policy show`)"},
    {"limits.", "wait until the window has room (`callgate counter ls`), or raise the limit"},
    {"approval.", "see `callgate approval ls`; the same call, unchanged, finds its approval again"},
    {"inspection.", "leave out what was found, or change what the policy's `inspect` block does about it"},
    {"schema.arguments", "the arguments do not fit the tool's own schema: `callgate tool show` prints it"},
    {"catalog.tool_held", "look at the change and decide: `callgate tool diff`, `callgate tool approve`"},
    {"catalog.unknown_tool", "the server does not list this tool: `callgate server probe`, `callgate tool ls`"},
    {"catalog.", "see `callgate server show`"},
    {"identity.", "the grant is not good: `callgate grant show` says why; `callgate grant rotate` or `grant mint` makes another"},
    {"vault.", "set the server's credentials again (`callgate server edit`)"},
    {"upstream.", "the call was allowed; the server is the trouble: `callgate server probe`"},
    {"sandbox.", "the call was allowed; its server could not be started: `callgate server show`, `callgate server logs`"},
    {"bridge.", "the call was allowed; it broke between the eras of client and server: `callgate server probe`"},
    {"audit.", "the journal could not take the record: `callgate doctor`"},
    {"ok", ""},
    {"", "docs/reference/reasons.md says what the reason means"},
};

std::string_view advice_for(std::string_view reason) {
  return std::find_if(std::begin(kAdvice), std::end(kAdvice),
                      [&](const Advice& one) { return reason.starts_with(one.reason) && (one.reason != "ok" || reason == "ok"); })
      ->words;
}

// `policy.deny_if` in words, with what the rule says and what it saw.
std::string sentence(const backtest::RecordedCall& call, const policy::Explanation* then) {
  std::string where = call.rule;
  if (call.rule_line > 0) where += " (line " + std::to_string(call.rule_line) + ")";
  if (!call.policy.empty()) where += " of policy " + call.policy + ", version " + std::to_string(call.policy_version);
  std::string did = call.effect == Effect::Allow ? "passed" : "refused";
  if (call.asked) did += ", a person was asked";
  if (call.rule.empty()) return did + (call.reason == "ok" ? "" : ": " + call.reason);
  std::string out = did + " by " + where;
  if (then == nullptr) return out;
  auto step = std::find_if(then->steps.begin(), then->steps.end(), [&](const policy::Step& one) { return one.pointer == call.rule; });
  if (step == then->steps.end()) return out;
  std::string_view verb = step->layer == "require"   ? " requires "
                          : step->layer == "deny_if" ? " denies when "
                          : step->layer == "ask"     ? " asks when "
                          : step->layer == "hide"    ? " hides "
                                                     : ", ";
  out += ", which";
  out += step->layer == "limits" || step->layer == "flows" || step->layer == "default" || step->layer == "methods"
             ? std::string_view(" says ")
             : verb;
  out += step->condition;
  if (!step->input.empty()) out += (step->layer == "limits" ? "; the call " : "; it saw ") + step->input;
  return out;
}

std::string line_of(std::string_view text, std::int64_t line) {
  for (std::int64_t at = 1; at < line; ++at) {
    auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return line > 0 ? std::string(text.substr(0, text.find('\n')).substr(0, 400)) : std::string();
}

struct Judgement {
  catalog::PolicyVersion stored;
  std::shared_ptr<const policy::Policy> policy;
  policy::Explanation told;
  policy::Supposition supposed;
};

std::optional<Judgement> judge(Context& context, const Past& past, const std::string& name, std::optional<std::int64_t> version) {
  if (name.empty() || !past.scene.named) return std::nullopt;
  auto stored = context.services.catalog.policy(name, version);
  if (!stored) return std::nullopt;
  Judgement out;
  out.stored = std::move(*stored);
  out.policy = policy::Policy::compile(out.stored.name, out.stored.version, out.stored.text).policy;
  if (!out.policy) return std::nullopt;
  out.supposed.unknown = past.scene.unknown;
  out.told = out.policy->explain(past.scene.input, &out.supposed);
  return out;
}

void write_judgement(json::Writer& out, std::string_view key, const std::optional<Judgement>& judgement, std::int64_t line) {
  out.key(key);
  if (!judgement) {
    out.null();
    return;
  }
  bool sure = judgement->supposed.doubts.empty() || judgement->told.effect == Effect::Deny;
  out.begin_object().member("policy", judgement->stored.name).member("version", judgement->stored.version);
  out.member("text", line_of(judgement->stored.text, line > 0 ? line : judgement->told.line)).member("sure", sure);
  write_explanation(out, judgement->told);
  out.key("doubts").begin_array();
  for (const policy::Doubt& doubt : judgement->supposed.doubts)
    out.begin_object().member("rule", doubt.rule).member("path", doubt.path).end_object();
  out.end_array().end_object();
}

Result<Reply> why(Context& context) {
  CG_TRY(auto past, past_call(context));
  const backtest::RecordedCall& call = past->call;
  auto then = judge(context, *past, call.policy, call.policy_version);
  auto now = judge(context, *past, call.policy.empty() ? std::string() : past->policy_now, std::nullopt);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("sequence", static_cast<std::int64_t>(call.sequence)).member("decision", call.decision);
    write_time(out, "time", call.time);
    out.member("kind", call.kind).member("principal", call.principal).member("grant", call.grant).member("grant_label", call.grant_label);
    out.member("server", call.server).member("method", call.method).member("tool", call.tool);
    out.member("effect", call.effect == Effect::Allow ? "allow" : call.effect == Effect::Ask ? "ask" : "deny");
    out.member("reason", call.reason).member("message", call.message).member("rule", call.rule).member("line", call.rule_line);
    out.member("policy", call.policy).member("version", call.policy_version);
    out.member("sentence", sentence(call, then ? &then->told : nullptr)).member("advice", advice_for(call.reason));
    write_judgement(out, "then", then, call.rule_line);
    write_judgement(out, "now", now, 0);
    out.end_object();
  });
}

}  // namespace

void add_why_routes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/api/v1/audit/{record}/why", "audit.why", Access::Read,
                    "Why a recorded call ended as it did, and what the policy of today would say", why});
}

}  // namespace callgate::admin
