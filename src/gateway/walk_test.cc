// The walk of a call through a whole gate: what is forwarded, what is refused, what is recorded.

#include <gtest/gtest.h>

#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;
using testing::ToyUpstream;

constexpr const char* kRefunds = R"(
version: "1"
default: deny
hide: [delete_customer]
tools:
  get_charge: {}
  refund_payment:
    require: [{conditions: [{path: args.currency, op: in, value: [usd, eur]}]}]
    deny_if: [{conditions: [{path: args.amount, op: gt, value: 1000}], on_deny: "Refund blocked: Amount exceeds developer limit."}]
    limits: [{counter: daily_refunds, window: day, max: 500, scope: grant, increment_from: args.amount}]
)";

Gate::Setup with_policy(const char* policy) {
  Gate::Setup setup;
  setup.policy = policy;
  return setup;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Walk, ForwardsAnAllowedCallAndRecordsIt) {
  Gate gate(with_policy(kRefunds));
  Answer answer = gate.call("refund_payment", R"({"charge_id":"ch_105","amount":50,"currency":"usd"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}]}})");
  EXPECT_EQ(gate.upstream.calls(), 1u);
  std::string record = gate.last_record();
  for (auto part : {"\"allow\"", "refund_payment", "laptop", "\"dev\"", "toy-client"})
    EXPECT_TRUE(has(record, part)) << part << " in " << record;
}

TEST(Walk, RefusesWithTheRuleAndTheExactMessage) {
  Gate gate(with_policy(kRefunds));
  Answer answer = gate.call("refund_payment", R"({"charge_id":"ch_105","amount":5000,"currency":"usd"})", "1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(has(answer.body, R"("id":1,"error":{"code":-32603,"message":"Refund blocked: Amount exceeds developer limit.")"))
      << answer.body;
  EXPECT_TRUE(has(answer.body, R"("rule":"/tools/refund_payment/deny_if/0")")) << answer.body;
  EXPECT_TRUE(has(answer.body, R"("decision_id":"dec_)"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
  std::string record = gate.last_record();
  EXPECT_TRUE(has(record, "policy.deny_if") && has(record, "\"deny\"")) << record;
}

TEST(Walk, HidesToolsFromTheListAndAnswersThemAsUnknown) {  // T-40, D-04
  Gate gate(with_policy(kRefunds));
  Answer list = gate.post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  EXPECT_TRUE(has(list.body, "refund_payment"));
  EXPECT_FALSE(has(list.body, "delete_customer")) << list.body;
  Answer hidden = gate.call("delete_customer", "{}");
  Answer unknown = gate.call("no_such_tool", "{}");
  EXPECT_TRUE(has(hidden.body, R"("code":-32602,"message":"Unknown tool: delete_customer")")) << hidden.body;
  EXPECT_TRUE(has(unknown.body, R"("code":-32602,"message":"Unknown tool: no_such_tool")")) << unknown.body;
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Walk, RefusesTheCallThatWouldPassTheLimitAndSaysWhenItResets) {
  Gate gate(with_policy(kRefunds));
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":300,"currency":"usd"})").body, "done"));
  Answer over = gate.call("refund_payment", R"({"amount":201,"currency":"usd"})");
  EXPECT_TRUE(has(over.body, "retry_after_ms")) << over.body;
  EXPECT_TRUE(has(over.body, "daily_refunds")) << over.body;
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":200,"currency":"usd"})").body, "done"));
  EXPECT_EQ(gate.upstream.calls(), 2u);
  gate.advance(std::chrono::hours(24));
  EXPECT_TRUE(has(gate.call("refund_payment", R"({"amount":500,"currency":"usd"})").body, "done"));
}

