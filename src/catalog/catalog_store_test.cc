#include <gtest/gtest.h>

#include <algorithm>

#include "catalog/testing/fixture.h"
#include "store/testing/temporary_folder.h"

namespace callgate::catalog {
namespace {

using testing::CatalogFixture;
using testing::kDenyAll;

class ServersTest : public CatalogFixture {};

TEST_F(ServersTest, ReadBackEveryField) {
  put_policy("main");
  Server server = plain_server("Refunds");
  server.url = Url::parse("https://mcp.example.com:8443/mcp?team=a").value();
  server.policy = "main";
  server.disabled = true;
  server.allow_private = true;
  server.tls_verify = false;
  server.tls_ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  server.capture = Capture::Full;
  server.connect_timeout = std::chrono::milliseconds(1'234);
  server.call_timeout = std::chrono::minutes(5);
  server.response_bytes_max = 12'345;
  auto added = store_->add_server(server, {header("Authorization", "Bearer x"), header("X-Team", "a")}).value();
  for (auto name : {added.id, std::string("refunds")}) {
    auto read = store_->server(name).value();
    EXPECT_EQ(read.id, added.id);
    EXPECT_EQ(read.slug, "refunds");
    EXPECT_EQ(read.url.text(), "https://mcp.example.com:8443/mcp?team=a");
    EXPECT_EQ(read.policy, "main");
    EXPECT_TRUE(read.disabled && read.allow_private && !read.tls_verify);
    EXPECT_EQ(read.tls_ca_pem, server.tls_ca_pem);
    EXPECT_EQ(read.capture, Capture::Full);
    EXPECT_EQ(read.connect_timeout, server.connect_timeout);
    EXPECT_EQ(read.call_timeout, server.call_timeout);
    EXPECT_EQ(read.response_bytes_max, 12'345u);
    EXPECT_EQ(read.header_names, (std::vector<std::string>{"Authorization", "X-Team"}));
    EXPECT_EQ(read.version, 1);
    EXPECT_EQ(read.created_at, clock_.now());
  }
  EXPECT_EQ(store_->servers().value().size(), 1u);
}

Server stdio_server(const std::string& name) {
  Server server;
  server.name = name;
  server.kind = ServerKind::Stdio;
  server.command.argv = {"mcp-files", "--root", "/srv/project"};
  return server;
}

TEST_F(ServersTest, OfCommandsMayComeAsImages) {
  Server server = stdio_server("Boxed");
  server.command.image = "registry.example/boxed@sha256:" + std::string(64, 'a');
  ASSERT_TRUE(store_->add_server(server, {}));
  EXPECT_EQ(store_->server("boxed").value().command.image, server.command.image);
  for (const char* image : {"-v", "--privileged", "a b", "$(id)", "A@b"}) {
    server.command.image = image;
    EXPECT_FALSE(check_server(server)) << image;
  }
  server.command.image = "boxed:1.2.3";
  EXPECT_TRUE(check_server(server));
  server.command.network = {"api.example.com"};
  EXPECT_FALSE(check_server(server)) << "podman cannot keep to listed hosts";
  server.command.network = {};
  server.command.confined = false;
  EXPECT_FALSE(check_server(server));
}

TEST_F(ServersTest, OfCommandsReadBackEveryField) {
  Server server = stdio_server("Files");
  Command& command = server.command;
  command.environment = {"LANG=C.UTF-8", "EMPTY="};
  command.workspace = "/srv/project";
  command.workspace_access = Mount::ReadWrite;
  command.readable = {"/opt/mcp"};
  command.network = {"api.example.com:443"};
  command.shared = true;
  command.confined = false;
  command.memory_bytes_max = 64UL * 1024 * 1024;
  command.processes_max = 7;
  command.cpu_seconds_max = std::chrono::seconds(90);
  auto added = store_->add_server(server, {}, {header("API_TOKEN", "s3cr3t"), header("Other", "x y")}).value();
  EXPECT_EQ(added.command.secret_names, (std::vector<std::string>{"API_TOKEN", "Other"}));
  for (const Server& read : {store_->server("files").value(), store_->servers().value().at(0)}) {
    EXPECT_EQ(read.kind, ServerKind::Stdio);
    EXPECT_FALSE(read.disabled);
    EXPECT_EQ(read.command.argv, command.argv);
    EXPECT_EQ(read.command.environment, command.environment);
    EXPECT_EQ(read.command.secret_names, (std::vector<std::string>{"API_TOKEN", "Other"}));
    EXPECT_EQ(read.command.workspace, "/srv/project");
    EXPECT_EQ(read.command.workspace_access, Mount::ReadWrite);
    EXPECT_EQ(read.command.readable, command.readable);
    EXPECT_EQ(read.command.network, command.network);
    EXPECT_TRUE(read.command.shared);
    EXPECT_FALSE(read.command.confined);
    EXPECT_EQ(read.command.memory_bytes_max, command.memory_bytes_max);
    EXPECT_EQ(read.command.processes_max, 7u);
    EXPECT_EQ(read.command.cpu_seconds_max, std::chrono::seconds(90));
    EXPECT_FALSE(read.eras.legacy || read.eras.modern);
  }
  EXPECT_EQ(store_->credentials("files").value().environment().reveal(), std::string_view("API_TOKEN=s3cr3t\0Other=x y\0", 27));
  auto catalog = store_->catalog().value();
  EXPECT_FALSE(catalog->server("files")->credentials_unreadable);
  EXPECT_FALSE(catalog->server("files")->credentials.environment().empty());
}

TEST_F(ServersTest, RememberTheErasOfTheLastProbeWithoutANewVersion) {
  auto server = add(plain_server("refunds"));
  ASSERT_TRUE(store_->put_tools(server.id, {tool("a")}, Eras{true, false}));
  auto read = store_->server("refunds").value();
  EXPECT_TRUE(read.eras.legacy && !read.eras.modern);
  EXPECT_EQ(read.version, server.version);
  ASSERT_TRUE(store_->put_tools(server.id, {}));
  EXPECT_TRUE(store_->server("refunds").value().eras.legacy);
}

TEST_F(ServersTest, RememberThatOneOnlySpeaksHttpSse) {
  auto server = add(plain_server("old"));
  ASSERT_TRUE(store_->put_tools(server.id, {}, Eras{true, false, true}));
  auto read = store_->server("old").value();
  EXPECT_TRUE(read.eras.events);
  EXPECT_FALSE(read.disabled);
  EXPECT_EQ(read.url.text(), server.url.text());
  read.name = "older";  // an edit leaves it
  ASSERT_TRUE(store_->update_server(read, std::nullopt, std::nullopt));
  EXPECT_TRUE(store_->server("old").value().eras.events);
  ASSERT_TRUE(store_->put_tools(server.id, {}, Eras{true, true}));  // it was updated
  EXPECT_FALSE(store_->server("old").value().eras.events);
  Server told = plain_server("told");  // by its operator, and not probed
  told.eras.events = true;
  add(told);
  EXPECT_TRUE(store_->server("told").value().eras.legacy);
  auto command = add(stdio_server("Files"));
  ASSERT_TRUE(store_->put_tools(command.id, {}, Eras{true, false, true}));
  EXPECT_EQ(store_->server(command.id).value().kind, ServerKind::Stdio);
}

TEST_F(ServersTest, OfCommandsThatAreNotPlainAreRefused) {
  const auto refused = [&](const std::function<void(Server&)>& spoil, const std::vector<HeaderValue>& secrets = {}) {
    Server server = stdio_server("Files");
    spoil(server);
    return reason(store_->add_server(server, {}, secrets));
  };
  const std::string_view wrong = "catalog.invalid_server";
  EXPECT_EQ(refused([](Server& s) { s.command.argv.clear(); }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.argv[1] = std::string("a\0b", 3); }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.argv[1] = "\x1b[2J"; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.environment = {"A"}; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.environment = {"A-B=1"}; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.environment = {"A=1", "A=2"}; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.environment = {"A=1"}; }, {header("A", "2")}), wrong);
  EXPECT_EQ(refused([](Server&) {}, {header("A", "2"), header("A", "3")}), wrong);
  for (const char* path : {"srv", "/", "/srv/../etc", "/srv/", "/srv//x", "/srv/.", "/a\nb"}) {
    EXPECT_EQ(refused([&](Server& s) { s.command.workspace = path; }), wrong) << path;
    EXPECT_EQ(refused([&](Server& s) { s.command.readable = {path}; }), wrong) << path;
  }
  EXPECT_EQ(refused([](Server& s) { s.command.network = {"https://x"}; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.memory_bytes_max = 1; }), wrong);
  EXPECT_EQ(refused([](Server& s) { s.command.processes_max = 0; }), wrong);
  EXPECT_EQ(reason(store_->add_server(stdio_server("Files"), {header("Authorization", "x")})), wrong);
  EXPECT_EQ(reason(store_->add_server(plain_server("Refunds"), {}, {header("A", "x")})), wrong);
}

TEST_F(ServersTest, KeepTheirKindAndTheirSecrets) {
  auto server = store_->add_server(stdio_server("Files"), {}, {header("TOKEN", "old")}).value();
  server.command.argv.push_back("-v");
  server = store_->update_server(server, std::nullopt).value();
  EXPECT_EQ(store_->credentials("files").value().environment().reveal(), std::string_view("TOKEN=old\0", 10));
  Server collides = server;
  collides.command.environment = {"TOKEN=plain"};
  EXPECT_EQ(reason(store_->update_server(collides, std::nullopt)), "catalog.invalid_server");
  server = store_->update_server(collides, std::nullopt, std::vector<HeaderValue>()).value();
  EXPECT_TRUE(store_->credentials("files").value().environment().empty());
  server.kind = ServerKind::Http;
  server.url = Url::parse("https://mcp.example.com/mcp").value();
  EXPECT_EQ(reason(store_->update_server(server, std::nullopt)), "catalog.invalid_server");
}

// What is damaged fails closed: neither run nor made up.
TEST_F(ServersTest, WithADamagedCommandAreDisabled) {
  add(stdio_server("Files"));
  for (const char* text : {"", "{}", "[]", R"({"argv":["x"],"network":["a b"]})"}) {
    sql(std::string("UPDATE servers SET command = '") + text + "'");
    EXPECT_TRUE(store_->server("files").value().disabled) << text;
  }
  sql(R"(UPDATE servers SET command = '{"argv":["x"]}')");
  const auto bare = store_->server("files").value();
  EXPECT_FALSE(bare.disabled);
  EXPECT_TRUE(bare.command.confined);
  EXPECT_EQ(bare.command.workspace_access, Mount::None);
  sql("UPDATE servers SET kind = 'other'");
  EXPECT_TRUE(store_->server("files").value().disabled);
}

TEST_F(ServersTest, GetASlugFromTheirName) {
  struct Case {
    std::string name, slug;
  };
  for (const Case& each : std::initializer_list<Case>{{"Refunds", "refunds"},
                                                      {"Refunds", "refunds-2"},
                                                      {"refunds!", "refunds-3"},
                                                      {"  GitHub / Enterprise (EU) ", "github-enterprise-eu"},
                                                      {"東京", "mcp-server"},
                                                      {"API", "api-mcp"},
                                                      {"---", "mcp-server-2"},
                                                      {std::string(100, 'x'), std::string(56, 'x')}})
    EXPECT_EQ(add(plain_server(each.name)).slug, each.slug);
}

TEST_F(ServersTest, RefuseSlugsThatAreTakenReservedOrNoSlugs) {
  Server server = plain_server("One");
  server.slug = "one";
  add(server);
  EXPECT_EQ(reason(store_->add_server(server, {})), "catalog.duplicate_slug");
  for (auto bad :
       {"One", "a_b", "a b", "-a", "a-", "a/b", "..", "a%2fb", "\xc3\xbc", "api", "mcp", "admin", "00000000-0000-4000-8000-000000000000"}) {
    server.slug = bad;
    EXPECT_EQ(reason(store_->add_server(server, {})), "catalog.invalid_slug") << bad;
  }
  server.slug = std::string(65, 'a');
  EXPECT_EQ(reason(store_->add_server(server, {})), "catalog.invalid_slug");
}

// T-65, T-66
TEST_F(ServersTest, RefuseWhatCannotBeCalledSafely) {
  struct Case {
    std::string reason;
    std::function<void(Server&)> edit;
  };
  const std::vector<Case> cases = {
      {"catalog.invalid_server", [](Server& s) { s.name = ""; }},
      {"catalog.invalid_text", [](Server& s) { s.name = "a\r\nb"; }},
      {"catalog.invalid_server", [](Server& s) { s.url = {}; }},
      {"catalog.invalid_server", [](Server& s) { s.url.host = "a b"; }},
      {"catalog.invalid_server", [](Server& s) { s.url.target = "/x\r\nHost: y"; }},
      {"catalog.invalid_server",
       [](Server& s) {
         s.url = Url::parse("http://169.254.169.254/latest").value();
         s.allow_private = true;
       }},
      {"catalog.invalid_server", [](Server& s) { s.url.host = "0.0.0.0"; }},
      {"catalog.invalid_server", [](Server& s) { s.connect_timeout = std::chrono::milliseconds(0); }},
      {"catalog.invalid_server", [](Server& s) { s.call_timeout = std::chrono::hours(25); }},
      {"catalog.invalid_server", [](Server& s) { s.response_bytes_max = 10; }},
      {"catalog.invalid_server", [](Server& s) { s.tls_ca_pem = "not a certificate"; }},
      {"catalog.no_such_policy", [](Server& s) { s.policy = "nobody"; }},
  };
  for (const Case& each : cases) {
    Server server = plain_server("One");
    each.edit(server);
    EXPECT_EQ(reason(store_->add_server(server, {})), each.reason);
  }
  Server server = plain_server("One");
  EXPECT_EQ(reason(store_->add_server(server, {header("Host", "x")})), "vault.header");
  EXPECT_EQ(reason(store_->add_server(server, {header("A", "x\r\ny")})), "vault.header");
  EXPECT_EQ(reason(store_->add_server(server, {header("A", "x"), header("a", "y")})), "catalog.duplicate_header");
  EXPECT_TRUE(store_->servers().value().empty());
}

TEST_F(ServersTest, ChangeOnlyWhenNobodyElseDidMeanwhile) {
  auto added = add(plain_server("One"), {header("Authorization", "Bearer first")});
  Server mine = added, theirs = added;
  theirs.name = "Theirs";
  clock_.advance(std::chrono::hours(1));
  auto updated = store_->update_server(theirs, std::nullopt).value();
  EXPECT_EQ(updated.version, 2);
  EXPECT_EQ(updated.updated_at, clock_.now());
  EXPECT_EQ(updated.created_at, added.created_at);
  EXPECT_EQ(updated.header_names, std::vector<std::string>{"Authorization"});
  EXPECT_EQ(store_->credentials(added.id)->header_lines().reveal(), "Authorization: Bearer first\r\n") << "untouched";
  EXPECT_EQ(reason(store_->update_server(mine, std::nullopt)), "catalog.version");
  updated.slug = "";
  updated = store_->update_server(updated, std::vector<HeaderValue>{header("X-Key", "second")}).value();
  EXPECT_EQ(updated.slug, "one");
  EXPECT_EQ(store_->credentials("one")->header_lines().reveal(), "X-Key: second\r\n");
  updated = store_->update_server(updated, std::vector<HeaderValue>{}).value();
  EXPECT_TRUE(store_->credentials(added.id)->header_lines().empty());
  Server other = add(plain_server("Other"));
  updated.slug = "other";
  EXPECT_EQ(reason(store_->update_server(updated, std::nullopt)), "catalog.duplicate_slug");
  updated.id = "nobody";
  EXPECT_EQ(reason(store_->update_server(updated, std::nullopt)), "catalog.no_such_server");
}

TEST_F(ServersTest, GoWithTheirHeadersAndTools) {
  auto added = add(plain_server("One"), {header("A", "x")});
  ASSERT_TRUE(store_->put_tools(added.id, {tool("t")}));
  ASSERT_TRUE(store_->remove_server("one"));
  EXPECT_EQ(reason(store_->remove_server("one")), "catalog.no_such_server");
  EXPECT_EQ(reason(store_->credentials(added.id)), "catalog.no_such_server");
  EXPECT_TRUE(store_->tools("").value().empty());
  EXPECT_EQ(add(plain_server("One")).slug, "one");
}

class CredentialsTest : public CatalogFixture {};

// T-68
TEST_F(CredentialsTest, AreNotInTheDatabaseFileNorItsLog) {
  add(plain_server("One"), {header("Authorization", "Bearer s3cret-of-the-upstream")});
  std::string bytes;
  for (const char* suffix : {"", "-wal"}) bytes += store::testing::read_bytes(folder_.file("callgate.db") + suffix);
  EXPECT_NE(bytes.find("Authorization"), std::string::npos);
  EXPECT_EQ(bytes.find("s3cret"), std::string::npos);
}

// T-68
TEST_F(CredentialsTest, DoNotOpenInAnotherServersRowOrUnderAnotherName) {
  auto one = add(plain_server("One"), {header("Authorization", "Bearer s3cret")});
  auto two = add(plain_server("Two"), {header("Authorization", "Bearer other")});
  sql("UPDATE server_headers SET sealed = (SELECT sealed FROM server_headers WHERE server_id = '" + one.id + "') WHERE server_id = '" +
      two.id + "'");
  EXPECT_EQ(reason(store_->credentials(two.id)), "vault.unreadable");
  EXPECT_EQ(reason(store_->credentials(one.id)), "ok");
  sql("UPDATE server_headers SET name = 'X-Debug' WHERE server_id = '" + one.id + "'");
  EXPECT_EQ(reason(store_->credentials(one.id)), "vault.unreadable");
  auto catalog = store_->catalog().value();
  EXPECT_TRUE(catalog->server("one")->credentials_unreadable);
  EXPECT_TRUE(catalog->server("two")->credentials_unreadable);
  EXPECT_TRUE(catalog->server("two")->credentials.header_lines().empty());
}

// T-68
TEST_F(CredentialsTest, LeaveTheServerListedButUnusableWhenTheKeyIsAnother) {
  add(plain_server("One"), {header("Authorization", "Bearer s3cret")});
  add(plain_server("Two"));
  store::testing::TemporaryFolder elsewhere;
  auto other_vault = vault::open_vault(elsewhere.path()).value();
  auto other = CatalogStore::open(*database_, *other_vault, clock_).value();
  auto catalog = other->catalog().value();
  ASSERT_EQ(catalog->servers().size(), 2u);
  EXPECT_TRUE(catalog->server("one")->credentials_unreadable);
  EXPECT_FALSE(catalog->server("two")->credentials_unreadable) << "needs none";
}

TEST_F(CredentialsTest, StayReadableAfterARotationOfTheKey) {
  auto one = add(plain_server("One"), {header("Authorization", "Bearer s3cret")});
  ASSERT_TRUE(vault_->rotate_key());
  EXPECT_EQ(store_->credentials(one.id)->header_lines().reveal(), "Authorization: Bearer s3cret\r\n");
  EXPECT_EQ(store_->catalog().value()->server("one")->credentials.header_lines().reveal(), "Authorization: Bearer s3cret\r\n");
}

class ToolsTest : public CatalogFixture {};

TEST_F(ToolsTest, AreReplacedAsASet) {
  auto one = add(plain_server("One")), two = add(plain_server("Two"));
  Tool full = tool("refund");
  full.title = "Refund";
  full.description = "line\nbreaks and \"quotes\"";
  full.definition_json = R"({"name":"refund"})";
  full.fingerprint.fill(0xab);
  full.seen_at = clock_.now();
  ASSERT_TRUE(store_->put_tools(one.id, {tool("z"), full}));
  ASSERT_TRUE(store_->put_tools("two", {tool("only")}));
  auto read = store_->tools(one.id).value();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].server_id, one.id);
  EXPECT_EQ(read[0].name, "refund");
  EXPECT_EQ(read[0].title, "Refund");
  EXPECT_EQ(read[0].description, full.description);
  EXPECT_EQ(read[0].definition_json, full.definition_json);
  EXPECT_EQ(read[0].fingerprint, full.fingerprint);
  EXPECT_EQ(read[0].seen_at, full.seen_at);
  EXPECT_EQ(store_->tools("").value().size(), 3u);
  ASSERT_TRUE(store_->put_tools(one.id, {tool("new")}));
  EXPECT_EQ(store_->tools("one").value().size(), 1u);
  EXPECT_EQ(reason(store_->put_tools(one.id, {tool("a"), tool("a")})), "catalog.duplicate_tool");
  EXPECT_EQ(reason(store_->put_tools(one.id, {tool("")})), "catalog.invalid_tool");
  EXPECT_EQ(reason(store_->put_tools("nobody", {})), "catalog.no_such_server");
  EXPECT_EQ(store_->tools("one").value().size(), 1u) << "a refused set changes nothing";
}

