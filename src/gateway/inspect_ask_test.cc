// Findings that put a call before a person: asked once, seen without the secret, sent after a yes as it was judged (T-44, T-70).

#include "gateway/testing/old_client.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;
using approvals::Approval;
using approvals::State;
using testing::Answer;
using testing::Gate;
using testing::OldClient;

const std::string kKey = "AKIAIOSFODNN7EXAMPL3", kOtherKey = "AKIAIOSFODNN7EXAMPL4";
const std::string kMail = "anna.berg@berg-und-sohn.de";
constexpr std::string_view kDone = R"("text":"done")";  // what the toy server answers

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Gate::Setup with(const std::string& inspect, const std::string& more = {}) {
  Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: allow\ninspect: " + inspect + "\n" + more;
  setup.capture = Capture::Full;
  setup.options.approval_hold = 0ms;
  return setup;
}

std::string note(const std::string& text) { return R"({"amount":1,"note":")" + text + "\"}"; }

std::vector<Approval> all(Gate& gate) { return *gate.approvals->list(true, 100); }

Result<Approval> decide(Gate& gate, bool yes, const std::string& role = "approver") {
  return gate.approvals->decide(all(gate).at(0).id, {"usr_fay", "fay", {role}, true}, {yes, "seen", {}, {}});
}

bool kept_anywhere(Gate& gate, const std::string& secret) {
  for (const std::string& record : gate.records())
    if (has(record, secret)) return true;
  for (const Approval& one : all(gate))
    for (const std::string* text : {&one.proposal.call_json, &one.proposal.leaves, &one.proposal.message, &one.proposal.binding.tool})
      if (has(*text, secret)) return true;
  return false;
}

TEST(InspectAsk, AFindingPutsTheCallBeforeAPersonAndTheirYesSendsItOnce) {
  Gate gate(with("{arguments: {secrets: ask}}"));
  EXPECT_TRUE(has(gate.call("get_charge", note("nothing of note")).body, kDone));
  Answer waits = gate.call("get_charge", note(kKey));
  EXPECT_TRUE(has(waits.body, R"("code":"approval.pending")")) << waits.body;
  EXPECT_FALSE(has(waits.body, kKey)) << waits.body;
  EXPECT_EQ(gate.upstream.calls(), 1u);
  ASSERT_EQ(all(gate).size(), 1u);
  const approvals::Proposal asked = all(gate)[0].proposal;
  EXPECT_EQ(asked.rules, std::vector<std::string>{"/inspect/arguments/secrets"});
  EXPECT_TRUE(has(asked.call_json, R"("amount":1)") && has(asked.call_json, "[redacted:secrets.")) << asked.call_json;
  EXPECT_FALSE(asked.message.empty());
  EXPECT_TRUE(has(gate.last_record(), R"("action":"ask")") && has(gate.last_record(), "approval.pending")) << gate.last_record();

  ASSERT_TRUE(decide(gate, true));
  EXPECT_TRUE(has(gate.call("get_charge", note(kKey)).body, kDone));
  EXPECT_TRUE(has(gate.upstream.seen.back().body, kKey)) << "what was approved is the call as it is";
  EXPECT_EQ(all(gate)[0].state, State::Executed);
  EXPECT_TRUE(has(gate.last_record(), R"("effect":"allow")") && has(gate.last_record(), R"("findings")")) << gate.last_record();
  EXPECT_TRUE(has(gate.call("get_charge", note(kKey)).body, "approval.pending")) << "once";
  EXPECT_EQ(gate.upstream.calls(), 2u);
  EXPECT_FALSE(kept_anywhere(gate, kKey));
}

