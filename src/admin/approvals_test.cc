// Approvals over REST: what an approver sees, who may decide, and that a second answer changes nothing (T-70).

#include "admin/testing/control_plane.h"
#include "approvals/call.h"

namespace callgate::admin {
namespace {

using approvals::Approval;
using approvals::State;
using namespace std::chrono_literals;

class ApprovalsApi : public testing::ControlPlane {
 protected:
  void SetUp() override {
    ControlPlane::SetUp();
    ASSERT_EQ(put_policy().status, 201);
    auto added = add_server("refunds", R"(,"policy":"refunds")");
    ASSERT_EQ(added.status, 201) << added.body;
    proposal_.binding = {"grt_1",
                         "usr_caller",
                         std::string(added["server"]["id"].string()),
                         "tools/call",
                         "refund_payment",
                         "refunds",
                         1,
                         catalog_->tools(added["server"]["id"].string()).value().at(0).fingerprint,
                         {}};
    proposal_.principal_name = "ada";
    proposal_.principal_kind = "user";
    proposal_.grant_label = "laptop";
    proposal_.server_slug = "refunds";
    proposal_.stated_reason = "ticket 12";
    proposal_.decision_id = "dec_1";
    proposal_.message = "Refunds above 200 are looked at.";
    proposal_.rules = {"/tools/refund_payment/ask/0"};
    proposal_.roles = {"finance"};
  }
  std::string propose(std::string_view call = R"({"amount":300,"charge":"ch_1"})") {
    json::Document document;
    EXPECT_TRUE(document.parse(call));
    proposal_.call_json.clear();
    approvals::append_sorted(proposal_.call_json, document.root());
    proposal_.binding.call = sha256(proposal_.call_json);
    proposal_.leaves = approvals::leaves_of(document.root(), proposal_.binding.server_id + "/refund_payment");
    return approvals_->ask(proposal_).value().id;
  }
  static std::string path(const std::string& id, std::string_view verb = {}) { return "/api/v1/approvals/" + id + std::string(verb); }
  State state(const std::string& id) { return approvals_->find(id).value().state; }
  bool recorded(std::string_view part, std::string_view other) {
    for (const std::string& record : records())
      if (record.find(part) != std::string::npos && record.find(other) != std::string::npos) return true;
    return false;
  }
  static bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

  approvals::Proposal proposal_;
};

TEST_F(ApprovalsApi, ListsWhatWaitsAndShowsTheLiteralCall) {
  const std::string fay = api_token("fay", R"("approver:finance")"), id = propose(
                                                                         "{\"note\":\"a\xe2\x80\xae"
                                                                         "b\",\"amount\":300}");
  auto list = ask("GET", "/api/v1/approvals", {}, fay);
  ASSERT_EQ(list["items"].size(), 1u) << list.body;
  auto item = list["items"].child(0);
  EXPECT_EQ(item["id"].string(), id);
  EXPECT_EQ(item["state"].string(), "pending");
  EXPECT_EQ(item["principal"].string(), "ada");
  EXPECT_EQ(item["reason"].string(), "ticket 12");
  EXPECT_EQ(item["roles"].raw(), R"(["finance"])");
  EXPECT_FALSE(item["call"].exists()) << "the list is no place to read a call in";
  auto shown = ask("GET", path(id), {}, fay);
  ASSERT_EQ(shown.status, 200) << shown.body;
  EXPECT_TRUE(has(shown["call"].string(), R"("note": "a\u202eb")")) << shown.body;
  EXPECT_EQ(shown["warnings"].size(), 1u) << shown.body;
  EXPECT_TRUE(shown["compared_with"].is(json::Kind::Null));
  EXPECT_EQ(shown["asked_last_day"].number(), "1");
  EXPECT_EQ(state(id), State::Pending) << "looking decides nothing";
}

TEST_F(ApprovalsApi, ShowsWhatDiffersFromTheLastApprovedCall) {
  const std::string first = propose();
  ASSERT_EQ(ask("POST", path(first, "/approve"), "{}").status, 200);
  ASSERT_TRUE(approvals_->consume(first, proposal_));
  clock_.advance(1s);
  auto shown = ask("GET", path(propose(R"({"amount":900,"charge":"ch_1"})")));
  EXPECT_EQ(shown["compared_with"].string(), first) << shown.body;
  ASSERT_EQ(shown["changes"].size(), 1u) << shown.body;
  EXPECT_EQ(shown["changes"].child(0)["field"].string(), "/amount");
  EXPECT_EQ(shown["changes"].child(0)["before"].string(), "300");
  EXPECT_EQ(shown["changes"].child(0)["after"].string(), "900");
}

TEST_F(ApprovalsApi, AYesIsOfTheOneWhoSaidItAndIsRecorded) {
  const std::string fay = api_token("fay", R"("approver:finance")"), id = propose();
  auto answer = ask("POST", path(id, "/approve"), R"({"note":"ticket 12 seen"})", fay);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["state"].string(), "approved");
  EXPECT_EQ(answer["votes"].child(0)["by"].string(), "fay");
  EXPECT_EQ(answer["votes"].child(0)["note"].string(), "ticket 12 seen");
  EXPECT_FALSE(answer["repeatable"].is(json::Kind::True));
  EXPECT_EQ(state(id), State::Approved);
  EXPECT_TRUE(recorded("approval.approve", id) && recorded(R"("state":"approved")", "fay"));
  EXPECT_EQ(ask("GET", "/api/v1/approvals", {}, fay)["items"].size(), 0u);
  EXPECT_EQ(ask("GET", "/api/v1/approvals?all=true", {}, fay)["items"].size(), 1u);
}

TEST_F(ApprovalsApi, ANoKeepsItsReason) {
  const std::string fay = api_token("fay", R"("approver:finance")"), id = propose();
  auto answer = ask("POST", path(id, "/deny"), R"({"note":"not today"})", fay);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer["state"].string(), "denied");
  EXPECT_EQ(state(id), State::Denied);
  EXPECT_EQ(approvals_->ask(proposal_).value().note, "not today") << "which the caller is told";
  EXPECT_TRUE(recorded("approval.deny", id));
}

