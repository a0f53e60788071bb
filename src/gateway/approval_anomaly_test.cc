// Approvals while something fails: what could not be written is refused, and a yes never sends more than one call (T-69, T-70).

#include <gtest/gtest.h>

#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using approvals::Approval;
using testing::Answer;
using testing::Gate;

constexpr const char* kPolicy = R"(
version: "1"
tools:
  refund_payment: {ask: [{}], limits: [{counter: refunds, window: day, max: 10}]}
)";
constexpr const char* kRefund = R"({"amount":300})";

constexpr std::string_view kDone = R"("text":"done")";  // what the toy server answers

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Gate::Setup asking(bool strict) {
  Gate::Setup setup;
  setup.policy = kPolicy;
  setup.options.approval_hold = std::chrono::milliseconds(0);
  setup.options.record_before_effect = strict;
  return setup;
}

void approve_all(Gate& gate) {
  auto waiting = *gate.approvals->list(false, 100);
  for (const Approval& one : waiting)
    ASSERT_TRUE(gate.approvals->decide(one.id, {"usr_boss", "boss", {"admin"}, true}, {true, {}, {}, {}}));
}

std::size_t recorded(Gate& gate, std::string_view part) {
  std::size_t count = 0;
  for (const std::string& record : gate.records()) count += has(record, part);
  return count;
}

TEST(ApprovalAnomaly, AFailingJournalNeverLetsACallGoUnrecorded) {
  for (bool strict : {false, true})
    for (int n = 1; n <= 6; ++n) {
      Gate gate(asking(strict));
      gate.session();
      gate.journal->fail_write_at(n);
      std::size_t answered = 0;
      for (int i = 0; i < 4; ++i) {
        answered += has(gate.call("refund_payment", kRefund, std::to_string(100 + i)).body, kDone);
        approve_all(gate);
      }
      const std::size_t sent = gate.upstream.calls();
      EXPECT_LE(answered, sent);
      gate.call("no_such_tool", "{}");  // what was pending is written with the next commit
      EXPECT_GE(recorded(gate, "approval.executed"), sent) << "strict " << strict << ", write " << n;
      EXPECT_GE(recorded(gate, "approval.proposed"), sent);
      std::size_t used = 0;
      auto all = *gate.approvals->list(true, 100);
      for (const Approval& one : all) used += one.state == approvals::State::Executed;
      EXPECT_LE(sent, used) << "each call that left has used up an approval of its own";
      EXPECT_TRUE(audit::verify((gate.directory / "audit").string(), {}).ok);
    }
}

TEST(ApprovalAnomaly, AFailingLedgerRefusesTheApprovedCall) {
  for (int n = 1; n <= 3; ++n) {
    Gate gate(asking(false));
    gate.call("refund_payment", kRefund);
    approve_all(gate);
    gate.counters->fail_write_at(n);
    Answer answer = gate.call("refund_payment", kRefund);
    EXPECT_EQ(has(answer.body, kDone), gate.upstream.calls() == 1) << answer.body;
    EXPECT_LE(gate.upstream.calls(), 1u);
  }
}

std::size_t intents(Gate& gate) {
  std::size_t count = 0;
  for (const std::string& record : gate.records()) count += has(record, R"("kind":"intent")") && has(record, "refund_payment");
  return count;
}

TEST(ApprovalAnomaly, TheIntentOfAnApprovedCallIsOnDiskBeforeItIsSent) {
  Gate gate(asking(true));
  gate.call("refund_payment", kRefund);
  EXPECT_EQ(intents(gate), 0u) << "what only waits intends nothing";
  approve_all(gate);
  std::size_t before_effect = 0;
  gate.upstream.script = [&](const testing::ToyUpstream::Seen&, listener::Reply& reply) {
    before_effect = intents(gate);
    reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})");
  };
  gate.call("refund_payment", kRefund);
  EXPECT_EQ(before_effect, 1u);
}

}  // namespace
}  // namespace callgate::gateway
