#include "flows/flows.h"

#include <gtest/gtest.h>

#include <thread>

namespace callgate::flows {
namespace {

using namespace std::chrono_literals;
using policy::FlowBinding;
using policy::FlowState;
using policy::FlowStep;

constexpr Trail kGrant{"grt_1", {}};
const WallTime kStart{std::chrono::seconds(1'800'000'000)};

Result<FlowStep> unexpected(const FlowState&) {
  ADD_FAILURE() << "nothing has changed";
  return FlowStep{};
}

struct Labels {
  Labels(std::initializer_list<std::string_view> all) : names(all) {}
  FlowStep step() const { return {names, "srv/tool", {}, true}; }
  std::vector<std::string_view> names;
};

// A call as the gateway makes one. Returns what its record says.
std::string send(Flows& flows, const Trail& trail, const FlowStep& step, WallTime now) {
  auto passed = flows.pass(trail, flows.look(trail, now), step, now, unexpected);
  EXPECT_TRUE(passed);
  std::string detail;
  append_passed(detail, trail, *passed, now);
  return R"({"grant":")" + std::string(trail.grant) + R"(","detail":{)" + detail + "}}";
}

TEST(Flows, KeepsWhatAGrantHasSeenApartFromOthers) {
  Flows flows({});
  send(flows, kGrant, Labels{"private"}.step(), kStart);
  EXPECT_NE(flows.look(kGrant, kStart)->label("private"), nullptr);
  EXPECT_EQ(flows.look({"grt_2", {}}, kStart)->label("private"), nullptr);
}

TEST(Flows, ASessionEndsWhenNothingWasSentForItsIdleTime) {
  Flows flows({.idle = 1h});
  send(flows, kGrant, Labels{"private"}.step(), kStart);
  send(flows, kGrant, Labels{}.step(), kStart + 59min);
  EXPECT_NE(flows.look(kGrant, kStart + 118min)->label("private"), nullptr);
  EXPECT_EQ(flows.look(kGrant, kStart + 120min)->label("private"), nullptr);
  EXPECT_NE(flows.look(kGrant, kStart - 24h)->label("private"), nullptr) << "a clock that steps back ends nothing";
}

TEST(Flows, JudgesAgainWhatHasChangedInBetween) {  // T07
  Flows flows({});
  State seen = flows.look(kGrant, kStart);
  send(flows, kGrant, Labels{"private"}.step(), kStart);
  auto refused = flows.pass(kGrant, seen, Labels{"sink"}.step(), kStart, [](const FlowState& state) -> Result<FlowStep> {
    EXPECT_NE(state.label("private"), nullptr);
    return fail(Code::Denied, "policy.flow", "no");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(flows.look(kGrant, kStart)->label("sink"), nullptr) << "a refused call adds nothing";
  Labels other{"other"};
  auto passed = flows.pass(kGrant, seen, Labels{"sink"}.step(), kStart, [&](const FlowState&) { return other.step(); });
  ASSERT_TRUE(passed);
  EXPECT_NE(flows.look(kGrant, kStart)->label("other"), nullptr);
}

TEST(Flows, OfParallelCallsThatBindOnlyOneValueGetsThrough) {  // T07
  Flows flows({});
  std::atomic<int> through{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        FlowBinding mine{"p/one", std::to_string(i)};
        auto judge = [&](const FlowState& state) -> Result<FlowStep> {
          const FlowBinding* first = state.binding("p/one");
          if (first != nullptr && first->value != mine.value) return fail(Code::Denied, "policy.flow", "no");
          return FlowStep{{}, {}, {&mine, 1}, true};
        };
        State seen = flows.look(kGrant, kStart);
        auto step = judge(*seen);
        if (step && flows.pass(kGrant, seen, *step, kStart, judge)) through |= 1 << i;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::popcount(static_cast<unsigned>(through.load())), 1);
  EXPECT_EQ(flows.look(kGrant, kStart)->bound.size(), 1U);
}

TEST(Flows, WhoLeavesOutItsPartIsJudgedByAllOfTheGrant) {
  Flows flows({});
  send(flows, {"grt_1", "client:a"}, Labels{"private"}.step(), kStart);
  send(flows, {"grt_1", "client:b"}, Labels{"untrusted"}.step(), kStart);
  EXPECT_EQ(flows.look({"grt_1", "client:a"}, kStart)->label("untrusted"), nullptr);
  EXPECT_NE(flows.look(kGrant, kStart)->label("private"), nullptr);
  EXPECT_NE(flows.look(kGrant, kStart)->label("untrusted"), nullptr);
}

TEST(Flows, RefusesRatherThanForgetWhenThereIsNoRoom) {
  Flows flows({.idle = 1h, .trails_max = 3, .per_grant_max = 2});
  send(flows, kGrant, Labels{"private"}.step(), kStart);
  send(flows, {"grt_2", {}}, Labels{"private"}.step(), kStart);
  Trail third{"grt_3", {}};
  auto refused = flows.pass(third, flows.look(third, kStart), Labels{}.step(), kStart, unexpected);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "flows.full");
  EXPECT_NE(flows.look(kGrant, kStart)->label("private"), nullptr);
  EXPECT_TRUE(flows.pass(kGrant, flows.look(kGrant, kStart), Labels{}.step(), kStart, unexpected)) << "known ones go on";
}

TEST(Flows, WhatHasEndedMakesRoom) {
  Flows flows({.idle = 1h, .trails_max = 4, .per_grant_max = 2});
  send(flows, {"grt_1", "client:a"}, Labels{"private"}.step(), kStart);
  Trail other{"grt_1", "client:b"};
  EXPECT_FALSE(flows.pass(other, flows.look(other, kStart), Labels{}.step(), kStart, unexpected)) << "so many parts of one grant";
  WallTime later = kStart + 2h;
  EXPECT_TRUE(flows.pass(other, flows.look(other, later), Labels{}.step(), later, unexpected));
  EXPECT_EQ(flows.list({}, later, 10).size(), 2U);
}

TEST(Flows, ClearForgetsAllPartsOfAGrant) {
  Flows flows({});
  send(flows, {"grt_1", "client:a"}, Labels{"private"}.step(), kStart);
  EXPECT_EQ(flows.list({}, kStart, 10).size(), 2U);
  EXPECT_EQ(flows.clear("grt_1", kStart), 2U);
  EXPECT_TRUE(flows.list({}, kStart, 10).empty());
  EXPECT_EQ(flows.look(kGrant, kStart)->label("private"), nullptr);
}

class Kept : public ::testing::Test {
 protected:
  Kept() : database(*store::open_sqlite(":memory:")) {}
  std::unique_ptr<store::Database> database;
};

TEST_F(Kept, TheCopyAndTheRecordsBehindItHoldEverything) {
  std::vector<std::string> records;
  Flows before({});
  ASSERT_TRUE(before.load(*database));
  FlowBinding bound{"p/one", "abc"};
  records.push_back(send(before, kGrant, Labels{"private"}.step(), kStart));
  records.push_back(send(before, {"grt_2", "client:x"}, Labels{"a"}.step(), kStart));
  ASSERT_TRUE(before.save(*database, 1));  // two records are in it already
  records.push_back(send(before, kGrant, Labels{"private", "untrusted"}.step(), kStart + 1min));
  records.push_back(send(before, kGrant, {{}, "srv/x", {&bound, 1}, true}, kStart + 2min));
  records.push_back(send(before, {"grt_2", "client:x"}, Labels{"b"}.step(), kStart + 2min));
  std::swap(records[2], records[3]);  // workers commit in any order
  Flows after({});
  auto sequence = after.load(*database);
  ASSERT_TRUE(sequence && *sequence);
  EXPECT_EQ(**sequence, 1U);
  for (const auto& record : records) after.replay(record);
  for (Trail trail : {kGrant, Trail{"grt_2", "client:x"}, Trail{"grt_2", {}}}) {
    FlowState want = *before.look(trail, kStart + 3min), got = *after.look(trail, kStart + 3min);
    auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    for (FlowState* state : {&want, &got}) std::ranges::sort(state->tools, by_name), std::ranges::sort(state->labels, by_name);
    EXPECT_EQ(got, want) << trail.grant << trail.part;
  }
}

TEST_F(Kept, ARecordOfASessionBeforeAddsNothing) {
  Flows before({.idle = 1h});
  ASSERT_TRUE(before.load(*database));
  std::string old = send(before, kGrant, Labels{"private"}.step(), kStart);
  send(before, kGrant, Labels{"other"}.step(), kStart + 2h);
  ASSERT_TRUE(before.save(*database, 2));
  Flows after({.idle = 1h});
  ASSERT_TRUE(after.load(*database));
  after.replay(old);
  EXPECT_EQ(after.look(kGrant, kStart + 2h)->label("private"), nullptr);
}

TEST_F(Kept, RecordsWithoutAFlowOrWithADamagedOneChangeNothing) {
  Flows flows({});
  for (auto payload :
       {"", "{}", R"({"grant":"grt_1","detail":{"flow":{"labels":["private"]}}})", R"({"detail":{"flow":{"calls":1}}})", "{\"flow\":{"})
    flows.replay(payload);
  EXPECT_TRUE(flows.list({}, kStart, 10).empty());
}

TEST_F(Kept, WhatCannotBeReadIsTakenForTheWorst) {
  Flows before({});
  ASSERT_TRUE(before.load(*database));
  send(before, kGrant, Labels{"private"}.step(), kStart);
  ASSERT_TRUE(before.save(*database, 1));
  ASSERT_TRUE(database->write([](store::Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("UPDATE flow_trails SET state = '{}'"));
    return {};
  }));
  Flows after({.idle = 1h});
  auto read = after.load(*database);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("grt_1"), std::string::npos);
  after.distrust(kStart);
  EXPECT_TRUE(after.look({"grt_9", {}}, kStart)->unknown);
  after.clear("grt_9", kStart);
  EXPECT_FALSE(after.look({"grt_9", {}}, kStart)->unknown) << "an operator has said so";
  EXPECT_TRUE(after.look({"grt_8", {}}, kStart + 59min)->unknown);
  EXPECT_FALSE(after.look({"grt_8", {}}, kStart + 61min)->unknown);
  EXPECT_FALSE(Flows({}).load(*database)) << "damaged until it is cleared";
  after.clear("grt_1", kStart);
  ASSERT_TRUE(after.save(*database, 2));
  Flows restarted({.idle = 1h});
  ASSERT_TRUE(restarted.load(*database));
  EXPECT_TRUE(restarted.look({"grt_8", {}}, kStart + 59min)->unknown) << "a restart does not end it";
  EXPECT_FALSE(restarted.look({"grt_1", {}}, kStart + 59min)->unknown);
}

TEST_F(Kept, NoFailureOfTheDatabaseLosesAnything) {
  for (int n = 1; n < 12; ++n) {
    auto fresh = *store::open_sqlite(":memory:");
    Flows flows({.idle = 1h});
    ASSERT_TRUE(flows.load(*fresh));
    send(flows, kGrant, Labels{"private"}.step(), kStart);
    send(flows, {"grt_2", {}}, Labels{"old"}.step(), kStart);
    ASSERT_TRUE(flows.save(*fresh, 1));
    flows.clear("grt_2", kStart);
    send(flows, kGrant, Labels{"untrusted"}.step(), kStart);
    auto failing = store::failing_database(*fresh, n);
    bool failed = !flows.save(*failing, 3);
    ASSERT_TRUE(flows.save(*fresh, 3)) << n;
    Flows after({.idle = 1h});
    auto sequence = after.load(*fresh);
    ASSERT_TRUE(sequence && *sequence) << n;
    EXPECT_EQ(**sequence, 3U);
    EXPECT_EQ(*after.look(kGrant, kStart), *flows.look(kGrant, kStart)) << n;
    EXPECT_TRUE(after.look({"grt_2", {}}, kStart)->labels.empty()) << n;
    if (!failed) break;
  }
}

}  // namespace
}  // namespace callgate::flows