// What the person saw is masked and alike; what they approved is not.
TEST(InspectAsk, AYesToOneSecretIsNoneToAnother) {
  Gate gate(with("{arguments: {secrets: ask}}"));
  gate.call("get_charge", note(kKey));
  ASSERT_TRUE(decide(gate, true));
  EXPECT_TRUE(has(gate.call("get_charge", note(kOtherKey)).body, "approval.pending"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
  ASSERT_EQ(all(gate).size(), 2u);
  EXPECT_EQ(all(gate)[0].proposal.call_json, all(gate)[1].proposal.call_json);
}

// T-70: two names that look alike once what was found in them is cut out are two calls.
TEST(InspectAsk, AYesToOnePromptIsNoneToAnotherThatIsMaskedAlike) {
  Gate::Setup setup = with("{arguments: {personal_data: ask}}");
  setup.capture = Capture::Redacted;
  Gate gate(setup);
  auto get = [&](const std::string& name) {
    return gate.post(R"({"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":")" + name + R"(","arguments":{"a":"b"}}})").body;
  };
  EXPECT_TRUE(has(get("report-ada@berg-und-sohn.de"), "approval.pending"));
  ASSERT_TRUE(decide(gate, true));
  const std::size_t before = gate.upstream.seen.size();
  EXPECT_TRUE(has(get("report-bob@berg-und-sohn.de"), "approval.pending"));
  EXPECT_EQ(gate.upstream.seen.size(), before);
  ASSERT_EQ(all(gate).size(), 2u);
  EXPECT_EQ(all(gate)[0].proposal.binding.tool, all(gate)[1].proposal.binding.tool);
  EXPECT_TRUE(has(get("report-ada@berg-und-sohn.de"), "\"result\""));
  EXPECT_TRUE(has(gate.upstream.seen.back().body, "report-ada@"));
}

TEST(InspectAsk, ANoIsToldWithItsReason) {
  Gate gate(with("{arguments: {secrets: ask}}"));
  gate.call("get_charge", note(kKey));
  ASSERT_TRUE(decide(gate, false));
  Answer denied = gate.call("get_charge", note(kKey));
  EXPECT_TRUE(has(denied.body, "approval.denied") && has(denied.body, "seen")) << denied.body;
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(InspectAsk, WhatIsCutOutIsSeenAndSentWithoutIt) {
  Gate gate(with("{arguments: {secrets: ask, personal_data: redact}}"));
  const std::string arguments = note(kKey + " of " + kMail);
  EXPECT_TRUE(has(gate.call("get_charge", arguments).body, "approval.pending"));
  EXPECT_TRUE(has(all(gate).at(0).proposal.call_json, "[redacted:personal.email]")) << all(gate)[0].proposal.call_json;
  ASSERT_TRUE(decide(gate, true));
  EXPECT_TRUE(has(gate.call("get_charge", arguments).body, kDone));
  const std::string& sent = gate.upstream.seen.back().body;
  EXPECT_TRUE(has(sent, kKey) && has(sent, "[redacted:personal.email]")) << sent;
  EXPECT_FALSE(has(sent, kMail)) << sent;
}

TEST(InspectAsk, WhereAnotherFindingIsDeniedNobodyIsAsked) {
  Gate gate(with("{arguments: {secrets: ask, personal_data: deny}}"));
  Answer denied = gate.call("get_charge", note(kKey + " of " + kMail));
  EXPECT_TRUE(has(denied.body, "inspection.denied")) << denied.body;
  EXPECT_TRUE(all(gate).empty());
}

TEST(InspectAsk, ARuleThatAsksAlreadyAsksForBoth) {
  Gate gate(with("{arguments: {secrets: ask}}", "tools: {get_charge: {ask: [{approvers: {role: finance}}]}}\n"));
  gate.call("get_charge", note(kKey));
  ASSERT_EQ(all(gate).size(), 1u);
  EXPECT_EQ(all(gate)[0].proposal.rules, std::vector<std::string>{"/tools/get_charge/ask/0"});
  EXPECT_FALSE(decide(gate, true)) << "it takes the role of that rule";
  ASSERT_TRUE(decide(gate, true, "approver:finance"));
  EXPECT_TRUE(has(gate.call("get_charge", note(kKey)).body, kDone));
  EXPECT_EQ(gate.upstream.calls(), 1u);
}

TEST(InspectAsk, APromptAndAResourceAreAskedAboutAndNameNoSecret) {
  Gate gate(with("{arguments: {secrets: ask}}"));
  const std::string messages[] = {
      R"({"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"p","arguments":{"a":")" + kKey + "\"}}}",
      R"({"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"https://x.example/?key=)" + kKey + "\"}}"};
  for (const std::string& message : messages) {
    const std::size_t before = gate.upstream.seen.size();
    EXPECT_TRUE(has(gate.post(message).body, "approval.pending")) << message;
    EXPECT_FALSE(kept_anywhere(gate, kKey)) << message;
    ASSERT_TRUE(decide(gate, true));
    EXPECT_TRUE(has(gate.post(message).body, "result")) << message;
    EXPECT_TRUE(has(gate.upstream.seen.back().body, kKey)) << message;
    EXPECT_GT(gate.upstream.seen.size(), before);
    gate.advance(1s);
  }
  EXPECT_FALSE(kept_anywhere(gate, kKey));
}

TEST(InspectAsk, NobodyIsAskedAboutWhatCameBack) {
  Gate gate(with("{results: {secrets: ask}}"));
  gate.upstream.result = R"({"content":[{"type":"text","text":")" + kKey + "\"}]}";
  Answer withheld = gate.call("get_charge", "{}");
  EXPECT_TRUE(has(withheld.body, "inspection.result_denied")) << withheld.body;
  EXPECT_FALSE(has(withheld.body, kKey));
  EXPECT_TRUE(all(gate).empty());
}

TEST(InspectAsk, InTheStatelessRevisionItIsTheSame) {
  Gate gate(with("{arguments: {secrets: ask}}"));
  const std::string params = R"("name":"get_charge","arguments":)" + note(kKey);
  EXPECT_TRUE(has(gate.modern("tools/call", params, "Mcp-Name: get_charge\r\n").body, "approval.pending"));
  ASSERT_TRUE(decide(gate, true));
  EXPECT_TRUE(has(gate.modern("tools/call", params, "Mcp-Name: get_charge\r\n").body, kDone));
  EXPECT_EQ(gate.upstream.calls(), 1u);
}

TEST(InspectAsk, AClientOfHttpAndSseHearsOfItOnItsStream) {
  for (const bool held : {false, true}) {
    Gate::Setup setup = with("{arguments: {secrets: ask}}");
    if (held) setup.options.approval_hold = 200s;
    Gate gate(setup);
    OldClient client(gate);
    client.open();
    const std::string call =
        R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":)" + note(kKey) + "}}";
    EXPECT_EQ(client.post(call).status, 202);
    const std::string said = client.read();
    EXPECT_FALSE(has(said, kKey));
    EXPECT_TRUE(has(said, held ? ": waiting for approval" : "approval.pending")) << said;
    ASSERT_EQ(all(gate).size(), 1u);
    EXPECT_EQ(gate.upstream.calls(), 0u);
    ASSERT_TRUE(decide(gate, true));
    gate.advance(500ms);
    if (!held) {
      EXPECT_EQ(client.post(call).status, 202);
    }
    const std::string answer = client.read();
    EXPECT_TRUE(has(answer, R"("id":7,"result")") && has(answer, kDone)) << answer;
    EXPECT_EQ(gate.upstream.calls(), 1u);
    EXPECT_EQ(all(gate)[0].state, State::Executed);
  }
}

}  // namespace
}  // namespace callgate::gateway
