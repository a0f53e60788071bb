#include "limits/window.h"

#include <gtest/gtest.h>

#include <random>

using namespace callgate;
using namespace callgate::limits;
using policy::Window;
using policy::WindowKind;

namespace {

constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kDay = 86'400 * kSecond;
constexpr std::int64_t kMidnight = 20'000 * kDay;

Decimal number(std::string_view text) { return *Decimal::parse(text); }

Meter meter(WindowKind kind, Window window, std::string_view max, std::int64_t now) {
  Meter m;
  m.shape = {window, kind, false};
  m.max = number(max);
  m.start_at(now, 0);
  return m;
}

TEST(Calendar, StartsANewWindowAtTheBorderAndNotBefore) {
  Meter m = meter(WindowKind::Calendar, Window::Day, "5000", kMidnight + 100);
  ASSERT_TRUE(m.add(number("4999.5")));
  m.roll(kMidnight + kDay - 1);
  EXPECT_EQ(m.used, number("4999.5"));
  EXPECT_TRUE(m.fits(number("0.5"), m.max));
  EXPECT_FALSE(m.fits(number("0.51"), m.max));
  EXPECT_EQ(m.room_at_us(number("1"), m.max), kMidnight + kDay);
  m.roll(kMidnight + kDay);
  EXPECT_TRUE(m.used.zero());
}

// T-22
TEST(Calendar, NeverReopensAWindowWhenTheClockStepsBack) {
  Meter m = meter(WindowKind::Calendar, Window::Day, "10", kMidnight);
  m.add(number("3"));
  m.roll(kMidnight + kDay);
  m.add(number("10"));
  m.roll(kMidnight + 5);  // back into yesterday
  EXPECT_EQ(m.used, number("10"));
  EXPECT_EQ(m.start_us, kMidnight + kDay);
}

TEST(Calendar, GivesBackOnlyWithinItsWindow) {
  Meter m = meter(WindowKind::Calendar, Window::Minute, "10", kMidnight);
  m.add(number("4"));
  std::int64_t part = m.start_us;
  m.give_back(number("1"), part);
  EXPECT_EQ(m.used, number("3"));
  m.roll(kMidnight + kMinute);
  m.add(number("2"));
  m.give_back(number("3"), part);  // of the minute before
  EXPECT_EQ(m.used, number("2"));
}

TEST(Sliding, CountsTheWholeWindowBeforeNow) {
  Meter m = meter(WindowKind::Sliding, Window::Minute, "10", kMidnight);
  m.add(number("10"));
  m.roll(kMidnight + kMinute);
  EXPECT_EQ(m.used, number("10"));  // the part it was counted in may still reach into the window
  m.roll(kMidnight + kMinute + kSecond - 1);
  EXPECT_EQ(m.used, number("10"));
  EXPECT_EQ(m.room_at_us(number("1"), m.max), kMidnight + kMinute + kSecond);
  m.roll(kMidnight + kMinute + kSecond);
  EXPECT_TRUE(m.used.zero());
}

// T-22
TEST(Sliding, NeverLetsMoreThanTheMaximumThroughInAnyWindow) {
  std::mt19937_64 random(7);
  Meter m = meter(WindowKind::Sliding, Window::Minute, "100", kMidnight);
  std::vector<std::pair<std::int64_t, int>> passed;
  std::int64_t now = kMidnight, latest = kMidnight;  // the latest time the clock ever showed
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<std::int64_t>(random() % 1'500'000);
    std::int64_t seen = random() % 10 == 0 ? now - static_cast<std::int64_t>(random() % 5'000'000) : now;  // a clock that steps back
    int amount = static_cast<int>(random() % 20);
    latest = std::max(latest, seen);
    m.roll(seen);
    if (!m.fits(Decimal(amount), m.max)) continue;
    m.add(Decimal(amount));
    passed.emplace_back(latest, amount);
    int sum = 0;
    for (auto it = passed.rbegin(); it != passed.rend() && it->first > latest - kMinute; ++it) sum += it->second;
    ASSERT_LE(sum, 100);
  }
  EXPECT_LE(m.parts.size(), 61U);
}

