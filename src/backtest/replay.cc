#include "backtest/replay.h"

#include <algorithm>

namespace callgate::backtest {
namespace {

using policy::Doubt;

constexpr std::size_t kHeldCallsMax = 20'000;
constexpr std::size_t kHeldBytesMax = 32 * 1024 * 1024;
constexpr std::size_t kSpareMax = 16;
constexpr std::string_view kOthers = "(others)";

template <class Map> auto& slot(Map& map, const std::string& name) {
  if (auto found = map.find(name); found != map.end()) return found->second;
  return map.size() < kNamesMax ? map[name] : map[std::string(kOthers)];
}

Change compare(Verdict was, const std::string& was_rule, const Judged& now) {
  switch (now.verdict) {
    case Verdict::Hidden: return was == Verdict::Hidden ? Change::Unchanged : Change::NewlyHidden;
    case Verdict::Ask: return was == Verdict::Ask ? Change::Unchanged : Change::NewlyAsked;
    case Verdict::Allow: return was == Verdict::Allow ? Change::Unchanged : Change::NewlyAllowed;
    case Verdict::Deny: break;
  }
  if (was == Verdict::Deny) return was_rule == now.rule ? Change::Unchanged : Change::OtherRule;
  return was == Verdict::Hidden ? Change::OtherRule : Change::NewlyDenied;
}

bool in_the_way(Doubt::Layer layer) { return layer != Doubt::Layer::Amount && layer != Doubt::Layer::Ask; }

std::string doubt_words(const Doubt& doubt) {
  std::string out(doubt.rule);
  out += " needs ";
  out += doubt.path.empty() ? std::string_view("the arguments") : doubt.path;
  return out;
}

std::string full_words(const policy::Claim& claim, const Decimal& used) {
  return std::string(claim.counter) + ": " + used.text() + " of " + claim.max.text() + " would have been used, " + claim.amount.text() +
         " more asked for";
}

}  // namespace

std::string_view change_name(Change change) {
  constexpr std::string_view kNames[] = {"newly_denied", "newly_asked", "newly_hidden", "newly_allowed",
                                         "other_rule",   "unchanged",   "undecided",    "outside"};
  return kNames[static_cast<std::size_t>(change)];
}

bool replayable(const RecordedCall& call) {
  constexpr std::string_view kBegin[] = {"tools/call", "prompts/",     "resources/", "completion/", "logging/",
                                         "tasks/",     "elicitation/", "sampling/",  "roots/"};
  return call.kind == "call" &&
         std::any_of(std::begin(kBegin), std::end(kBegin), [&](std::string_view begin) { return call.method.starts_with(begin); });
}

Replay::Replay(std::shared_ptr<const policy::Policy> draft, Options options, Lookup today)
    : draft_(std::move(draft)), options_(std::move(options)), today_(std::move(today)), has_limits_(draft_->longest_window().has_value()) {}

void Replay::add(std::uint64_t sequence, std::string_view payload) {
  ++report_.read;
  std::unique_ptr<RecordedCall> call;
  if (spare_.empty()) call = std::make_unique<RecordedCall>();
  else call = std::move(spare_.back()), spare_.pop_back();
  if (!reader_.read(sequence, payload, *call)) {
    ++report_.unreadable;
  } else if (replayable(*call)) {
    if (!has_limits_) return done(std::move(call));
    // The journal is in the order in which calls ended; limits count in the order in which they came.
    held_bytes_ += call->arguments.size() + sizeof *call;
    held_.push_back(std::move(call));
    std::push_heap(held_.begin(), held_.end(), Later());
    while (held_.size() > kHeldCallsMax || held_bytes_ > kHeldBytesMax) pop();
    return;
  }
  spare_.push_back(std::move(call));
}

void Replay::done(std::unique_ptr<RecordedCall> call) {
  take(*call);
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(call));
}

