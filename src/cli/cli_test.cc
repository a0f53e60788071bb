#include "cli/cli.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/output.h"
#include "cli/parser.h"
#include "cli/session.h"
#include "cli/setup_file.h"
#include "cli/testing/cli_fixture.h"
#include "cli/yaml_json.h"

namespace callgate::cli {
namespace {

TEST_F(CliTest, HelpLeadsWithExamples) {
  EXPECT_EQ(run({"server", "add", "--help"}), kOk);
  EXPECT_LT(out_.find("Examples:"), out_.find("Usage:"));
  EXPECT_EQ(run({}), kOk);
  EXPECT_NE(out_.find("callgate serve"), std::string::npos);
  EXPECT_EQ(run({"server"}), kOk);
  EXPECT_NE(out_.find("server probe"), std::string::npos);
}

TEST_F(CliTest, UnknownWordsGetASuggestionAndExitCodeTwo) {
  EXPECT_EQ(run({"sevrer", "ls"}), kUsage);
  EXPECT_NE(err_.find("did you mean `server`?"), std::string::npos) << err_;
  EXPECT_EQ(run({"server", "shwo", "x"}), kUsage);
  EXPECT_NE(err_.find("did you mean `show`?"), std::string::npos) << err_;
  EXPECT_EQ(run({"server", "add", "a", "https://x/", "--plicy", "p"}), kUsage);
  EXPECT_NE(err_.find("did you mean `--policy`?"), std::string::npos) << err_;
  EXPECT_EQ(run({"server", "show"}), kUsage);
  EXPECT_EQ(run({"server", "ls", "-o", "xml"}), kUsage);
}

TEST_F(CliTest, EveryCommandIsWellFormed) {
  std::set<std::string_view> seen;
  for (const auto& command : commands_) {
    EXPECT_TRUE(seen.insert(command.path).second) << command.path;
    EXPECT_FALSE(command.examples.empty()) << command.path;
    EXPECT_FALSE(group_summary(command.path.substr(0, command.path.find(' '))).empty()) << command.path;
    for (auto example : command.examples) EXPECT_NE(example.find("callgate"), std::string_view::npos) << example;
    std::vector<std::string> words{"x"};
    EXPECT_NE(help_of(command).find(command.summary), std::string::npos);
  }
}

// The words of one shell line up to a pipe, redirection or comment. Empty when it does not start with callgate.
std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (char c : line) {
    if (quote) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ') {
      if (in_word) words.push_back(std::move(word)), word.clear();
      in_word = false;
    } else if (!in_word && (c == '|' || c == '>' || c == '<' || c == '#' || c == '&')) {
      break;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  if (words.empty() || words[0] != "callgate") return {};
  words.erase(words.begin());
  return words;
}

TEST_F(CliTest, EveryExampleInHelpAndHowtosParses) {
  std::vector<std::string> lines;
  for (const auto& command : commands_)
    for (auto example : command.examples) lines.emplace_back(example);
  for (const auto& entry : std::filesystem::directory_iterator(CALLGATE_SOURCE_DIR "/docs/howto")) {
    std::ifstream in(entry.path());
    bool shell = false;
    for (std::string line; std::getline(in, line);) {
      line.erase(0, line.find_first_not_of(' ') == std::string::npos ? 0 : line.find_first_not_of(' '));
      if (line.starts_with("```")) shell = line == "```sh";
      else if (shell) lines.push_back(line);
    }
  }
  std::size_t parsed_lines = 0;
  for (const auto& line : lines) {
    auto words = shell_words(line);
    if (words.empty()) continue;
    ++parsed_lines;
    auto parsed = parse(commands_, words);
    EXPECT_EQ(parsed.error, "") << line;
  }
  EXPECT_GT(parsed_lines, 70u);
}

TEST_F(CliTest, ServerAddTakesACommandBehindTwoDashes) {
  const std::string file = std::string(::testing::TempDir()) + "callgate-secret.txt";
  std::FILE* out = std::fopen(file.c_str(), "w");
  ASSERT_NE(out, nullptr);
  std::fputs("s3cr3t\n", out);
  std::fclose(out);
  answer(201, R"({"server":{"slug":"files","id":"u","endpoint":"https://g/mcp/u/","policy":"p"}})");
  EXPECT_EQ(
      run({"server", "add",   "files",        "--workspace",    "/usr:rw",  "--read",   "/usr/lib", "--network", "a.example,b.example:443",
           "--env",  "A=b=c", "--secret-env", "TOKEN=@" + file, "--shared", "--memory", "64MiB",    "--",        "mcp-files",
           "--root", "/usr"}),
      kOk)
      << err_;
  EXPECT_EQ(requests_.at(0).body,
            R"({"name":"files","command":["mcp-files","--root","/usr"],"environment":{"A":"b=c"},"secret_environment":{"TOKEN":"s3cr3t"},)"
            R"("workspace":"/usr","workspace_access":"rw","readable":["/usr/lib"],"network":["a.example","b.example:443"],)"
            R"("memory_bytes_max":67108864,"shared":true})");
  EXPECT_EQ((out_ + err_).find("s3cr3t"), std::string::npos);
  std::remove(file.c_str());
  requests_.clear();
  EXPECT_EQ(run({"server", "add", "files"}), kUsage);
  EXPECT_EQ(run({"server", "add", "files", "https://x.example/mcp", "--", "mcp-files"}), kUsage);
  EXPECT_EQ(run({"server", "add", "files", "--secret-env", "TOKEN=visible", "--", "mcp-files"}), kInvalid);
  EXPECT_EQ(run({"server", "add", "files", "--workspace", "/no/such/place", "--", "mcp-files"}), kInvalid);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(CliTest, ServerAddSendsHeadersFromEnvironmentAndShowsEachStage) {
  ::setenv("CALLGATE_TEST_HEADER", "Bearer secret", 1);
  answer(201, R"({"server":{"slug":"refunds","id":"u","endpoint":"https://g/mcp/u/","policy":""},
                  "probe":{"ok":true,"stages":[{"name":"resolve","ok":true,"skipped":false,"what":"192.0.2.1","why":"","fix":""}]}})");
  EXPECT_EQ(run({"server", "add", "refunds", "https://mcp.example.com/mcp", "--header-env", "Authorization=CALLGATE_TEST_HEADER",
                 "--allow-private"}),
            kOk);
  EXPECT_EQ(requests_.at(0).path, "/api/v1/servers");
  EXPECT_EQ(requests_[0].body,
            R"({"name":"refunds","url":"https://mcp.example.com/mcp","allow_private":true,"headers":{"Authorization":"Bearer secret"}})");
  EXPECT_NE(err_.find("ok    resolve   192.0.2.1"), std::string::npos) << err_;
  EXPECT_EQ((out_ + err_).find("secret"), std::string::npos);
}

TEST_F(CliTest, AFailedProbeSaysWhatWhyAndFix) {
  answer(
      422,
      R"({"error":{"code":"invalid_argument","reason":"server.probe_failed","message":"the probe failed at `tls`: expired","fix":"renew it"},
                  "probe":{"ok":false,"stages":[{"name":"tls","ok":false,"skipped":false,
                   "what":"","why":"certificate expired","fix":"renew it"}]}})");
  EXPECT_EQ(run({"server", "add", "a", "https://x.example/"}), kInvalid);
  EXPECT_NE(err_.find("FAIL  tls       certificate expired"), std::string::npos) << err_;
  EXPECT_NE(err_.find("fix: renew it"), std::string::npos);
}

TEST_F(CliTest, ExitCodesFollowTheAnswer) {
  auto code_for = [&](int status, std::string_view reason) {
    answer(status, R"({"error":{"code":"x","reason":")" + std::string(reason) + R"(","message":"m"}})");
    return run({"server", "show", "a"});
  };
  EXPECT_EQ(code_for(404, "catalog.no_server"), kNotFound);
  EXPECT_EQ(code_for(401, "admin.missing_token"), kNotAuthenticated);
  EXPECT_EQ(code_for(403, "admin.role"), kDenied);
  EXPECT_EQ(code_for(409, "x"), kConflict);
  EXPECT_EQ(code_for(422, "x"), kInvalid);
  EXPECT_EQ(code_for(422, "admin.unknown_reference"), kUnknownId);
  EXPECT_EQ(code_for(503, "store.busy"), kRetryable);
  EXPECT_EQ(code_for(503, "audit.unavailable"), kOperator);
  EXPECT_EQ(code_for(500, "internal.unknown"), kFailed);
  EXPECT_EQ(run({"server", "show", "a"}), kUnreachable);
}

TEST_F(CliTest, ListsComeInEveryForm) {
  const std::string body = R"({"items":[{"slug":"a","name":"A","url":"https://a/","policy":"","disabled":false}],"next":null})";
  auto shown = [&](const std::string& form) {
    answer(200, body);
    EXPECT_EQ(run({"server", "ls", "-o", form}), kOk) << err_;
    return out_;
  };
  EXPECT_EQ(shown("name"), "a\n");
  EXPECT_EQ(shown("json"), "{\"items\":[{\"slug\":\"a\",\"name\":\"A\",\"url\":\"https://a/\",\"policy\":\"\",\"disabled\":false}]}\n");
  EXPECT_EQ(shown("jsonl"), "{\"slug\":\"a\",\"name\":\"A\",\"url\":\"https://a/\",\"policy\":\"\",\"disabled\":false}\n");
  EXPECT_EQ(shown("yaml"), "items:\n- slug: a\n  name: A\n  url: \"https://a/\"\n  policy: \"\"\n  disabled: false\n");
  EXPECT_EQ(shown("table"), "SLUG  NAME  URL         POLICY  DISABLED\na     A     https://a/          false\n");
  EXPECT_NE(shown("wide").find("ENDPOINT"), std::string::npos);
}

TEST_F(CliTest, ListsFollowTheCursor) {
  answer(200, R"({"items":[{"slug":"a"}],"next":"k/1"})");
  answer(200, R"({"items":[{"slug":"b"}],"next":null})");
  EXPECT_EQ(run({"server", "ls", "-o", "name"}), kOk);
  EXPECT_EQ(out_, "a\nb\n");
  EXPECT_NE(requests_.at(1).path.find("cursor=k%2F1"), std::string::npos);
}

// T-64: what servers and agents wrote cannot drive a terminal.
TEST_F(CliTest, DataCannotDriveTheTerminal) {
  EXPECT_EQ(terminal_safe("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(terminal_safe("one\ntwo\tthree\r"), "one\\ntwo\\tthree\\x0d");
  EXPECT_EQ(terminal_safe("\xc2\x9b"
                          "31m"),
            "\\x9b31m");
  EXPECT_EQ(terminal_safe("abc\xe2\x80\xae"
                          "fed"),
            "abc<U+202e>fed");
  EXPECT_EQ(terminal_safe("\xf3\xa0\x81\x81"), "<U+e0041>");
  EXPECT_EQ(terminal_safe("\xff"), "\xef\xbf\xbd");
  EXPECT_EQ(terminal_safe("Grüße 💡"), "Grüße 💡");
  EXPECT_EQ(json_safe("{\"a\":\"\xc2\x9b\xe2\x80\xae\"}"), "{\"a\":\"\\u009b\\u202e\"}");
  answer(200, "{\"items\":[{\"slug\":\"a\",\"name\":\"\\u001b]0;owned\\u0007\",\"url\":\"x\"}],\"next\":null}");
  EXPECT_EQ(run({"server", "ls"}), kOk);
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
  answer(404, "{\"error\":{\"reason\":\"x\",\"message\":\"\\u001b[2J gone\"}}");
  run({"server", "show", "a"});
  EXPECT_EQ(err_.find('\x1b'), std::string::npos);
}

TEST_F(CliTest, MintPrintsTheTokenOnceWithTheSetupLine) {
  const std::string minted = R"({"grant":{"id":"grt_1","label":"laptop","state":"live"},"token":"cg_T",
    "setup":[{"server":"refunds","client":"claude-code",
     "text":"claude mcp add refunds --transport http https://g/mcp/u/ --header \"Authorization: Bearer cg_T\"\n"}]})";
  answer(201, minted);
  EXPECT_EQ(run({"grant", "mint", "laptop", "--for", "ada", "--server", "refunds", "--network", "10.0.0.0/8", "--network", "192.0.2.1"}),
            kOk);
  EXPECT_EQ(requests_.at(0).body, R"({"label":"laptop","principal":"ada","servers":["refunds"],"networks":["10.0.0.0/8","192.0.2.1"]})");
  EXPECT_NE(out_.find("token: cg_T\n"), std::string::npos);
  EXPECT_NE(out_.find("claude mcp add refunds --transport http https://g/mcp/u/ --header \"Authorization: Bearer cg_T\"\n"),
            std::string::npos);
  answer(201, minted);
  EXPECT_EQ(run({"grant", "mint", "laptop", "--for", "ada", "--server", "refunds", "-o", "name"}), kOk);
  EXPECT_EQ(out_, "cg_T\n");
  EXPECT_EQ(run({"grant", "mint", "laptop", "--server", "refunds"}), kUsage);
}

TEST_F(CliTest, MintAddsANewUserOnlyWhenAsked) {
  answer(404, R"({"error":{"reason":"identity.no_principal","message":"none"}})");
  answer(201, R"({"name":"ada"})");
  answer(201, R"({"grant":{"id":"g"},"token":"cg_T","setup":[]})");
  EXPECT_EQ(run({"grant", "mint", "laptop", "--user", "ada", "--server", "a"}), kOk);
  ASSERT_EQ(requests_.size(), 3u);
  EXPECT_EQ(requests_[1].path, "/api/v1/users");
}

TEST_F(CliTest, RemovalsAskFirst) {
  EXPECT_EQ(run({"server", "rm", "a"}), kFailed);
  EXPECT_TRUE(requests_.empty());
  answer(200, R"({"removed":"a"})");
  EXPECT_EQ(run({"server", "rm", "a", "--yes"}), kOk);
  EXPECT_EQ(run({"grant", "revoke", "a", "--dry-run"}), kOk);
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(CliTest, PlanReadsTheDirectoryAndExitsTwentyOnChanges) {
  ::setenv("CALLGATE_TEST_KEY", "s3cret", 1);
  file("gate/servers.yaml",
       "- name: refunds\n  slug: refunds\n  url: https://mcp.example.com/mcp\n  allow_private: true\n  headers: {X-Key: "
       "\"${env:CALLGATE_TEST_KEY}\"}\n");
  file("gate/policies/refunds.yaml", "version: \"1\"\ndefault: deny\n");
  answer(200, R"({"steps":[{"change":"add","kind":"server","name":"refunds","lines":["url: x"]}],"adds":1,"changes":0,"removes":0})");
  EXPECT_EQ(run({"plan", "-f", (directory_ / "gate").string()}), kChanges) << err_;
  EXPECT_EQ(out_, "+ server refunds\n    url: x\n");
  EXPECT_EQ(requests_.at(0).body,
            R"({"policies":[{"name":"refunds","text":"version: \"1\"\ndefault: deny\n"}],"servers":[{"name":"refunds","slug":"refunds",)"
            R"("url":"https://mcp.example.com/mcp","allow_private":true,"headers":{"X-Key":"s3cret"}}]})");
  answer(200, R"({"steps":[],"adds":0,"changes":0,"removes":0})");
  EXPECT_EQ(run({"plan", "-f", (directory_ / "gate").string()}), kOk);
  EXPECT_EQ(run({"plan", "-f", (directory_ / "nothing").string()}), kNotFound);
}

TEST_F(CliTest, YamlBecomesJsonWithoutSurprises) {
  EXPECT_EQ(yaml_to_json("a: 1\nb: '1'\nc: yes\nd: [true, null, 1.50, x]\ne: 08\n", "f").value(),
            R"({"a":1,"b":"1","c":"yes","d":[true,null,1.50,"x"],"e":"08"})");
  for (const char* text : {"a: 1\na: 2\n", "a: ${env:CALLGATE_NOT_SET}\n", "a: ${vault:x}\n", "a: ${env\n", "a: [", "[a]: 1\n"})
    EXPECT_FALSE(yaml_to_json(text, "f")) << text;
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    std::string before = "*a" + std::to_string(i - 1), line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) line += "," + before;
    bomb += line + "]\n";
  }
  EXPECT_EQ(yaml_to_json(bomb, "f").error().code, Code::TooLarge);
}

TEST_F(CliTest, SetupPrintsTheExactLine) {
  answer(200, R"({"server":{"slug":"refunds","endpoint":"https://g/mcp/u/"}})");
  EXPECT_EQ(run({"setup", "claude-code", "--server", "refunds", "--token-file", file("t", "cg_T\n")}), kOk) << err_;
  EXPECT_EQ(out_, "claude mcp add refunds --transport http https://g/mcp/u/ --header \"Authorization: Bearer cg_T\"\n");
  EXPECT_EQ(run({"setup", "cursr"}), kUsage);
  EXPECT_NE(err_.find("did you mean `cursor`?"), std::string::npos);
}

TEST_F(CliTest, SetupWritesWithBackupAndKeepsTheRest) {
  auto path =
      file("mcp.json",
           R"({"other": 1.50, "mcpServers": {"mine": {"url": "https://mine/", "headers": {"Authorization": "Bearer own-secret"}}}})");
  answer(200, R"({"server":{"slug":"refunds","endpoint":"https://g/mcp/u/"}})");
  EXPECT_EQ(run({"setup", "cursor", "--server", "refunds", "--token-file", file("t", "cg_T"), "--write", "--to", path, "--yes"}), kOk)
      << err_;
  EXPECT_EQ((out_ + err_).find("cg_T"), std::string::npos);
  EXPECT_EQ((out_ + err_).find("own-secret"), std::string::npos);
  auto text = read_text(path).value();
  EXPECT_NE(text.find("\"other\": 1.50"), std::string::npos) << text;
  EXPECT_NE(text.find("Bearer own-secret"), std::string::npos);
  EXPECT_NE(text.find("Bearer cg_T"), std::string::npos);
  std::size_t backups = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_))
    backups += entry.path().string().find(".callgate-backup-") != std::string::npos;
  EXPECT_EQ(backups, 1u);
  config::ClientSetup setup = *config::client_setup("vscode", {"refunds", "https://g/", "cg_T"});
  EXPECT_FALSE(merged_setup("// comment\n{}", setup, "refunds"));
  EXPECT_FALSE(merged_setup(R"({"servers": []})", setup, "refunds"));
  EXPECT_TRUE(merged_setup("", setup, "refunds"));
  auto codex = *config::client_setup("codex", {"refunds", "https://g/", "cg_T"});
  auto toml = merged_setup("model = \"x\"", codex, "refunds").value();
  EXPECT_TRUE(toml.starts_with("model = \"x\"\n\n[mcp_servers.refunds]\n")) << toml;
  EXPECT_FALSE(merged_setup(toml, codex, "refunds"));
}

TEST_F(CliTest, TailPrintsOldestFirstOnOneLineEach) {
  answer(
      200,
      R"({"items":[{"sequence":2,"time":"T2","effect":"deny","kind":"call","principal":"ada","tool":"pay","reason":"policy.deny_if","message":"no\nway"},
                           {"sequence":1,"time":"T1","effect":"allow","kind":"call","principal":"ada",
                            "tool":"pay","reason":"ok"}],"next":null})");
  EXPECT_EQ(run({"audit", "tail"}), kOk);
  EXPECT_EQ(out_, "T1  allow  call ada pay ok\nT2  deny   call ada pay policy.deny_if no\\nway\n");
}

TEST_F(CliTest, ExportJoinsPagesUnderOneTitleLine) {
  answers_.push_back({200, "sequence,time\r\n1,a\r\n", "1"});
  answers_.push_back({200, "sequence,time\r\n2,b\r\n", ""});
  EXPECT_EQ(run({"audit", "export", "--format", "csv"}), kOk);
  EXPECT_EQ(out_, "sequence,time\r\n1,a\r\n2,b\r\n");
}

TEST_F(CliTest, VerifySaysWhatIsWrongAndExitsOne) {
  answer(200, R"({"ok":false,"records":3,"problem":"record 2 was edited"})");
  EXPECT_EQ(run({"audit", "verify"}), kFailed);
  EXPECT_NE(err_.find("record 2 was edited"), std::string::npos);
  EXPECT_EQ(run({"audit", "verify", "--offline"}), kNotFound);
  EXPECT_EQ(run({"audit", "verify", "--head", "x"}), kUsage);
}

TEST_F(CliTest, ConfigShowsWhereValuesComeFrom) {
  EXPECT_EQ(run({"config", "show", "--origin"}), kOk);
  EXPECT_NE(out_.find("--data_dir"), std::string::npos) << out_;
  EXPECT_EQ(run({"config", "schema"}), kOk);
  json::Document schema;
  EXPECT_TRUE(schema.parse(out_)) << out_;
  EXPECT_TRUE(schema.root()["properties"]["audit"]["properties"]["commit"]["enum"].is_array());
}

TEST_F(CliTest, CompletionKnowsCommandsAndOptions) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(run({"completion", shell}), kOk);
    EXPECT_NE(out_.find("rollback"), std::string::npos) << shell;
    EXPECT_NE(out_.find("no-probe"), std::string::npos) << shell;
  }
  EXPECT_EQ(run({"completion", "cmd.exe"}), kUsage);
}

TEST_F(CliTest, DoctorSaysWhatHelps) {
  EXPECT_EQ(run({"doctor"}), kFailed);
  EXPECT_NE(out_.find("callgate serve"), std::string::npos) << out_;
}

TEST(Cli, ReferencePageMatchesTheCommands) {
  std::string path = CALLGATE_SOURCE_DIR "/docs/reference/cli.md";
  if (std::getenv("CALLGATE_UPDATE_DOCS")) std::ofstream(path) << cli_markdown();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), cli_markdown()) << "run this test with CALLGATE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace callgate::cli
