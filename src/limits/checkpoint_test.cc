#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "limits/ledger.h"
#include "limits/testing/counters_fixture.h"

using namespace callgate;
using namespace callgate::limits;
using policy::Window;
using policy::WindowKind;

namespace {

class Durability : public callgate::limits::testing::CountersFixture {
 protected:
  std::string ledger(std::uint64_t epoch = 1) { return ledger_path(folder.path(), epoch); }
  std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }
  void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }
  std::vector<policy::Claim> one_of_each(const char* amount = "3.25") {
    return {claim("day", "100", amount), claim("slide", "100", amount, Window::Minute, WindowKind::Sliding),
            claim("bucket", "100", amount, Window::Hour, WindowKind::TokenBucket)};
  }
  void expect_used(Counters& counters, const std::string& amount) {
    for (const char* key : {"grant/day", "grant/slide", "grant/bucket"}) EXPECT_EQ(used(counters, key), amount) << key;
  }
};

// T-22
TEST_F(Durability, CountsSurviveAKillAfterFlush) {
  {
    auto counters = open();
    ASSERT_TRUE(take(*counters, one_of_each()));
    ASSERT_TRUE(take(*counters, one_of_each()));
  }
  auto counters = open();
  expect_used(*counters, "6.5");
  EXPECT_TRUE(take(*counters, one_of_each("93.5")));
  EXPECT_FALSE(take(*counters, one_of_each("0.01")));
}

// T-22
TEST_F(Durability, AReservationUnderWayAtTheKillStaysCounted) {
  Reservation under_way;
  {
    auto counters = open();
    auto claims = one_of_each();
    ASSERT_TRUE(counters->reserve(claims, clock.now(), under_way)->reserved);
    ASSERT_TRUE(counters->flush().has_value());
  }
  auto counters = open();
  expect_used(*counters, "3.25");
}

TEST_F(Durability, RefundsAreWrittenToo) {
  {
    auto counters = open();
    Reservation reservation;
    auto claims = one_of_each();
    ASSERT_TRUE(counters->reserve(claims, clock.now(), reservation)->reserved);
    ASSERT_TRUE(counters->flush().has_value());
    counters->settle(reservation, Settle::Refund);
    ASSERT_TRUE(counters->flush().has_value());
  }
  auto counters = open();
  EXPECT_TRUE(take(*counters, one_of_each("100")));
}

TEST_F(Durability, ResetsSurviveAKill) {
  {
    auto counters = open();
    ASSERT_TRUE(take(*counters, one_of_each()));
    for (const char* key : {"grant/day", "grant/slide", "grant/bucket"}) EXPECT_TRUE(counters->reset(key).value());
  }
  auto counters = open();
  EXPECT_TRUE(take(*counters, one_of_each("100")));
}

