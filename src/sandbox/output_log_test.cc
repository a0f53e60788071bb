#include "sandbox/output_log.h"

#include <gtest/gtest.h>

namespace callgate::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Fixture {
  explicit Fixture(OutputLog::Options options = {}) : log(options) {}
  void add(std::string_view bytes) { log.append(bytes, clock.now(), clock.mono()); }
  std::string last() const { return log.lines().empty() ? std::string() : log.lines().back().text; }
  ManualClock clock;
  OutputLog log;
};

TEST(OutputLog, KeepsLinesHoweverTheyArrive) {
  Fixture f;
  f.add("one\ntw");
  f.add("o\r\nthree");
  ASSERT_EQ(f.log.lines().size(), 2U);
  EXPECT_EQ(f.log.lines()[0].text, "one");
  EXPECT_EQ(f.log.lines()[1].text, "two");
  f.log.finish(f.clock.now());
  EXPECT_EQ(f.last(), "three");
  EXPECT_EQ(f.log.lines().back().number, 3U);
}

TEST(OutputLog, NothingThatSteersATerminalStaysIn) {
  Fixture f;
  f.add("\x1b[31mred\x1b[0m \x1b]0;title\x07plain \x1b]8;;http://x\x1b\\link \x07\x08z\x7f\n");
  EXPECT_EQ(f.last(), "red plain link ??z?");
  f.add(
      "\xc2\x9b"
      "31m c1 \xe2\x80\xae"
      "flip \xff\xfe broken \xe2\x82\n");
  EXPECT_EQ(f.last(), "?31m c1 ?flip ?? broken ??");
  f.add(
      "gr\xc3\xbc\xc3\x9f"
      "e \xe2\x82\xac \xf0\x9f\x98\x80\n");
  EXPECT_EQ(f.last(),
            "gr\xc3\xbc\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x98\x80");
  f.add("\x1b[31");  // a sequence that never ends takes no more than its line
  f.add("\nnext\n");
  EXPECT_EQ(f.last(), "next");
}

// T-71
TEST(OutputLog, AFloodCostsNoMoreThanItsBounds) {
  Fixture f({64 * 1024, 2048, 64 * 1024});
  const std::string line = std::string(99, 'x') + "\n";
  std::string block;
  for (int i = 0; i < 600; ++i) block += line;
  for (int i = 0; i < 2000; ++i) {
    f.add(block);
    f.clock.advance(milliseconds(1));
  }
  EXPECT_EQ(f.log.bytes_seen(), 2000U * 60000U);
  EXPECT_GT(f.log.bytes_dropped(), 119'000'000U);
  std::size_t kept = 0, marks = 0;
  for (const auto& each : f.log.lines()) {
    kept += each.text.size();
    marks += each.text.find("too much output") != std::string::npos ? 1 : 0;
  }
  EXPECT_LE(kept, 64U * 1024U);
  EXPECT_LE(marks, 1U);
}

TEST(OutputLog, AfterAFloodLinesAreKeptAgain) {
  Fixture f({64 * 1024, 2048, 1000});
  f.add(std::string(5000, 'x'));
  EXPECT_NE(f.last().find("too much output"), std::string::npos);
  f.clock.advance(seconds(2));
  f.add("\nquiet again\n");
  EXPECT_EQ(f.last(), "quiet again");
}

TEST(OutputLog, OneEndlessLineIsCut) {
  Fixture f({64 * 1024, 100, 1 << 20});
  f.add(std::string(5000, 'x') + "\n");
  EXPECT_EQ(f.last().size(), 100U);
  EXPECT_EQ(f.log.bytes_dropped(), 4900U);
}

TEST(OutputLog, EmptyLinesAreBoundedToo) {
  Fixture f({3200, 100, 1 << 20});
  f.add(std::string(100'000, '\n'));
  EXPECT_LE(f.log.lines().size(), 101U);
}

}  // namespace
}  // namespace callgate::sandbox
