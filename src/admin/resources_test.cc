#include "admin/testing/control_plane.h"

namespace callgate::admin {
namespace {

using ResourcesTest = testing::ControlPlane;

TEST_F(ResourcesTest, AddsAServerAfterAProbeAndKeepsItsTools) {
  auto answer = add_server("refunds", R"(,"headers":{"Authorization":"Bearer upstream-secret"})");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(probed_headers_, "Authorization: Bearer upstream-secret\r\n");
  auto server = answer["server"];
  EXPECT_EQ(server["endpoint"].string(), "https://gate.example/mcp/" + std::string(server["id"].string()) + "/");
  EXPECT_EQ(ask("GET", "/api/v1/servers/refunds/tools")["items"].size(), 1u);
  EXPECT_TRUE(ask("GET", "/api/v1/servers/refunds/tools/refund_payment")["definition"].is_object());
  EXPECT_EQ(ask("GET", "/api/v1/servers/refunds/tools/nothing").status, 404);
}

TEST_F(ResourcesTest, TheTransportIsWhatTheProbeSawOrWhatIsSaid) {
  EXPECT_EQ(add_server()["server"]["transport"].string(), "http");
  probe_report_.eras = {true, false, true};
  EXPECT_EQ(add_server("old")["server"]["transport"].string(), "sse");
  EXPECT_EQ(ask("GET", "/api/v1/servers/old")["server"]["transport"].string(), "sse");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/old", R"({"capture":"none"})")["server"]["transport"].string(), "sse");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/old", R"({"transport":"http"})")["server"]["transport"].string(), "http");
  EXPECT_EQ(add_server("told", R"(,"probe":false,"transport":"sse")")["server"]["transport"].string(), "sse");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/old", R"({"transport":"carrier-pigeon"})").reason(), "admin.transport");
}

TEST_F(ResourcesTest, AProbeThatFailsAddsNothingAndSaysTheFix) {
  probe_report_.ok = false;
  probe_report_.stages = {{"resolve", false, false, "", "no such host", "check the name", 1}};
  auto answer = add_server();
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.reason(), "server.probe_failed");
  EXPECT_NE(answer["error"]["fix"].string().find("check the name"), std::string::npos);
  EXPECT_EQ(answer["probe"]["stages"].size(), 1u);
  EXPECT_EQ(ask("GET", "/api/v1/servers/refunds").status, 404);
  EXPECT_EQ(add_server("refunds", ",\"probe\":false").status, 201);
}

// T-66: header values cannot smuggle lines. T-68: they never come out again.
TEST_F(ResourcesTest, HeaderValuesGoInAndNeverComeOut) {
  EXPECT_EQ(add_server("bad", R"(,"headers":{"X-A":"b\r\nX-C: d"})").status, 422);
  ASSERT_EQ(add_server("refunds", R"(,"headers":{"X-Api-Key":"upstream-secret"})").status, 201);
  ASSERT_EQ(ask("PATCH", "/api/v1/servers/refunds", R"({"headers":{"X-Other":"other-secret"}})").status, 200);
  for (auto path : {"/api/v1/servers", "/api/v1/servers/refunds", "/api/v1/audit"})
    for (auto secret : {"upstream-secret", "other-secret"}) EXPECT_EQ(ask("GET", path).body.find(secret), std::string::npos) << path;
  for (const auto& record : records()) {
    EXPECT_EQ(record.find("upstream-secret"), std::string::npos) << record;
    EXPECT_EQ(record.find("other-secret"), std::string::npos) << record;
  }
  EXPECT_NE(ask("GET", "/api/v1/servers/refunds").body.find("X-Other"), std::string::npos);
}

