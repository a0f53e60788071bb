#include "policy/edit.h"

#include <gtest/gtest.h>

#include "policy/policy.h"
#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kDocument = R"(# who reads this?
version: "1"   # the first
default: allow
tools:
  pay:
    deny_if:
      - conditions: [{path: args.a, op: gt, value: 1}]
        mode: shadow   # for now
      - {conditions: [{path: args.a, op: gt, value: 2}], mode: "shadow"}
    limits:
      - {counter: n, window: day, max: 5, mode: shadow}
tests:
  # the only one
  - {call: pay, args: {a: 0}, expect: allow}
)";

TEST(PolicyEdit, PromotesOneRuleAndLeavesTheRestAsItWas) {
  auto text = promoted(kDocument, "/tools/pay/deny_if/0");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("        mode: enforce   # for now\n"), std::string::npos) << *text;
  EXPECT_EQ(text->size(), kDocument.size() + 1);
  EXPECT_EQ(testing::effect_of(*testing::compiled(*text), "pay", R"({"a":2})"), Effect::Deny);
  text = promoted(*text, "/tools/pay/deny_if/1");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("mode: \"enforce\"}"), std::string::npos);
  ASSERT_TRUE(promoted(*text, "/tools/pay/limits/0"));
}

TEST(PolicyEdit, PromotesAWholeDocument) {
  auto text = promoted("version: \"1\"\nmode: shadow\n", "");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "version: \"1\"\nmode: enforce\n");
  EXPECT_EQ(promoted(R"({"version":"1","mode":"shadow"})", "").value(), R"({"version":"1","mode":"enforce"})");
}

TEST(PolicyEdit, RefusesToPromoteWhatIsNotInShadow) {
  for (std::string_view pointer :
       {"", "/tools/pay", "/tools/pay/deny_if/7", "/tools/none/deny_if/0", "tools", "/tools/pay/deny_if/0/mode"}) {
    auto text = promoted(kDocument, pointer);
    ASSERT_FALSE(text) << pointer;
    EXPECT_EQ(text.error().reason, "policy.edit");
  }
  EXPECT_FALSE(promoted("version: \"1\"\nmode: shadow\ntools: {t: {deny_if: [{conditions: [], mode: shadow}]}}", "/tools/t/deny_if/0"));
  EXPECT_FALSE(promoted("no: [document", ""));
}

void holds_one_more(std::string_view before, std::size_t tests) {
  auto text = with_test(before, R"({"call": "t", "args": {"x": 1}, "expect": "allow"})");
  ASSERT_TRUE(text) << before;
  auto policy = testing::compiled(*text);
  ASSERT_TRUE(policy) << *text;
  auto results = policy->run_tests();
  EXPECT_EQ(results.size(), tests) << *text;
  for (const TestResult& result : results) EXPECT_TRUE(result.passed) << *text;
}

TEST(PolicyEdit, AddsATestWhereverTheListStands) {
  holds_one_more("version: \"1\"\ndefault: allow\n", 1);
  holds_one_more("version: \"1\"\ndefault: allow", 1);
  holds_one_more("version: \"1\"\ndefault: allow\ntests:\n  - {call: t, expect: allow}\n", 2);
  holds_one_more("version: \"1\"\ntests:\n- call: t\n  expect: allow\ndefault: allow\n", 2);
  holds_one_more("version: \"1\"\ntests: []\ndefault: allow\n", 1);
  holds_one_more("version: \"1\"\ntests: [{call: t, expect: allow}]\ndefault: allow\n", 2);
  holds_one_more(R"({"version":"1","default":"allow"})", 1);
  holds_one_more(R"({"version":"1","default":"allow","tests":[{"call":"t","expect":"allow"}]})", 2);
}

TEST(PolicyEdit, AddingATestKeepsComments) {
  auto text = with_test(kDocument, "{call: pay, args: {a: 1}, expect: allow}");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, std::string(kDocument) + "  - {call: pay, args: {a: 1}, expect: allow}\n");
  EXPECT_FALSE(with_test("version: \"1\"\ntests: {}\n", "{}"));
}

}  // namespace
}  // namespace callgate::policy