void Replay::pop() {
  std::pop_heap(held_.begin(), held_.end(), Later());
  std::unique_ptr<RecordedCall> call = std::move(held_.back());
  held_.pop_back();
  held_bytes_ -= call->arguments.size() + sizeof *call;
  done(std::move(call));
}

void Replay::finish() {
  while (!held_.empty()) pop();
}

bool Replay::reported(const RecordedCall& call) const {
  auto is = [](const std::string& wanted, const std::string& id, const std::string& name) {
    return wanted.empty() || wanted == id || wanted == name;
  };
  return (!options_.since || call.time >= *options_.since) && is(options_.principal, call.principal_id, call.principal) &&
         is(options_.grant, call.grant, call.grant_label) && is(options_.server, call.server_id, call.server) &&
         (options_.tool.empty() || options_.tool == call.tool);
}

void Replay::take(const RecordedCall& call) {
  if (call.time < counted_up_to_) ++report_.late;
  counted_up_to_ = std::max(counted_up_to_, call.time);
  auto was = call.verdict();
  bool shown = reported(call);
  if (!was) {
    if (!shown) return;
    ++report_.judged;
    add_counts(call, Change::Outside, {});
    ++slot(report_.outside, call.reason);
    return;
  }
  Today today = today_(call);
  if (*was == Verdict::Hidden && !today.covered) {
    if (!shown) return;
    ++report_.judged;
    add_counts(call, Change::Outside, {});
    ++slot(report_.outside, "outside the grant's role or servers");
    return;
  }
  Judged now = judge(call, today);
  if (!shown) return;
  ++report_.judged;
  note(call, *was, now);
  for (const RecordedCall::Finding& finding : call.shadow) {
    InShadow& rule = slot(report_.recorded_shadow, finding.rule);
    if (rule.calls++ == 0) rule.first = call.time;
    ++slot(rule.by_principal, call.principal);
    rule.last = call.time;
    rule.message = finding.message;
    rule.decision = call.decision;
  }
}

Judged Replay::judge(const RecordedCall& call, const Today& today) {
  Judged out;
  scene_.set(call, today);
  supposed_.unknown = scene_.unknown;
  if (!scene_.named) {
    out.decided = false;
    out.why = "the record masks the name of what was called";
    return out;
  }
  policy::Decision decision = draft_->suppose(scene_.input, supposed_, scratch_);
  out.verdict = decision.reason == "policy.hidden" ? Verdict::Hidden
                : decision.effect == Effect::Deny  ? Verdict::Deny
                : decision.effect == Effect::Ask   ? Verdict::Ask
                                                   : Verdict::Allow;
  out.rule = decision.rule;
  out.line = decision.line;
  out.reason = decision.reason;
  for (const ShadowFinding& finding : decision.shadow)
    if (reported(call)) ++slot(report_.shadow, std::string(finding.rule));
  if (out.verdict == Verdict::Deny || out.verdict == Verdict::Hidden) return out;
  inspect(out);
  if (out.verdict != Verdict::Deny) count(call, decision, out);
  return out;
}

void Replay::inspect(Judged& out) {
  using policy::InspectAction;
  const policy::Input& input = scene_.input;
  inspection::PackMask packs = draft_->inspects(input.method, input.tool, policy::Direction::Arguments);
  if (packs == 0) return;
  if (!scene_.whole) {
    supposed_.doubts.push_back({Doubt::Layer::Inspect, "/inspect", 0, "the arguments as they were sent", {}});
    return;
  }
  auto scanner = scanners_.get(packs);
  findings_.clear();
  if (scanner) (*scanner)->scan_value(input.arguments, findings_);
  policy::InspectVerdict verdict;
  if (scanner) verdict = draft_->judge(input.method, input.tool, policy::Direction::Arguments, findings_);
  else verdict.action = InspectAction::Deny;
  if (!verdict.refuses() || (verdict.action == InspectAction::Ask && out.verdict == Verdict::Ask)) return;
  out.verdict = verdict.action == InspectAction::Ask ? Verdict::Ask : Verdict::Deny;
  out.reason = verdict.action == InspectAction::Ask ? "inspection.ask" : "inspection.denied";
  out.rule = verdict.rule;
  out.line = verdict.line;
}