TEST_F(ResourcesTest, EditsKeepWhatIsNotNamedAndRefuseAStaleVersion) {
  ASSERT_EQ(put_policy().status, 201);
  ASSERT_EQ(add_server("refunds", ",\"capture\":\"full\"").status, 201);
  auto answer = ask("PATCH", "/api/v1/servers/refunds", R"({"policy":"refunds","version":1})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["server"]["capture"].string(), "full");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/refunds", R"({"disabled":true,"version":1})").status, 409);
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/refunds", R"({"policy":"none"})").reason(), "admin.unknown_reference");
}

// T-29: a document with problems, or whose own tests fail, is never stored.
TEST_F(ResourcesTest, APolicyWithProblemsOrFailingTestsIsNeverStored) {
  auto broken = put_policy("refunds", "version: \"1\"\ndefault: deny\ntols: {}\n");
  EXPECT_EQ(broken.status, 422);
  EXPECT_EQ(broken["problems"].child(0)["line"].number(), "3") << broken.body;
  auto red = put_policy("refunds", "version: \"1\"\ndefault: allow\ntests:\n  - {call: x, args: {}, expect: deny}\n");
  EXPECT_EQ(red.status, 422);
  EXPECT_EQ(red.reason(), "policy.tests");
  EXPECT_EQ(ask("GET", "/api/v1/policies/refunds").status, 404);
  EXPECT_EQ(published_, 0);
}

TEST_F(ResourcesTest, PoliciesHaveVersionsDiffsAndRollback) {
  ASSERT_EQ(put_policy().status, 201);
  std::string strict(testing::kRefunds);
  strict.replace(strict.find("1000"), 4, "4000");
  auto second = put_policy("refunds", strict);
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(second["version"].number(), "2");
  EXPECT_EQ(put_policy("refunds", strict)["version"].number(), "2");
  auto diff = ask("GET", "/api/v1/policies/refunds/diff");
  EXPECT_NE(diff["diff"].string().find("4000"), std::string::npos);
  EXPECT_EQ(ask("POST", "/api/v1/policies/refunds/rollback", R"({"to":1,"reason":"too loose"})")["version"].number(), "3");
  auto history = ask("GET", "/api/v1/policies/refunds/history");
  EXPECT_EQ(history["items"].size(), 3u);
  EXPECT_EQ(history["items"].child(0)["author"].string(), "local");
  EXPECT_EQ(ask("GET", "/api/v1/policies/refunds?version=2")["text"].string(), strict);
  EXPECT_EQ(ask("PUT", "/api/v1/policies/refunds", "{\"expected_version\":1,\"text\":" + quoted(strict) + "}").reason(), "policy.stale");
  auto dry = ask("PUT", "/api/v1/policies/refunds", "{\"dry_run\":true,\"text\":" + quoted(strict) + "}");
  EXPECT_TRUE(dry["would_change"].is(json::Kind::True));
  EXPECT_EQ(ask("GET", "/api/v1/policies/refunds")["version"].number(), "3");
}

