// Rules over sequences through the whole gate. T05, T06, T07 of the threat catalogue.

#include <sys/socket.h>
#include <unistd.h>

#include "gateway/testing/shared.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Gate;
using testing::has;

const std::string kTrifecta = R"(
version: "1"
default: allow
tools:
  get_charge: {labels: [private]}
  list_charges: {labels: [untrusted]}
  refund_payment: {labels: [sink]}
flows:
  - {name: no-leak, after: {labels: [private, untrusted]}, then: {labels: [sink]}}
)";

Gate::Setup with(const std::string& policy) {
  Gate::Setup setup;
  setup.policy = policy;
  return setup;
}

bool passed(const Answer& answer) { return has(answer.body, "done"); }

TEST(Flow, ClosesTheSinkAfterPrivateAndUntrustedData) {  // T07
  Gate gate(with(kTrifecta));
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
  EXPECT_TRUE(passed(gate.call("get_charge", "{}")));
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
  EXPECT_TRUE(passed(gate.call("list_charges", "{}")));
  auto calls = gate.upstream.calls();
  Answer refused = gate.call("refund_payment", "{}");
  EXPECT_TRUE(has(refused.body, "policy.flow") && has(refused.body, "/flows/0") && has(refused.body, "no-leak")) << refused.body;
  EXPECT_EQ(gate.upstream.calls(), calls);
  std::string record = gate.last_record();
  EXPECT_TRUE(has(record, R"("rule":"/flows/0")") && has(record, R"("before":["sink","private","untrusted"])")) << record;
}

TEST(Flow, TheRecordSaysWhatACallAdded) {
  Gate gate(with(kTrifecta));
  gate.call("get_charge", "{}");
  std::string record = gate.last_record();
  EXPECT_TRUE(has(record, R"("flow":{"labels":["private"],"tool":"refunds/get_charge","calls":1,)")) << record;
}

TEST(Flow, ANewMcpSessionShedsNothing) {  // T06
  Gate gate(with(kTrifecta));
  gate.call("get_charge", "{}");
  gate.call("list_charges", "{}");
  Answer opened = gate.post_raw(
      "/mcp/refunds",
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})",
      "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
  Answer refused =
      gate.post_raw("/mcp/refunds", R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"refund_payment","arguments":{}}})",
                    "Authorization: Bearer " + gate.token +
                        "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: " +
                        opened.header("mcp-session-id") + "\r\n");
  EXPECT_TRUE(has(refused.body, "policy.flow")) << refused.body;
}

TEST(Flow, HoldsInTheStatelessEraToo) {
  Gate gate(with(kTrifecta));
  gate.call("get_charge", "{}");
  gate.call("list_charges", "{}");
  Answer refused = gate.modern("tools/call", R"("name":"refund_payment","arguments":{})", "Mcp-Name: refund_payment\r\n");
  EXPECT_TRUE(has(refused.body, "policy.flow")) << refused.body;
}

TEST(Flow, AnotherGrantIsNotAffected) {
  Gate gate(with(kTrifecta));
  gate.call("get_charge", "{}");
  gate.call("list_charges", "{}");
  identity::NewGrant other;
  other.label = "other";
  other.principal_id = gate.user.id;
  other.servers = {gate.server.id};
  gate.token = gate.mint(other).token.reveal();
  Answer fine = gate.modern("tools/call", R"("name":"refund_payment","arguments":{})", "Mcp-Name: refund_payment\r\n");
  EXPECT_TRUE(passed(fine)) << fine.body;
}

