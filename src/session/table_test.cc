#include "session/table.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace callgate::session {
namespace {

Session wanted(std::string grant = "grt_1", std::string server = "srv_1") {
  Session session;
  session.grant_id = std::move(grant);
  session.server_id = std::move(server);
  return session;
}

class Table : public ::testing::Test {
 protected:
  void SetUp() override { init_crypto(); }
  ManualClock clock;
};

// T-60
TEST_F(Table, FindsASessionOnlyForItsGrantAndServer) {
  SessionTable table({});
  auto session = table.open(wanted(), clock.now());
  ASSERT_TRUE(session);
  EXPECT_GE((*session)->id.size(), 40u);
  EXPECT_TRUE(table.find((*session)->id, "grt_1", "srv_1", clock.now()));
  EXPECT_EQ(table.find((*session)->id, "grt_2", "srv_1", clock.now()).error().reason, "session.unknown");
  EXPECT_EQ(table.find((*session)->id, "grt_1", "srv_2", clock.now()).error().reason, "session.unknown");
  EXPECT_FALSE(table.find("guess", "grt_1", "srv_1", clock.now()));
  EXPECT_EQ((*session)->digest.find((*session)->id.substr(0, 8)), std::string::npos) << "the id shows in its digest";
}

TEST_F(Table, ForgetsIdleAndClosedSessions) {
  SessionTable table({});
  auto session = *table.open(wanted(), clock.now());
  clock.advance(std::chrono::minutes(59));
  EXPECT_TRUE(table.find(session->id, "grt_1", "srv_1", clock.now()));
  clock.advance(std::chrono::minutes(61));
  EXPECT_FALSE(table.find(session->id, "grt_1", "srv_1", clock.now()));
  EXPECT_EQ(table.size(), 0u);
  auto other = *table.open(wanted(), clock.now());
  EXPECT_TRUE(table.close(other->id));
  EXPECT_FALSE(table.close(other->id));
}

// T-72
TEST_F(Table, CapsSessionsPerGrantAndMakesRoomFromIdleOnes) {
  SessionTable::Options options;
  options.per_grant_max = 2;
  SessionTable table(options);
  ASSERT_TRUE(table.open(wanted(), clock.now()));
  ASSERT_TRUE(table.open(wanted(), clock.now()));
  EXPECT_EQ(table.open(wanted(), clock.now()).error().reason, "session.too_many");
  EXPECT_TRUE(table.open(wanted("grt_2"), clock.now()));
  clock.advance(std::chrono::hours(2));
  EXPECT_TRUE(table.open(wanted(), clock.now()));
}

// T-11
TEST_F(Table, OneIdIsOpenOnce) {
  SessionTable table({});
  auto session = *table.open(wanted(), clock.now());
  EXPECT_TRUE(table.begin_request(session->id, "1"));
  EXPECT_EQ(table.begin_request(session->id, "1").error().reason, "session.duplicate_id");
  EXPECT_TRUE(table.begin_request(session->id, "\"1\""));
  table.end_request(session->id, "1");
  EXPECT_TRUE(table.begin_request(session->id, "1"));
}

// T-72
TEST_F(Table, CapsTheRequestsOfOneSession) {
  SessionTable::Options options;
  options.in_flight_max = 2;
  SessionTable table(options);
  auto session = *table.open(wanted(), clock.now()), other = *table.open(wanted(), clock.now());
  EXPECT_TRUE(table.begin_request(session->id, "1"));
  EXPECT_TRUE(table.begin_request(session->id, "2"));
  EXPECT_EQ(table.begin_request(session->id, "3").error().reason, "session.too_many_requests");
  EXPECT_TRUE(table.begin_request(other->id, "3")) << "each session for itself";
  table.end_request(session->id, "1");
  EXPECT_TRUE(table.begin_request(session->id, "3"));
  table.close(session->id);
  EXPECT_EQ(table.begin_request(session->id, "4").error().reason, "session.unknown");
}

// T-50
TEST_F(Table, GivesBackWhatWasKeptOfAQuestionOnce) {
  SessionTable table({});
  const std::string id = table.open(wanted(), clock.now()).value()->id;
  ASSERT_TRUE(table.ask(id, "1", {"elicitation/create", "kept"}));
  EXPECT_EQ(table.ask(id, "1", {"roots/list", {}}).error().reason, "session.duplicate_id");
  EXPECT_EQ(table.ask(id, "2", {"roots/list", std::string(64 * 1024 + 1, 'x')}).error().reason, "ask.too_large");
  EXPECT_FALSE(table.take_asked(id, "2"));
  auto taken = table.take_asked(id, "1");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->method, "elicitation/create");
  EXPECT_EQ(taken->kept, "kept");
  EXPECT_FALSE(table.take_asked(id, "1"));
}

TEST_F(Table, KeepsALimitedAmountOfQuestionsPerSession) {
  SessionTable table({});
  const std::string id = table.open(wanted(), clock.now()).value()->id;
  const std::string half(32 * 1024, 'x'), other = table.open(wanted(), clock.now()).value()->id;
  ASSERT_TRUE(table.ask(id, "1", {"elicitation/create", half}));
  EXPECT_EQ(table.ask(id, "2", {"elicitation/create", half}).error().reason, "session.too_many_requests");
  EXPECT_EQ(table.ask(id, half, {half, {}}).error().reason, "session.too_many_requests") << "ids and methods count as well";
  EXPECT_FALSE(table.take_asked(id, "2"));
  EXPECT_TRUE(table.ask(id, "3", {"elicitation/create", half.substr(1'000)}));
  EXPECT_EQ(table.ask(id, "3", {"elicitation/create", "x"}).error().reason, "session.duplicate_id");
  EXPECT_TRUE(table.ask(other, "1", {"elicitation/create", half})) << "each session for itself";
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(table.take_asked(id, "3")) << round;
    ASSERT_TRUE(table.ask(id, "3", {"elicitation/create", half.substr(1'000)})) << "what was answered is counted no more";
  }
}

TEST_F(Table, SweepClosesWhatIsNoLongerGood) {
  SessionTable table({});
  ASSERT_TRUE(table.open(wanted("grt_1"), clock.now()));
  ASSERT_TRUE(table.open(wanted("grt_2"), clock.now()));
  auto closed = table.sweep(clock.now(), [](const Session& session) { return session.grant_id == "grt_1"; });
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0]->grant_id, "grt_2");
}

}  // namespace
}  // namespace callgate::session