// What the limits say, and then what the doubts leave of the decision.
void Replay::count(const RecordedCall& call, policy::Decision& decision, Judged& out) {
  const Doubt* blocking = nullptr;  // may have refused the call
  const Doubt* asking = nullptr;
  std::vector<std::string_view> amounts;
  for (const Doubt& doubt : supposed_.doubts) {
    if (doubt.layer == Doubt::Layer::Amount) amounts.push_back(doubt.counter);
    else if (in_the_way(doubt.layer) && !blocking) blocking = &doubt;
    else if (doubt.layer == Doubt::Layer::Ask && !asking) asking = &doubt;
  }
  using Taking = limits::Tally::Taking;
  bool sure = !blocking && !asking && out.verdict == Verdict::Allow;
  Taking taking = call.nothing_sent() ? Taking::Never : sure ? Taking::Surely : Taking::Maybe;
  auto taken = tally_.take(decision.claims, call.time, taking, amounts);
  for (std::size_t i : taken.shadow_exceeded)
    if (reported(call)) ++slot(report_.shadow, std::string(decision.claims[i].rule));
  if (taken.fit == limits::Tally::Fit::Full) {
    const policy::Claim& full = decision.claims[taken.claim];
    out.verdict = Verdict::Deny;
    out.reason = "limits.exceeded";
    out.rule = full.rule;
    out.line = full.line;
    out.why = full_words(full, taken.used);
    return;
  }
  if (taken.fit == limits::Tally::Fit::Unsure) {
    out.decided = false;
    out.why = std::string(decision.claims[taken.claim].rule) + " cannot be counted for certain";
  }
  if (asking && out.verdict == Verdict::Allow) out.decided = false, out.why = doubt_words(*asking);
  if (blocking) out.decided = false, out.why = doubt_words(*blocking);
}

void Replay::note(const RecordedCall& call, Verdict was, const Judged& now) {
  Change change = now.decided ? compare(was, call.rule, now) : Change::Undecided;
  // A rule of the draft that takes something away, or the rule of then that no longer does.
  add_counts(call, change, change == Change::NewlyAllowed ? call.rule : now.rule);
  if (change == Change::Undecided) ++slot(report_.undecided, now.why);
  if (change == Change::Unchanged) return;
  if (kept_[static_cast<std::size_t>(change)]++ >= options_.kept) {
    ++report_.not_kept;
    return;
  }
  Difference out;
  out.change = change;
  out.sequence = call.sequence;
  out.time = call.time;
  out.decision = call.decision;
  out.principal = call.principal;
  out.grant = call.grant;
  out.grant_label = call.grant_label;
  out.server = call.server;
  out.tool = call.tool;
  out.method = call.method;
  out.was = was;
  out.was_rule = call.rule;
  out.was_reason = call.reason;
  out.was_version = call.policy_version;
  out.now = now.verdict;
  out.now_rule = now.rule;
  out.now_line = now.line;
  out.now_reason = now.reason;
  out.why = now.why;
  report_.differences.push_back(std::move(out));
}

void Replay::add_counts(const RecordedCall& call, Change change, const std::string& rule) {
  auto at = static_cast<std::size_t>(change);
  ++report_.total[at];
  ++slot(report_.by_principal, call.principal)[at];
  ++slot(report_.by_grant, call.grant_label.empty() ? call.grant : call.grant_label + " (" + call.grant + ")")[at];
  ++slot(report_.by_tool, call.server + "/" + (call.method == "tools/call" ? call.tool : call.method))[at];
  if (!rule.empty() && change <= Change::OtherRule) ++slot(report_.by_rule, rule)[at];
}

}  // namespace callgate::backtest
