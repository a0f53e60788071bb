#include "session/sse.h"

#include <gtest/gtest.h>

namespace callgate::session {
namespace {

std::string show(const SseEvent& event) {
  std::string text = std::string(event.event) + "|" + std::string(event.data) + (event.has_data ? "" : "(none)");
  if (event.id) text += "|id=" + std::string(*event.id);
  if (event.retry_ms) text += "|retry=" + std::to_string(*event.retry_ms);
  return text;
}

std::vector<std::string> read_in(std::string_view stream, std::size_t step, std::size_t first = 0) {
  std::vector<std::string> events;
  SseReader reader(1 << 20);
  const auto note = [&](const SseEvent& event) {
    events.push_back(show(event));
    return true;
  };
  if (first > 0) {
    EXPECT_TRUE(reader.add(std::string(stream.substr(0, first)), note));
  }
  for (std::size_t at = first; at < stream.size(); at += step) EXPECT_TRUE(reader.add(std::string(stream.substr(at, step)), note));
  return events;
}

std::vector<std::string> read(std::string_view stream) { return read_in(stream, stream.size() + 1); }
using Events = std::vector<std::string>;

// T-42
TEST(SseReader, ReadsTheExamplesOfTheStandard) {
  EXPECT_EQ(read("data: YHOO\ndata: +2\ndata: 10\n\n"), (Events{"|YHOO\n+2\n10"}));
  EXPECT_EQ(read(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"),
            (Events{"|first event|id=1", "|second event|id="}));
  EXPECT_EQ(read("data\n\ndata\ndata\n\ndata:"), (Events{"|", "|\n"}));
  EXPECT_EQ(read("data:test\n\ndata: test\n\n"), (Events{"|test", "|test"}));
}

// T-42
TEST(SseReader, TakesCrLfAndCrLfInAnyMix) {
  const Events wanted{"e|a\nb", "|c"};
  for (const char* eol : {"\n", "\r", "\r\n"}) {
    for (const char* other : {"\n", "\r", "\r\n"}) {
      const std::string a = eol, b = other;
      if (a == "\r" && b == "\n") continue;  // CR then LF is one line end
      EXPECT_EQ(read("event: e" + a + "data: a" + a + "data: b" + a + a + "data: c" + a + a), wanted);
      EXPECT_EQ(read("event: e" + a + "data: a" + b + "data: b" + a + a + "data: c" + b + b), wanted);
    }
  }
  EXPECT_EQ(read("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n"), (Events{"|1", "|2", "|3"}));
}

// T-42
TEST(SseReader, GivesTheSameEventsForEverySplit) {
  const std::string stream =
      "\xEF\xBB\xBF: c\r\nevent: message\r\nid: s17-1\r\nretry: 1500\r\ndata: {\"a\":\"h\xC3\xA9llo \xF0\x9F\x98\x80\"}\r\ndata: "
      "two\r\n\r\n"
      "data: x\r\rdata: y\n\n:\n\n\nid: 9\n\ndata: z\r\n\r\n";
  const Events whole = read(stream);
  ASSERT_EQ(whole.size(), 5U);
  EXPECT_EQ(whole[0], "message|{\"a\":\"h\xC3\xA9llo \xF0\x9F\x98\x80\"}\ntwo|id=s17-1|retry=1500");
  EXPECT_EQ(whole[3], "|(none)|id=9");
  for (std::size_t first = 0; first <= stream.size(); ++first) EXPECT_EQ(read_in(stream, stream.size(), first), whole) << first;
  for (std::size_t step = 1; step < 12; ++step) EXPECT_EQ(read_in(stream, step), whole) << step;
}

// T-42
TEST(SseReader, DropsTheByteOrderMarkOnlyAtTheStart) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "data: 1\n\n\xEF\xBB\xBF"
                 "data: 2\n\n"),
            (Events{"|1"}))
      << "the second is an unknown field";
  EXPECT_EQ(read("\xEF\xBB\xBF\xEF\xBB\xBF"
                 "data: 1\n\ndata: 2\n\n"),
            (Events{"|2"}));
  EXPECT_EQ(read("\xEF\xBB\xBF\n\ndata: 1\n\n"), (Events{"|1"}));
}