TEST_F(ApprovalsApi, AYesForATimeNamesWhatMayVary) {
  const std::string id = propose();
  auto answer = ask("POST", path(id, "/approve"), R"({"for":"10m","vary":["/amount"]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(answer["repeatable"].is(json::Kind::True));
  EXPECT_EQ(answer["vary"].raw(), R"(["/amount"])");
  EXPECT_EQ(approvals_->find(id).value().expires_at, clock_.now() + 10min);
}

TEST_F(ApprovalsApi, ASecondClickChangesNothing) {  // T-70
  const std::string fay = api_token("fay", R"("approver:finance")"), id = propose();
  ASSERT_EQ(ask("POST", path(id, "/approve"), "{}", fay).status, 200);
  const auto until = approvals_->find(id).value().expires_at;
  clock_.advance(1min);
  for (std::string_view verb : {"/approve", "/deny"}) {
    auto again = ask("POST", path(id, verb), "{}", fay);
    EXPECT_EQ(again.status, 409) << again.body;
    EXPECT_EQ(again.reason(), "approval.decided");
    EXPECT_TRUE(has(again.message(), "was approved already, by fay at ") && has(again.message(), "nothing was changed")) << again.message();
  }
  EXPECT_EQ(state(id), State::Approved);
  EXPECT_EQ(approvals_->find(id).value().expires_at, until) << "nor does it last longer";
  EXPECT_EQ(approvals_->find(id).value().votes.size(), 1u);
}

TEST_F(ApprovalsApi, OnePersonIsNotTwo) {
  proposal_.approvers = 2;
  const std::string fay = api_token("fay", R"("approver:finance")"), gus = api_token("gus", R"("approver:finance")"), id = propose();
  EXPECT_EQ(ask("POST", path(id, "/approve"), "{}", fay)["state"].string(), "pending");
  auto again = ask("POST", path(id, "/approve"), "{}", fay);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "approval.voted");
  EXPECT_TRUE(has(again.message(), "someone else has to")) << again.message();
  EXPECT_EQ(state(id), State::Pending);
  EXPECT_EQ(ask("POST", path(id, "/approve"), "{}", gus)["state"].string(), "approved");
}

