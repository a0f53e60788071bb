#include <gtest/gtest.h>

#include "approvals/approvals.h"
#include "approvals/call.h"
#include "store/testing/temporary_folder.h"

namespace callgate::approvals {
namespace {

using namespace std::chrono_literals;

Proposal proposal_for(std::string_view call, std::string_view tool = "refund") {
  json::Document document;
  EXPECT_TRUE(document.parse(call));
  Proposal p;
  p.binding = {"grt_1", "rob_1", "srv_1", "tools/call", std::string(tool), "refunds", 3, sha256("tool"), {}};
  std::string sorted;
  append_sorted(sorted, document.root());
  p.binding.call = sha256(sorted);
  EXPECT_TRUE(document.parse(sorted));
  p.call_json = sorted;
  p.leaves = leaves_of(document.root(), "srv_1/refund");
  p.principal_name = "bot", p.principal_kind = "robot", p.owner_id = "usr_owner", p.grant_label = "laptop", p.server_slug = "refunds";
  p.message = "Refunds above 200 are looked at.";
  p.rules = {"/tools/refund/ask/0"};
  return p;
}

Approver person(std::string name, std::vector<std::string> roles = {"approver"}) { return {"usr_" + name, name, std::move(roles), true}; }
const Verdict kYes{true, {}, {}, {}};
const Verdict kNo{false, "not today", {}, {}};

class ApprovalsTest : public ::testing::Test {
 protected:
  ApprovalsTest() { reopen(); }
  void reopen(const Options& options = {}) {
    room_.reset();
    if (!database_) database_ = *store::open_sqlite(folder_.file("db"));
    auto opened = Approvals::open(*database_, clock_, options);
    EXPECT_TRUE(opened) << opened.error().message;
    room_ = std::move(*opened);
  }
  std::string ask(const Proposal& proposal) {
    auto standing = room_->ask(proposal);
    EXPECT_TRUE(standing) << standing.error().message;
    return standing ? standing->id : "";
  }
  std::string approved(const Proposal& proposal) {
    std::string id = ask(proposal);
    EXPECT_TRUE(room_->decide(id, person("ada"), kYes));
    return id;
  }
  template <class T> static std::string reason_of(const Result<T>& result) { return result ? "ok" : std::string(result.error().reason); }

  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Approvals> room_;
  const Proposal call_ = proposal_for(R"({"amount":201,"charge":"ch_1"})");
};

TEST_F(ApprovalsTest, IsUsedOnceAfterAPersonSaidYes) {  // T-70
  auto first = room_->ask(call_);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->proposed);
  EXPECT_EQ(first->state, State::Pending);
  EXPECT_EQ(reason_of(room_->consume(first->id, call_)), "approval.not_approved");
  auto again = room_->ask(call_);
  EXPECT_EQ(again->id, first->id) << "the same call waits once";
  EXPECT_FALSE(again->proposed);
  ASSERT_TRUE(room_->decide(first->id, person("ada"), kYes));
  EXPECT_EQ(room_->ask(call_)->state, State::Approved);
  EXPECT_EQ(reason_of(room_->consume(first->id, call_)), "ok");
  EXPECT_EQ(reason_of(room_->consume(first->id, call_)), "approval.used") << "replayed";
  auto next = room_->ask(call_);
  EXPECT_NE(next->id, first->id) << "the same call again is put before people again";
  EXPECT_EQ(next->state, State::Pending);
  EXPECT_EQ(room_->find(first->id)->state, State::Executed);
}

TEST_F(ApprovalsTest, IsForThisVeryCallOnly) {  // T-70: mutated after approval
  std::string id = approved(call_);
  Proposal other = proposal_for(R"({"amount":202,"charge":"ch_1"})");
  EXPECT_EQ(reason_of(room_->consume(id, other)), "approval.stale");
  EXPECT_EQ(room_->ask(other)->state, State::Pending);
  EXPECT_EQ(room_->ask(proposal_for(R"({"amount":201.0,"charge":"ch_1"})"))->state, State::Pending) << "201.0 is not what was shown";
  EXPECT_EQ(room_->ask(proposal_for(R"( {"charge" : "ch_1", "amount":201})"))->id, id) << "order and space change nothing";
  for (auto change : std::initializer_list<void (*)(Binding&)>{
           [](Binding& b) { b.grant_id = "grt_2"; }, [](Binding& b) { b.principal_id = "rob_2"; },
           [](Binding& b) { b.server_id = "srv_2"; }, [](Binding& b) { b.tool = "refund2"; }, [](Binding& b) { b.method = "prompts/get"; },
           [](Binding& b) { b.policy = "other"; }, [](Binding& b) { b.policy_version = 4; },
           [](Binding& b) { b.fingerprint = sha256("changed tool"); }}) {
    Proposal moved = call_;
    change(moved.binding);
    EXPECT_EQ(reason_of(room_->consume(id, moved)), "approval.stale");
  }
  EXPECT_EQ(reason_of(room_->consume(id, call_)), "ok");
}

TEST_F(ApprovalsTest, ExpiresBeforeAndAfterTheDecision) {  // T-70: expired
  std::string id = ask(call_);
  clock_.advance(15min);
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), kYes)), "approval.expired");
  EXPECT_EQ(room_->find(id)->state, State::Expired);
  std::string next = ask(call_);
  EXPECT_NE(next, id);
  clock_.advance(14min);
  ASSERT_TRUE(room_->decide(next, person("ada"), kYes));
  clock_.advance(15min - 1us);
  EXPECT_EQ(room_->ask(call_)->state, State::Approved) << "a decision can be used for as long as there was to make it";
  clock_.advance(1us);
  EXPECT_EQ(reason_of(room_->consume(next, call_)), "approval.expired");
  EXPECT_EQ(room_->ask(call_)->state, State::Pending);
  EXPECT_FALSE(room_->state(next));
}