TEST(Walk, DeniesEverythingWithoutAPolicy) {
  Gate gate;
  Server server = *gate.catalog->server("refunds");
  server.policy.clear();
  ASSERT_TRUE(gate.catalog->update_server(server, {}));
  gate.publish();
  EXPECT_TRUE(has(gate.call("get_charge", "{}").body, "no policy applies"));
  EXPECT_TRUE(has(gate.post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})").body, R"("tools":[])"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

TEST(Walk, SendsOnlyOurHeadersAndTheStoredCredentials) {  // T-66, A-05
  Gate gate;
  gate.post(R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get_charge","arguments":{}}})",
            "Cookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\nX-Evil: 1\r\nAccept-Encoding: gzip\r\nMcp-Param-Region: nowhere\r\n");
  ASSERT_EQ(gate.upstream.calls(), 1u);
  const std::string& head = gate.upstream.seen.back().head;
  EXPECT_TRUE(has(head, "Authorization: Bearer upstream-secret\r\n")) << head;
  EXPECT_FALSE(has(head, gate.token));
  for (auto part : {"Cookie", "Forwarded", "X-Evil", "gzip", "Mcp-Param"}) EXPECT_FALSE(has(head, part)) << part << " in " << head;
}

TEST(Walk, ForwardsTheJudgedBytesNotTheClientsBytes) {  // T-15
  Gate gate;
  gate.post(
      "{ \"jsonrpc\" : \"2.0\",\"id\":3,\n\"method\":\"tools\\/call\",\"params\":{\"name\":\"get_ch\\u0061rge\",\"arguments\":{\"n\": "
      "1.10e1 }}}");
  EXPECT_EQ(gate.upstream.seen.back().body,
            R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get_charge","arguments":{"n":1.10e1}}})");
}

TEST(Walk, RefusesUnknownMethodsAndRecordsThem) {  // T-30
  Gate gate;
  for (auto method : {"tools/callx", "completion/evil", "meta/execute", "sampling/createMessage", "elicitation/create", "roots/list"}) {
    Answer answer = gate.post(std::string(R"({"jsonrpc":"2.0","id":4,"method":")") + method + "\"}");
    EXPECT_TRUE(has(answer.body, "-32601")) << answer.body;
    EXPECT_TRUE(has(gate.last_record(), "gateway.unknown_method"));
  }
  EXPECT_EQ(gate.upstream.seen.size(), 1u);  // only initialize
}

TEST(Walk, DenialsCanBeToolResults) {
  Gate gate(with_policy(kRefunds));
  Grant grant = gate.grant.grant;
  grant.deny_as = DenyAs::Result;
  ASSERT_TRUE(gate.identity->update_grant(grant));
  gate.publish();
  Answer answer = gate.call("refund_payment", R"({"amount":5000,"currency":"usd"})");
  EXPECT_TRUE(has(answer.body, R"("result":{"content":[{"type":"text","text":"Refund blocked: Amount exceeds developer limit. [rule)"))
      << answer.body;
  EXPECT_TRUE(has(answer.body, R"("isError":true)"));
  EXPECT_FALSE(has(answer.body, "structuredContent"));
}

TEST(Walk, StripsClientCapabilitiesThatAreNotRelayed) {
  Gate gate;
  gate.session();
  const std::string& body = gate.upstream.seen.front().body;
  EXPECT_TRUE(has(body, R"("capabilities":{})")) << body;
  EXPECT_TRUE(has(body, R"("clientInfo":{"name":"toy-client","version":"1"})"));
}

TEST(Walk, RecordsTheStatedReason) {  // B-08
  Gate gate(with_policy("version: \"1\"\ndefault: allow\nrequire_reason: true\n"));
  Answer without = gate.call("get_charge", "{}");
  EXPECT_TRUE(has(without.body, "-32603")) << without.body;
  gate.post(
      R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get_charge","arguments":{},"_meta":{"callgate/reason":"ticket 42"}}})");
  EXPECT_TRUE(has(gate.last_record(), "ticket 42"));
  gate.post(R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get_charge","arguments":{}}})",
            "X-Callgate-Reason: ticket 43\r\n");
  EXPECT_TRUE(has(gate.last_record(), "ticket 43"));
  EXPECT_EQ(gate.upstream.calls(), 2u);
}

TEST(Walk, AServersOwn401NeverLooksLikeTheCallers) {
  Gate gate;
  gate.session();
  for (int status : {401, 403, 500}) {
    gate.upstream.script = [status](const ToyUpstream::Seen&, listener::Reply& reply) { reply.send({status, "text/plain", {}}, "no"); };
    Answer answer = gate.call("get_charge", "{}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(has(answer.body, "-32603")) << answer.body;
    EXPECT_TRUE(answer.header("WWW-Authenticate").empty());
  }
}

TEST(Walk, RefusesAnswersThatAreNotSafeToPassOn) {  // T-02 on the way back, T-11, T-41
  Gate gate;
  gate.session();
  for (auto body : {R"({"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}})", R"({"jsonrpc":"2.0","id":8,"result":{}})",
                    R"({"jsonrpc":"2.0","id":"7","result":{}})", R"({"jsonrpc":"2.0","id":7})", R"([{"jsonrpc":"2.0","id":7,"result":{}}])",
                    "not json", ""}) {
    gate.upstream.script = [body](const ToyUpstream::Seen&, listener::Reply& reply) { reply.send({200, "application/json", {}}, body); };
    Answer answer = gate.call("get_charge", "{}");
    EXPECT_TRUE(has(answer.body, R"("code":-32603)") && has(answer.body, "upstream.bad_answer")) << body << " gave " << answer.body;
  }
}

TEST(Walk, DoesNotFollowRedirects) {  // T-50, T-65
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.send({302, {}, "Location: http://169.254.169.254/latest\r\n"}, {});
  };
  Answer answer = gate.call("get_charge", "{}");
  EXPECT_TRUE(has(answer.body, "HTTP 302")) << answer.body;
}

