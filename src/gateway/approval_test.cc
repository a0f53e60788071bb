// Calls a person decides about, through a whole gate (T-70).

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;
using approvals::Approval;
using approvals::State;
using testing::Answer;
using testing::Gate;
using testing::ToyUpstream;

constexpr const char* kPolicy = R"(
version: "1"
default: deny
tools:
  get_charge: {}
  refund_payment:
    ask: [{conditions: [{path: args.amount, op: gt, value: 200}], approvers: {role: finance}, on_ask: "Refunds above 200 are looked at."}]
    limits: [{counter: refunds, window: day, max: 1000, increment_from: args.amount}]
methods:
  resources/read: {ask: [{}]}
)";
constexpr const char* kRefund = R"({"amount":300,"charge":"ch_1"})";

constexpr std::string_view kDone = R"("text":"done")";  // what the toy server answers

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Gate::Setup asking(std::chrono::milliseconds hold = 0ms) {
  Gate::Setup setup;
  setup.policy = kPolicy;
  setup.options.approval_hold = hold;
  setup.options.public_url = "https://gate.example";
  return setup;
}

std::vector<Approval> all(Gate& gate) { return *gate.approvals->list(true, 100); }

Result<Approval> decide(Gate& gate, const std::string& id, bool yes, const std::string& note = {}) {
  return gate.approvals->decide(id, {"usr_fay", "fay", {"approver:finance", "approver"}, true}, {yes, note, {}, {}});
}

void approve_all(Gate& gate) {
  auto waiting = *gate.approvals->list(false, 100);
  for (const Approval& one : waiting) ASSERT_TRUE(decide(gate, one.id, true));
}

// A request whose answer stays open.
class Open {
 public:
  Open(Gate& gate, const std::string& body) : gate_(gate), session_(gate.session()), fd_(gate.connect()) {
    std::string raw = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                      "\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\nMcp-Session-Id: " + session_ +
                      "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::send(fd_, raw.data(), raw.size(), MSG_NOSIGNAL), static_cast<ssize_t>(raw.size()));
  }
  ~Open() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    gate_.turn(5);
  }
  bool sees(std::string_view part) {
    for (int i = 0; i < 400 && !has(got_, part); ++i) got_ += gate_.read_some(fd_, 1);
    return has(got_, part);
  }
  const std::string& got() const { return got_; }

 private:
  Gate& gate_;
  std::string session_;
  int fd_;
  std::string got_;
};

std::string call_text(const char* arguments, const char* id = "7", const char* more = "") {
  return std::string(R"({"jsonrpc":"2.0","id":)") + id + R"(,"method":"tools/call","params":{"name":"refund_payment","arguments":)" +
         arguments + more + "}}";
}

TEST(Approval, AHeldCallIsNotSentAndSaysWhatToDo) {
  Gate gate(asking());
  Answer answer = gate.call("refund_payment", kRefund);
  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(all(gate).size(), 1u);
  const std::string id = all(gate)[0].id;
  EXPECT_TRUE(has(answer.body, R"("code":"approval.pending")")) << answer.body;
  EXPECT_TRUE(has(answer.body, "Refunds above 200 are looked at. Approval " + id + " is pending at https://gate.example/approvals/" + id));
  EXPECT_TRUE(has(answer.body, R"("rule":"/tools/refund_payment/ask/0")"));
  EXPECT_TRUE(has(answer.body, R"("approval":")" + id + '"') && has(answer.body, "retry_after_ms")) << answer.body;
  EXPECT_EQ(gate.upstream.calls(), 0u);
  const approvals::Proposal asked = all(gate)[0].proposal;
  EXPECT_EQ(asked.call_json, kRefund);
  EXPECT_EQ(asked.roles, std::vector<std::string>{"finance"});
  EXPECT_EQ(asked.principal_name, "dev");
  EXPECT_EQ(asked.client, "toy-client 1");
  gate.call("refund_payment", R"( {"charge":"ch_1", "amount":300} )");
  EXPECT_EQ(all(gate).size(), 1u) << "the same call waits once";
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":200,"charge":"ch_1"})").body, kDone)) << "below, nobody is asked";
}