TEST_F(ApprovalsTest, TheSecondDecisionChangesNothing) {  // T-70: double click, two approvers racing
  std::string id = approved(call_);
  auto second = room_->decide(id, person("eve"), kNo);
  EXPECT_EQ(reason_of(second), "approval.decided");
  EXPECT_NE(second.error().message.find("by ada"), std::string::npos) << second.error().message;
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), kYes)), "approval.decided");
  EXPECT_EQ(room_->find(id)->votes.size(), 1u);
  ASSERT_TRUE(room_->consume(id, call_));
  EXPECT_EQ(reason_of(room_->decide(id, person("eve"), kYes)), "approval.decided");
}

TEST_F(ApprovalsTest, NobodyDecidesAboutACallOfTheirOwn) {  // T-70: self-approval
  std::string id = ask(call_);
  EXPECT_EQ(reason_of(room_->decide(id, {"rob_1", "bot", {"owner"}, false}, kYes)), "approval.human");
  EXPECT_EQ(reason_of(room_->decide(id, {"rob_1", "bot", {"owner"}, true}, kYes)), "approval.self");
  EXPECT_EQ(reason_of(room_->decide(id, {"usr_owner", "olga", {"owner"}, true}, kYes)), "approval.self");
  EXPECT_EQ(reason_of(room_->decide(id, {"usr_owner", "olga", {"owner"}, true}, kNo)), "approval.self");
  EXPECT_EQ(reason_of(room_->decide(id, {"rob_9", "other robot", {"approver"}, false}, kYes)), "approval.human");
  EXPECT_EQ(room_->find(id)->state, State::Pending);
  EXPECT_FALSE((Approver{"rob_9", "other robot", {"owner"}, false}.may_decide(call_))) << "nor is it put before one";
  Proposal own = proposal_for(R"({"amount":300})");
  own.self = true;
  EXPECT_EQ(reason_of(room_->decide(ask(own), {"usr_owner", "olga", {"approver"}, true}, kYes)), "ok") << "the rule says so";
}

