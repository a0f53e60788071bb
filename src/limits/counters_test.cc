#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "limits/ledger.h"
#include "limits/limits.h"
#include "limits/testing/counters_fixture.h"

using namespace callgate;
using namespace callgate::limits;
using policy::Window;
using policy::WindowKind;

namespace {

using CountersTest = callgate::limits::testing::CountersFixture;

TEST_F(CountersTest, ReservesUpToTheMaximumAndNotBeyond) {
  auto counters = open();
  EXPECT_TRUE(take(*counters, {claim("refunds", "5000", "4999")}));
  EXPECT_TRUE(take(*counters, {claim("refunds", "5000", "1")}));
  EXPECT_FALSE(take(*counters, {claim("refunds", "5000", "0.01")}));
  EXPECT_EQ(used(*counters, "grant/refunds"), "5000");
}

TEST_F(CountersTest, NamesCounterWindowAndResetTimeWhenFull) {
  clock.set_wall(*parse_time("2026-07-28T15:00:00Z"));
  auto counters = open();
  EXPECT_TRUE(take(*counters, {claim("daily_refunds", "5000", "5000")}));
  Reservation reservation;
  auto refused = claim("daily_refunds", "5000", "1");
  auto outcome = counters->reserve({&refused, 1}, clock.now(), reservation);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_FALSE(outcome->reserved);
  EXPECT_TRUE(reservation.empty());
  EXPECT_EQ(outcome->refusal.message, "daily limit daily_refunds is used up: 5000 of 5000 in this day; resets at 2026-07-29T00:00:00Z");
  EXPECT_EQ(outcome->refusal.retry_after, std::chrono::hours(9));
  EXPECT_EQ(outcome->refusal.used, Decimal(5000));
}

TEST_F(CountersTest, SaysWhenAnAmountCanNeverFit) {
  auto counters = open();
  Reservation reservation;
  auto huge = claim("daily_refunds", "5000", "1e300");
  auto outcome = counters->reserve({&huge, 1}, clock.now(), reservation);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_FALSE(outcome->reserved);
  EXPECT_EQ(outcome->refusal.retry_after.count(), 0);
  EXPECT_NE(outcome->refusal.message.find("can never fit"), std::string::npos);
}

// T-21
TEST_F(CountersTest, RefusesAmountsThatAreNegativeOrTooFine) {
  auto counters = open();
  Reservation reservation;
  for (const char* amount : {"-1", "-0.0001", "-1e300", "0.0000000000000000001", "1e-300"}) {
    auto bad = claim("refunds", "5000", amount);
    auto outcome = counters->reserve({&bad, 1}, clock.now(), reservation);
    ASSERT_FALSE(outcome.has_value()) << amount;
    EXPECT_EQ(outcome.error().code, Code::InvalidArgument);
  }
  EXPECT_EQ(used(*counters, "grant/refunds"), "");
  // Fractions count as they are; zero is a number too.
  EXPECT_TRUE(take(*counters, {claim("refunds", "1", "0.9")}));
  EXPECT_TRUE(take(*counters, {claim("refunds", "1", "0")}));
  EXPECT_FALSE(take(*counters, {claim("refunds", "1", "0.2")}));
}

// T-72
TEST_F(CountersTest, RefusesWhatItHasNoRoomFor) {
  auto counters = open();
  const auto reason = [&](const std::vector<policy::Claim>& claims) {
    Reservation reservation;
    auto outcome = counters->reserve(claims, clock.now(), reservation);
    return outcome ? std::string("ok") : std::string(outcome.error().reason);
  };
  std::vector<policy::Claim> many;
  for (int i = 0; i < 64; ++i) many.push_back(claim("c" + std::to_string(i), "1", "1"));
  EXPECT_EQ(reason(many), "ok");
  many.push_back(claim("one_more", "1", "1"));
  EXPECT_EQ(reason(many), "limits.claims");
  EXPECT_EQ(reason({claim(std::string(10'000, 'x'), "1", "1")}), "limits.key");
  policy::Claim nameless = claim("a", "1", "1");
  nameless.key = {};
  EXPECT_EQ(reason({nameless}), "limits.key");
  EXPECT_EQ(reason({claim("a", "-1", "0")}), "limits.max");
}

TEST_F(CountersTest, ReservesAllClaimsOrNone) {
  auto counters = open();
  EXPECT_TRUE(take(*counters, {claim("b", "1", "1")}));
  EXPECT_FALSE(take(*counters, {claim("a", "10", "3"), claim("s", "10", "3", Window::Minute, WindowKind::Sliding),
                                claim("t", "10", "3", Window::Hour, WindowKind::TokenBucket), claim("b", "1", "1")}));
  EXPECT_EQ(used(*counters, "grant/a"), "0");
  EXPECT_EQ(used(*counters, "grant/s"), "0");
  EXPECT_EQ(used(*counters, "grant/t"), "0");
  EXPECT_EQ(used(*counters, "grant/b"), "1");
}

TEST_F(CountersTest, CountsTwoClaimsOnOneCounterTwice) {
  auto counters = open();
  EXPECT_FALSE(take(*counters, {claim("a", "1", "1"), claim("a", "1", "1")}));
  EXPECT_EQ(used(*counters, "grant/a"), "0");
  EXPECT_TRUE(take(*counters, {claim("a", "2", "1"), claim("a", "2", "1")}));
}

TEST_F(CountersTest, ShadowClaimsCountAndReportButNeverBlock) {
  auto counters = open();
  auto shadow = claim("a", "1", "1");
  shadow.shadow = true;
  Reservation reservation;
  for (int i = 0; i < 3; ++i) {
    std::vector<policy::Claim> claims = {claim("a", "3", "1"), shadow};
    auto outcome = counters->reserve(claims, clock.now(), reservation);
    ASSERT_TRUE(outcome.has_value() && outcome->reserved);
    EXPECT_EQ(outcome->shadow_exceeded, i == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{1});
  }
  auto states = counters->list("grant/a", 10);
  ASSERT_EQ(states.size(), 2U);  // the shadow count is apart: it cannot fill the one that blocks
  EXPECT_EQ(states[0].used, Decimal(3));
  EXPECT_TRUE(states[1].shadow);
}

// T-22: the table of outcomes.
TEST(Settle, KeepsWhateverMayHaveHadAnEffect) {
  for (auto outcome : {CallOutcome::Answered, CallOutcome::ToolError, CallOutcome::UpstreamError, CallOutcome::Timeout,
                       CallOutcome::ClientGone, CallOutcome::Cancelled, CallOutcome::ConnectionLostAfterSend}) {
    EXPECT_EQ(settle_for(outcome), Settle::Keep);
  }
  for (auto outcome : {CallOutcome::NotSent, CallOutcome::RefusedLater, CallOutcome::UpstreamRefusedConnection}) {
    EXPECT_EQ(settle_for(outcome), Settle::Refund);
  }
}

TEST_F(CountersTest, RefundsOnceAndOnlyWhenTold) {
  auto counters = open();
  Reservation reservation;
  std::vector<policy::Claim> claims = {claim("a", "10", "4"), claim("s", "10", "4", Window::Minute, WindowKind::Sliding),
                                       claim("t", "10", "4", Window::Hour, WindowKind::TokenBucket)};
  ASSERT_TRUE(counters->reserve(claims, clock.now(), reservation)->reserved);
  counters->settle(reservation, Settle::Refund);
  counters->settle(reservation, Settle::Refund);
  for (const char* key : {"grant/a", "grant/s", "grant/t"}) EXPECT_EQ(used(*counters, key), "0") << key;
  ASSERT_TRUE(counters->reserve(claims, clock.now(), reservation)->reserved);
  counters->settle(reservation, Settle::Keep);
  EXPECT_TRUE(reservation.empty());
  for (const char* key : {"grant/a", "grant/s", "grant/t"}) EXPECT_EQ(used(*counters, key), "4") << key;
}

// T-22
TEST_F(CountersTest, KeepsTheCountOfAReservationThatWasNeverSettled) {
  auto counters = open();
  {
    Reservation lost;
    auto one = claim("a", "1", "1");
    ASSERT_TRUE(counters->reserve({&one, 1}, clock.now(), lost)->reserved);
  }
  EXPECT_FALSE(take(*counters, {claim("a", "1", "1")}));
}

// T-22
TEST_F(CountersTest, NeverReopensAWindowWhenTheClockStepsBackEvenForForgottenCounters) {
  auto counters = open();
  WallTime today = clock.now();
  EXPECT_TRUE(take(*counters, {claim("a", "1", "1")}));
  clock.advance(std::chrono::hours(48));
  ASSERT_TRUE(counters->checkpoint().has_value());  // forgets what is over
  EXPECT_EQ(used(*counters, "grant/a"), "");
  clock.set_wall(today);
  EXPECT_TRUE(take(*counters, {claim("a", "1", "1")}));  // counts for the next window
  EXPECT_FALSE(take(*counters, {claim("a", "1", "1")}));
  clock.set_wall(today + std::chrono::hours(24));
  EXPECT_FALSE(take(*counters, {claim("a", "1", "1")}));  // which is therefore full
}

// T-22
TEST_F(CountersTest, LetsExactlyOneOfManyParallelCallsTakeTheLastPlace) {
  auto counters = open();
  constexpr int kThreads = 4, kRounds = 300;
  for (auto kind : {WindowKind::Calendar, WindowKind::Sliding, WindowKind::TokenBucket}) {
    std::atomic<int> passed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Reservation reservation;
        for (int i = 0; i < kRounds; ++i) {
          // Two counters in different orders, a few refunds in between.
          std::vector<policy::Claim> claims = {claim("shared", "100", "1", Window::Day, kind),
                                               claim("other", "100000", "1", Window::Day, kind)};
          if (t % 2 == 0) std::swap(claims[0], claims[1]);
          auto outcome = counters->reserve(claims, clock.now(), reservation);
          ASSERT_TRUE(outcome.has_value());
          if (!outcome->reserved) continue;
          ASSERT_TRUE(counters->flush().has_value());
          if (i % 7 == 0) {
            counters->settle(reservation, Settle::Refund);
          } else {
            counters->settle(reservation, Settle::Keep);
            ++passed;
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(passed.load(), 100);
    ASSERT_TRUE(counters->reset("grant/shared").value());
    ASSERT_TRUE(counters->reset("grant/other").value());
  }
}

TEST_F(CountersTest, ResetsAndIgnoresRefundsFromBefore) {
  auto counters = open();
  Reservation old;
  auto one = claim("a", "10", "4");
  ASSERT_TRUE(counters->reserve({&one, 1}, clock.now(), old)->reserved);
  EXPECT_FALSE(counters->reset("grant/none").value());
  EXPECT_TRUE(counters->reset("grant/a").value());
  EXPECT_TRUE(take(*counters, {claim("a", "10", "5")}));
  counters->settle(old, Settle::Refund);
  EXPECT_EQ(used(*counters, "grant/a"), "5");
}

TEST_F(CountersTest, RefusesNewCountersBeyondTheCapAndTakesThemAgainWhenWindowsEnd) {
  auto counters = open({.counters_max = 50});
  int taken = 0;
  for (int i = 0; i < 60; ++i) {
    std::string name = "c" + std::to_string(i);
    Reservation reservation;
    auto one = claim(name, "10", "1", Window::Minute);
    auto outcome = counters->reserve({&one, 1}, clock.now(), reservation);
    if (outcome) ++taken;
    else EXPECT_EQ(outcome.error().reason, "limits.full");
  }
  EXPECT_EQ(taken, 50);
  ASSERT_TRUE(counters->flush().has_value());
  clock.advance(std::chrono::minutes(2));
  ASSERT_TRUE(counters->checkpoint().has_value());
  EXPECT_TRUE(take(*counters, {claim("fresh", "10", "1", Window::Minute)}));
  EXPECT_EQ(counters->list("", 100).size(), 1U);
}

TEST_F(CountersTest, ForgetsOldWindowsWhileNewOnesComeIn) {
  auto counters = open({.counters_max = 2000});
  for (int i = 0; i < 20'000; ++i) {
    clock.advance(std::chrono::milliseconds(500));
    std::string name = "session" + std::to_string(i);
    ASSERT_TRUE(take(*counters, {claim(name, "10", "1", Window::Minute)})) << i;
  }
}

}  // namespace
