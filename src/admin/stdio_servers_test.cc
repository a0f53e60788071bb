// Servers that are commands: who may name one, what is shown, what never is.

#include "admin/testing/control_plane.h"

namespace callgate::admin {
namespace {

constexpr std::string_view kFiles =
    R"({"name":"Files","slug":"files","command":["/usr/bin/mcp-files","--root","/srv"],"environment":{"LANG":"C"},)"
    R"("secret_environment":{"API_TOKEN":"s3cr3t-value"},"workspace":"/srv/project","workspace_access":"rw","readable":["/opt/mcp"],)"
    R"("network":["api.example.com:443"],"memory_bytes_max":67108864})";

class StdioServersTest : public testing::ControlPlane {};

TEST_F(StdioServersTest, AreAddedShownAndNeverTellTheirSecrets) {
  probe_report_.eras = {true, false};
  auto added = ask("POST", "/api/v1/servers", kFiles);
  ASSERT_EQ(added.status, 201) << added.body;
  auto server = added["server"];
  EXPECT_EQ(server["kind"].string(), "stdio");
  EXPECT_EQ(server["command"].raw(), R"(["/usr/bin/mcp-files","--root","/srv"])");
  EXPECT_EQ(server["environment"].raw(), R"({"LANG":"C"})");
  EXPECT_EQ(server["secret_names"].raw(), R"(["API_TOKEN"])");
  EXPECT_EQ(server["workspace_access"].string(), "rw");
  EXPECT_EQ(server["network"].raw(), R"(["api.example.com:443"])");
  EXPECT_TRUE(server["confined"].is(json::Kind::True));
  EXPECT_TRUE(server["speaks_legacy"].is(json::Kind::True));
  EXPECT_FALSE(server["url"].exists());
  auto shown = ask("GET", "/api/v1/servers/files");
  auto listed = ask("GET", "/api/v1/servers");
  std::string all = added.body + shown.body + listed.body;
  for (const auto& record : records()) all += record;
  EXPECT_EQ(all.find("s3cr3t"), std::string::npos);
  EXPECT_NE(all.find("mcp-files"), std::string::npos);
  EXPECT_EQ(catalog_->credentials("files").value().environment().reveal(), std::string_view("API_TOKEN=s3cr3t-value\0", 23));
}

// A command is code execution on the gate's machine.
TEST_F(StdioServersTest, AreNamedOnTheGatesMachineOnlyUnlessASettingSaysOtherwise) {
  const auto token = api_token("root", "\"owner\"");
  EXPECT_EQ(ask("POST", "/api/v1/servers", kFiles, token).reason(), "admin.command_remote");
  const std::string bundle = R"({"servers":[)" + std::string(kFiles) + "]}";
  auto refused = ask("POST", "/api/v1/apply", bundle, token);
  EXPECT_EQ(refused.reason(), "admin.bundle");
  EXPECT_NE(refused.message().find("control socket"), std::string::npos) << refused.message();
  EXPECT_EQ(ask("POST", "/api/v1/servers", kFiles).status, 201);
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"command":["/bin/sh","-c","id"]})", token).reason(), "admin.command_remote");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"confined":false})", token).reason(), "admin.command_remote");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"disabled":true})", token).status, 200);
  settings_.stdio.remote_registration = true;
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"shared":true})", token).status, 200);
}

TEST_F(StdioServersTest, ThatFetchWhateverIsNewestAreRefusedUnlessToldOtherwise) {
  const std::string unpinned = R"({"name":"Files","command":["npx","-y","@modelcontextprotocol/server-filesystem"]})";
  EXPECT_EQ(ask("POST", "/api/v1/servers", unpinned).reason(), "sandbox.unpinned");
  std::string meant = unpinned;
  meant.insert(meant.size() - 1, R"(,"unpinned":true)");
  EXPECT_EQ(ask("POST", "/api/v1/servers", meant).status, 201);
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"call_timeout_ms":1000})").status, 200);
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/files", R"({"command":["uvx","mcp-files"]})").reason(), "sandbox.unpinned");
}

TEST_F(StdioServersTest, MayRunFromAnImageNamedByItsDigest) {
  const std::string digest = "notes@sha256:" + std::string(64, 'a');
  auto body = [](const std::string& image, const std::string& more = {}) {
    return R"({"name":"Notes","command":["/bin/notes"],"image":")" + image + "\"" + more + "}";
  };
  EXPECT_EQ(ask("POST", "/api/v1/servers", body("notes:1.2.3")).reason(), "sandbox.unpinned");
  EXPECT_EQ(ask("POST", "/api/v1/servers", body("--privileged", R"(,"unpinned":true)")).reason(), "catalog.invalid_server");
  auto added = ask("POST", "/api/v1/servers", body(digest));
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added["server"]["image"].string(), digest);
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/notes", R"({"image":"notes:latest"})").reason(), "sandbox.unpinned");
  EXPECT_EQ(ask("PATCH", "/api/v1/servers/notes", R"({"image":"notes:latest","unpinned":true})").status, 200);
  auto cleared = ask("PATCH", "/api/v1/servers/notes", R"({"image":""})");
  EXPECT_EQ(cleared["server"]["image"].string(), "") << cleared.body;
}

TEST_F(StdioServersTest, HaveAUrlOrACommand) {
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":"a","url":"https://a.example/mcp","command":["x"]})").reason(), "admin.command");
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":"a","url":"https://a.example/mcp","workspace":"/srv"})").reason(), "admin.command");
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":"a","command":["x"],"workspace":"srv"})").reason(), "catalog.invalid_server");
  EXPECT_EQ(ask("POST", "/api/v1/servers", R"({"name":"a","command":["x"],"workspace_access":"all"})").reason(), "admin.command");
}

TEST_F(StdioServersTest, ComeFromFilesAndThenDoNotDiffer) {
  const std::string bundle = R"({"servers":[)" + std::string(kFiles) + "]}";
  auto applied = ask("POST", "/api/v1/apply", bundle);
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(ask("POST", "/api/v1/plan", bundle)["steps"].size(), 0u);
  std::string changed = bundle;
  changed.replace(changed.find("/opt/mcp"), 8, "/opt/new");
  auto plan = ask("POST", "/api/v1/plan", changed);
  ASSERT_EQ(plan["steps"].size(), 1u) << plan.body;
  EXPECT_NE(plan.body.find("readable: /opt/mcp -> /opt/new"), std::string::npos) << plan.body;
  EXPECT_EQ(ask("POST", "/api/v1/apply", changed).status, 200);
  EXPECT_EQ(catalog_->server("files").value().command.readable, std::vector<std::string>{"/opt/new"});
  EXPECT_EQ(plan.body.find("s3cr3t"), std::string::npos);
}

TEST_F(StdioServersTest, ShowTheirLogs) {
  ASSERT_EQ(ask("POST", "/api/v1/servers", kFiles).status, 201);
  auto none = ask("GET", "/api/v1/servers/files/logs?since=0&limit=5");
  EXPECT_EQ(none.status, 200) << none.body;
  EXPECT_EQ(none["items"].size(), 2u);
  EXPECT_EQ(none["items"].child(1)["text"].string(), "line 2 of 5 since 0");
  EXPECT_EQ(ask("GET", "/api/v1/servers/files/logs?limit=-1").reason(), "admin.query");
  add_server();
  EXPECT_EQ(ask("GET", "/api/v1/servers/refunds/logs").reason(), "server.no_logs");
}

}  // namespace
}  // namespace callgate::admin
