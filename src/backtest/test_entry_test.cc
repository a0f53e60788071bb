#include "backtest/test_entry.h"

#include <gtest/gtest.h>

#include "policy/edit.h"

namespace callgate::backtest {
namespace {

constexpr std::string_view kDocument = R"(version: "1"
default: deny
tools:
  refund:
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 100}]
      - conditions: [{path: principal.name, op: eq, value: eve}]
      - conditions: [{path: time.hour, op: gte, value: 18}]
    limits:
      - {counter: daily, window: day, max: 100, increment_from: args.amount}
)";

RecordedCall call(std::string arguments = R"({"amount":50,"currency":"usd"})") {
  RecordedCall out;
  out.kind = "call";
  out.method = "tools/call";
  out.tool = "refund";
  out.time = WallTime(std::chrono::seconds(1'785'229'200));  // 2026-07-28T09:00:00Z
  out.principal_id = "usr_1";
  out.principal = "ada";
  out.grant = "grt_1";
  out.grant_label = "laptop";
  out.server_id = "srv1";
  out.server = "pay";
  out.effect = Effect::Allow;
  out.reason = "ok";
  out.arguments = std::move(arguments);
  return out;
}

RecordedCall denied(RecordedCall from, std::string rule, std::string reason = "policy.deny_if") {
  from.effect = Effect::Deny;
  from.reason = std::move(reason);
  from.rule = std::move(rule);
  return from;
}

Result<TestEntry> entry(const RecordedCall& of, std::string_view document = kDocument, std::string expect = {}) {
  Scene scene;
  scene.set(of, {});
  return test_entry(of, scene, {std::string(document), "refunds", std::move(expect)});
}

TEST(TestEntry, IsAsShortAsReproducesTheDecision) {
  auto made = entry(denied(call(R"({"amount":500})"), "/tools/refund/deny_if/0"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->text, R"({call: "refund", args: {"amount":500}, expect: "deny", rule: "/tools/refund/deny_if/0"})");
  EXPECT_FALSE(made->full);
  EXPECT_EQ(made->disagrees, "");
  EXPECT_EQ(entry(call())->text, R"({call: "refund", args: {"amount":50,"currency":"usd"}, expect: "allow"})");
}

TEST(TestEntry, NamesCallerAndTimeWhereTheyDecided) {
  RecordedCall eve = denied(call(), "/tools/refund/deny_if/1");
  eve.principal = "eve";
  auto made = entry(eve);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->full);
  EXPECT_EQ(made->disagrees, "");
  EXPECT_NE(made->text.find(R"(principal: {id: "usr_1", name: "eve", kind: "user"})"), std::string::npos) << made->text;
  RecordedCall late = denied(call(), "/tools/refund/deny_if/2");
  late.time += std::chrono::hours(10);
  made = entry(late);
  EXPECT_EQ(made->disagrees, "");
  EXPECT_NE(made->text.find(R"(at: "2026-07-28T19:00:00Z")"), std::string::npos) << made->text;
}

TEST(TestEntry, ALimitBecomesARepetition) {
  auto made = entry(denied(call(R"({"amount":30})"), "/tools/refund/limits/0", "limits.exceeded"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->disagrees, "");
  EXPECT_EQ(made->text, R"({call: "refund", args: {"amount":30}, expect: "deny", rule: "/tools/refund/limits/0", repeat: 4})");
}

TEST(TestEntry, ReducedArgumentsNeverBecomeATest) {
  for (const char* arguments : {R"({"amount":50,"note":"<string, 9 bytes>"})", R"({"token":"<secret>"})", R"({"a":"Bearer <secret>"})", "",
                                R"({"cut_bytes":2000000})", R"({"list":["<number>"]})"}) {
    auto made = entry(call(arguments));
    ASSERT_FALSE(made) << arguments;
    EXPECT_EQ(made.error().reason, "backtest.not_captured");
  }
}

TEST(TestEntry, OnlyDecisionsOfAPolicyBecomeTests) {
  EXPECT_EQ(entry(denied(call(), "", "schema.arguments")).error().reason, "backtest.not_decided");
  RecordedCall listing = call();
  listing.method = "resources/read";
  EXPECT_EQ(entry(listing).error().reason, "backtest.not_decided");
}

TEST(TestEntry, SaysWhereTheDocumentDisagrees) {
  auto made = entry(call(), kDocument, "deny");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->disagrees, "expected deny, got allow");
  EXPECT_NE(made->text.find("expect: \"deny\""), std::string::npos);
}

TEST(TestEntry, FitsADocumentInJson) {
  auto made = entry(denied(call("{}"), "/default", "policy.default"), R"({"version":"1","default":"deny"})");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->text, R"({"call": "refund", "expect": "deny", "rule": "/default"})");
  EXPECT_EQ(made->disagrees, "");
}

}  // namespace
}  // namespace callgate::backtest
