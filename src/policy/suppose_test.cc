#include "policy/suppose.h"

#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::Call;
using testing::compiled;
using testing::document_with;

struct Supposed {
  Effect effect{};
  std::string rule;
  std::vector<std::string> doubts;  // rule path
};

Supposed suppose(const Policy& policy, std::string_view arguments, Unknown unknown = {}) {
  Call call("t", arguments);
  Scratch scratch;
  Supposition supposed{unknown, {}};
  Decision decision = policy.suppose(call.input, supposed, scratch);
  Supposed out{decision.effect, std::string(decision.rule), {}};
  for (const Doubt& doubt : supposed.doubts) out.doubts.push_back(std::string(doubt.rule) + " " + std::string(doubt.path));
  return out;
}

// deny | pass | open: what a deny_if rule with this condition makes of these recorded arguments.
std::string denies(std::string_view condition, std::string_view arguments, std::string_view fields = "") {
  auto policy = compiled(document_with("deny_if", condition, fields));
  if (!policy) return "";
  auto got = suppose(*policy, arguments);
  return got.effect == Effect::Deny ? "deny" : got.doubts.empty() ? "pass" : "open";
}

TEST(PolicySuppose, DecidesAsDecideDoesWhenEverythingIsKnown) {
  EXPECT_EQ(denies("{path: args.amount, op: gt, value: 5}", R"({"amount":6})"), "deny");
  EXPECT_EQ(denies("{path: args.amount, op: gt, value: 5}", R"({"amount":5})"), "pass");
  EXPECT_EQ(denies("{path: args.amount, op: gt, value: 5}", R"({"amount":"6"})"), "deny");
  EXPECT_EQ(denies("{path: args.amount, op: gt, value: 5}", "{}"), "deny");
  EXPECT_EQ(denies("{path: args.amount, op: gt, value: 5}", "{}", "on_missing: ignore"), "pass");
}

TEST(PolicySuppose, AReducedTextIsJudgedByItsSizeAndNeverGuessed) {
  const std::string twelve = R"({"x":"<string, 12 bytes>"})";
  EXPECT_EQ(denies("{path: args.x, op: eq, value: abc}", twelve), "pass") << "no text of 12 bytes is `abc`";
  EXPECT_EQ(denies("{path: args.x, op: eq, value: abcdefghijkl}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: neq, value: abc}", twelve), "deny");
  EXPECT_EQ(denies("{path: args.x, op: in, value: [a, abcdefghijkl]}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: eq, value: 5}", twelve), "deny") << "a text where a number is wanted is mistyped";
  EXPECT_EQ(denies("{path: args.x, op: gt, value: 5}", twelve), "deny");
  EXPECT_EQ(denies("{path: args.x, op: starts_with, value: /etc}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: starts_with, value: /a/path/that/is/longer}", twelve), "pass");
  EXPECT_EQ(denies("{path: args.x, op: contains, value: b}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: matches, value: 'a.*'}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: path_within, value: /srv}", twelve), "open");
  EXPECT_EQ(denies("{path: args.x, op: exists, value: true}", twelve), "deny");
  EXPECT_EQ(denies("{path: args.x, op: exists, value: false}", twelve), "pass");
  EXPECT_EQ(denies("{path: args.x, op: length_gte, value: 13}", twelve), "pass");
  EXPECT_EQ(denies("{path: args.x, op: length_gte, value: 3}", twelve), "deny");
  EXPECT_EQ(denies("{path: args.x, op: length_gte, value: 7}", twelve), "open") << "3 to 12 characters";
  EXPECT_EQ(denies("{path: args.x, op: length_lte, value: 12}", twelve), "deny");
  EXPECT_EQ(denies("{path: args.x.y, op: eq, value: a}", twelve), "deny") << "nothing lies below a text: mistyped, as it was";
}

