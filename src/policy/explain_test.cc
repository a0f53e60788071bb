#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::Call;
using testing::compiled;

TEST(PolicyExplain, ShowsWhatWasLookedAtAndWhy) {
  auto policy = compiled(testing::read_file(std::string(CALLGATE_SOURCE_DIR) + "/examples/policies/payments.yaml"));
  ASSERT_TRUE(policy);
  Call call("refund_payment", R"({"amount":5000,"currency":"usd"})");
  auto why = policy->explain(call.input);
  EXPECT_EQ(why.effect, Effect::Deny);
  EXPECT_EQ(why.rule, "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(why.message, "Refund blocked: Amount exceeds developer limit.");
  ASSERT_EQ(why.steps.size(), 2u);
  EXPECT_EQ(why.steps[0].layer, "require");
  EXPECT_EQ(why.steps[0].condition, "(args.currency exists false or args.currency in [usd, eur])");
  EXPECT_EQ(why.steps[0].input, "\"usd\"");
  EXPECT_EQ(why.steps[0].outcome, "matched");
  EXPECT_EQ(why.steps[1].layer, "deny_if");
  EXPECT_EQ(why.steps[1].condition, "args.amount gt 1000");
  EXPECT_EQ(why.steps[1].input, "5000");
  EXPECT_EQ(why.steps[1].outcome, "matched");

  Call absent("refund_payment", "{}");
  why = policy->explain(absent.input);
  EXPECT_EQ(why.steps.back().input, "(missing)");
  EXPECT_EQ(why.steps.back().outcome, "failed");

  Call fine("refund_payment", R"({"amount":5})");
  why = policy->explain(fine.input);
  ASSERT_EQ(why.steps.size(), 4u);
  EXPECT_EQ(why.steps[2].condition, "burst: at most 30 per minute by grant");
  EXPECT_EQ(why.steps[3].input, "takes 5");

  Call hidden("delete_customer");
  EXPECT_EQ(policy->explain(hidden.input).steps[0].layer, "hide");
  Call other("x");
  EXPECT_EQ(policy->explain(other.input).steps.back().layer, "default");
}

TEST(PolicyExplain, QuotesLongAndStrangeInput) {
  auto policy = compiled(testing::document_with("deny_if", "{path: args.v, op: eq, value: x}", "mode: shadow"));
  Call call("t", "{\"v\":\"" + std::string(200, 'y') + "\"}");
  auto why = policy->explain(call.input);
  EXPECT_LE(why.steps[0].input.size(), 80u);
  Call strange("t", R"({"v":"x\u001b[2J"})");
  EXPECT_EQ(policy->explain(strange.input).steps[0].input.find('\x1b'), std::string::npos);
  Call match("t", R"({"v":"x"})");
  EXPECT_EQ(policy->explain(match.input).steps[0].outcome, "would deny (shadow)");
}

TEST(PolicyExplain, SaysInStandardWordsWhatToDo) {
  struct Case {
    std::string_view layer, condition, arguments, message;
  };
  const Case kCases[] = {
      {"deny_if", "{path: args.amount, op: gt, value: 1000}", R"({"amount":2000})",
       "Blocked by policy: args.amount must be at most 1000. Do not retry with the same arguments."},
      {"require", "{path: args.amount, op: lte, value: 1000}", R"({"amount":2000})",
       "Blocked by policy: args.amount must be at most 1000. Do not retry with the same arguments."},
      {"require", "{path: args.amount, op: lte, value: 1000}", "{}",
       "Blocked by policy: args.amount must be given as a number. Do not retry with the same arguments."},
      {"require", "{path: args.c, op: in, value: [usd, eur]}", R"({"c":"x"})",
       "Blocked by policy: args.c must be one of usd, eur. Do not retry with the same arguments."},
      {"deny_if", "{path: args.c, op: eq, value: usd}", R"({"c":"usd"})",
       "Blocked by policy: args.c must not be usd. Do not retry with the same arguments."},
      {"deny_if", "{path: args.a, op: eq, value: 1}, {path: args.b, op: gt, value: 2}", R"({"a":1,"b":3})",
       "Blocked by policy: not allowed when args.a eq 1 and args.b gt 2. Do not retry with the same arguments."},
      {"deny_if", "{path: args.a, op: eq, value: 1}, {path: args.b, op: gt, value: 2}", R"({"a":1})",
       "Blocked by policy: a value that this rule needs is missing or has the wrong type (args.a, args.b). Do not retry with the same "
       "arguments."},
      {"require", "{path: args.p, op: path_within, value: /w}", R"({"p":"/x"})",
       "Blocked by policy: args.p must be a plain absolute path inside /w. Do not retry with the same arguments."},
      {"require", "{path: args.v, all: {path: \".\", op: gt, value: 1}}", R"({"v":[1]})",
       "Blocked by policy: the call must satisfy: all of args.v: (. gt 1). Do not retry with the same arguments."},
  };
  for (const auto& one : kCases) {
    auto policy = compiled(testing::document_with(one.layer, one.condition));
    Call call("t", one.arguments);
    EXPECT_EQ(policy->explain(call.input).message, one.message);
  }
}

TEST(PolicyRunTests, CountLimitsWithinOneRun) {
  auto policy = compiled(R"(
version: "1"
tools:
  t: {limits: [{counter: c, window: minute, max: 2, on_deny: slow down}]}
  s: {limits: [{counter: s, window: minute, kind: sliding, max: 2}]}
  b: {limits: [{counter: b, window: minute, kind: token_bucket, max: 2}]}
tests:
  - {call: t, expect: allow}
  - {call: t, expect: allow}
  - {call: t, expect: deny, rule: /tools/t/limits/0, message: slow down}
  - {call: t, grant: {id: other}, expect: allow}
  - {call: t, at: "2027-01-15T08:01:00Z", repeat: 3, expect: deny}
  - {call: s, at: "2027-01-15T08:00:50Z", repeat: 2, expect: allow}
  - {call: s, at: "2027-01-15T08:01:10Z", expect: deny}
  - {call: s, at: "2027-01-15T08:01:51Z", expect: allow}
  - {call: b, at: "2027-01-15T08:00:00Z", repeat: 3, expect: deny}
  - {call: b, at: "2027-01-15T08:00:30Z", expect: allow}
  - {call: b, at: "2027-01-15T08:00:31Z", expect: deny}
)");
  ASSERT_TRUE(policy);
  for (int run = 0; run < 2; ++run)
    for (const auto& result : policy->run_tests()) EXPECT_TRUE(result.passed) << result.pointer << ' ' << result.message;
}

TEST(PolicyRunTests, SayWhatTheyGotInstead) {
  auto policy = compiled(R"(
version: "1"
tools:
  t: {deny_if: [{conditions: [{path: args.a, op: gt, value: 1}], on_deny: too much}]}
tests:
  - {call: t, args: {a: 1}, expect: deny}
  - {call: t, args: {a: 2}, expect: deny, rule: /tools/t/deny_if/1}
  - {call: t, args: {a: 2}, expect: deny, message: other}
  - {call: t, args: {a: 2}, expect: allow, repeat: 3}
  - {call: t, args: {a: 2}, expect: deny, rule: /tools/t/deny_if/0, message: too much}
)");
  ASSERT_TRUE(policy);
  auto results = policy->run_tests();
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].message, "expected deny, got allow");
  EXPECT_EQ(results[0].line, 6u);
  EXPECT_EQ(results[0].pointer, "/tests/0");
  EXPECT_EQ(results[1].message, "expected deny by /tools/t/deny_if/1, got deny by /tools/t/deny_if/0");
  EXPECT_EQ(results[2].message, "expected the message `other`, got `too much`");
  EXPECT_EQ(results[3].message, "call 1 of 3: expected allow, got deny by /tools/t/deny_if/0");
  EXPECT_TRUE(results[4].passed);
}