// Who may not decide is told what it takes; whose approval it is not does not learn of it.
TEST_F(ApprovalsApi, OnlyWhoHoldsTheRoleDecides) {
  const std::string id = propose();
  struct Case {
    std::string_view user, roles;
    int shown, decided;
    std::string_view reason, says;
  };
  const Case cases[] = {
      {"max", R"("auditor")", 200, 403, "approval.role", "it takes the role `approver:finance`, admin or owner"},
      {"sam", R"("approver:security")", 404, 404, "approval.unknown", "no such approval that you may decide about"},
      {"pat", R"("approver")", 404, 404, "approval.unknown", "no such approval"},
      {"una", "", 404, 404, "approval.unknown", "no such approval"},
  };
  for (const Case& one : cases) {
    const std::string token = api_token(std::string(one.user), std::string(one.roles));
    EXPECT_EQ(ask("GET", path(id), {}, token).status, one.shown) << one.user;
    EXPECT_EQ(ask("GET", "/api/v1/approvals", {}, token)["items"].size(), one.shown == 200 ? 1u : 0u) << one.user;
    for (std::string_view verb : {"/approve", "/deny"}) {
      auto refused = ask("POST", path(id, verb), "{}", token);
      EXPECT_EQ(refused.status, one.decided) << one.user << refused.body;
      EXPECT_EQ(refused.reason(), one.reason) << one.user;
      EXPECT_TRUE(has(refused.message(), one.says)) << refused.message();
    }
  }
  for (std::string_view call : {"/approve", "/deny"}) EXPECT_EQ(ask("POST", path(id, call), "{}", "none").status, 401);
  EXPECT_EQ(ask("GET", path(id), {}, "none").status, 401);
  EXPECT_EQ(state(id), State::Pending);
}

TEST_F(ApprovalsApi, NobodyApprovesACallOfTheirOwnOrOfTheirRobot) {  // T-70
  const std::string ada = api_token("ada", R"("owner")");
  const std::string own = identity_->principal("ada").value().id;
  for (const bool robot : {false, true}) {
    proposal_.binding.principal_id = robot ? "rob_1" : own;
    proposal_.owner_id = robot ? own : "";
    const std::string id = propose();
    auto refused = ask("POST", path(id, "/approve"), "{}", ada);
    EXPECT_EQ(refused.status, 403) << refused.body;
    EXPECT_EQ(refused.reason(), "approval.self");
    EXPECT_TRUE(has(refused.message(), "someone else has to")) << refused.message();
    EXPECT_EQ(state(id), State::Pending);
    EXPECT_EQ(ask("POST", path(id, "/approve"), "{}", api_token(robot ? "gus" : "fay", R"("admin")")).status, 200);
  }
  proposal_.self = true;
  EXPECT_EQ(ask("POST", path(propose(R"({"amount":1})"), "/approve"), "{}", ada).status, 200) << "unless the rule says so";
}

TEST_F(ApprovalsApi, ARobotDecidesNothing) {
  ASSERT_EQ(ask("POST", "/api/v1/users", R"({"name":"ada"})").status, 201);
  auto robot = ask("POST", "/api/v1/robots", R"({"name":"bot","owner":"ada","admin_roles":["admin"]})");
  ASSERT_EQ(robot.status, 201) << robot.body;
  const std::string id = propose(), token(ask("POST", "/api/v1/tokens", R"({"principal":"bot","label":"t"})")["token"].string());
  auto refused = ask("POST", path(id, "/approve"), "{}", token);
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_EQ(refused.reason(), "approval.human");
  EXPECT_EQ(state(id), State::Pending);
}

TEST_F(ApprovalsApi, TheControlSocketDecidesOnlyWhereItMay) {
  settings_.approvals.control_socket = false;
  const std::string id = propose();
  for (std::string_view verb : {"/approve", "/deny"}) {
    auto refused = ask("POST", path(id, verb), "{}");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.reason(), "approval.control_socket");
    EXPECT_TRUE(has(refused.message(), "use --url with an API token of your own")) << refused.message();
  }
  EXPECT_EQ(state(id), State::Pending);
  EXPECT_EQ(ask("GET", path(id)).status, 200) << "it still shows";
  EXPECT_EQ(ask("POST", path(id, "/deny"), "{}", api_token("fay", R"("approver:finance")")).status, 200);
}

TEST_F(ApprovalsApi, AnUnknownIdIsNotFound) {
  for (const std::string id : {"apr_01hxnothing", "x", "apr_"}) {
    for (auto [method, verb] : {std::pair{"GET", ""}, {"POST", "/approve"}, {"POST", "/deny"}}) {
      auto missing = ask(method, path(id, verb), std::string_view(method) == "POST" ? "{}" : "");
      EXPECT_EQ(missing.status, 404) << id << verb;
      EXPECT_EQ(missing.reason(), "approval.unknown") << id << verb;
      EXPECT_FALSE(missing.message().empty());
    }
  }
}