TEST(PolicySuppose, OtherReducedValuesAreUnknownWithinTheirType) {
  EXPECT_EQ(denies("{path: args.x, op: gt, value: 5}", R"({"x":"<number>"})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: eq, value: a}", R"({"x":"<number>"})"), "deny");
  EXPECT_EQ(denies("{path: args.x, op: exists, value: true}", R"({"x":"<number>"})"), "deny");
  EXPECT_EQ(denies("{path: args.x, op: eq, value: true}", R"({"x":"<boolean>"})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: length_gte, value: 4}", R"({"x":"<array, 3 elements>"})"), "pass");
  EXPECT_EQ(denies("{path: args.x, op: contains, value: a}", R"({"x":"<array, 0 elements>"})"), "pass");
  EXPECT_EQ(denies("{path: args.x, op: contains, value: a}", R"({"x":"<array, 3 elements>"})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: contains, value: a}", R"({"x":["b","<string, 1 bytes>"]})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: contains, value: a}", R"({"x":["a","<string, 1 bytes>"]})"), "deny");
  EXPECT_EQ(denies("{path: args.x.0, op: eq, value: a}", R"({"x":"<array, 3 elements>"})"), "open");
  EXPECT_EQ(denies("{path: args.x.3, op: eq, value: a}", R"({"x":"<array, 3 elements>"})", "on_missing: ignore"), "pass");
  EXPECT_EQ(denies("{path: args.x.y, op: eq, value: a}", R"({"x":"<secret>"})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: eq, value: a}", R"({"x":"Bearer <secret>"})"), "open");
  EXPECT_EQ(denies("{path: args.x, op: eq, value: a}", R"({"<secret>":1})"), "open") << "the name that was masked may be this one";
  EXPECT_EQ(denies("{path: args.x, any: [{path: ., op: eq, value: b}]}", R"({"x":["a","<string, 2 bytes>"]})"), "pass");
}

TEST(PolicySuppose, WhatSettlesARuleSettlesItBesideWhatIsUnknown) {
  const std::string both = "{all_of: [{path: args.x, op: eq, value: abc}, {path: args.n, op: gt, value: 5}]}";
  EXPECT_EQ(denies(both, R"({"x":"<string, 3 bytes>","n":5})"), "pass");
  EXPECT_EQ(denies(both, R"({"x":"<string, 3 bytes>","n":6})"), "open");
  const std::string either = "{any_of: [{path: args.x, op: eq, value: abc}, {path: args.n, op: gt, value: 5}]}";
  EXPECT_EQ(denies(either, R"({"x":"<string, 3 bytes>","n":6})"), "deny");
  EXPECT_EQ(denies("{not: [{path: args.x, op: eq, value: abc}]}", R"({"x":"<string, 3 bytes>"})"), "open");
}

TEST(PolicySuppose, ADenialStandsWhateverTheDoubtsSayAndADoubtIsNamed) {
  auto policy = compiled(R"({version: "1", default: deny, tools: {t: {
    require: [{conditions: [{path: args.note, op: matches, value: 'a.*'}]}],
    deny_if: [{conditions: [{path: args.n, op: gt, value: 5}]}],
    limits: [{counter: sum, window: day, max: 10, increment_from: args.amount}]}}})");
  ASSERT_TRUE(policy);
  auto denied = suppose(*policy, R"({"note":"<string, 9 bytes>","n":6,"amount":1})");
  EXPECT_EQ(denied.effect, Effect::Deny);
  EXPECT_EQ(denied.rule, "/tools/t/deny_if/0");
  auto open = suppose(*policy, R"({"note":"<string, 9 bytes>","n":5,"amount":"<number>"})");
  EXPECT_EQ(open.effect, Effect::Allow);
  EXPECT_EQ(open.doubts, (std::vector<std::string>{"/tools/t/require/0 args.note", "/tools/t/limits/0 args.amount"}));
  auto without = suppose(*policy, "{}", {.arguments = true});
  EXPECT_EQ(without.doubts.size(), 3u);
}

TEST(PolicySuppose, ExplainNamesWhatIsNotKnown) {
  auto policy = compiled(document_with("deny_if", "{path: args.x, op: eq, value: abc}"));
  Call call("t", R"({"x":"<string, 3 bytes>"})");
  Supposition supposed;
  auto told = policy->explain(call.input, &supposed);
  ASSERT_EQ(told.steps.size(), 1u);
  EXPECT_EQ(told.steps[0].outcome, "unknown");
  EXPECT_EQ(told.steps[0].input, "args.x is not known: \"<string, 3 bytes>\"");
  EXPECT_EQ(supposed.doubts.size(), 1u);
}

TEST(PolicySuppose, TheLongestWindowOfAllLimits) {
  EXPECT_FALSE(compiled(R"({version: "1", default: allow})")->longest_window());
  auto policy = compiled(R"({version: "1", default: allow, all_tools: {limits: [{counter: a, window: minute, max: 1},
    {counter: b, window: hour, max: 1}]}})");
  EXPECT_EQ(policy->longest_window(), std::chrono::hours(1));
}

}  // namespace
}  // namespace callgate::policy
