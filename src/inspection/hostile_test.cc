// T-26 for detectors: text made to cost much costs in proportion to its size, or runs into a budget that is a finding.

#include <gtest/gtest.h>

#include "inspection/inspection.h"
#include "inspection/shell.h"
#include "inspection/sql.h"
#include "inspection/testing/hostile.h"
#include "inspection/urls.h"

namespace callgate::inspection {
namespace {

const Scanner& everything() {
  static const auto made = Scanner::create({.packs = {Pack::Secrets, Pack::SeedSecrets, Pack::PersonalData, Pack::Poisoning, Pack::Code}});
  return **made;
}

TEST(Hostile, WorkGrowsNoFasterThanTheText) {
  constexpr std::size_t kSmall = 4096, kTimes = 8;
  auto small = testing::hostile_texts(kSmall), large = testing::hostile_texts(kSmall * kTimes);
  for (std::size_t i = 0; i < small.size(); ++i) {
    Findings few, many;
    everything().scan(small[i].text, few);
    everything().scan(large[i].text, many);
    EXPECT_GE(few.work(), kSmall) << small[i].name;
    EXPECT_TRUE(many.capped() || many.work() <= few.work() * kTimes * 3 / 2 + 32 * 1024)
        << small[i].name << ": " << few.work() << " for one, " << many.work() << " for eight times as much";
    EXPECT_LE(many.work(), 24u * 1024 * 1024) << small[i].name;
  }
}

TEST(Hostile, ReadersOfLanguagesComeToAnEnd) {
  for (const auto& [name, text] : testing::hostile_texts(20'000)) {
    for (auto dialect : {SqlDialect::PostgreSql, SqlDialect::MySql, SqlDialect::Sqlite}) analyze_sql(text, dialect);
    analyze_shell(text);
    analyze_url(text);
  }
}

TEST(Hostile, WhatPeopleSendIsFarFromTheBudget) {
  for (std::size_t turn = 0; turn < 10; ++turn) {
    Findings findings;
    everything().scan(testing::plain_text(256 * 1024, turn), findings);
    EXPECT_LE(findings.work(), 4u * 1024 * 1024) << turn;
  }
}

}  // namespace
}  // namespace callgate::inspection
