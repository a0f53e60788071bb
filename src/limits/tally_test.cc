#include "limits/tally.h"

#include <gtest/gtest.h>

namespace callgate::limits {
namespace {

using namespace std::chrono_literals;
using Fit = Tally::Fit;
using Taking = Tally::Taking;

policy::Claim claim(std::int64_t amount, std::int64_t max, policy::WindowKind kind = policy::WindowKind::Calendar) {
  policy::Claim out;
  out.key = "grant:g:n:hour";
  out.counter = "n";
  out.window = policy::Window::Hour;
  out.kind = kind;
  out.max = Decimal(max);
  out.amount = Decimal(amount);
  return out;
}

const WallTime kNine = WallTime(std::chrono::seconds(1'785'229'200));  // 2026-07-28T09:00:00Z

class TallyTest : public testing::Test {
 protected:
  Fit take(const policy::Claim& one, WallTime when, Taking taking = Taking::Surely) { return tally.take({&one, 1}, when, taking).fit; }
  Tally tally;
};

TEST_F(TallyTest, CountsWithinAWindowOfTheRecordedTime) {
  EXPECT_EQ(take(claim(6, 10), kNine), Fit::Fits);
  EXPECT_EQ(take(claim(4, 10), kNine + 10min), Fit::Fits);
  EXPECT_EQ(take(claim(1, 10), kNine + 59min), Fit::Full);
  EXPECT_EQ(take(claim(1, 10), kNine + 60min), Fit::Fits) << "the next hour";
  EXPECT_EQ(take(claim(9, 10), kNine), Fit::Fits) << "a record that comes late counts in the window there is, and opens no old one";
  EXPECT_EQ(take(claim(1, 10), kNine + 61min), Fit::Full);
}

TEST_F(TallyTest, SlidingWindowsAndBucketsGoBySameArithmeticAsTheGate) {
  EXPECT_EQ(take(claim(10, 10, policy::WindowKind::Sliding), kNine + 30min), Fit::Fits);
  EXPECT_EQ(take(claim(1, 10, policy::WindowKind::Sliding), kNine + 80min), Fit::Full);
  EXPECT_EQ(take(claim(1, 10, policy::WindowKind::Sliding), kNine + 92min), Fit::Fits);
  EXPECT_EQ(take(claim(10, 10, policy::WindowKind::TokenBucket), kNine), Fit::Fits);
  EXPECT_EQ(take(claim(5, 10, policy::WindowKind::TokenBucket), kNine + 20min), Fit::Full);
  EXPECT_EQ(take(claim(5, 10, policy::WindowKind::TokenBucket), kNine + 31min), Fit::Fits);
}

TEST_F(TallyTest, WhatMayHaveCountedMakesLaterAnswersUnsureAndNotWrong) {
  EXPECT_EQ(take(claim(6, 10), kNine, Taking::Maybe), Fit::Fits);
  EXPECT_EQ(take(claim(4, 10), kNine), Fit::Fits) << "fits whether that counted or not";
  EXPECT_EQ(take(claim(5, 10), kNine), Fit::Unsure);
  EXPECT_EQ(take(claim(7, 10), kNine), Fit::Full) << "does not fit either way";
  EXPECT_EQ(take(claim(3, 10), kNine, Taking::Never), Fit::Unsure);
  EXPECT_EQ(take(claim(10, 10), kNine + 1h), Fit::Fits);
}

TEST_F(TallyTest, AnUnknownAmountLeavesTheCounterOpen) {
  policy::Claim unknown = claim(0, 10);
  std::string_view names[] = {"n"};
  EXPECT_EQ(tally.take({&unknown, 1}, kNine, Taking::Surely, names).fit, Fit::Unsure);
  EXPECT_EQ(take(claim(1, 10), kNine + 1min), Fit::Unsure);
  EXPECT_EQ(take(claim(11, 10), kNine + 1min), Fit::Full);
}

TEST_F(TallyTest, ARefusedCallTakesNothingFromAnyCounter) {
  policy::Claim two[] = {claim(1, 10), claim(11, 10)};
  two[1].key = "grant:g:other:hour";
  two[1].counter = "other";
  auto out = tally.take(two, kNine, Taking::Surely);
  EXPECT_EQ(out.fit, Fit::Full);
  EXPECT_EQ(out.claim, 1u);
  EXPECT_EQ(take(claim(10, 10), kNine), Fit::Fits);
}

TEST_F(TallyTest, LimitsInShadowAreToldAndNeverRefuse) {
  policy::Claim watched = claim(11, 10);
  watched.shadow = true;
  auto out = tally.take({&watched, 1}, kNine, Taking::Surely);
  EXPECT_EQ(out.fit, Fit::Fits);
  EXPECT_EQ(out.shadow_exceeded, std::vector<std::size_t>{0});
}

TEST_F(TallyTest, MoreCountersThanThereIsRoomForAreUnsure) {
  Tally small(2);
  policy::Claim one = claim(1, 10);
  for (std::string_view key : {"a", "b"}) {
    one.key = key;
    EXPECT_EQ(small.take({&one, 1}, kNine, Taking::Surely).fit, Fit::Fits);
  }
  one.key = "c";
  EXPECT_EQ(small.take({&one, 1}, kNine, Taking::Surely).fit, Fit::Unsure);
  EXPECT_EQ(small.take({&one, 1}, kNine + 2h, Taking::Surely).fit, Fit::Fits) << "those whose time is over make room";
}

}  // namespace
}  // namespace callgate::limits
