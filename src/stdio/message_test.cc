#include "stdio/message.h"

#include <gtest/gtest.h>

#include "stdio/error_log.h"
#include "stdio/lines.h"

namespace callgate::stdio {
namespace {

TEST(StdioMessage, ReplacesSingleValuesAndNothingElse) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"({"id":"1","params":{"_meta":{"progressToken":{"a":1}},"text":"\"id\":1","n":1.50}})"));
  const json::Value root = document.root();
  std::string out;
  append_replaced(out, root, {{root["params"]["_meta"]["progressToken"], "7"}, {root["id"], "7"}, {root["absent"], "9"}});
  EXPECT_EQ(out, R"({"id":7,"params":{"_meta":{"progressToken":7},"text":"\"id\":1","n":1.50}})");
}

TEST(StdioMessage, ReplacesInsideAnElementOfAnArray) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"([{"id":1},{"id":2,"x":[2]}])"));
  const json::Value second = document.root().child(1);
  std::string out;
  append_replaced(out, second, {{second["id"], "\"b\""}});
  EXPECT_EQ(out, R"({"id":"b","x":[2]})");
}

TEST(StdioMessage, OwnNumbersAreWholeAndPositive) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"([1,"2",0,-1,1.0,1e1,"1x","",null,true,99999999999999999999])"));
  const auto number = [&](std::uint32_t at) { return own_number(document.root().child(at)); };
  EXPECT_EQ(number(0), 1);
  EXPECT_EQ(number(1), 2);
  for (std::uint32_t at = 2; at < 11; ++at) EXPECT_EQ(number(at), std::nullopt) << at;
}

struct Collected {
  std::vector<std::string> lines;
  int too_long = 0;
  bool go_on = true;
  void add(LineCutter& cutter, std::string_view piece) {
    cutter.add(
        piece,
        [this](std::string_view text) {
          lines.emplace_back(text);
          return go_on;
        },
        [this] { ++too_long; });
  }
};

TEST(StdioLines, CutsHoweverTheBytesArrive) {
  const std::string text = "one\r\n\ntwo\nthree and more\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    LineCutter cutter(1'000);
    Collected got;
    for (std::size_t at = 0; at < text.size(); at += step) got.add(cutter, std::string_view(text).substr(at, step));
    EXPECT_EQ(got.lines, (std::vector<std::string>{"one", "two", "three and more"})) << step;
  }
}

// T-71
TEST(StdioLines, ALineTooLongIsReportedOnceAndPassedOver) {
  for (const std::size_t step : {1UL, 7UL, 400UL}) {
    LineCutter cutter(100);
    Collected got;
    const std::string text = "ok\n" + std::string(300, 'x') + "\nafter\n" + std::string(100, 'y') + "\n";
    for (std::size_t at = 0; at < text.size(); at += step) got.add(cutter, std::string_view(text).substr(at, step));
    EXPECT_EQ(got.too_long, 1) << step;
    EXPECT_EQ(got.lines, (std::vector<std::string>{"ok", "after", std::string(100, 'y')})) << step;
  }
}

TEST(StdioLines, ReadsOnWhereItWasStopped) {
  LineCutter cutter(100);
  Collected got;
  got.go_on = false;
  got.add(cutter, "a\nb\nc");
  EXPECT_EQ(got.lines.size(), 1u);
  EXPECT_TRUE(cutter.waiting());
  got.go_on = true;
  got.add(cutter, {});
  got.add(cutter, "d\n");
  EXPECT_EQ(got.lines, (std::vector<std::string>{"a", "b", "cd"}));
}

TEST(StdioErrorLog, KeepsTheLastLinesOfAllProcessesInOrder) {
  ManualClock clock;
  ErrorLog log(clock, 1'000);
  log.append(1, "from one\nhalf");
  log.append(2, "from two\n");
  log.append(1, " line\n");
  auto lines = log.since(0, 100);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].text, "from one");
  EXPECT_EQ(lines[1].text, "from two");
  EXPECT_EQ(lines[1].process, 2u);
  EXPECT_EQ(lines[2].text, "half line");
  EXPECT_EQ(log.since(2, 100).size(), 1u);
  EXPECT_EQ(log.since(0, 1)[0].text, "half line");
  for (int i = 0; i < 100; ++i) log.append(1, "again\n");
  EXPECT_LE(log.since(0, 1'000).size(), 15u);
}

// T-68, T-71
TEST(StdioErrorLog, MasksTheServersOwnSecrets) {
  ManualClock clock;
  ErrorLog log(clock, 10'000);
  std::vector<Secret> secrets;
  secrets.emplace_back("s3cr3t-value");
  secrets.emplace_back("no");
  log.set_secrets(std::move(secrets));
  log.append(1, "token s3cr3t-value twice s3cr3t-value, no \x1b[31mred\n");
  const std::string text = log.since(0, 1).at(0).text;
  EXPECT_EQ(text.find("s3cr3t"), std::string::npos) << text;
  EXPECT_NE(text.find("no "), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace callgate::stdio
