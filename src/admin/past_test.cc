// Questions about single calls: why, who, and the same as a test.
#include "admin/testing/recorded_calls.h"

namespace callgate::admin {
namespace {

using namespace std::chrono_literals;
using testing::Told;

class PastTest : public testing::RecordedCalls {
 protected:
  Told denied(std::string arguments = R"({"amount":5000})") {
    Told told;
    told.arguments = std::move(arguments);
    told.effect = Effect::Deny;
    told.reason = "policy.deny_if";
    told.rule = "/tools/refund_payment/deny_if/0";
    told.message = "Refund blocked: Amount exceeds developer limit.";
    told.line = 6;
    return told;
  }
  Answer why(const std::string& id) { return ask("GET", "/api/v1/audit/" + id + "/why"); }
  Answer make_test(const std::string& id, std::string_view body = "{}") { return ask("POST", "/api/v1/audit/" + id + "/test", body); }
};

TEST_F(PastTest, SaysWhichRuleRefusedAndWhatItSaw) {
  ASSERT_EQ(put_policy().status, 201);
  auto answer = why(called(denied()));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      answer["sentence"].string(),
      "refused by /tools/refund_payment/deny_if/0 (line 6) of policy refunds, version 1, which denies when args.amount gt 1000; it saw "
      "5000");
  EXPECT_NE(answer["then"]["text"].string().find("path: args.amount, op: gt, value: 1000"), std::string::npos) << answer.body;
  EXPECT_TRUE(answer["then"]["sure"].is(json::Kind::True));
  EXPECT_NE(answer["advice"].string().find("change the rule"), std::string::npos);
  EXPECT_EQ(answer["now"]["effect"].string(), "deny");
}

TEST_F(PastTest, ThePolicyOfTodayMaySaySomethingElse) {
  ASSERT_EQ(put_policy().status, 201);
  std::string id = called(denied());
  ASSERT_EQ(put_policy("refunds", "version: \"1\"\ndefault: allow\n").status, 200);
  auto answer = why(id);
  EXPECT_EQ(answer["then"]["effect"].string(), "deny");
  EXPECT_EQ(answer["then"]["version"].number(), "1");
  EXPECT_EQ(answer["now"]["effect"].string(), "allow");
  EXPECT_EQ(answer["now"]["version"].number(), "2");
}

// Redacted values never come out again: the record is all there is.
TEST_F(PastTest, WhatTheRecordDoesNotHoldIsADoubt) {
  ASSERT_EQ(put_policy().status, 201);
  auto answer = why(called(denied(R"({"amount":"<number>"})")));
  EXPECT_TRUE(answer["then"]["sure"].is(json::Kind::False));
  EXPECT_EQ(answer["then"]["doubts"].child(0)["path"].string(), "args.amount");
  answer = why(called(denied("")));
  EXPECT_TRUE(answer["then"]["sure"].is(json::Kind::False));
}

TEST_F(PastTest, RefusalsWithoutAPolicyGetAdviceToo) {
  Told told;
  told.effect = Effect::Deny;
  told.reason = "schema.arguments";
  told.policy.clear();
  auto answer = why(called(told));
  EXPECT_EQ(answer["sentence"].string(), "refused: schema.arguments");
  EXPECT_NE(answer["advice"].string().find("tool show"), std::string::npos);
  EXPECT_TRUE(answer["then"].is(json::Kind::Null));
  EXPECT_EQ(why("dec_nothing").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/audit/1/why", {}, api_token("bob", "")).status, 403);
}

TEST_F(PastTest, APolicyThatIsGoneLeavesTheRecordToSpeak) {
  auto answer = why(called(denied()));
  EXPECT_TRUE(answer["then"].is(json::Kind::Null));
  EXPECT_EQ(answer["sentence"].string(), "refused by /tools/refund_payment/deny_if/0 (line 6) of policy refunds, version 1");
}

TEST_F(PastTest, ADecisionBecomesATestThatPasses) {
  ASSERT_EQ(put_policy().status, 201);
  std::string id = called(denied());
  auto answer = make_test(id);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["entry"].string(),
            R"({call: "refund_payment", args: {"amount":5000}, expect: "deny", rule: "/tools/refund_payment/deny_if/0"})");
  EXPECT_TRUE(answer["passes"].is(json::Kind::True));
  EXPECT_FALSE(answer["document"].exists());
  std::string draft = "# mine\n" + std::string(testing::kRefunds);
  answer = make_test(id, "{\"text\":" + quoted(draft) + "}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["document"].string(), draft + "  - " + std::string(answer["entry"].string()) + "\n");
  EXPECT_EQ(put_policy("refunds", answer["document"].string()).status, 200);
  EXPECT_NE(make_test(id, R"({"expect":"allow"})")["disagrees"].string().find("expected allow, got deny"), std::string::npos);
}

TEST_F(PastTest, ReducedArgumentsAreNoTest) {
  ASSERT_EQ(put_policy().status, 201);
  for (const char* arguments : {R"({"amount":5000,"note":"<string, 5 bytes>"})", R"({"amount":5000,"token":"<secret>"})", ""}) {
    auto answer = make_test(called(denied(arguments)));
    EXPECT_EQ(answer.reason(), "backtest.not_captured") << answer.body;
  }
  EXPECT_EQ(make_test(called(denied()), R"({"expect":"maybe"})").status, 422);
}

class WhoTest : public testing::RecordedCalls {
 protected:
  void SetUp() override {
    ControlPlane::SetUp();
    ASSERT_EQ(put_policy().status, 201);
    ASSERT_EQ(add_server().status, 201);
    ASSERT_EQ(ask("POST", "/api/v1/users", R"({"name":"ada"})").status, 201);
  }
  std::string mint(const std::string& label, std::string_view more = R"(,"policy":"refunds")") {
    auto minted =
        ask("POST", "/api/v1/grants", R"({"principal":"ada","servers":["refunds"],"label":")" + label + "\"" + std::string(more) + "}");
    EXPECT_EQ(minted.status, 201) << minted.body;
    return std::string(minted["grant"]["id"].string());
  }
  Answer who(std::string_view more = "", std::string_view tool = "refund_payment") {
    return ask("POST", "/api/v1/policy-who", R"({"server":"refunds","tool":")" + std::string(tool) + "\"" + std::string(more) + "}");
  }
  static std::string total(const Answer& answer, std::string_view verdict) { return std::string(answer["totals"][verdict].number()); }
};