class SnapshotTest : public CatalogFixture {};

TEST_F(SnapshotTest, AnswersByIdAndSlug) {
  put_policy("main");
  Server server = plain_server("One");
  server.policy = "main";
  auto one = add(server, {header("A", "x")});
  add(plain_server("Two"));
  ASSERT_TRUE(store_->put_tools(one.id, {tool("b"), tool("a"), tool("Z")}));
  auto catalog = store_->catalog().value();
  const ServerEntry* entry = catalog->server("one");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(catalog->server(one.id), entry);
  EXPECT_EQ(entry->tool_names, (std::vector<std::string>{"Z", "a", "b"}));
  EXPECT_EQ(entry->credentials.header_lines().reveal(), "A: x\r\n");
  ASSERT_NE(entry->policy, nullptr);
  EXPECT_EQ(entry->policy.get(), catalog->policy("main"));
  EXPECT_EQ(catalog->server("two")->policy, nullptr);
  EXPECT_EQ(catalog->server("One"), nullptr);
  EXPECT_EQ(catalog->policy("nobody"), nullptr);
}

TEST_F(SnapshotTest, CompilesOnlyWhatChanged) {
  put_policy("a");
  put_policy("b");
  auto first = store_->catalog().value();
  put_policy("b", std::string(kDenyAll) + "# second\n");
  auto second = store_->catalog().value();
  EXPECT_EQ(first->policy("a"), second->policy("a")) << "the same object";
  EXPECT_NE(first->policy("b"), second->policy("b"));
  EXPECT_EQ(first->policy("b")->version(), 1) << "an old snapshot keeps what it had";
  EXPECT_EQ(second->policy("b")->version(), 2);
  auto restarted = CatalogStore::open(*database_, *vault_, clock_).value()->catalog().value();
  EXPECT_EQ(restarted->policy("b")->version(), 2);
}

TEST_F(SnapshotTest, LeavesOutAPolicyThatNoLongerCompiles) {
  put_policy("main");
  Server server = plain_server("One");
  server.policy = "main";
  add(server);
  sql("UPDATE policy_versions SET text = 'version: \"9\"'");
  auto catalog = CatalogStore::open(*database_, *vault_, clock_).value()->catalog().value();
  EXPECT_EQ(catalog->policy("main"), nullptr);
  EXPECT_EQ(catalog->server("one")->policy, nullptr);
}

TEST_F(SnapshotTest, DisablesAServerWhoseAddressIsDamaged) {
  add(plain_server("One"));
  sql("UPDATE servers SET url = 'javascript:alert(1)'");
  EXPECT_TRUE(store_->catalog().value()->server("one")->server.disabled);
}

}  // namespace
}  // namespace callgate::catalog