TEST(PolicyDiff, ShowsWhatChangedWithThreeLinesAround) {
  EXPECT_EQ(diff("a\n", "a\n"), "");
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  EXPECT_EQ(diff("", "a\n"), "--- old\n+++ new\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(diff("a\n", ""), "--- old\n+++ new\n@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(diff("a", "a\n"), "--- old\n+++ new\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  std::string far = diff("a\n1\n2\n3\n4\n5\n6\n7\n8\n9\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\n9\nB\n");
  EXPECT_EQ(far, "--- old\n+++ new\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -8,4 +8,4 @@\n 7\n 8\n 9\n-b\n+B\n");
}

// Applies a unified diff; what comes out must be the new text, whatever the edits were.
std::string patched(const std::string& text, const std::string& patch) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < patch.size();) {
    auto end = patch.find('\n', at);
    std::string line = patch.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("---") || line.starts_with("+++")) continue;
    if (line.starts_with("@@ -")) {
      std::size_t begin = std::stoul(line.substr(4));
      bool empty = line.substr(4, line.find(' ', 4) - 4).ends_with(",0");
      for (std::size_t until = empty ? begin : begin - 1; next < until; ++next) out += lines[next] + '\n';
    } else if (line[0] == '+') {
      out += line.substr(1) + '\n';
    } else {
      EXPECT_EQ(lines[next], line.substr(1));
      if (line[0] == ' ') out += lines[next] + '\n';
      ++next;
    }
  }
  for (; next < lines.size(); ++next) out += lines[next] + '\n';
  return out;
}

TEST(PolicyDiff, CanBeAppliedWhateverTheEditsWere) {
  std::uint32_t state = 20260728;
  auto random = [&](std::uint32_t below) { return (state = state * 1664525u + 1013904223u) / 65536u % below; };
  for (int round = 0; round < 300; ++round) {
    std::string before, after;
    for (std::uint32_t i = 0, n = random(60); i < n; ++i) {
      std::string line(1, static_cast<char>('a' + random(6)));
      if (random(8) != 0) before += line + '\n';
      if (random(8) != 0) after += line + '\n';
    }
    EXPECT_EQ(patched(before, diff(before, after)), after) << "round " << round;
  }
}

TEST(PolicyDiff, StaysQuickOnTextsWithNothingInCommon) {
  std::string a, b;
  for (int i = 0; i < 20'000; ++i) a += "a" + std::to_string(i) + "\n", b += "b" + std::to_string(i) + "\n";
  EXPECT_GT(diff(a, b).size(), a.size());
}

}  // namespace
}  // namespace callgate::policy
