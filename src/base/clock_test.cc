#include "base/clock.h"

#include <gtest/gtest.h>

namespace callgate {
namespace {

TEST(Clock, WritesAndReadsRfc3339) {
  auto time = parse_time("2026-07-28T09:30:00.250+02:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-07-28T07:30:00.250Z");
}

TEST(Clock, RefusesTimesThatAreNotOnTheCalendar) {
  for (auto text : {"2026-02-30T00:00:00Z", "2026-07-28", "2026-07-28T25:00:00Z", "2026-07-28T09:30:00", "2026-07-28T09:30:00Zx", ""})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Clock, ReadsDurations) {
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(parse_duration("30d"), std::chrono::hours(720));
  for (auto text : {"", "5", "-5m", "1.5h", "m", "10w"}) EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace callgate
