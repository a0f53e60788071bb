#include "inspection/scanners.h"
#include "model/captured.h"
#include "policy/describe.h"
#include "policy/walk.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kScopeWords[] = {"everyone", "server", "policy", "grant", "principal", "tool", "session"};
constexpr std::string_view kWindowWords[] = {"minute", "hour", "day"};

class Steps final : public Trace {
 public:
  explicit Steps(const Program& program, std::vector<Step>& out) : program_(program), out_(out) {}

  void fact(std::string_view layer, std::string_view pointer, std::uint32_t line, std::string_view condition,
            std::string_view outcome) override {
    out_.push_back({std::string(pointer), line, std::string(layer), std::string(condition), "", std::string(outcome)});
  }

  void rule(std::string_view layer, const Rule& rule, bool denies, bool shadow, Truth truth, Reader& reader) override {
    Step step;
    step.pointer = rule.pointer;
    step.line = rule.line;
    step.layer = layer;
    step.condition = describe(program_, rule.begin, rule.end);
    step.input = describe_inputs(program_, rule.begin, rule.end, reader);
    bool asks = layer == "ask";
    if (denies && shadow) step.outcome = asks ? "would ask (shadow)" : "would deny (shadow)";
    else if (truth == Truth::True || (asks && denies)) step.outcome = "matched";
    else step.outcome = denies ? "failed" : "not matched";
    out_.push_back(std::move(step));
  }

  void limit(const Limit& limit, bool usable, const Claim& claim) override {
    Step step;
    step.pointer = limit.pointer;
    step.line = limit.line;
    step.layer = "limits";
    step.condition = limit.counter + ": at most " + limit.max.text() + " per " +
                     std::string(kWindowWords[static_cast<std::size_t>(limit.window)]) + " by " +
                     std::string(kScopeWords[static_cast<std::size_t>(limit.scope)]);
    step.input = usable ? "takes " + claim.amount.text() : "(no usable amount, or nothing to count by)";
    step.outcome = usable ? "matched" : limit.shadow ? "would deny (shadow)" : "failed";
    out_.push_back(std::move(step));
  }

  void doubt(const Doubt& doubt, const Rule* rule, Reader& reader) override {
    constexpr std::string_view kLayers[] = {"require", "deny_if", "ask", "limits", "inspect"};
    Step step{std::string(doubt.rule), doubt.line, std::string(kLayers[static_cast<std::size_t>(doubt.layer)]), "", "", "unknown"};
    step.condition = rule ? describe(program_, rule->begin, rule->end) : "the amount of " + std::string(doubt.counter);
    step.input = std::string(doubt.path) + " is not known";
    if (rule && !rule->shadow) (step.input += ": ") += describe_inputs(program_, rule->begin, rule->end, reader);
    out_.push_back(std::move(step));
  }

 private:
  const Program& program_;
  std::vector<Step>& out_;
};

// What the inspection of the arguments makes of the call, behind the rules. Compiles a scanner: not for the data path.
void inspect(const Policy& policy, const Program& program, const Input& input, Explanation& out) {
  inspection::PackMask packs = policy.inspects(input.method, input.tool, Direction::Arguments);
  if (packs == 0 || !input.arguments.exists()) return;
  auto scanner = inspection::Scanners().get(packs);
  if (!scanner) {
    out.effect = Effect::Deny;
    out.reason = "inspection.unavailable";
    out.message = scanner.error().message;
    return;
  }
  inspection::Findings findings;
  (*scanner)->scan_value(input.arguments, findings);
  InspectVerdict verdict = policy.judge(input.method, input.tool, Direction::Arguments, findings);
  for (std::size_t i = 0; i < findings.all().size(); ++i) {
    const inspection::Finding& finding = findings.all()[i];
    InspectAction action = verdict.actions[i];
    if (action == InspectAction::Off) continue;
    Step step;
    step.layer = "inspect";
    step.condition = finding.rule;
    (step.condition += " at ") += inspection::shown_place(findings, finding);
    step.input = finding.masked;
    step.outcome = inspect_action_name(action);
    if (finding.rule == verdict.rule) step.pointer = verdict.pointer, step.line = verdict.line;
    out.steps.push_back(std::move(step));
  }
  for (const ShadowFinding& shadow : verdict.shadow)
    out.steps.push_back({std::string(shadow.rule), 0, "inspect", std::string(shadow.message), "", "would act (shadow)"});
  if (verdict.action == InspectAction::Off) {
    std::uint32_t line = program.inspect ? program.inspects[*program.inspect].line : 0;
    out.steps.push_back({"/inspect", line, "inspect", "the arguments hold nothing that is looked for", "", "not matched"});
  }
  if (!verdict.refuses() || (verdict.action == InspectAction::Ask && out.effect == Effect::Ask)) return;
  out.effect = verdict.action == InspectAction::Ask ? Effect::Ask : Effect::Deny;
  out.reason = verdict.action == InspectAction::Ask ? "inspection.ask" : "inspection.denied";
  out.message = verdict.message;
  out.rule = verdict.rule;
  out.line = verdict.line;
}

}  // namespace

Explanation Policy::explain(const Input& input, Supposition* supposed) const {
  Explanation out;
  Scratch scratch;
  Steps steps(inner_->program, out.steps);
  Decision decision = Walk(inner_->program, input, scratch, &steps, supposed).run();
  out.effect = decision.effect;
  out.reason = decision.reason;
  out.message = decision.message;
  out.rule = decision.rule;
  out.line = decision.line;
  if (decision.effect == Effect::Ask) {
    out.roles.assign(decision.ask.roles.begin(), decision.ask.roles.end());
    out.approvers = decision.ask.approvers;
    out.expires = decision.ask.expires;
  }
  if (out.effect == Effect::Deny) return out;
  bool whole = supposed == nullptr || (!supposed->unknown.arguments && captured_whole(input.arguments));
  if (whole) inspect(*this, inner_->program, input, out);
  else if (inspects(input.method, input.tool, Direction::Arguments) != 0) {
    supposed->doubts.push_back({Doubt::Layer::Inspect, "/inspect", 0, "args", {}});
    out.steps.push_back(
        {"/inspect", 0, "inspect", "the arguments hold nothing that is looked for", "args are not known as sent", "unknown"});
  }
  return out;
}

}  // namespace callgate::policy
