#pragma once
// Counters over a fresh directory and an in-memory database; claims in one line.

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "limits/limits.h"
#include "store/testing/temporary_folder.h"

namespace callgate::limits::testing {

class CountersFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::open_sqlite(folder.path() + "/callgate.db");
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    database = std::move(*opened);
  }
  std::unique_ptr<Counters> open(const Options& options = {}) {
    auto counters = Counters::open(*database, clock, folder.path(), options);
    EXPECT_TRUE(counters.has_value()) << counters.error().message;
    return counters ? std::move(*counters) : nullptr;
  }
  // `name` must outlive the claim's use; the key is "grant/<name>".
  policy::Claim claim(const std::string& name, const char* max, const char* amount, policy::Window window = policy::Window::Day,
                      policy::WindowKind kind = policy::WindowKind::Calendar) {
    auto [key, added] = keys().emplace("grant/" + name);
    policy::Claim made;
    made.key = *key;
    made.counter = std::string_view(*key).substr(6);
    made.scope = policy::Scope::Grant;
    made.window = window;
    made.kind = kind;
    made.max = *Decimal::parse(max);
    made.amount = *Decimal::parse(amount);
    return made;
  }
  bool take(Counters& counters, const std::vector<policy::Claim>& claims) {
    Reservation reservation;
    auto outcome = counters.reserve(claims, clock.now(), reservation);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
    if (!outcome || !outcome->reserved) return false;
    auto flushed = counters.flush();
    EXPECT_TRUE(flushed.has_value());
    counters.settle(reservation, Settle::Keep);
    return true;
  }
  static std::string used(Counters& counters, const std::string& key) {
    auto states = counters.list(key, 1);
    return states.empty() ? "" : states[0].used.text();
  }

  store::testing::TemporaryFolder folder;
  std::unique_ptr<store::Database> database;
  ManualClock clock;

 private:
  static std::set<std::string>& keys() {
    thread_local std::set<std::string> all;  // addresses stay
    return all;
  }
};

}  // namespace callgate::limits::testing