TEST(Approval, TheSameCallGoesOnceAfterAYes) {
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, kDone));
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "approval.pending")) << "replayed";
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_EQ(all(gate).size(), 2u);
}

TEST(Approval, ProposedExecutedAndReturnedAreRecordsThatNameTheApproval) {
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  gate.call("refund_payment", kRefund);
  const std::string named = R"("approval":")" + all(gate)[0].id + '"';
  std::vector<std::string> found;
  for (const std::string& record : gate.records())
    if (has(record, named)) found.push_back(record);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_TRUE(has(found[0], R"("kind":"approval")") && has(found[0], R"("effect":"ask")") && has(found[0], "approval.proposed"))
      << found[0];
  EXPECT_TRUE(has(found[1], R"("kind":"call")") && has(found[1], R"("effect":"deny")") && has(found[1], "approval.pending")) << found[1];
  EXPECT_TRUE(has(found[2], R"("kind":"approval")") && has(found[2], "approval.executed")) << found[2];
  EXPECT_TRUE(has(found[3], R"("kind":"call")") && has(found[3], R"("effect":"allow")") && has(found[3], R"("outcome":"result")"))
      << found[3];
}

TEST(Approval, AnotherCallThanTheOneApprovedIsAskedAboutAnew) {  // T-70: mutated after approval
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  for (const char* other : {R"({"amount":301,"charge":"ch_1"})", R"({"amount":300.0,"charge":"ch_1"})",
                            R"({"amount":300,"charge":"ch_1 "})", R"({"amount":300,"charge":"ch_1","note":null})"})
    EXPECT_TRUE(has(gate.call("refund_payment", other).body, "approval.pending")) << other;
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, ADenialSaysWhoAndWhy) {
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  ASSERT_TRUE(decide(gate, all(gate)[0].id, false, "ask again on Monday"));
  Answer answer = gate.call("refund_payment", kRefund);
  EXPECT_TRUE(has(answer.body, "approval.denied") && has(answer.body, "ask again on Monday") && has(answer.body, "fay")) << answer.body;
  EXPECT_EQ(all(gate).size(), 1u);
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, ExpiresUnused) {  // T-70: expired
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  gate.advance(15min);
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "approval.pending"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, IsWorthNothingUnderAnotherPolicyVersion) {  // T-70: policy changed meanwhile
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  gate.put_policy(std::string(kPolicy) + "# a new version\n");
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "approval.pending"));
  gate.put_policy("version: \"1\"\ndefault: deny\ntools: {refund_payment: {allow: false}}\n");
  approve_all(gate);
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "policy.deny_if"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, IsWorthNothingForAChangedTool) {  // T-70: tool changed meanwhile
  Gate gate(asking());
  gate.call("refund_payment", kRefund);
  approve_all(gate);
  auto tools = *gate.catalog->tools(gate.server.id);
  for (Tool& tool : tools) tool.fingerprint = blake2b(tool.name + " changed");
  ASSERT_TRUE(gate.catalog->put_tools(gate.server.id, tools));
  gate.publish();
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "approval.pending"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, AFullLimitRefusesBeforeAnyoneIsAsked) {
  Gate gate(asking());
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":1001,"charge":"ch_1"})").body, "limits.exceeded"));
  EXPECT_TRUE(all(gate).empty());
  gate.call("refund_payment", R"({"amount":900,"charge":"ch_1"})");
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":200,"charge":"ch_1"})").body, kDone)) << "what only waits takes nothing";
  approve_all(gate);
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":900,"charge":"ch_1"})").body, "limits.exceeded")) << "counted when it is made";
  EXPECT_EQ(all(gate)[0].state, State::Approved) << "and the approval is kept for later";
  EXPECT_EQ(gate.upstream.calls(), 1u);
}

