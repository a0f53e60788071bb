#include <map>

#include "inspection/scanners.h"
#include "json/document.h"
#include "policy/walk.h"

namespace callgate::policy {
namespace {

// Counts the limits of one run. Exact for calendar and sliding windows; a token bucket is counted with doubles, which is
// close enough for a document's own tests and is used for nothing else.
class Counters {
 public:
  // The first claim that does not fit, or null when all were taken. Shadow claims are never in the way.
  const Claim* take(std::span<const Claim> claims, WallTime now) {
    for (const auto& claim : claims)
      if (!claim.shadow && !fits(claim, now)) return &claim;
    for (const auto& claim : claims)
      if (!claim.shadow) taken_[std::string(claim.key)].push_back({now, claim.amount});
    return nullptr;
  }

 private:
  struct Taken {
    WallTime when;
    Decimal amount;
  };

  static std::chrono::seconds length(Window window) {
    return window == Window::Minute ? std::chrono::seconds(60)
           : window == Window::Hour ? std::chrono::seconds(3'600)
                                    : std::chrono::seconds(86'400);
  }

  bool fits(const Claim& claim, WallTime now) {
    auto found = taken_.find(std::string(claim.key));
    std::optional<Decimal> sum = claim.amount;
    if (found != taken_.end()) {
      if (claim.kind == WindowKind::TokenBucket) return fits_bucket(claim, found->second, now);
      auto size = length(claim.window);
      for (const auto& one : found->second) {
        bool counts = claim.kind == WindowKind::Sliding ? one.when > now - size && one.when <= now
                                                        : std::chrono::floor<std::chrono::seconds>(one.when).time_since_epoch() / size ==
                                                              std::chrono::floor<std::chrono::seconds>(now).time_since_epoch() / size;
        if (counts && sum) sum = sum->plus(one.amount);
      }
    }
    return sum && *sum <= claim.max;
  }

  static double number(const Decimal& value) { return std::strtod(value.text().c_str(), nullptr); }

  static bool fits_bucket(const Claim& claim, const std::vector<Taken>& taken, WallTime now) {
    double most = number(claim.max), level = most;
    WallTime last = taken.front().when;
    auto refill = [&](WallTime when) {
      auto passed = std::chrono::duration<double>(when - last).count();
      if (passed > 0) level = std::min(most, level + most * passed / static_cast<double>(length(claim.window).count())), last = when;
    };
    for (const auto& one : taken) {
      refill(one.when);
      level -= number(one.amount);
    }
    refill(now);
    return level - number(claim.amount) >= -1e-9;
  }

  std::map<std::string, std::vector<Taken>> taken_;
};

// What one run works with.
struct Bench {
  Counters counters;
  Scratch scratch;
  inspection::Scanners scanners;
  inspection::Findings findings;
};

struct Outcome {
  Effect effect = Effect::Deny;
  std::string rule, message;
};

std::string shown_outcome(Effect effect, const std::string& rule) {
  std::string out = effect == Effect::Allow ? "allow" : effect == Effect::Ask ? "ask" : "deny";
  return rule.empty() ? out : out + " by " + rule;
}

Outcome inspect(const Policy& policy, const Input& input, Bench& bench) {
  bench.findings.clear();
  inspection::PackMask packs = policy.inspects(input.method, input.tool, Direction::Arguments);
  if (packs == 0) return {Effect::Allow, "", ""};
  auto scanner = bench.scanners.get(packs);
  if (!scanner) return {Effect::Deny, "", scanner.error().message};
  (*scanner)->scan_value(input.arguments, bench.findings);
  InspectVerdict verdict = policy.judge(input.method, input.tool, Direction::Arguments, bench.findings);
  Effect effect = verdict.action == InspectAction::Deny ? Effect::Deny : verdict.action == InspectAction::Ask ? Effect::Ask : Effect::Allow;
  return {effect, std::string(verdict.rule), std::move(verdict.message)};
}

Outcome call_once(const Policy& policy, const Input& input, Bench& bench, FlowState& flow) {
  Decision decision = policy.decide(input, bench.scratch);
  Outcome out{decision.effect, std::string(decision.rule), std::string(decision.message)};
  if (decision.effect == Effect::Deny) return out;
  Outcome inspected = inspect(policy, input, bench);
  if (inspected.effect == Effect::Deny || (inspected.effect == Effect::Ask && out.effect == Effect::Allow)) out = std::move(inspected);
  if (out.effect == Effect::Deny) return out;
  // A call that is asked about counts as if it had been approved.
  if (const Claim* full = bench.counters.take(decision.claims, input.now)) {
    out.effect = Effect::Deny;
    out.rule = full->rule;
    out.message = full->on_deny;
    return out;
  }
  flow.add(decision.flow, input.now);
  return out;
}

Input input_of(const TestCase& test, json::Value arguments, const FlowState& flow) {
  Input input;
  input.method = "tools/call";
  input.tool = test.call;
  input.arguments = arguments;
  input.principal = &test.principal;
  input.grant = &test.grant;
  input.server = &test.server;
  input.session_id = test.session_id;
  input.client = test.client;
  input.stated_reason = test.reason;
  input.tool_risk = test.risk;
  input.now = test.at;
  input.flow = &flow;
  return input;
}

// What the session has seen before: as the test says, and by the calls that went before. Text: one of those would not have passed.
std::string seen_before(const Policy& policy, const TestCase& test, Bench& bench, FlowState& flow) {
  std::vector<std::string_view> labels(test.labels.begin(), test.labels.end());
  if (!labels.empty()) flow.add({labels, {}, {}, true}, test.at);
  for (const std::string& tool : test.called)
    flow.add({{}, tool.find('/') == std::string::npos ? test.server.slug + "/" + tool : tool, {}, true}, test.at);
  if (test.calls > 0) flow.calls = static_cast<std::uint64_t>(test.calls);
  for (const TestCase& before : test.after) {
    json::Document args;
    if (auto parsed = args.parse(before.args_json); !parsed) return "the arguments are not readable: " + parsed.error().message;
    Decision decision = policy.decide(input_of(before, args.root(), flow), bench.scratch);
    if (decision.effect == Effect::Deny)
      return "the call before, " + before.call + ", is refused: " + shown_outcome(decision.effect, std::string(decision.rule));
    flow.add(decision.flow, before.at);
  }
  return {};
}

TestResult run_one(const Policy& policy, const TestCase& test, Bench& bench) {
  TestResult result{test.pointer, test.line, false, ""};
  json::Document args;
  if (auto parsed = args.parse(test.args_json); !parsed) {
    result.message = "the arguments are not readable: " + parsed.error().message;
    return result;
  }
  FlowState flow;
  result.message = seen_before(policy, test, bench, flow);
  if (!result.message.empty()) return result;
  Input input = input_of(test, args.root(), flow);
  for (std::uint32_t turn = 1; turn <= test.repeat; ++turn) {
    Outcome got = call_once(policy, input, bench, flow);
    bool last = turn == test.repeat;
    // All but the last have to pass, with or without a person: that is what makes the last one a limit's edge.
    Effect wanted = last ? test.expect : got.effect == Effect::Ask ? Effect::Ask : Effect::Allow;
    std::string where = test.repeat > 1 ? "call " + std::to_string(turn) + " of " + std::to_string(test.repeat) + ": " : "";
    std::string wanted_rule = last ? test.rule : std::string();
    if (got.effect != wanted || (!wanted_rule.empty() && got.rule != wanted_rule)) {
      result.message = where + "expected " + shown_outcome(wanted, wanted_rule) + ", got " + shown_outcome(got.effect, got.rule);
      return result;
    }
    if (last && !test.message.empty() && got.message != test.message) {
      result.message = where + "expected the message `" + test.message + "`, got `" + got.message + "`";
      return result;
    }
  }
  if (!test.finding.empty() && !bench.findings.has(test.finding)) {
    result.message = "expected a finding of " + test.finding + ", got none";
    return result;
  }
  result.passed = true;
  return result;
}

}  // namespace

std::vector<TestResult> Policy::run_tests() const {
  std::vector<TestResult> results;
  Bench bench;
  for (const auto& test : inner_->program.tests) results.push_back(run_one(*this, test, bench));
  return results;
}

}  // namespace callgate::policy
