#include "admin/testing/control_plane.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "admin/route.h"

namespace callgate::admin {
namespace {

using testing::ControlPlane;
using ApiTest = ControlPlane;

TEST_F(ApiTest, AnswersHealthToAnyone) { EXPECT_EQ(ask("GET", "/api/v1/health", "", "none").status, 200); }

TEST_F(ApiTest, RefusesARequestWithoutATokenAndRecordsIt) {
  auto answer = ask("GET", "/api/v1/servers", "", "none");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.reason(), "admin.missing_token");
  EXPECT_NE(answer.headers.find("WWW-Authenticate: Bearer"), std::string::npos);
  ASSERT_EQ(records().size(), 1u);
  EXPECT_NE(records()[0].find("\"kind\":\"refusal\""), std::string::npos);
  EXPECT_NE(records()[0].find("192.0.2.7"), std::string::npos);
}

TEST_F(ApiTest, RefusesAGrantWhereAnApiTokenBelongs) {
  EXPECT_EQ(ask("GET", "/api/v1/me", "", "cg_abc").reason(), "admin.grant_token");
  EXPECT_EQ(ask("GET", "/api/v1/me", "", "cga_wrong").status, 401);
}

TEST_F(ApiTest, UnknownPathsAndMethodsSaySo) {
  EXPECT_EQ(ask("GET", "/api/v1/nothing").status, 404);
  auto answer = ask("PUT", "/api/v1/servers");
  EXPECT_EQ(answer.status, 405);
  EXPECT_NE(answer.headers.find("Allow: GET, POST\r\n"), std::string::npos) << answer.headers;
  EXPECT_EQ(ask("GET", "/api/v1/servers/..%2f..").status, 400);
  EXPECT_EQ(ask("GET", "/api/v1/servers/%zz").status, 400);
}

TEST_F(ApiTest, RefusesUnknownFieldsWithASuggestion) {
  auto answer = ask("POST", "/api/v1/servers", R"({"name":"a","url":"https://x.example/","polcy":"p"})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.reason(), "admin.unknown_field");
  EXPECT_NE(answer.message().find("did you mean `policy`?"), std::string::npos) << answer.message();
  EXPECT_EQ(ask("GET", "/api/v1/servers?limt=3").reason(), "admin.unknown_field");
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":"a"})").reason(), "admin.missing_field");
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":7,"url":"https://x.example/"})").reason(), "admin.field");
}

// T-01: the control plane's bodies pass the same strict boundary.
TEST_F(ApiTest, RefusesDuplicateKeysAndOtherContentTypes) {
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"a","name":"b"})").reason(), "json.duplicate_key");
  ApiRequest request{"POST", "/api/v1/users", "", R"({"name":"a"})", "", "text/plain", {}, true};
  EXPECT_EQ(api_->handle(request).status, 400);
}

TEST_F(ApiTest, RolesDecideWhoMayDoWhat) {
  auto auditor = api_token("eve", "\"auditor\""), admin = api_token("bob", "\"admin\""), nobody = api_token("joe", "");
  EXPECT_EQ(ask("GET", "/api/v1/audit", "", auditor).status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"x"})", auditor).status, 403);
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"x"})", admin).status, 201);
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"y","admin_roles":["admin"]})", admin).reason(), "admin.role");
  EXPECT_EQ(ask("GET", "/api/v1/servers", "", nobody).status, 403);
  EXPECT_EQ(ask("GET", "/api/v1/me", "", nobody).status, 200);
}

TEST_F(ApiTest, AnAdminCannotClimbToOwner) {
  auto owner = api_token("ada", "\"owner\""), admin = api_token("bob", "\"admin\"");
  EXPECT_EQ(ask("POST", "/api/v1/tokens", R"({"principal":"ada","label":"x"})", admin).status, 403);
  EXPECT_EQ(ask("PATCH", "/api/v1/users/bob", R"({"admin_roles":["owner"]})", admin).status, 403);
  EXPECT_EQ(ask("PATCH", "/api/v1/users/ada", R"({"disabled":true})", admin).status, 403);
  EXPECT_EQ(ask("DELETE", "/api/v1/users/ada", "", admin).status, 403);
  EXPECT_EQ(ask("POST", "/api/v1/apply", R"({"users":[{"name":"bob","admin_roles":["owner"]}]})", admin).status, 422);
  EXPECT_EQ(ask("DELETE", "/api/v1/users/ada", "", owner).reason(), "admin.last_owner");
}