TEST(Flow, RefusedCallsAddNothing) {
  Gate gate(with(kTrifecta + R"(
  - {name: never, after: {labels: [nothing]}, then: {tools: [x]}}
all_tools:
  deny_if: [{conditions: [{path: args.stop, op: eq, value: true}], on_missing: ignore}]
  limits: [{counter: one, window: day, max: 3}]
)"));
  gate.call("list_charges", "{}");
  EXPECT_TRUE(has(gate.call("get_charge", R"({"stop":true})").body, "policy.deny_if"));
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
  EXPECT_TRUE(has(gate.call("get_charge", "{}").body, "limits.exceeded"));
  EXPECT_EQ(gate.flows->look({gate.grant.grant.id, {}}, gate.clock.now())->label("private"), nullptr);
}

TEST(Flow, ASessionThatRestedIsANewOne) {
  Gate gate(with(kTrifecta));
  gate.call("get_charge", "{}");
  gate.call("list_charges", "{}");
  gate.advance(50min);
  EXPECT_TRUE(has(gate.call("refund_payment", "{}").body, "policy.flow"));
  gate.advance(11min);  // the refused call did not keep it alive
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
}

TEST(Flow, InShadowItOnlyTells) {
  std::string text = kTrifecta;
  text.replace(text.find("then: {labels: [sink]}}"), 23, "then: {labels: [sink]}, mode: shadow}");
  Gate gate(with(text));
  gate.call("get_charge", "{}");
  gate.call("list_charges", "{}");
  EXPECT_TRUE(passed(gate.call("refund_payment", "{}")));
  EXPECT_TRUE(has(gate.last_record(), R"("rule":"/flows/0")")) << gate.last_record();
}

TEST(Flow, WithoutAnAccountWhatLooksAtSequencesIsRefused) {
  Gate gate(with(kTrifecta));
  gate.rooms->flows = nullptr;
  EXPECT_TRUE(has(gate.call("get_charge", "{}").body, "flows.unavailable"));
}

TEST(Flow, ResourcesAndPromptsAreLabelledAsToolsAre) {
  Gate gate(with(kTrifecta + R"(
methods: {resources/read: {labels: [untrusted]}, prompts/get: {labels: [sink]}}
)"));
  gate.call("get_charge", "{}");
  gate.post(R"({"jsonrpc":"2.0","id":8,"method":"prompts/get","params":{"name":"p"}})");
  EXPECT_FALSE(has(gate.last_record(), "/flows/0"));
  gate.post(R"({"jsonrpc":"2.0","id":9,"method":"resources/read","params":{"uri":"file:///a"}})");
  Answer refused = gate.post(R"({"jsonrpc":"2.0","id":10,"method":"prompts/get","params":{"name":"p"}})");
  EXPECT_TRUE(has(refused.body, "policy.flow")) << refused.body;
}

TEST(Flow, OfTwoCallsAtOnceTheSecondIsJudgedBehindTheFirst) {  // T07
  Gate gate(with(R"(
version: "1"
default: allow
flows: [{name: one-customer, same: [args.customer]}]
)"));
  gate.session();
  auto request = [&](const std::string& customer, int id) {
    std::string body = R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
                       R"(,"method":"tools/call","params":{"name":"get_charge","arguments":{"customer":")" + customer + R"("}}})";
    return "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
           "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: " + gate.session() +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  // Both are read in one turn of the loop, so both are judged before either is sent.
  int first = gate.connect(), second = gate.connect();
  gate.turn(3);
  std::string a = request("a", 1), b = request("b", 2);
  ASSERT_GT(::send(first, a.data(), a.size(), 0), 0);
  ASSERT_GT(::send(second, b.data(), b.size(), 0), 0);
  std::string answers = gate.read_some(first, 30) + gate.read_some(second, 30);
  ::close(first);
  ::close(second);
  EXPECT_EQ(gate.upstream.calls(), 1U) << answers;
  EXPECT_TRUE(has(answers, "policy.flow") && has(answers, "done")) << answers;
}

using testing::Shared;

TEST_F(Shared, WhatWasSeenAtOneServerCountsAtTheOther) {  // T07
  Server billing = *gate.catalog->server(second);
  billing.labels = {"private"};
  ASSERT_TRUE(gate.catalog->update_server(billing, std::nullopt));
  gate.put_policy(kTrifecta);
  auto call = [&](const std::string& tool) {
    return ask("tools/call", R"("name":")" + tool + R"(","arguments":{})", "Mcp-Name: " + tool + "\r\n").body;
  };
  EXPECT_FALSE(has(call("send_invoice"), "policy.flow"));
  Answer direct = gate.post_raw(
      "/mcp/refunds",
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_charges","arguments":{},)" + testing::kMeta + "}}",
      "Authorization: Bearer " + token +
          "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: "
          "2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: list_charges\r\n");
  EXPECT_FALSE(has(direct.body, "policy.flow"));
  std::string refused = call("refund_payment");
  EXPECT_TRUE(has(refused, "policy.flow")) << refused;
}

}  // namespace
}  // namespace callgate::gateway