TEST(Sliding, GivesBackIntoThePartItCameFrom) {
  Meter m = meter(WindowKind::Sliding, Window::Minute, "10", kMidnight);
  m.add(number("6"));
  std::int64_t part = m.start_us;
  m.roll(kMidnight + 30 * kSecond);
  m.add(number("4"));
  m.give_back(number("5"), part);
  EXPECT_EQ(m.used, number("5"));
  m.give_back(number("5"), part);  // never below what that part holds
  EXPECT_EQ(m.used, number("4"));
}

TEST(TokenBucket, RefillsExactlyAndEvenly) {
  Meter m = meter(WindowKind::TokenBucket, Window::Minute, "10", kMidnight);
  m.add(number("10"));
  EXPECT_FALSE(m.fits(number("0.001"), m.max));
  EXPECT_EQ(m.room_at_us(number("1"), m.max), kMidnight + 6 * kSecond);
  m.roll(kMidnight + 6 * kSecond - 1);
  EXPECT_FALSE(m.fits(number("1"), m.max));
  m.roll(kMidnight + 6 * kSecond);
  EXPECT_EQ(m.used, number("9"));
  EXPECT_TRUE(m.fits(number("1"), m.max));
  m.roll(kMidnight + 10 * kMinute);
  EXPECT_TRUE(m.used.zero());
}

// T-22
TEST(TokenBucket, NeverPassesCapacityAndRateHoweverOftenItIsAsked) {
  std::mt19937_64 random(11);
  Meter m = meter(WindowKind::TokenBucket, Window::Minute, "7", kMidnight);
  std::int64_t now = kMidnight;
  Decimal through;
  for (int i = 0; i < 200'000; ++i) {
    now += static_cast<std::int64_t>(random() % 3'000);
    m.roll(random() % 50 == 0 ? now - 1'000'000 : now);
    if (!m.fits(number("0.3"), m.max)) continue;
    m.add(number("0.3"));
    through = *through.plus(number("0.3"));
  }
  double minutes = static_cast<double>(now - kMidnight) / static_cast<double>(kMinute);
  double allowed = 7 + 7 * minutes;
  double counted = std::stod(through.text());
  EXPECT_LE(counted, allowed);
  EXPECT_GE(counted, allowed - 0.5);  // and it does refill: nothing is lost to rounding
}

TEST(TokenBucket, DoesNotGiveBackWhatWasRefilledMeanwhile) {
  Meter m = meter(WindowKind::TokenBucket, Window::Minute, "10", kMidnight);
  m.add(number("10"));
  std::int64_t part = m.start_us;
  m.roll(kMidnight + 30 * kSecond);  // 5 are back
  m.add(number("5"));
  m.give_back(number("10"), part);  // 5 of it were refilled already
  EXPECT_EQ(m.used, number("5"));
  Meter at_once = meter(WindowKind::TokenBucket, Window::Minute, "10", kMidnight);
  at_once.add(number("10"));
  at_once.give_back(number("10"), at_once.start_us);
  EXPECT_TRUE(at_once.used.zero());
}

TEST(Meter, KeepsSumsExact) {
  Meter m = meter(WindowKind::Calendar, Window::Day, "1", kMidnight);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(m.fits(number("0.1"), m.max) && m.add(number("0.1")));
  EXPECT_EQ(m.used, number("1"));
  EXPECT_FALSE(m.fits(number("0.000000000000000001"), m.max));
}

TEST(Meter, ForgetsNothingThatStillCounts) {
  for (auto kind : {WindowKind::Calendar, WindowKind::Sliding, WindowKind::TokenBucket}) {
    Meter m = meter(kind, Window::Minute, "10", kMidnight);
    m.add(number("10"));
    for (std::int64_t now = kMidnight; now < kMidnight + 3 * kMinute; now += 250'000) {
      if (!m.expired(now)) continue;
      Meter later = m;
      later.roll(now);
      EXPECT_TRUE(later.used.zero());
    }
    EXPECT_TRUE(m.expired(kMidnight + 3 * kMinute));
  }
}

}  // namespace