TEST(Approval, AFloodIsRefusedAndNotShown) {  // T-70: flooding
  Gate gate(asking());
  for (int i = 0; i < 7; ++i) {
    Answer answer = gate.call("refund_payment", "{\"amount\":" + std::to_string(300 + i) + "}");
    EXPECT_TRUE(has(answer.body, i < 5 ? "approval.pending" : "approval.too_many")) << answer.body;
  }
  EXPECT_EQ(all(gate).size(), 5u);
}

TEST(Approval, WorksForOtherMethodsAndInTheStatelessRevision) {
  Gate gate(asking());
  std::string read = R"({"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"file:///a","_meta":{"x":1}}})";
  EXPECT_TRUE(has(gate.post(read).body, "approval.pending"));
  EXPECT_EQ(all(gate)[0].proposal.call_json, R"({"uri":"file:///a"})");
  approve_all(gate);
  EXPECT_TRUE(has(gate.post(read).body, "result"));
  std::string params = R"("name":"refund_payment","arguments":{"amount":300})";
  EXPECT_TRUE(has(gate.modern("tools/call", params, "Mcp-Name: refund_payment\r\n").body, "approval.pending"));
  approve_all(gate);
  EXPECT_TRUE(has(gate.modern("tools/call", params, "Mcp-Name: refund_payment\r\n").body, kDone));
}

TEST(Approval, WhatElseTheServerIsToldIsPartOfTheCall) {  // T-70: mutated after approval
  Gate gate(asking());
  gate.post(call_text(kRefund, "7", R"(,"task":{"ttl":1})"));
  EXPECT_EQ(all(gate)[0].proposal.call_json, R"({"arguments":{"amount":300,"charge":"ch_1"},"task":{"ttl":1}})");
  approve_all(gate);
  EXPECT_TRUE(has(gate.post(call_text(kRefund, "7", R"(,"task":{"ttl":2})")).body, "approval.pending"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, WithoutARoomForItACallIsRefused) {
  Gate gate(asking());
  gate.rooms->approvals = nullptr;
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "approval.unavailable"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Approval, AFailingDatabaseIsARefusal) {
  for (int fail_at = 3; fail_at <= 4; ++fail_at) {
    Gate gate(asking());
    auto failing = store::failing_database(*gate.database, fail_at);
    auto room = *approvals::Approvals::open(*failing, gate.clock);
    gate.rooms->approvals = room.get();
    EXPECT_TRUE(has(gate.call("refund_payment", kRefund).body, "store.injected"));
    EXPECT_EQ(gate.upstream.calls(), 0u);
    gate.rooms->approvals = nullptr;
  }
}

// ---- the answer is held open ----------------------------------------------------------------------------------------

TEST(ApprovalHold, TheCallGoesOnInTheSameAnswer) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund, "7", R"(,"_meta":{"progressToken":"p1"})"));
  ASSERT_TRUE(call.sees("notifications/progress")) << call.got();
  EXPECT_TRUE(has(call.got(), "text/event-stream") && has(call.got(), R"("progressToken":"p1","progress":0)")) << call.got();
  EXPECT_EQ(gate.upstream.calls(), 0u);
  gate.advance(16s);
  EXPECT_TRUE(call.sees(R"("progress":16)")) << call.got();
  approve_all(gate);
  gate.advance(500ms);
  ASSERT_TRUE(call.sees("\"done\"")) << call.got();
  EXPECT_TRUE(call.sees("\r\n0\r\n\r\n")) << "the stream ends in order";
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_EQ(all(gate)[0].state, State::Executed);
}

TEST(ApprovalHold, WithoutAProgressTokenCommentsKeepItOpen) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting for approval"));
  EXPECT_FALSE(has(call.got(), "notifications/progress"));
}

TEST(ApprovalHold, ADenialEndsIt) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  ASSERT_TRUE(decide(gate, all(gate)[0].id, false, "no"));
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("approval.denied") && call.sees("\r\n0\r\n\r\n")) << call.got();
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(ApprovalHold, EndsAsPendingAndTheSameCallFindsTheApprovalAgain) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  gate.advance(200s);
  ASSERT_TRUE(call.sees("approval.pending")) << call.got();
  approve_all(gate);
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund, "8").body, kDone));
  EXPECT_EQ(all(gate).size(), 1u);
}

