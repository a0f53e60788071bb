#include "config/settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/crypto.h"
#include "config/client_setup.h"

namespace callgate::config {
namespace {

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    init_crypto();
    directory_ = std::filesystem::temp_directory_path() / new_id("cfg");
    std::filesystem::create_directories(directory_);
    sources_.system_file.clear();
    sources_.environment = [this](const std::string& name) -> std::optional<std::string> {
      auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    environment_["HOME"] = "/home/ada";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text) {
    auto path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  std::string origin(const Loaded& loaded, std::string_view key) {
    for (const auto& entry : loaded.origins)
      if (entry.key == key) return entry.from;
    return "";
  }

  std::filesystem::path directory_;
  std::map<std::string, std::string> environment_;
  Sources sources_;
};

TEST_F(SettingsTest, StartsFromSafeDefaults) {
  auto loaded = load(sources_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto& s = loaded->settings;
  EXPECT_EQ(s.listen_address, "127.0.0.1");
  EXPECT_EQ(s.listen_port, 8808);
  EXPECT_EQ(s.data_dir, "/home/ada/.local/share/callgate");
  EXPECT_EQ(s.audit.commit, "before_reply");
  EXPECT_EQ(s.body_bytes_max, 4 * 1024 * 1024);
  EXPECT_EQ(s.timeouts.idle, std::chrono::seconds(75));
  EXPECT_EQ(s.base_url(), "http://127.0.0.1:8808");
  EXPECT_TRUE(check_for_serving(s));
  EXPECT_EQ(origin(*loaded, "listen"), "default");
}

TEST_F(SettingsTest, HigherSourcesWinAndTheOriginIsKept) {
  sources_.system_file = file("system.yaml", "workers: 1\nlog: {level: warn}\naudit:\n  commit: before_effect\n  retention: 90d\n");
  sources_.user_file = file("user.yaml", "workers: 2\nhosts: [a.example, b.example]\n");
  sources_.project_file = file("project.yaml", "workers: 3\n");
  environment_["CALLGATE_LOG_LEVEL"] = "error";
  environment_["CALLGATE_WORKERS"] = "4";
  auto loaded = load(sources_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.workers, 4);
  EXPECT_EQ(loaded->settings.log.level, "error");
  EXPECT_EQ(loaded->settings.hosts, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(loaded->settings.audit.retention, std::chrono::hours(24 * 90));
  EXPECT_EQ(origin(*loaded, "audit.commit"), sources_.system_file + ":4");
  EXPECT_EQ(origin(*loaded, "workers"), "CALLGATE_WORKERS");
  sources_.flags = {{"workers", "5"}};
  EXPECT_EQ(load(sources_)->settings.workers, 5);
  environment_.erase("CALLGATE_WORKERS");
  sources_.flags.clear();
  EXPECT_EQ(load(sources_)->settings.workers, 3);
}

TEST_F(SettingsTest, RefusesAnUnknownKeyWithASuggestion) {
  sources_.user_file = file("user.yaml", "listne: 127.0.0.1:1\n");
  auto loaded = load(sources_);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "config.unknown_key");
  EXPECT_NE(loaded.error().message.find("user.yaml:1: there is no setting `listne`; did you mean `listen`?"), std::string::npos)
      << loaded.error().message;
}

TEST_F(SettingsTest, RefusesWrongValuesAndSaysWhatIsExpected) {
  for (const char* text : {"workers: many", "audit: {commit: sometimes}", "timeouts: {head: 10}", "timeouts: {head: 0s}", "listen: 8808",
                           "listen: '::1:8808'", "body_bytes_max: -1", "unsafe_plain_listen: yes", "listen: [a]", "public_url: gate",
                           "a: {b: {c: 1}}", "- 1", "x: [", "workers: 1\nworkers: 2"}) {
    sources_.user_file = file("user.yaml", text);
    EXPECT_FALSE(load(sources_)) << text;
  }
}

TEST_F(SettingsTest, ProjectFilesMayNotRedirectTheCommandLineOrOpenTheListener) {
  for (const char* text : {"url: https://attacker.example", "unsafe_plain_listen: true"}) {
    sources_.project_file = file("project.yaml", text);
    auto loaded = load(sources_);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().reason, "config.project_file");
  }
}

TEST_F(SettingsTest, SecretsComeFromTheEnvironmentOrAFileAndAreNeverShown) {
  sources_.user_file = file("user.yaml", "token: cga_x");
  EXPECT_EQ(load(sources_).error().reason, "config.secret_in_file");
  sources_.user_file.clear();
  environment_["CALLGATE_TOKEN_FILE"] = file("token", "cga_abc\n");
  auto loaded = load(sources_);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.token.reveal(), "cga_abc");
  for (const auto& entry : loaded->origins) EXPECT_EQ(entry.value.find("cga_abc"), std::string::npos);
}

TEST_F(SettingsTest, SettingsThatAreNoFileAreAnErrorAndNoException) {
  sources_.user_file = directory_.string();
  auto loaded = load(sources_);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "config.unreadable");
  EXPECT_NE(loaded.error().message.find("`" + directory_.string() + "` is no file"), std::string::npos) << loaded.error().message;
}