TEST_F(ResourcesTest, ExplainSaysWhichRuleDecidesWithoutCounting) {
  ASSERT_EQ(put_policy().status, 201);
  auto answer = ask("POST", "/api/v1/policy-explain", R"({"policy":"refunds","tool":"refund_payment","arguments":{"amount":5000}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["effect"].string(), "deny");
  EXPECT_EQ(answer["rule"].string(), "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(answer["message"].string(), "Refund blocked: Amount exceeds developer limit.");
  EXPECT_GT(answer["steps"].size(), 0u);
  EXPECT_EQ(ask("POST", "/api/v1/policy-check", "{\"text\":" + quoted(testing::kRefunds) + "}")["tests"].size(), 2u);
}

TEST_F(ResourcesTest, AMintedTokenIsShownOnceWithItsSetupLine) {
  ASSERT_EQ(put_policy().status, 201);
  auto server = add_server("refunds", ",\"policy\":\"refunds\"");
  ASSERT_EQ(server.status, 201);
  ask("POST", "/api/v1/users", R"({"name":"ada"})");
  auto minted = ask("POST", "/api/v1/grants", R"({"label":"laptop","principal":"ada","servers":["refunds"]})");
  ASSERT_EQ(minted.status, 201) << minted.body;
  std::string token(minted["token"].string());
  ASSERT_TRUE(token.starts_with("cg_"));
  std::string endpoint(server["server"]["endpoint"].string());
  EXPECT_EQ(minted["setup"].child(0)["text"].string(),
            "claude mcp add refunds --transport http " + endpoint + " --header \"Authorization: Bearer " + token + "\"\n");
  for (auto path : {"/api/v1/grants", "/api/v1/grants/laptop", "/api/v1/audit", "/api/v1/grants/laptop/setup"})
    EXPECT_EQ(ask("GET", path).body.find(token), std::string::npos) << path;
  for (const auto& record : records()) EXPECT_EQ(record.find(token), std::string::npos);
  auto directory = identity_->directory().value();
  EXPECT_TRUE(directory->authenticate("Bearer " + token, IpAddress::parse("192.0.2.1").value(), clock_.now()));
}

// T-61: a server that takes its time must not hold up a revocation.
TEST_F(ResourcesTest, AChangeGoesThroughWhileAnotherProbes) {
  ask("POST", "/api/v1/users", R"({"name":"ada"})");
  ask("POST", "/api/v1/grants", R"({"label":"laptop","principal":"ada","servers":["*"]})");
  during_probe_ = [this] { EXPECT_EQ(ask("POST", "/api/v1/grants/laptop/revoke", "{}")["state"].string(), "revoked"); };
  EXPECT_EQ(add_server().status, 201);
  EXPECT_EQ(ask("GET", "/api/v1/grants/laptop")["state"].string(), "revoked");
}

// T-61: revoked means published before the answer.
TEST_F(ResourcesTest, GrantsRotateAndRevoke) {
  ASSERT_EQ(add_server().status, 201);
  ask("POST", "/api/v1/users", R"({"name":"ada"})");
  auto minted = ask("POST", "/api/v1/grants", R"({"label":"laptop","principal":"ada","servers":["*"],"expires_in":"12h"})");
  auto rotated = ask("POST", "/api/v1/grants/laptop/rotate", R"({"overlap":"2h"})");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_NE(rotated["token"].string(), minted["token"].string());
  int before = published_;
  EXPECT_EQ(ask("POST", "/api/v1/grants/laptop/revoke", R"({"why":"lost"})")["state"].string(), "revoked");
  EXPECT_EQ(published_, before + 1);
  EXPECT_EQ(ask("GET", "/api/v1/grants?state=live")["items"].size(), 0u);
  EXPECT_EQ(ask("POST", "/api/v1/grants", R"({"label":"x","principal":"nobody","servers":["*"]})").reason(), "admin.unknown_reference");
  EXPECT_EQ(ask("POST", "/api/v1/grants", R"({"label":"x","principal":"ada","servers":["nothing"]})").reason(), "admin.unknown_reference");
  EXPECT_EQ(ask("POST", "/api/v1/grants", R"({"label":"x","principal":"ada","servers":[]})").status, 422);
  EXPECT_EQ(ask("POST", "/api/v1/grants", R"({"label":"x","principal":"ada","servers":["*"],"networks":["10.0.0.0/33"]})").status, 422);
}

TEST_F(ResourcesTest, AUserSeesAndRotatesOnlyItsOwnGrants) {
  ASSERT_EQ(add_server().status, 201);
  auto joe = api_token("joe", "");
  ask("POST", "/api/v1/users", R"({"name":"ada"})");
  ask("POST", "/api/v1/grants", R"({"label":"adas","principal":"ada","servers":["*"]})");
  ask("POST", "/api/v1/grants", R"({"label":"joes","principal":"joe","servers":["*"]})");
  EXPECT_EQ(ask("GET", "/api/v1/grants", "", joe)["items"].size(), 1u);
  EXPECT_EQ(ask("GET", "/api/v1/grants/adas", "", joe).status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/grants/adas/revoke", "{}", joe).status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/grants/joes/rotate", "{}", joe).status, 200);
  EXPECT_EQ(ask("PATCH", "/api/v1/grants/joes", R"({"policy":"x"})", joe).status, 403);
}

TEST_F(ResourcesTest, RolesAndRobotsAndCounters) {
  EXPECT_EQ(ask("PUT", "/api/v1/roles/support", R"({"permissions":[{"server":"refunds","tools":["get_*"]}]})").status, 201);
  EXPECT_EQ(ask("PUT", "/api/v1/roles/support", R"({"permissions":[{"server":"refunds","tols":[]}]})").status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/roles/support")["permissions"].size(), 1u);
  ask("POST", "/api/v1/users", R"({"name":"ada"})");
  EXPECT_EQ(ask("POST", "/api/v1/robots", R"({"name":"ci-bot","owner":"ada"})").status, 201);
  EXPECT_EQ(ask("GET", "/api/v1/users/ci-bot").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/robots/ci-bot").status, 200);
  EXPECT_EQ(ask("DELETE", "/api/v1/roles/support").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/counters").status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/counters/reset", R"({"key":"nothing"})").status, 404);
}

TEST_F(ResourcesTest, TheSetupCodeWorksOnce) {
  auto code = identity_->setup_code().value();
  ASSERT_TRUE(code);
  std::string body = R"({"name":"ada","code":)" + quoted(code->reveal()) + "}";
  EXPECT_EQ(ask("POST", "/api/v1/setup", R"({"name":"ada","code":"wrong"})", "none").status / 100, 4);
  auto minted = ask("POST", "/api/v1/setup", body, "none");
  ASSERT_EQ(minted.status, 201) << minted.body;
  EXPECT_EQ(ask("GET", "/api/v1/servers", "", minted["token"].string()).status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/setup", body, "none").status / 100, 4);
  for (const auto& record : records()) EXPECT_EQ(record.find(code->reveal()), std::string::npos);
}

TEST_F(ResourcesTest, TheRecordIsSearchedExportedAndVerified) {
  for (const char* name : {"u1", "u2", "u3"}) ask("POST", "/api/v1/users", R"({"name":")" + std::string(name) + "\"}");
  auto all = ask("GET", "/api/v1/audit?kind=admin");
  ASSERT_EQ(all["items"].size(), 3u) << all.body;
  auto id = std::string(all["items"].child(0)["sequence"].number());
  EXPECT_EQ(ask("GET", "/api/v1/audit/" + id)["kind"].string(), "admin");
  EXPECT_EQ(ask("GET", "/api/v1/audit/999999").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/audit?since=yesterday").status, 422);
  auto page = ask("GET", "/api/v1/audit/export?limit=4");
  EXPECT_EQ(std::count(page.body.begin(), page.body.end(), '\n'), 4);
  EXPECT_NE(page.headers.find("Callgate-Next: 4\r\n"), std::string::npos) << page.headers;
  auto rest = ask("GET", "/api/v1/audit/export?limit=4&cursor=4");
  EXPECT_EQ(std::count(rest.body.begin(), rest.body.end(), '\n'), 2);
  EXPECT_EQ(rest.headers.find("Callgate-Next"), std::string::npos);
  EXPECT_TRUE(ask("GET", "/api/v1/audit/export?format=csv").body.starts_with("sequence,time,"));
  auto verified = ask("POST", "/api/v1/audit/verify", "{}");
  EXPECT_TRUE(verified["ok"].is(json::Kind::True)) << verified.body;
  EXPECT_EQ(verified["head"].string(), ask("GET", "/api/v1/audit/head")["head"].string());
  EXPECT_EQ(ask("POST", "/api/v1/audit/verify", R"({"head":"x"})").status, 422);
}

}  // namespace
}  // namespace callgate::admin