TEST(ApprovalHold, ExpiresWhileItIsHeld) {  // T-70: expiry races with execution
  Gate gate(asking(2h));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  gate.advance(15min);
  EXPECT_TRUE(call.sees("approval.expired")) << call.got();
  EXPECT_EQ(all(gate).size(), 1u) << "it is not asked about anew by itself";
}

TEST(ApprovalHold, TwoThatWaitForOneApprovalDoNotBothGo) {  // T-70: doubly sent
  Gate gate(asking(200s));
  Open first(gate, call_text(kRefund, "7")), second(gate, call_text(kRefund, "8"));
  ASSERT_TRUE(first.sees(": waiting") && second.sees(": waiting"));
  ASSERT_EQ(all(gate).size(), 1u);
  approve_all(gate);
  gate.advance(500ms);
  ASSERT_TRUE(first.sees("\"jsonrpc\"") && second.sees("\"jsonrpc\""));
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_NE(has(first.got(), "\"done\""), has(second.got(), "\"done\"")) << first.got() << second.got();
}

TEST(ApprovalHold, TheClientLeavingDoesNotWithdrawIt) {  // T-70: client gone
  Gate gate(asking(200s));
  {
    Open call(gate, call_text(kRefund));
    ASSERT_TRUE(call.sees(": waiting"));
  }
  for (int i = 0; i < 3; ++i) gate.advance(16s);  // the next word to it finds nobody
  approve_all(gate);
  for (int i = 0; i < 5; ++i) gate.advance(500ms);
  EXPECT_EQ(gate.upstream.calls(), 0u) << "nobody is there to hear of it";
  EXPECT_TRUE(has(gate.call("refund_payment", kRefund, "8").body, kDone));
}

TEST(ApprovalHold, ACancelledCallIsNeverSent) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  gate.post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  approve_all(gate);
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("client.cancelled")) << call.got();
  EXPECT_EQ(gate.upstream.calls(), 0u);
  EXPECT_EQ(all(gate)[0].state, State::Approved) << "what was approved can still be used";
}

TEST(ApprovalHold, ARevokedGrantEndsIt) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  ASSERT_TRUE(gate.identity->revoke(gate.grant.grant.id, "lost"));
  gate.publish();
  approve_all(gate);
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("identity.revoked")) << call.got();
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(ApprovalHold, IsJudgedAgainByThePolicyOfNow) {  // T-70: policy changed meanwhile
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  approve_all(gate);
  gate.put_policy("version: \"1\"\ndefault: deny\n");
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("policy.")) << call.got();
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(ApprovalHold, AStopOfTheGateSettlesIt) {
  Gate gate(asking(200s));
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  gate.worker->close_calls();
  EXPECT_TRUE(call.sees("approval.pending") && call.sees("\r\n0\r\n\r\n")) << call.got();
  EXPECT_EQ(all(gate)[0].state, State::Pending);
}

TEST(ApprovalHold, AClientThatTakesNoStreamsIsAnsweredAtOnce) {
  Gate gate(asking(200s));
  Answer answer =
      gate.post_raw("/mcp/refunds", call_text(kRefund),
                    "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + gate.session() +
                        "\r\nAccept: application/json\r\n");
  EXPECT_TRUE(answer.complete && has(answer.body, "approval.pending")) << answer.body;
}

// ---- as a link -------------------------------------------------------------------------------------------------------

Answer modern_call(Gate& gate, const std::string& more, const std::string& capabilities = R"({"elicitation":{"form":{},"url":{}}})") {
  std::string body = R"({"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"refund_payment","arguments":)" +
                     std::string(kRefund) + more +
                     R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":)"
                     R"({"name":"toy-client","version":"2"},"io.modelcontextprotocol/clientCapabilities":)" +
                     capabilities + "}}}";
  return gate.post_raw("/mcp/refunds", body,
                       "Authorization: Bearer " + gate.token +
                           "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: "
                           "2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: refund_payment\r\n");
}

