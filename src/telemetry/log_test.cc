#include "telemetry/log.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace callgate::telemetry {
namespace {

std::string logged(bool json, std::string_view phrase, std::initializer_list<Field> fields) {
  ::testing::internal::CaptureStderr();
  configure_log(Level::Info, json);
  log_info(phrase, fields);
  configure_log(Level::Info, false);
  return ::testing::internal::GetCapturedStderr();
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Log, IsOnePhraseAndItsFields) {
  EXPECT_TRUE(
      has(logged(false, "server added", {{"server", "refunds"}, {"by", "ada l"}}), " info  server added server=refunds by=\"ada l\"\n"));
  EXPECT_TRUE(has(logged(true, "server added", {{"by", "ada"}}), R"("level":"info","message":"server added","by":"ada"})"
                                                                 "\n"));
  EXPECT_EQ(logged(false, "x", {{"a", "{} {0} %s"}}).find("{} {0} %s"), logged(false, "x", {{"a", "{} {0} %s"}}).find("a=") + 3);
}

// T-69: nothing a peer wrote begins a line of its own, moves a cursor or turns text around.
TEST(Log, StaysOneLineWhateverAPeerPutIntoAValue) {
  for (bool json : {false, true}) {
    for (std::string bad : {"a\nlevel=error forged", "a\r\nb", "\x1b[2Ka", "a\"b\\", "\x7f",
                            "\xc2\x9b"
                            "31mred",
                            "a\xe2\x80\xa8next", "\xe2\x80\xaetxt.exe", "\xff\xfe", "\xc3", "\xed\xa0\x80", "\xf3\xa0\x81\xa1"}) {
      const std::string line = logged(json, "server said", {{"text", bad}, {"end", "yes"}});
      ASSERT_FALSE(line.empty());
      EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
      EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); })) << line;
      EXPECT_TRUE(has(line, json ? R"("end":"yes"})" : "end=yes")) << line;
    }
    EXPECT_TRUE(has(logged(json, "x", {{"name", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"}}), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
  }
}

}  // namespace
}  // namespace callgate::telemetry