TEST_F(ApprovalsTest, TakesTheRoleTheRuleNames) {
  Proposal finance = call_;
  finance.roles = {"finance"};
  std::string id = ask(finance);
  for (auto roles : std::vector<std::vector<std::string>>{{}, {"auditor"}, {"approver"}, {"approver:security"}, {"finance"}})
    EXPECT_EQ(reason_of(room_->decide(id, person("eve", roles), kYes)), "approval.role");
  EXPECT_EQ(reason_of(room_->decide(id, person("fay", {"approver:finance"}), kYes)), "ok");
  Proposal any = proposal_for(R"({"amount":5})");
  EXPECT_EQ(reason_of(room_->decide(ask(any), person("fay", {"approver:finance"}), kYes)), "approval.role");
  EXPECT_EQ(reason_of(room_->decide(ask(any), person("adam", {"admin"}), kYes)), "ok");
}

TEST_F(ApprovalsTest, WaitsForAsManyPeopleAndRolesAsTheRulesWant) {
  Proposal both = call_;
  both.roles = {"finance", "security"};
  both.approvers = 2;
  std::string id = ask(both);
  EXPECT_EQ(room_->decide(id, person("fay", {"approver:finance"}), kYes)->state, State::Pending);
  EXPECT_EQ(reason_of(room_->decide(id, person("fay", {"approver:finance"}), kYes)), "approval.voted");
  EXPECT_EQ(room_->decide(id, person("flo", {"approver:finance"}), kYes)->state, State::Pending) << "nobody of security yet";
  EXPECT_EQ(reason_of(room_->consume(id, both)), "approval.not_approved");
  reopen();
  EXPECT_EQ(room_->decide(id, person("sam", {"approver:security"}), kYes)->state, State::Approved);
  EXPECT_EQ(room_->find(id)->votes.size(), 3u);
}

TEST_F(ApprovalsTest, TwoPeopleAreTwoWhateverTheirRoles) {  // T-70: double click
  Proposal two = call_;
  two.approvers = 2;
  std::string id = ask(two);
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), {true, {}, 10min, {}})), "approval.lasting") << "together they approve one call";
  EXPECT_EQ(room_->decide(id, person("ada"), kYes)->state, State::Pending);
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), kYes)), "approval.voted");
  EXPECT_EQ(reason_of(room_->consume(id, two)), "approval.not_approved");
  EXPECT_EQ(room_->decide(id, person("eve"), kYes)->state, State::Approved);
}

TEST_F(ApprovalsTest, OneNoIsEnoughAndStaysForAWhile) {
  std::string id = ask(call_);
  ASSERT_TRUE(room_->decide(id, person("ada"), kNo));
  auto standing = room_->ask(call_);
  EXPECT_EQ(standing->state, State::Denied);
  EXPECT_EQ(standing->note, "not today");
  EXPECT_EQ(standing->decided_by, "ada");
  EXPECT_EQ(reason_of(room_->consume(id, call_)), "approval.not_approved");
  clock_.advance(15min);
  EXPECT_EQ(room_->ask(call_)->state, State::Pending) << "later it may be asked for again";
}

TEST_F(ApprovalsTest, SurvivesARestart) {  // T-70: restart while pending
  std::string id = ask(call_), used = approved(proposal_for(R"({"amount":7})"));
  ASSERT_TRUE(room_->consume(used, proposal_for(R"({"amount":7})")));
  reopen();
  EXPECT_EQ(room_->pending(), 1u);
  EXPECT_EQ(room_->ask(call_)->id, id);
  EXPECT_EQ(reason_of(room_->consume(used, proposal_for(R"({"amount":7})"))), "approval.used") << "a restart gives no second use";
  ASSERT_TRUE(room_->decide(id, person("ada"), kYes));
  reopen();
  EXPECT_EQ(room_->ask(call_)->state, State::Approved);
  auto read = room_->find(id);
  EXPECT_EQ(read->proposal.message, call_.message);
  EXPECT_EQ(read->proposal.rules, call_.rules);
  EXPECT_EQ(read->proposal.leaves, call_.leaves);
  EXPECT_EQ(read->proposal.binding.digest(), call_.binding.digest());
  EXPECT_EQ(reason_of(room_->consume(id, call_)), "ok");
}