TEST_F(SettingsTest, ASecretIsReadFromASmallFileOnly) {
  environment_["CALLGATE_TOKEN_FILE"] = std::filesystem::path(file("token", std::string(70'000, 'x'))).parent_path();
  EXPECT_NE(load(sources_).error().message.find("CALLGATE_TOKEN_FILE: `"), std::string::npos);
  EXPECT_NE(load(sources_).error().message.find("is no file"), std::string::npos);
  environment_["CALLGATE_TOKEN_FILE"] = file("token", std::string(70'000, 'x'));
  EXPECT_EQ(load(sources_).error().reason, "config.value");
}

TEST_F(SettingsTest, ThePasswordForMailComesFromTheEnvironmentAndIsNeverShown) {
  sources_.user_file = file("user.yaml", "mail: {server: 'smtp://mail.example', password: hunter2}");
  EXPECT_EQ(load(sources_).error().reason, "config.secret_in_file");
  EXPECT_NE(load(sources_).error().message.find("CALLGATE_MAIL_PASSWORD_FILE"), std::string::npos);
  sources_.user_file = file("user.yaml", "mail: {server: 'smtp://mail.example'}\napprovals: {mail_to: [ada@example.com, bob@example.com]}");
  for (const bool in_file : {false, true}) {
    environment_.erase("CALLGATE_MAIL_PASSWORD");
    environment_[in_file ? "CALLGATE_MAIL_PASSWORD_FILE" : "CALLGATE_MAIL_PASSWORD"] = in_file ? file("password", "hunter2\n") : "hunter2";
    auto loaded = load(sources_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.mail.password.reveal(), "hunter2");
    EXPECT_EQ(loaded->settings.approvals.mail_to.size(), 2u);
    for (const auto& entry : loaded->origins) EXPECT_EQ(entry.value.find("hunter2"), std::string::npos);
  }
  EXPECT_EQ(settings_json_schema().find("password"), std::string::npos);
  sources_.user_file.clear();
  sources_.project_file = file("project.yaml", "mail: {server: 'smtp://attacker.example'}");
  EXPECT_EQ(load(sources_).error().reason, "config.project_file");
}

// T-73
TEST_F(SettingsTest, RefusesAPlainListenerOffLoopback) {
  for (const char* listen : {"0.0.0.0:8808", "192.0.2.1:8808", "[::]:8808", "127.example.com:80", "gate.example:80"}) {
    sources_.flags = {{"listen", listen}};
    auto loaded = load(sources_);
    ASSERT_TRUE(loaded) << listen;
    auto checked = check_for_serving(loaded->settings);
    ASSERT_FALSE(checked) << listen;
    EXPECT_EQ(checked.error().reason, "config.unsafe_listen");
    sources_.flags.push_back({"unsafe_plain_listen", "true"});
    EXPECT_TRUE(check_for_serving(load(sources_)->settings));
  }
  sources_.flags = {{"tls.certificate", "a.pem"}};
  EXPECT_EQ(check_for_serving(load(sources_)->settings).error().reason, "config.tls");
}

TEST_F(SettingsTest, StaysSmall) { EXPECT_LT(settings_table().size(), 60u); }

TEST(Settings, ReadsBytes) {
  EXPECT_EQ(parse_bytes("65536"), 65536);
  EXPECT_EQ(parse_bytes("64KiB"), 65536);
  EXPECT_EQ(parse_bytes("1GiB"), 1 << 30);
  for (const char* text : {"", "KiB", "1.5MiB", "-1", "4MB", "99999999999999GiB"}) EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Settings, ReferencePageMatchesTheTable) {
  std::string path = CALLGATE_SOURCE_DIR "/docs/reference/config.md";
  if (std::getenv("CALLGATE_UPDATE_DOCS")) std::ofstream(path) << settings_markdown();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), settings_markdown()) << "run this test with CALLGATE_UPDATE_DOCS=1";
}

TEST(ClientSetup, ClaudeCodeLineIsExact) {
  auto setup = client_setup("claude-code", {"refunds", "https://gate.example/mcp/1b4e28ba-2fa1-4d6b-a3f5-0b2a6f0d2c11/", "cg_T"});
  EXPECT_EQ(setup->text,
            "claude mcp add refunds --transport http https://gate.example/mcp/1b4e28ba-2fa1-4d6b-a3f5-0b2a6f0d2c11/ "
            "--header \"Authorization: Bearer cg_T\"\n");
}

TEST(ClientSetup, EveryClientCarriesUrlAndToken) {
  for (auto client : setup_clients()) {
    auto setup = client_setup(client, {"refunds", "https://gate.example/mcp/x/", "cg_T"});
    ASSERT_TRUE(setup) << client;
    EXPECT_EQ(setup->client, client);
    EXPECT_NE(setup->text.find("https://gate.example/mcp/x/"), std::string::npos) << client;
    EXPECT_NE(setup->text.find("Bearer cg_T"), std::string::npos) << client;
  }
  EXPECT_FALSE(client_setup("netscape", {}));
}

}  // namespace
}  // namespace callgate::config