TEST(ApprovalLink, IsShownThroughTheClientAndItsAnswerMeansNothing) {  // T-70: the agent's side cannot approve
  Gate gate(asking());
  Answer answer = modern_call(gate, "");
  const std::string id = all(gate)[0].id;
  EXPECT_TRUE(has(answer.body, R"("resultType":"input_required","inputRequests":{"callgate_approval":{"method":"elicitation/create")"))
      << answer.body;
  EXPECT_TRUE(has(answer.body, R"("mode":"url","url":"https://gate.example/approvals/)" + id + '"')) << answer.body;
  const std::string said = R"(,"inputResponses":{"callgate_approval":{"action":"accept"}})";
  EXPECT_TRUE(has(modern_call(gate, said).body, R"("code":"approval.pending")")) << "it was told once";
  EXPECT_EQ(all(gate).size(), 1u) << "it is the same call still";
  EXPECT_EQ(gate.upstream.calls(), 0u);
  approve_all(gate);
  EXPECT_TRUE(has(modern_call(gate, said).body, kDone));
  EXPECT_FALSE(has(gate.upstream.seen.back().body, "inputResponses")) << "the server hears nothing of it";
}

TEST(ApprovalLink, WhatAnswersTheServerIsPartOfTheCall) {
  Gate gate(asking());
  Answer answer = modern_call(gate, R"(,"inputResponses":{"confirm":{"action":"accept"}})");
  EXPECT_TRUE(has(answer.body, R"("code":"approval.pending")")) << "no question in between another: " << answer.body;
  EXPECT_TRUE(has(all(gate)[0].proposal.call_json, "inputResponses"));
}

TEST(ApprovalLink, IsNotForClientsThatCannotShowIt) {
  Gate gate(asking());
  EXPECT_TRUE(has(modern_call(gate, "", R"({"elicitation":{}})").body, R"("code":"approval.pending")"));
  gate.rooms->options.approval_elicitation = false;
  EXPECT_TRUE(has(modern_call(gate, "").body, R"("code":"approval.pending")"));
}

TEST(ApprovalLink, IsAnErrorOfItsOwnInTheStatefulRevision) {
  Gate gate(asking());
  Answer opened = gate.post_raw(
      "/mcp/refunds",
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"form":{},"url":{}}},"clientInfo":{"name":"toy-client","version":"1"}}})",
      "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\n");
  Answer answer = gate.post_raw("/mcp/refunds", call_text(kRefund),
                                "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\nAccept: application/json, " +
                                    "text/event-stream\r\nMcp-Session-Id: " + opened.header("Mcp-Session-Id") + "\r\n");
  const std::string id = all(gate)[0].id;
  EXPECT_TRUE(has(answer.body, R"("code":-32042)") && has(answer.body, R"("elicitationId":")" + id + '"')) << answer.body;
  EXPECT_TRUE(has(answer.body, R"("url":"https://gate.example/approvals/)" + id + '"')) << answer.body;
}

TEST(ApprovalHold, AnEventStreamOfTheServerGoesOnInIt) {
  Gate gate(asking(200s));
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\",\"progress\":99}}\n\n");
    reply.write("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"streamed\"}]}}\n\n");
    reply.finish();
  };
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  approve_all(gate);
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("\"progress\":99") && call.sees("streamed") && call.sees("\r\n0\r\n\r\n")) << call.got();
}

TEST(ApprovalHold, AFailingServerIsSaidInIt) {
  Gate gate(asking(200s));
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) { reply.send({500, "text/plain", {}}, "no"); };
  Open call(gate, call_text(kRefund));
  ASSERT_TRUE(call.sees(": waiting"));
  approve_all(gate);
  gate.advance(500ms);
  EXPECT_TRUE(call.sees("upstream.status") && call.sees("\r\n0\r\n\r\n")) << call.got();
}

}  // namespace
}  // namespace callgate::gateway
