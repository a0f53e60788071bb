#include "admin/testing/control_plane.h"

namespace callgate::admin {
namespace {

class BundleTest : public testing::ControlPlane {
 protected:
  std::string bundle(std::string_view more = "", std::string_view policy = testing::kRefunds) {
    return "{\"policies\":[{\"name\":\"refunds\",\"text\":" + quoted(policy) +
           R"(}],"roles":[{"name":"support","permissions":[{"server":"refunds","tools":["*"]}]}],"users":[{"name":"ada","display_name":"Ada"}],)"
           R"("robots":[{"name":"ci-bot","owner":"ada"}],"servers":[{"slug":"refunds","name":"refunds","url":"https://mcp.example.com/mcp","policy":"refunds",)"
           R"("headers":{"X-Api-Key":"upstream-secret"}}],"grants":[{"label":"ci","principal":"ci-bot","servers":["refunds"],"role":"support"}])" +
           std::string(more) + "}";
  }
};

TEST_F(BundleTest, PlansAppliesAndThenHasNothingLeftToDo) {
  auto planned = ask("POST", "/api/v1/plan", bundle());
  ASSERT_EQ(planned.status, 200) << planned.body;
  EXPECT_EQ(planned["adds"].number(), "6");
  EXPECT_EQ(ask("GET", "/api/v1/servers")["items"].size(), 0u);
  auto applied = ask("POST", "/api/v1/apply", bundle());
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_TRUE(applied["minted"].child(0)["token"].string().starts_with("cg_"));
  EXPECT_EQ(published_, 2);  // before the probes and after
  EXPECT_EQ(ask("GET", "/api/v1/servers/refunds/tools")["items"].size(), 1u);
  EXPECT_EQ(ask("POST", "/api/v1/plan", bundle())["steps"].size(), 0u) << ask("POST", "/api/v1/plan", bundle()).body;
  for (const auto& record : records()) {
    EXPECT_EQ(record.find("upstream-secret"), std::string::npos);
    EXPECT_EQ(record.find(applied["minted"].child(0)["token"].string()), std::string::npos);
  }
}

TEST_F(BundleTest, RefusesAsAWholeWhenAnythingIsWrong) {
  std::string red(testing::kRefunds);
  red.replace(red.find("expect: allow"), 13, "expect: deny ");
  for (const auto& body :
       {bundle("", red), bundle("", "nonsense: ["), std::string(R"({"servers":[{"slug":"a","name":"a","url":"ftp://x"}]})"),
        std::string(R"({"servers":[{"slug":"a","name":"a","url":"https://x.example/","policy":"none"}]})"),
        std::string(R"({"users":[{"name":"ada"},{"name":"ada"}]})"), std::string(R"({"robots":[{"name":"bot","owner":"nobody"}]})"),
        std::string(R"({"grants":[{"label":"g","principal":"nobody","servers":["*"]}]})"), std::string(R"({"users":[{"nam":"ada"}]})")}) {
    auto answer = ask("POST", "/api/v1/apply", body);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_EQ(answer.reason(), "admin.bundle") << answer.body;
    EXPECT_GT(answer["problems"].size(), 0u);
  }
  EXPECT_EQ(ask("GET", "/api/v1/users")["items"].size(), 0u);
  EXPECT_EQ(ask("GET", "/api/v1/policies")["items"].size(), 0u);
}

TEST_F(BundleTest, UndoesEverythingWhenAStepFailsHalfWay) {
  // The name passes the plan's checks and is refused by the store: the step after five good ones.
  std::string body = bundle();
  body.replace(body.find("\"label\":\"ci\""), 12, "\"label\":\"ci\",\"expires_in\":\"9999d\"");
  auto answer = ask("POST", "/api/v1/apply", body);
  ASSERT_GE(answer.status, 400) << answer.body;
  EXPECT_NE(answer.message().find("undone"), std::string::npos) << answer.body;
  for (auto kind : {"policies", "roles", "users", "robots", "servers", "grants"})
    EXPECT_EQ(ask("GET", "/api/v1/" + std::string(kind))["items"].size(), 0u) << kind;
}

TEST_F(BundleTest, ChangesSayWhatDiffers) {
  ASSERT_EQ(ask("POST", "/api/v1/apply", bundle()).status, 200);
  std::string body = bundle();
  body.replace(body.find("\"policy\":\"refunds\",\"headers\""), 28, "\"capture\":\"full\",\"headers\"");
  auto planned = ask("POST", "/api/v1/plan", body);
  ASSERT_EQ(planned["steps"].size(), 1u) << planned.body;
  auto step = planned["steps"].child(0);
  EXPECT_EQ(step["change"].string(), "change");
  EXPECT_EQ(step["lines"].child(0).string(), "policy: refunds -> ");
  EXPECT_EQ(step["lines"].child(1).string(), "capture: redacted -> full");
  EXPECT_EQ(ask("POST", "/api/v1/plan", bundle(",\"refresh_secrets\":true"))["changes"].number(), "1");
}

TEST_F(BundleTest, PinsAreWrittenShownAndLeftAloneWhereAFileSaysNothing) {  // T-47
  auto with_pin = [&](std::string_view pin, std::string_view more = "") {
    std::string body = bundle(more);
    return body.replace(body.find("\"slug\":\"refunds\""), 0, "\"pin\":\"" + std::string(pin) + "\",");
  };
  auto pin_now = [&] { return std::string(ask("GET", "/api/v1/servers/refunds")["server"]["pin"].string()); };
  auto added = ask("POST", "/api/v1/apply", with_pin("strict"));
  ASSERT_EQ(added.status, 200) << added.body;
  EXPECT_NE(added.body.find("pin: strict"), std::string::npos) << added.body;
  EXPECT_EQ(pin_now(), "strict");
  auto tools = ask("GET", "/api/v1/servers/refunds/tools");
  ASSERT_EQ(tools["items"].size(), 1u);
  EXPECT_TRUE(tools["items"].child(0)["served"].is(json::Kind::False)) << "strict counts from the first probe on: " << tools.body;

  EXPECT_EQ(ask("POST", "/api/v1/plan", with_pin("strict"))["steps"].size(), 0u);
  EXPECT_EQ(ask("POST", "/api/v1/plan", bundle())["steps"].size(), 0u) << "a file that says nothing loosens nothing";
  auto planned = ask("POST", "/api/v1/plan", with_pin("off"));
  ASSERT_EQ(planned["steps"].size(), 1u) << planned.body;
  EXPECT_EQ(planned["steps"].child(0)["lines"].size(), 1u);
  EXPECT_EQ(planned["steps"].child(0)["lines"].child(0).string(), "pin: strict -> off");
  EXPECT_EQ(pin_now(), "strict") << "a plan changes nothing";
  ASSERT_EQ(ask("POST", "/api/v1/apply", with_pin("off")).status, 200);
  EXPECT_EQ(pin_now(), "off");
  ASSERT_EQ(ask("POST", "/api/v1/apply", with_pin("default")).status, 200);
  EXPECT_EQ(pin_now(), "default");

  for (const char* wrong : {"", "on", "Strict"}) {
    auto refused = ask("POST", "/api/v1/apply", with_pin(wrong));
    EXPECT_EQ(refused.status, 422) << wrong;
    EXPECT_NE(refused.message().find("`pin` must be"), std::string::npos) << refused.body;
  }
  std::string failing = with_pin("strict");
  failing.replace(failing.find("\"label\":\"ci\""), 12, "\"label\":\"ci2\",\"expires_in\":\"9999d\"");
  ASSERT_GE(ask("POST", "/api/v1/apply", failing).status, 400);
  EXPECT_EQ(pin_now(), "default") << "undone with the rest";
}

TEST_F(BundleTest, PrunesOnlyKindsThatAreListed) {
  ASSERT_EQ(ask("POST", "/api/v1/apply", bundle()).status, 200);
  auto refused = ask("POST", "/api/v1/plan", R"({"policies":[],"prune":true})");
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_NE(refused.message().find("still uses it"), std::string::npos);
  auto applied = ask("POST", "/api/v1/apply", R"({"grants":[],"prune":true})");
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(applied["removes"].number(), "1");
  EXPECT_EQ(ask("GET", "/api/v1/grants?state=live")["items"].size(), 0u);
  EXPECT_EQ(ask("GET", "/api/v1/servers")["items"].size(), 1u);
}

TEST_F(BundleTest, AFileCannotRemoveTheLastOwner) {
  ask("POST", "/api/v1/users", R"({"name":"root","admin_roles":["owner"]})");
  auto answer = ask("POST", "/api/v1/apply", R"({"users":[{"name":"ada"}],"prune":true})");
  EXPECT_EQ(answer.status, 422) << answer.body;
}

}  // namespace
}  // namespace callgate::admin
