#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::Call;
using testing::compiled;
using testing::document_with;
using testing::effect_of;
using testing::problems_of;
using testing::rule_of;
using namespace std::chrono_literals;

constexpr std::string_view kRefunds = R"(
version: "1"
default: deny
all_tools:
  ask: [{conditions: [{path: args.amount, op: gt, value: 10000}], approvers: {role: security, min: 2}, expires: 5m, on_missing: ignore}]
tools:
  list: {}
  refund:
    require: [{conditions: [{path: args.currency, op: eq, value: usd}]}]
    deny_if: [{conditions: [{path: args.amount, op: gt, value: 50000}]}]
    ask:
      - {conditions: [{path: args.amount, op: gt, value: 200}], approvers: {role: finance}, on_ask: "Refunds above 200 are looked at."}
    limits: [{counter: refunds, window: day, max: 100000, increment_from: args.amount}]
  wipe: {ask: [{}]}
)";

TEST(PolicyAsk, AsksAPersonWhenTheRuleHoldsAndNothingDenies) {
  auto policy = compiled(kRefunds);
  ASSERT_TRUE(policy);
  EXPECT_EQ(effect_of(*policy, "refund", R"({"amount":200,"currency":"usd"})"), Effect::Allow);
  EXPECT_EQ(effect_of(*policy, "refund", R"({"amount":201,"currency":"usd"})"), Effect::Ask);
  EXPECT_EQ(effect_of(*policy, "refund", R"({"amount":50001,"currency":"usd"})"), Effect::Deny);
  EXPECT_EQ(effect_of(*policy, "refund", R"({"amount":201,"currency":"eur"})"), Effect::Deny);
  EXPECT_EQ(effect_of(*policy, "other", R"({"amount":20000})"), Effect::Deny) << "what the default denies is not put before anyone";
  EXPECT_EQ(effect_of(*policy, "wipe", "{}"), Effect::Ask) << "a rule without conditions asks about every call";
}

TEST(PolicyAsk, SaysWhatAndWhoAndKeepsTheClaimsForLater) {
  auto policy = compiled(kRefunds);
  Scratch scratch;
  Call call("refund", R"({"amount":201,"currency":"usd"})");
  auto decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.reason, "policy.ask");
  EXPECT_EQ(decision.message, "Refunds above 200 are looked at.");
  EXPECT_EQ(decision.rule, "/tools/refund/ask/0");
  ASSERT_EQ(decision.ask.roles.size(), 1u);
  EXPECT_EQ(decision.ask.roles[0], "finance");
  EXPECT_EQ(decision.ask.approvers, 1u);
  EXPECT_EQ(decision.ask.expires, 900s);
  EXPECT_FALSE(decision.ask.self);
  ASSERT_EQ(decision.claims.size(), 1u);
  EXPECT_EQ(decision.claims[0].amount, Decimal(201));
  Call small("refund", R"({"amount":1,"currency":"usd"})");
  EXPECT_TRUE(policy->decide(small.input, scratch).ask.rules.empty()) << "nothing is left over from the decision before";
}

TEST(PolicyAsk, CombinesAllRulesThatHoldToTheStrictest) {
  auto policy = compiled(kRefunds);
  Scratch scratch;
  Call call("refund", R"({"amount":10001,"currency":"usd"})");
  auto ask = policy->decide(call.input, scratch).ask;
  EXPECT_EQ(ask.rules.size(), 2u);
  EXPECT_EQ(ask.roles.size(), 2u);
  EXPECT_EQ(ask.approvers, 2u);
  EXPECT_EQ(ask.expires, 300s);
  auto selfish = compiled("version: \"1\"\ntools: {t: {ask: [{approvers: {self: true}}, {approvers: {self: false}}]}}\n");
  Call other("t", "{}");
  EXPECT_FALSE(selfish->decide(other.input, scratch).ask.self) << "one rule that does not allow it is enough";
}

TEST(PolicyAsk, AsksWhenAValueIsMissingOrHasTheWrongType) {  // T-25
  auto asks = compiled(document_with("ask", "{path: args.amount, op: gt, value: 200}", ""));
  auto ignores = compiled(document_with("ask", "{path: args.amount, op: gt, value: 200}", "on_missing: ignore"));
  EXPECT_EQ(effect_of(*asks, "t", "{}"), Effect::Ask);
  EXPECT_EQ(effect_of(*asks, "t", R"({"amount":"1"})"), Effect::Ask);
  EXPECT_EQ(effect_of(*ignores, "t", "{}"), Effect::Allow);
  EXPECT_EQ(effect_of(*ignores, "t", R"({"amount":"1"})"), Effect::Ask) << "text instead of a number is never ignored";
}