TEST_F(ApiTest, AChangeIsAnnouncedRecordedAndPublished) {
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"ada"})").status, 201);
  EXPECT_EQ(published_, 1);
  auto all = records();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("\"kind\":\"intent\""), std::string::npos);
  EXPECT_NE(all[1].find("\"kind\":\"admin\""), std::string::npos);
  EXPECT_NE(all[1].find("user.add"), std::string::npos);
  EXPECT_NE(all[1].find("\"principal\":\"local\""), std::string::npos);
}

TEST_F(ApiTest, NothingIsChangedWhenTheJournalCannotTakeIt) {
  journal_->fail_write_at(1);
  auto answer = ask("POST", "/api/v1/users", R"({"name":"ada"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason(), "audit.unavailable");
  EXPECT_FALSE(identity_->principal("ada"));
}

TEST_F(ApiTest, AChangeThatIsNotPublishedIsNotReportedAsDone) {
  publish_fails_ = true;
  auto answer = ask("POST", "/api/v1/users", R"({"name":"ada"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason(), "admin.not_published");
}

TEST_F(ApiTest, ListsComeInPages) {
  for (const char* name : {"u1", "u2", "u3"}) ask("POST", "/api/v1/users", R"({"name":")" + std::string(name) + "\"}");
  auto first = ask("GET", "/api/v1/users?limit=2");
  EXPECT_EQ(first["items"].size(), 2u);
  std::string next(first["next"].string());
  ASSERT_FALSE(next.empty());
  auto second = ask("GET", "/api/v1/users?limit=2&cursor=" + next);
  EXPECT_EQ(second["items"].size(), 1u);
  EXPECT_TRUE(second["next"].is(json::Kind::Null));
  EXPECT_EQ(ask("GET", "/api/v1/users?limit=0").status, 422);
}

TEST_F(ApiTest, OpenApiHoldsEveryRouteAndNothingElse) {
  auto answer = ask("GET", "/api/v1/openapi.json", "", "none");
  ASSERT_EQ(answer.status, 200);
  std::size_t listed = 0;
  answer["paths"].for_each_member([&](std::string_view, json::Value operations) { listed += operations.size(); });
  auto routes = all_routes();
  EXPECT_EQ(listed, routes.size());
  for (const auto& route : routes) {
    std::string method;
    for (char c : route.method) method += static_cast<char>(c | 0x20);
    auto operation = answer["paths"][route.path][method];
    EXPECT_EQ(operation["operationId"].string(), route.name) << route.path;
    for (const auto& rule : route.body)
      EXPECT_TRUE(operation["requestBody"]["content"]["application/json"]["schema"]["properties"][rule.name].exists())
          << route.name << " " << rule.name;
  }
}

TEST_F(ApiTest, RoutesAreConsistent) {
  std::set<std::string_view> names;
  for (const auto& route : all_routes()) {
    EXPECT_TRUE(names.insert(route.name).second) << route.name;
    EXPECT_TRUE(route.handler != nullptr) << route.name;
    EXPECT_TRUE(!route.publishes || route.changes) << route.name;
    if (route.method != "GET" && route.access == Access::Write)
      EXPECT_TRUE(route.changes) << route.name << " changes something and must be recorded";
  }
}

TEST(Rest, ReferencePageMatchesTheRoutes) {
  std::string path = CALLGATE_SOURCE_DIR "/docs/reference/rest.md";
  if (std::getenv("CALLGATE_UPDATE_DOCS")) std::ofstream(path) << rest_markdown();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), rest_markdown()) << "run this test with CALLGATE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace callgate::admin