TEST_F(Durability, KeepsTheLedgerForTheOwnerOnlyAndFromASecondProcess) {
  auto counters = open();
  struct stat status {};
  ASSERT_EQ(::stat(ledger().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  auto second = Counters::open(*database, clock, folder.path());  // T-22: two processes
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().reason, "limits.locked");
}

TEST_F(Durability, CutsATornTailAtEveryByte) {
  {
    auto counters = open();
    ASSERT_TRUE(take(*counters, {claim("day", "100", "1")}));
  }
  std::string first = read(ledger());
  {
    auto counters = open();
    ASSERT_TRUE(take(*counters, {claim("day", "100", "1")}));
  }
  std::string both = read(ledger());
  ASSERT_GT(both.size(), first.size());
  for (std::size_t keep = 0; keep < both.size(); ++keep) {
    write(ledger(), both.substr(0, keep));
    auto counters = open();
    ASSERT_NE(counters, nullptr) << keep;
    EXPECT_EQ(used(*counters, "grant/day"), keep >= first.size() ? "1" : "") << keep;
    EXPECT_TRUE(take(*counters, {claim("day", "100", "1")}));
  }
}

TEST_F(Durability, RefusesALedgerThatIsDamagedInTheMiddle) {
  {
    auto counters = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(take(*counters, {claim("day", "100", "1")}));
  }
  std::string whole = read(ledger());
  std::size_t frame = (whole.size() - 24) / 3;
  for (std::size_t i = 0; i < 24 + 2 * frame; ++i) {
    std::string bytes = whole;
    bytes[i] ^= 0x10;
    write(ledger(), bytes);
    auto counters = Counters::open(*database, clock, folder.path());
    ASSERT_FALSE(counters.has_value()) << "offset " << i;
    EXPECT_EQ(counters.error().reason, "limits.damaged");
  }
}

TEST_F(Durability, ACheckpointKeepsEverythingAndCutsTheLedger) {
  {
    auto counters = open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(take(*counters, one_of_each("1")));
    auto before = counters->ledger_bytes();
    ASSERT_TRUE(counters->checkpoint().has_value());
    EXPECT_LT(counters->ledger_bytes(), before);
    EXPECT_FALSE(std::filesystem::exists(ledger(1)));
    ASSERT_TRUE(take(*counters, one_of_each("1")));
  }
  auto counters = open();
  expect_used(*counters, "21");
}

// T-22: a stop between any two steps of a checkpoint. The steps are: new ledger (create, header), snapshot in one transaction, removal.
TEST_F(Durability, AStopAnywhereInACheckpointLosesNothingAndCountsNothingTwice) {
  auto counters = open();
  ASSERT_TRUE(take(*counters, one_of_each("1")));
  counters.reset();
  std::string old_ledger = read(ledger(1));
  auto restart = [&](const std::string& amount, const char* when) {
    SCOPED_TRACE(when);
    counters.reset();
    counters = open();
    ASSERT_NE(counters, nullptr);
    expect_used(*counters, amount);
  };
  write(ledger(2), "");  // created, nothing in it
  restart("1", "new ledger without a header");
  counters.reset();
  std::filesystem::remove(ledger(2));
  {
    Ledger second;
    ASSERT_TRUE(second.create(folder.path(), 2).has_value());
  }
  restart("1", "new ledger with a header, no snapshot yet");
  ASSERT_TRUE(take(*counters, one_of_each("2")));  // calls go on in the new ledger
  restart("3", "calls in the new ledger, no snapshot yet");
  ASSERT_TRUE(counters->checkpoint().has_value());
  restart("3", "after a whole checkpoint");
  write(ledger(1), old_ledger);  // the snapshot is there, the old ledger was not removed
  restart("3", "snapshot written, old ledger still there");
  EXPECT_FALSE(std::filesystem::exists(ledger(1)));
}

// T-22
TEST_F(Durability, RefusesToStartWithoutALedgerThatHeldCounts) {
  {
    auto counters = open();
    ASSERT_TRUE(take(*counters, one_of_each("1")));
    ASSERT_TRUE(counters->checkpoint().has_value());
    ASSERT_TRUE(take(*counters, one_of_each("2")));
  }
  std::filesystem::remove(ledger(2));
  {
    Ledger third;
    ASSERT_TRUE(third.create(folder.path(), 3).has_value());
  }
  auto counters = Counters::open(*database, clock, folder.path());
  ASSERT_FALSE(counters.has_value()) << "it would forget what the second one counted";
  EXPECT_EQ(counters.error().reason, "limits.damaged");
}

TEST_F(Durability, AnyFailingDatabaseStatementOfACheckpointLosesNothing) {
  for (int n = 1; n <= 12; ++n) {
    SCOPED_TRACE(n);
    auto fresh = store::testing::TemporaryFolder();
    auto good = store::open_sqlite(fresh.path() + "/callgate.db");
    ASSERT_TRUE(good.has_value());
    {
      auto first = Counters::open(**good, clock, fresh.path());
      ASSERT_TRUE(first.has_value());
      ASSERT_TRUE(take(**first, one_of_each("1")));
    }
    {
      auto failing = store::failing_database(**good, n);
      auto counters = Counters::open(*failing, clock, fresh.path());
      if (!counters) continue;
      (void)(*counters)->checkpoint();
      ASSERT_TRUE(take(**counters, one_of_each("1")));
    }
    auto counters = Counters::open(**good, clock, fresh.path());
    ASSERT_TRUE(counters.has_value());
    expect_used(**counters, "2");
  }
}

// T-22: one thread's failed flush must not let another thread, whose reservation it carried, act on nothing written.
TEST_F(Durability, WhatAFailedFlushCarriedIsOwedByTheNextOne) {
  {
    auto counters = open();
    Reservation mine, of_another_thread;
    auto claims = one_of_each("1");
    ASSERT_TRUE(counters->reserve(claims, clock.now(), mine)->reserved);
    ASSERT_TRUE(counters->reserve(claims, clock.now(), of_another_thread)->reserved);
    counters->fail_write_at(1);
    ASSERT_FALSE(counters->flush().has_value());
    counters->fail_write_at(1);
    ASSERT_FALSE(counters->flush().has_value());  // still owed
    ASSERT_TRUE(counters->flush().has_value());
  }
  auto counters = open();
  expect_used(*counters, "2");
}

// T-22, T-69: the n-th disk step fails, for every n.
TEST_F(Durability, AnyFailingDiskStepIsARefusalAndLosesNothing) {
  for (int n = 1; n <= 24; ++n) {
    SCOPED_TRACE(n);
    auto fresh = store::testing::TemporaryFolder();
    auto base = store::open_sqlite(fresh.path() + "/callgate.db");
    int acted_on = 0, refused = 0;
    {
      auto counters = Counters::open(**base, clock, fresh.path());
      ASSERT_TRUE(counters.has_value());
      (*counters)->fail_write_at(n);
      for (int i = 0; i < 16; ++i) {
        Reservation reservation;
        auto claims = one_of_each("1");
        ASSERT_TRUE((*counters)->reserve(claims, clock.now(), reservation)->reserved);
        if ((*counters)->flush()) {
          ++acted_on;
          (*counters)->settle(reservation, Settle::Keep);
        } else {
          ++refused;
          (*counters)->settle(reservation, Settle::Refund);
        }
        if (i % 5 == 4) (void)(*counters)->checkpoint();
      }
      EXPECT_EQ(acted_on + refused, 16);
      EXPECT_LE(refused, 1);
      ASSERT_TRUE((*counters)->flush().has_value());
      expect_used(**counters, std::to_string(acted_on));
    }
    auto counters = Counters::open(**base, clock, fresh.path());
    ASSERT_TRUE(counters.has_value()) << counters.error().message;
    expect_used(**counters, std::to_string(acted_on));
  }
}

// T-22: checkpoints while calls go on, then a kill.
TEST_F(Durability, CheckpointsBesideCallsLoseNothing) {
  constexpr int kThreads = 3, kCalls = 200;
  {
    auto counters = open();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kCalls; ++i)
          ASSERT_TRUE(take(*counters, {claim("day", "1000000", "1"), claim("slide", "1000000", "1", Window::Hour, WindowKind::Sliding)}));
      });
    }
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(counters->checkpoint().has_value());
    for (auto& thread : threads) thread.join();
  }
  auto counters = open();
  EXPECT_EQ(used(*counters, "grant/day"), std::to_string(kThreads * kCalls));
  EXPECT_EQ(used(*counters, "grant/slide"), std::to_string(kThreads * kCalls));
}

}  // namespace