TEST(PolicyAsk, NeverHoldsACallInShadowMode) {
  Scratch scratch;
  for (std::string_view text : {"version: \"1\"\ntools: {t: {ask: [{mode: shadow, on_ask: look}]}}\n",
                                "version: \"1\"\nmode: shadow\ntools: {t: {ask: [{on_ask: look}]}}\n"}) {
    auto policy = compiled(text);
    Call call("t", "{}");
    auto decision = policy->decide(call.input, scratch);
    EXPECT_EQ(decision.effect, Effect::Allow);
    ASSERT_EQ(decision.shadow.size(), 1u);
    EXPECT_EQ(decision.shadow[0].rule, "/tools/t/ask/0");
    EXPECT_EQ(decision.shadow[0].message, "look");
    EXPECT_EQ(policy->explain(call.input).steps.at(0).outcome, "would ask (shadow)");
  }
}

TEST(PolicyAsk, JudgesOtherMethodsToo) {
  auto policy =
      compiled("version: \"1\"\nmethods: {resources/read: {ask: [{conditions: [{path: args.uri, op: starts_with, value: \"hr:\"}]}]}}\n");
  Scratch scratch;
  Call call("hr:salaries", R"({"uri":"hr:salaries"})");
  call.input.method = "resources/read";
  EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Ask);
  EXPECT_EQ(policy->decide(call.input, scratch).rule, "/methods/resources~1read/ask/0");
}

TEST(PolicyAsk, ExplainsWhoIsAsked) {
  auto policy = compiled(kRefunds);
  Call call("refund", R"({"amount":201,"currency":"usd"})");
  auto explanation = policy->explain(call.input);
  EXPECT_EQ(explanation.effect, Effect::Ask);
  EXPECT_EQ(explanation.roles, std::vector<std::string>{"finance"});
  EXPECT_EQ(explanation.approvers, 1u);
  bool shown = false;
  for (const auto& step : explanation.steps)
    if (step.layer == "ask" && step.pointer == "/tools/refund/ask/0") {
      shown = true;
      EXPECT_EQ(step.condition, "args.amount gt 200");
      EXPECT_EQ(step.input, "201");
      EXPECT_EQ(step.outcome, "matched");
    }
  EXPECT_TRUE(shown);
  EXPECT_EQ(policy->approver_roles(), (std::vector<std::string_view>{"security", "finance"}));
}

TEST(PolicyAsk, TestsOfADocumentExpectIt) {
  auto policy = compiled(R"(
version: "1"
tools:
  refund:
    ask: [{conditions: [{path: args.amount, op: gt, value: 200}]}]
    limits: [{counter: refunds, window: day, max: 500, increment_from: args.amount}]
tests:
  - {call: refund, args: {amount: 10}, expect: allow}
  - {call: refund, args: {amount: 201}, expect: ask, rule: /tools/refund/ask/0}
  - {call: refund, args: {amount: 201}, expect: deny, repeat: 2}
  - {call: refund, args: {amount: 201}, expect: allow}
)");
  ASSERT_TRUE(policy);
  auto results = policy->run_tests();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_TRUE(results[0].passed) << results[0].message;
  EXPECT_TRUE(results[1].passed) << results[1].message;
  EXPECT_TRUE(results[2].passed) << results[2].message;
  EXPECT_FALSE(results[3].passed);
}

TEST(PolicyAsk, RefusesWhatNobodyCouldDecide) {  // T-29
  auto with = [](std::string_view rule) { return problems_of("version: \"1\"\ntools: {t: {ask: [" + std::string(rule) + "]}}\n"); };
  for (std::string_view rule :
       {"{approvers: {min: 0}}", "{approvers: {min: 11}}", "{approvers: {min: \"2\"}}", "{approvers: {role: Finance Team}}",
        "{approvers: {role: \"\"}}", "{approvers: finance}", "{approvers: {rolle: x}}", "{expires: 10s}", "{expires: 8d}",
        "{expires: never}", "{expires: [15m]}", "{on_missing: deny}", "{conditions: []}", "{on_deny: x}",
        "{path: args.a, op: eq, value: 1}", "{approvers: {self: maybe}}"})
    EXPECT_NE(with(rule).find("error"), std::string::npos) << rule << "\n" << with(rule);
  EXPECT_EQ(with("{approvers: {role: finance.eu, min: 10, self: true}, expires: 7d}"), "");
}

}  // namespace
}  // namespace callgate::policy
