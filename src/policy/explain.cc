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

 private:
  const Program& program_;
  std::vector<Step>& out_;
};

}  // namespace

Explanation Policy::explain(const Input& input) const {
  Explanation out;
  Scratch scratch;
  Steps steps(inner_->program, out.steps);
  Decision decision = Walk(inner_->program, input, scratch, &steps).run();
  out.effect = decision.effect;
  out.reason = decision.reason;
  out.message = decision.message;
  out.rule = decision.rule;
  out.line = decision.line;
  if (decision.effect != Effect::Ask) return out;
  out.roles.assign(decision.ask.roles.begin(), decision.ask.roles.end());
  out.approvers = decision.ask.approvers;
  out.expires = decision.ask.expires;
  return out;
}

}  // namespace callgate::policy