TEST_F(ApprovalsTest, TwoGatesOnOneDatabaseUseAnApprovalOnce) {  // T-70: replayed
  std::string id = approved(call_);
  auto other = *Approvals::open(*database_, clock_);
  EXPECT_EQ(reason_of(room_->consume(id, call_)), "ok");
  EXPECT_EQ(reason_of(other->consume(id, call_)), "approval.used");
}

TEST_F(ApprovalsTest, TwoGatesOnOneDatabaseDecideOnce) {  // T-70: two approvers racing
  std::string id = ask(call_);
  auto other = *Approvals::open(*database_, clock_);
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), kNo)), "ok");
  EXPECT_EQ(reason_of(other->decide(id, person("eve"), kYes)), "approval.decided");
  EXPECT_EQ(room_->find(id)->state, State::Denied);
  EXPECT_EQ(room_->find(id)->votes.size(), 1u) << "the second answer left nothing behind";
  EXPECT_EQ(reason_of(other->consume(id, call_)), "approval.not_approved");
}

TEST_F(ApprovalsTest, AFloodOfQuestionsIsCut) {  // T-70: flooding
  reopen({.pending_per_grant_max = 2, .pending_max = 3});
  for (int i = 0; i < 2; ++i) ask(proposal_for("{\"n\":" + std::to_string(i) + "}"));
  EXPECT_EQ(reason_of(room_->ask(proposal_for(R"({"n":2})"))), "approval.too_many");
  EXPECT_EQ(reason_of(room_->ask(proposal_for(R"({"n":1})"))), "ok") << "a call that waits already is not one more";
  Proposal others = proposal_for(R"({"n":3})");
  others.binding.grant_id = "grt_2";
  EXPECT_EQ(reason_of(room_->ask(others)), "ok");
  others.binding.grant_id = "grt_3";
  EXPECT_EQ(reason_of(room_->ask(others)), "approval.too_many") << "for all grants together";
  clock_.advance(15min);
  EXPECT_EQ(reason_of(room_->ask(others)), "ok") << "what has expired waits no more";
}

TEST_F(ApprovalsTest, WhatNobodyCanReadIsNotAskedAbout) {  // T-70: a truncated preview hides the payload
  reopen({.call_bytes_max = 100});
  EXPECT_EQ(reason_of(room_->ask(proposal_for("{\"text\":\"" + std::string(100, 'a') + "\"}"))), "approval.too_large");
}

TEST_F(ApprovalsTest, CanLastForAWhileForTheSameShape) {
  std::string id = ask(call_);
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), {true, {}, 10min, {"/amont"}})), "approval.vary");
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), {true, {}, 9h, {}})), "approval.lasting");
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), {true, {}, 10min, std::vector<std::string>(21, "/amount")})), "approval.vary");
  EXPECT_EQ(reason_of(room_->decide(id, person("ada"), {false, {}, 10min, {}})), "approval.lasting");
  ASSERT_TRUE(room_->decide(id, person("ada"), {true, {}, 10min, {"/amount"}}));
  Proposal other = proposal_for(R"({"amount":999,"charge":"ch_1"})");
  EXPECT_EQ(room_->ask(other)->id, id);
  EXPECT_EQ(reason_of(room_->consume(id, other)), "ok");
  EXPECT_EQ(reason_of(room_->consume(id, call_)), "ok") << "more than once";
  for (auto text : {R"({"amount":201,"charge":"ch_2"})", R"({"amount":"201","charge":"ch_1"})",
                    R"({"amount":201,"charge":"ch_1","extra":1})", R"({"charge":"ch_1"})", R"({"amount":{"x":1},"charge":"ch_1"})"})
    EXPECT_EQ(reason_of(room_->consume(id, proposal_for(text))), "approval.stale") << text;
  Proposal newer = other;
  newer.binding.policy_version = 4;
  EXPECT_EQ(reason_of(room_->consume(id, newer)), "approval.stale") << "the policy has changed";
  reopen();
  EXPECT_EQ(reason_of(room_->consume(id, other)), "ok") << "after a restart";
  clock_.advance(10min);
  EXPECT_EQ(reason_of(room_->consume(id, other)), "approval.expired");
  EXPECT_TRUE(room_->sweep());
  EXPECT_EQ(room_->find(id)->uses, 3);
}

