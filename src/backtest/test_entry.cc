#include "backtest/test_entry.h"

#include <charconv>

#include "json/writer.h"
#include "policy/edit.h"

namespace callgate::backtest {
namespace {

constexpr std::uint32_t kRepeatMax = 10'000;  // the most a document may say

struct Wanted {
  std::string expect, rule;
  std::uint32_t repeat = 1;
};

// {call: pay, args: {"amount": 5}, expect: deny, rule: "/tools/pay/deny_if/0"}; all in quotes where the document is JSON.
class Line {
 public:
  explicit Line(bool json) : json_(json) {}
  void open(std::string_view name) { begin(name), out_ += '{', fresh_ = true; }
  void close() { out_ += '}', fresh_ = false; }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    json::append_quoted(out_, value);
  }
  void raw(std::string_view name, std::string_view value) { begin(name), out_ += value; }
  std::string take() && { return "{" + std::move(out_) + "}"; }

 private:
  void begin(std::string_view name) {
    if (!fresh_) out_ += ", ";
    fresh_ = false;
    if (json_) json::append_quoted(out_, name);
    else out_ += name;
    out_ += ": ";
  }
  bool json_, fresh_ = true;
  std::string out_;
};

std::string second(WallTime time) { return format_time(std::chrono::floor<std::chrono::seconds>(time)).substr(0, 19) + "Z"; }

std::string write(const RecordedCall& call, const Scene& scene, const Wanted& wanted, bool json, bool full) {
  Line line(json);
  line.text("call", call.tool);
  if (scene.input.arguments.exists() && scene.input.arguments.size() > 0) line.raw("args", scene.input.arguments.raw());
  line.text("expect", wanted.expect);
  if (wanted.expect != "allow") line.text("rule", wanted.rule);
  if (wanted.repeat > 1) line.raw("repeat", std::to_string(wanted.repeat));
  if (!full) return std::move(line).take();
  line.open("principal");
  line.text("id", call.principal_id);
  line.text("name", call.principal);
  line.text("kind", call.principal_kind == PrincipalKind::Robot ? "robot" : "user");
  line.text("owner", scene.principal().owner_id);
  line.close();
  line.open("grant");
  line.text("id", call.grant);
  line.text("label", call.grant_label);
  line.text("role", scene.grant().role);
  line.close();
  line.open("server");
  line.text("id", call.server_id);
  line.text("slug", call.server);
  line.text("name", scene.server().name);
  line.close();
  if (!call.session.empty() || !call.client.empty()) {
    line.open("session");
    line.text("id", call.session);
    line.text("client", call.client);
    line.close();
  }
  line.text("risk", scene.input.tool_risk);
  line.text("reason", call.stated_reason);
  line.text("at", second(call.time));
  return std::move(line).take();
}

// Empty: the entry passes in this document; else what is wrong.
Result<std::string> tried(const TestWish& wish, const std::string& entry) {
  CG_TRY(std::string text, policy::with_test(wish.document, entry));
  auto compiled = policy::Policy::compile(wish.policy, 0, text);
  if (!compiled.policy) return fail(Code::InvalidArgument, "policy.edit", "the test cannot become part of this document: add it by hand");
  std::string problem;
  // Which of the results is the new one depends on where it was put; those of before are told apart by their number.
  auto before = policy::Policy::compile(wish.policy, 0, wish.document);
  std::size_t failed_before = 0, failed = 0;
  if (before.policy)
    for (const auto& result : before.policy->run_tests()) failed_before += result.passed ? 0 : 1;
  for (const auto& result : compiled.policy->run_tests()) {
    if (result.passed) continue;
    ++failed;
    problem = result.message;
  }
  return failed > failed_before ? problem : std::string();
}

}  // namespace

Result<TestEntry> test_entry(const RecordedCall& call, const Scene& scene, const TestWish& wish) {
  auto verdict = call.verdict();
  if (call.method != "tools/call" || call.kind != "call" || !verdict)
    return fail(Code::InvalidArgument, "backtest.not_decided",
                "no policy decided about this record (`" + call.reason + "`); a test can only be made of a tools/call that one did");
  if (!scene.named || !scene.whole)
    return fail(Code::InvalidArgument, "backtest.not_captured",
                "the record does not hold all of the arguments, and a test must not guess them; set the server's `capture` to full for "
                "such calls, or write the test by hand");
  Wanted wanted;
  wanted.expect = !wish.expect.empty() ? wish.expect : *verdict == Verdict::Hidden ? "deny" : std::string(verdict_name(*verdict));
  bool same = wanted.expect == verdict_name(*verdict);
  if (same && !call.asked) wanted.rule = call.rule;
  bool json = policy::is_json_text(wish.document);
  TestEntry out;
  for (bool full : {false, true}) {
    out.text = write(call, scene, wanted, json, full);
    out.full = full;
    CG_TRY(out.disagrees, tried(wish, out.text));
    if (out.disagrees.empty()) return out;
  }
  if (call.reason != "limits.exceeded" || !same) return out;
  // A limit refuses the first call for which there is no room: as many of this very call as that takes. The run itself says how many.
  wanted.repeat = kRepeatMax;
  CG_TRY(std::string told, tried(wish, write(call, scene, wanted, json, false)));
  std::uint32_t count = 0;
  if (told.starts_with("call ")) std::from_chars(told.data() + 5, told.data() + told.size(), count);
  if (count < 2 || count >= kRepeatMax) return out;
  wanted.repeat = count;
  TestEntry repeated{write(call, scene, wanted, json, false), false, {}};
  CG_TRY(repeated.disagrees, tried(wish, repeated.text));
  return repeated.disagrees.empty() ? repeated : out;
}

}  // namespace callgate::backtest