// C-53
TEST(Walk, RefusesArgumentsTheToolItselfWouldNotTake) {
  Gate gate;
  Tool tool;
  tool.server_id = gate.server.id;
  tool.name = "get_charge";
  tool.fingerprint = blake2b("one");
  tool.definition_json =
      R"({"name":"get_charge","inputSchema":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"],"additionalProperties":false}})";
  ASSERT_TRUE(gate.catalog->put_tools(gate.server.id, {tool}));
  gate.publish();
  EXPECT_TRUE(has(gate.call("get_charge", R"({"id":"ch_1"})").body, "done"));
  EXPECT_TRUE(has(gate.call("get_charge", R"({"id":1})").body, "Invalid arguments for tool get_charge: /id must be a text"));
  EXPECT_TRUE(has(gate.call("get_charge", "{}").body, "needs `id`"));
  EXPECT_TRUE(has(gate.call("get_charge", R"({"id":"x","more":1})").body, "-32602"));
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_TRUE(has(gate.last_record(), "schema.arguments"));
}

TEST(Walk, RelaysALargeAnswerInPieces) {
  Gate::Setup setup;
  setup.options.whole_body_bytes_max = 64 * 1024;
  Gate gate(setup);
  gate.session();
  std::string text(900'000, 'x');
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.send({200, "application/json", {}},
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" + text + "\"}]}}");
  };
  Answer answer = gate.call("get_charge", "{}");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.size(),
            text.size() + std::string_view(R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":""}]}})").size());
  EXPECT_TRUE(answer.complete);
  // One that turns out broken near its end never looks complete.
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.send({200, "application/json", {}},
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" + text + "\"}]}} {}");
  };
  Answer broken = gate.call("get_charge", "{}");
  EXPECT_TRUE(!broken.complete || has(broken.body, "\"error\"")) << broken.body.substr(0, 200);
  EXPECT_TRUE(has(gate.last_record(), "upstream.bad_answer"));
}

TEST(Walk, AnswersAreTheSameWholeAndInPieces) {
  for (std::size_t size : {0, 900, 70'000, 200'000}) {  // one read takes 64 KiB at most
    Gate gate;
    const std::string text(size, 'x');
    gate.upstream.result = R"({"content":[{"type":"text","text":")" + text + R"("}]})";
    EXPECT_EQ(gate.call("refund_payment", "{}").body, R"({"jsonrpc":"2.0","id":7,"result":)" + gate.upstream.result + "}") << size;
    gate.upstream.result = R"({"content":[{"type":"text","text":")" + text + R"("}],"content":[]})";  // nobody knows which one counts
    Answer answer = gate.call("refund_payment", "{}");
    EXPECT_TRUE(has(answer.body, "upstream.bad_answer")) << size << ": " << answer.body.substr(0, 200);
    gate.upstream.result = "{}";
    EXPECT_EQ(gate.call("refund_payment", "{}").body, R"({"jsonrpc":"2.0","id":7,"result":{}})") << size;
  }
}

}  // namespace
}  // namespace callgate::gateway