TEST_F(WhoTest, SaysWhatEachGrantWouldGet) {
  mint("laptop");
  auto answer = who(R"(,"arguments":{"amount":50})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(total(answer, "allow"), "1");
  auto item = answer["items"].child(0);
  EXPECT_EQ(item["label"].string(), "laptop");
  EXPECT_EQ(item["principal"].string(), "ada");
  EXPECT_EQ(item["policy"].string(), "refunds");
  EXPECT_TRUE(answer["listed"].is(json::Kind::True));
  answer = who(R"(,"arguments":{"amount":5000})");
  EXPECT_EQ(total(answer, "deny"), "1");
  EXPECT_EQ(answer["items"].child(0)["rule"].string(), "/tools/refund_payment/deny_if/0");
}

TEST_F(WhoTest, WithoutArgumentsAVerdictMayDependOnThem) {
  mint("laptop");
  auto answer = who();
  EXPECT_EQ(answer["items"].child(0)["verdict"].string(), "depends");
  EXPECT_EQ(answer["items"].child(0)["depends_on"].string(), "args.amount");
  EXPECT_EQ(total(who("", "another_tool"), "deny"), "1") << "the default needs no arguments";
  EXPECT_TRUE(who("", "another_tool")["listed"].is(json::Kind::False));
}

TEST_F(WhoTest, LooksAtPolicyRoleAndLife) {
  mint("bare", "");
  EXPECT_EQ(who()["items"].child(0)["reason"].string(), "policy.missing");
  ASSERT_EQ(ask("PUT", "/api/v1/roles/reader", R"({"permissions":[{"server":"refunds","tools":["get_*"]}]})").status, 201);
  mint("reader", R"(,"policy":"refunds","role":"reader")");
  EXPECT_EQ(total(who(), "hidden"), "1");
  std::string gone = mint("gone");
  EXPECT_EQ(total(who(), "depends"), "1");
  ASSERT_EQ(ask("POST", "/api/v1/grants/" + gone + "/revoke", "{}").status, 200);
  EXPECT_EQ(total(who(), "depends"), "0") << "revoked";
  auto filtered = who(R"(,"verdict":"hidden")");
  ASSERT_EQ(filtered["items"].size(), 1u);
  EXPECT_EQ(filtered["items"].child(0)["label"].string(), "reader");
}

TEST_F(WhoTest, RefusesWhatItCannotAnswer) {
  EXPECT_EQ(ask("POST", "/api/v1/policy-who", R"({"server":"nowhere","tool":"t"})").status, 404);
  EXPECT_EQ(who(R"(,"verdict":"maybe")").status, 422);
  EXPECT_EQ(ask("POST", "/api/v1/policy-who", R"({"server":"refunds","tool":"t"})", api_token("bob", "")).status, 403);
}

constexpr std::string_view kWatched = R"(version: "1"   # looked at on Mondays
default: allow
tools:
  refund_payment:
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 40}]
        mode: shadow   # until the month is over
)";

