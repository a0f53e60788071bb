#pragma once
// A fixture that runs one command line in this process, against answers a test has laid out; what was printed and asked is kept.

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "cli/cli.h"
#include "cli/parser.h"
#include "cli/session.h"

namespace callgate::cli {

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    init_crypto();
    directory_ = std::filesystem::temp_directory_path() / new_id("cli");
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void answer(int status, std::string body) { answers_.push_back({status, std::move(body), ""}); }

  int run(std::vector<std::string> words) {
    auto parsed = parse(commands_, std::move(words));
    if (!parsed.error.empty()) return err_ = parsed.error, kUsage;
    if (!parsed.help.empty()) return out_ = parsed.help, kOk;
    config::Sources sources;
    sources.system_file.clear();
    sources.flags = {{"data_dir", directory_.string()}, {"output", parsed.args.text("--output", "table")}};
    Session session(
        config::load(sources).value(),
        [this](const HttpRequest& request) -> Result<HttpReply> {
          requests_.push_back(request);
          if (answers_.empty()) return fail(Code::Unavailable, "cli.unreachable", "no gate answers");
          auto reply = answers_.front();
          answers_.pop_front();
          return reply;
        },
        [this](std::string_view text) { out_ += text; }, [this](std::string_view text) { err_ += text; });
    session.yes = parsed.args.given("--yes");
    session.dry_run = parsed.args.given("--dry-run");
    session.quiet = parsed.args.given("--quiet");
    out_.clear();
    err_.clear();
    return parsed.command->run(session, parsed.args);
  }

  std::string file(const std::string& name, const std::string& text) {
    auto path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  std::vector<Command> commands_ = all_commands();
  std::filesystem::path directory_;
  std::deque<HttpReply> answers_;
  std::vector<HttpRequest> requests_;
  std::string out_, err_;
};

}  // namespace callgate::cli