TEST_F(ApprovalsApi, ABodyThatIsWrongSaysWhatIsRight) {
  const std::string id = propose(), control = R"({"note":"a\u0007"})", long_note = R"({"note":")" + std::string(501, 'x') + "\"}";
  struct Case {
    std::string_view verb, body, reason, says;
  };
  const Case cases[] = {
      {"/approve", R"({"notes":"x"})", "admin.unknown_field", "note"},
      {"/approve", R"({"note":1})", "admin.field", "note"},
      {"/approve", R"({"for":"soon"})", "admin.duration", "such as 15m"},
      {"/approve", R"({"for":"5s"})", "approval.lasting", "from 1m to 8h"},
      {"/approve", R"({"for":"9h"})", "approval.lasting", "from 1m to 8h"},
      {"/approve", R"({"vary":["/amount"]})", "approval.vary", "say for how long"},
      {"/approve", R"({"for":"5m","vary":["amount"]})", "approval.vary", "write a JSON pointer such as /amount"},
      {"/approve", R"({"for":"5m","vary":["/nothing"]})", "approval.vary", "`/nothing` names no value of this call"},
      {"/approve", control, "approval.note", "without control characters"},
      {"/deny", long_note, "approval.note", "at most 500 bytes"},
      {"/deny", R"({"for":"5m"})", "admin.unknown_field", "for"},
  };
  for (const Case& one : cases) {
    auto refused = ask("POST", path(id, one.verb), one.body);
    EXPECT_EQ(refused.status, 422) << one.body << refused.body;
    EXPECT_EQ(refused.reason(), one.reason) << one.body;
    EXPECT_TRUE(has(refused.message(), one.says)) << refused.message();
  }
  for (std::string_view body : {"[1]", "{", "\"yes\""}) EXPECT_EQ(ask("POST", path(id, "/approve"), body).status, 400) << body;
  EXPECT_EQ(state(id), State::Pending);
  EXPECT_TRUE(approvals_->find(id).value().votes.empty());
}

TEST_F(ApprovalsApi, SeveralApproversAreNotAskedForATime) {
  proposal_.approvers = 2;
  auto refused = ask("POST", path(propose(), "/approve"), R"({"for":"5m"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.reason(), "approval.lasting");
  EXPECT_TRUE(has(refused.message(), "approved once, not for a time")) << refused.message();
}

TEST_F(ApprovalsApi, ACallThatCouldNotBeMadeAnyMoreIsNotApproved) {  // T-70
  const std::string id = propose();
  ASSERT_EQ(put_policy("refunds", std::string(testing::kRefunds) + "# a new version\n").status, 200);
  auto stale = ask("POST", path(id, "/approve"), "{}");
  EXPECT_EQ(stale.status, 409) << stale.body;
  EXPECT_EQ(stale.reason(), "approval.stale");
  EXPECT_TRUE(has(stale.message(), "the policy `refunds` has changed") && has(stale.message(), "made anew")) << stale.message();
  EXPECT_EQ(state(id), State::Pending);
  EXPECT_EQ(ask("POST", path(id, "/deny"), "{}").status, 200) << "a no is always good";

  proposal_.binding.policy_version = 2;
  const std::string other = propose(R"({"amount":301})");
  auto tools = catalog_->tools(proposal_.binding.server_id).value();
  tools.at(0).fingerprint = sha256("another");
  ASSERT_TRUE(catalog_->put_tools(proposal_.binding.server_id, tools));
  stale = ask("POST", path(other, "/approve"), "{}");
  EXPECT_EQ(stale.reason(), "approval.stale");
  EXPECT_TRUE(has(stale.message(), "the tool `refund_payment` has changed")) << stale.message();
  ASSERT_EQ(ask("DELETE", "/api/v1/servers/refunds").status, 200);
  EXPECT_EQ(ask("POST", path(other, "/approve"), "{}").reason(), "approval.stale");
}

TEST_F(ApprovalsApi, AnExpiredOneIsOver) {
  const std::string id = propose();
  clock_.advance(15min);
  for (const bool swept : {false, true}) {
    if (swept) {
      ASSERT_TRUE(approvals_->sweep());
    }
    for (std::string_view verb : {"/approve", "/deny"}) {
      auto refused = ask("POST", path(id, verb), "{}");
      EXPECT_EQ(refused.status, 409) << refused.body;
      EXPECT_EQ(refused.reason(), "approval.expired");
      EXPECT_TRUE(has(refused.message(), "made anew")) << refused.message();
    }
  }
}

}  // namespace
}  // namespace callgate::admin