TEST_F(PastTest, ShadowResultsAreCountedByRuleAndCaller) {
  ASSERT_EQ(put_policy("refunds", kWatched).status, 201);
  Told told;
  told.shadow = {{"/tools/refund_payment/deny_if/0", "Blocked by policy: args.amount must be at most 40."}};
  called(told);
  told.principal = "eve";
  called(told);
  called({});
  auto started = ask("POST", "/api/v1/policies/refunds/backtests", R"({"keep":0})");
  std::string path = "/api/v1/backtests/" + std::string(started["id"].string());
  Answer answer;
  do answer = ask("GET", path);
  while (answer["state"].string() == "running");
  auto rules = answer["report"]["recorded_shadow"];
  ASSERT_EQ(rules.size(), 1u) << answer.body;
  EXPECT_EQ(rules.child(0)["calls"].number(), "2");
  EXPECT_EQ(rules.child(0)["by_principal"].size(), 2u);
  EXPECT_EQ(rules.child(0)["message"].string(), "Blocked by policy: args.amount must be at most 40.");
}

TEST_F(PastTest, ARuleIsPromotedInPlaceAsANewVersion) {
  ASSERT_EQ(put_policy("refunds", kWatched).status, 201);
  std::string path = "/api/v1/policies/refunds/promote", rule = R"("rule":"/tools/refund_payment/deny_if/0")";
  auto planned = ask("POST", path, "{" + rule + ",\"dry_run\":true}");
  ASSERT_EQ(planned.status, 200) << planned.body;
  EXPECT_NE(planned["diff"].string().find("+        mode: enforce   # until the month is over"), std::string::npos) << planned.body;
  EXPECT_EQ(planned["version"].number(), "1");
  EXPECT_EQ(ask("POST", path, "{" + rule + ",\"expected_version\":7}").reason(), "policy.stale");
  auto done = ask("POST", path, "{" + rule + R"(,"expected_version":1,"reason":"no false alarms"})");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done["version"].number(), "2");
  EXPECT_EQ(done["reason"].string(), "no false alarms");
  std::string text(ask("GET", "/api/v1/policies/refunds")["text"].string());
  EXPECT_NE(text.find("# looked at on Mondays"), std::string::npos);
  EXPECT_EQ(ask("POST", path, "{" + rule + "}").reason(), "policy.edit") << "it counts already";
  EXPECT_EQ(ask("POST", path, "{}").reason(), "policy.edit");
  EXPECT_EQ(ask("POST", path, "{" + rule + "}", api_token("eve", "\"auditor\"")).status, 403);
}

}  // namespace
}  // namespace callgate::admin