// T-42
TEST(SseReader, IgnoresWhatTheStandardIgnores) {
  EXPECT_EQ(read(std::string_view("id: a\0b\ndata: 1\n\n", 17)), (Events{"|1"}));
  EXPECT_EQ(read(std::string_view("id: a\nid: b\0\ndata: 1\n\n", 23)), (Events{"|1|id=a"}));
  EXPECT_EQ(read("retry: -5\nretry: 1x\nretry:\nretry: 9999999999999999\ndata: 1\n\n"), (Events{"|1"}));
  EXPECT_EQ(read("retry: 0\n\n"), (Events{"|(none)|retry=0"}));
  EXPECT_EQ(read("DATA: 1\n data: 2\ndata : 3\nfoo\n\n"), Events{});
  EXPECT_EQ(read(":data: 1\n\n\n\n"), Events{});
  EXPECT_EQ(read("event: a\nevent: b\ndata: 1\n\ndata: 2\n\n"), (Events{"b|1", "|2"}));
  EXPECT_EQ(read("data: a:b: c\n\n"), (Events{"|a:b: c"}));
  EXPECT_EQ(read("data: never finished\n"), Events{});
}

// T-42
TEST(SseReader, TakesALineOfAnySizeBelowTheCap) {
  const std::string big(300'000, 'x');
  EXPECT_EQ(read_in("data: " + big + "\n\n", 4096), (Events{"|" + big}));
}

// T-42
TEST(SseReader, RefusesAnEventPastTheCapAndNeverCutsIt) {
  const auto events_until_error = [](std::string_view stream, std::size_t step) {
    SseReader reader(64);
    int events = 0;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      const auto added = reader.add(stream.substr(at, step), [&](const SseEvent&) {
        ++events;
        return true;
      });
      if (!added) {
        EXPECT_EQ(added.error().code, Code::TooLarge);
        EXPECT_EQ(added.error().reason, "sse.too_large");
        EXPECT_FALSE(reader.add("data: 1\n\n", [&](const SseEvent&) {
          ++events;
          return true;
        })) << "stays failed";
        return events;
      }
    }
    ADD_FAILURE() << "no error";
    return -1;
  };
  const std::string long_line = "data: ok\n\ndata: " + std::string(100, 'x') + "\n\n";
  std::string many_lines = "data: ok\n\n", empty_lines = many_lines, name_and_data = many_lines + "event: " + std::string(40, 'e') + "\n";
  for (int i = 0; i < 20; ++i) many_lines += "data: 12345\n";
  for (int i = 0; i < 100; ++i) empty_lines += "data\n";
  name_and_data += "data: " + std::string(40, 'd') + "\n\n";
  for (const auto& stream : {long_line, many_lines, empty_lines, name_and_data, "data: ok\n\n:" + std::string(100, 'c')}) {
    for (const std::size_t step : {1, 3, 50, 5000}) EXPECT_EQ(events_until_error(stream, step), 1) << stream;
  }
}

TEST(SseReader, StopsWhenAsked) {
  SseReader reader(1000);
  int events = 0;
  EXPECT_TRUE(reader.add("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) {
    ++events;
    return false;
  }));
  EXPECT_EQ(events, 1);
}

TEST(SseReader, KeepsLittleMemoryWhenIdle) {
  SseReader reader(10 << 20);
  EXPECT_TRUE(reader.add("id: 7\ndata: " + std::string(1 << 20, 'x') + "\n\n", [](const SseEvent&) { return true; }));
  EXPECT_TRUE(reader.add("data: " + std::string(1 << 19, 'x'), [](const SseEvent&) { return true; }));
  EXPECT_TRUE(reader.add(std::string(1 << 19, 'x') + "\n\n", [](const SseEvent&) { return true; }));
  EXPECT_LT(reader.memory_bytes(), 10'000U);
}

TEST(AppendSse, WritesWhatTheReaderReads) {
  std::string out;
  append_sse(out, {.event = "message", .data = "a\nb", .id = "7", .retry_ms = 20, .has_data = true});
  EXPECT_EQ(out, "event: message\nid: 7\nretry: 20\ndata: a\ndata: b\n\n");
  out.clear();
  append_sse(out, {.event = {}, .data = "", .id = "s-0", .retry_ms = {}, .has_data = true});
  EXPECT_EQ(out, "id: s-0\ndata: \n\n");
  EXPECT_EQ(read(out), (Events{"||id=s-0"}));
  out.clear();
  append_sse(out, {.event = {}, .data = "x\r\ny\rz\n", .id = {}, .retry_ms = {}});
  EXPECT_EQ(read(out), (Events{"|x\ny\nz\n"}));
  out.clear();
  append_sse(out, SseEvent{});
  EXPECT_EQ(out, "");
}

TEST(AppendSse, LetsNoNameOrIdStartALineOfItsOwn) {
  std::string out;
  append_sse(out, {.event = "a\ndata: evil", .data = "x", .id = "1\rdata: evil", .retry_ms = -1, .has_data = true});
  EXPECT_EQ(out, "data: x\n\n");
}

}  // namespace
}  // namespace callgate::session