TEST_F(ApprovalsTest, ASweepClosesWhatExpiredAndSaysSo) {
  std::string id = ask(call_);
  std::uint64_t before = room_->epoch();
  EXPECT_TRUE(room_->sweep()->empty());
  EXPECT_EQ(room_->epoch(), before);
  clock_.advance(15min);
  auto closed = room_->sweep();
  ASSERT_EQ(closed->size(), 1u);
  EXPECT_EQ(closed->front().id, id);
  EXPECT_GT(room_->epoch(), before);
  EXPECT_TRUE(room_->list(false, 10)->empty());
  EXPECT_EQ(room_->list(true, 10)->size(), 1u);
  clock_.advance(91 * 24h);
  EXPECT_TRUE(room_->sweep());
  EXPECT_EQ(reason_of(room_->find(id)), "approval.unknown");
}

TEST_F(ApprovalsTest, KnowsTheLastOneThatWasExecuted) {
  std::string first = approved(call_);
  ASSERT_TRUE(room_->consume(first, call_));
  clock_.advance(1min);
  std::string second = ask(proposal_for(R"({"amount":900,"charge":"ch_1","note":"x"})"));
  auto now = *room_->find(second);
  auto before = *room_->last_executed(now);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->id, first);
  auto diff = changes({before->proposal.call_json, before->proposal.leaves}, {now.proposal.call_json, now.proposal.leaves});
  ASSERT_EQ(diff.size(), 2u);
  EXPECT_EQ(diff[0].pointer, "/amount");
  EXPECT_EQ(diff[0].before, "201");
  EXPECT_EQ(diff[0].after, "900");
  EXPECT_EQ(diff[1].pointer, "/note");
  EXPECT_EQ(diff[1].before, "");
  EXPECT_EQ(*room_->asked_since("grt_1", clock_.now() - 1h), 2);
}

// Wherever the database fails, the answer is an error and nothing is left half done: no use without its mark, no vote without its state.
TEST_F(ApprovalsTest, AFailingDatabaseIsARefusal) {
  for (int fail_at = 1; fail_at < 12; ++fail_at) {
    store::testing::TemporaryFolder folder;
    auto database = *store::open_sqlite(folder.file("db"));
    { ASSERT_TRUE(Approvals::open(*database, clock_)); }
    auto failing = store::failing_database(*database, fail_at);
    auto room = Approvals::open(*failing, clock_);
    bool asked = false, decided = false, used = false;
    if (room) {
      auto standing = (*room)->ask(call_);
      asked = standing.has_value();
      if (asked) decided = (*room)->decide(standing->id, person("ada"), kYes).has_value();
      if (decided) used = (*room)->consume(standing->id, call_).has_value();
    }
    auto after = *Approvals::open(*database, clock_);
    auto all = *after->list(true, 10);
    ASSERT_EQ(all.size(), asked ? 1u : 0u) << fail_at;
    if (!asked) continue;
    State expected = used ? State::Executed : decided ? State::Approved : State::Pending;
    EXPECT_EQ(all[0].state, expected) << fail_at;
    EXPECT_EQ(all[0].votes.size(), decided ? 1u : 0u) << fail_at;
    EXPECT_EQ((*room)->state(all[0].id).value_or(State::Executed), expected) << fail_at;
  }
}

}  // namespace
}  // namespace callgate::approvals
