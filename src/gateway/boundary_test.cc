// What may not enter: bodies, headers, identities, sessions and paths that try to get round the gate.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string call_body(const std::string& params) { return R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":)" + params + "}"; }

void expect_refused(Gate& gate, const std::string& body, const std::string& extra_head = {}) {
  std::size_t calls = gate.upstream.calls();
  std::size_t records = gate.records().size();
  Answer answer = gate.post(body, extra_head);
  EXPECT_TRUE(answer.status >= 400 || has(answer.body, "\"error\"")) << body << " gave " << answer.status << answer.body;
  EXPECT_EQ(gate.upstream.calls(), calls) << body;
  EXPECT_GT(gate.records().size(), records) << "not recorded: " << body;
}

// T-01
TEST(Boundary, RefusesReservedKeysInOtherSpelling) {
  Gate gate;
  gate.session();
  expect_refused(gate, R"({"jsonrpc":"2.0","id":7,"method":"ping","Method":"tools/call","params":{"name":"get_charge"}})");
  expect_refused(gate, R"({"jsonrpc":"2.0","id":7,"Method":"tools/call","params":{"name":"get_charge"}})");
  expect_refused(gate, R"({"jsonrpc":"2.0","id":7,"method":"tools/call","Params":{"name":"get_charge"}})");
  expect_refused(gate, R"({"jsonrpc":"2.0","ID":7,"id":7,"method":"tools/call","params":{"name":"get_charge"}})");
  expect_refused(gate, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"param\u017f\":{\"name\":\"get_charge\"}}");
  expect_refused(gate, call_body(R"({"name":"get_charge","Name":"delete_customer"})"));
  expect_refused(gate, call_body(R"({"name":"get_charge","Arguments":{"amount":1}})"));
}

// T-02, T-03
TEST(Boundary, RefusesDuplicateAndFoldingKeys) {
  Gate gate;
  gate.session();
  expect_refused(gate, call_body(R"({"name":"get_charge","name":"delete_customer"})"));
  expect_refused(gate, call_body(R"({"name":"get_charge","n\u0061me":"delete_customer"})"));
  expect_refused(gate, call_body(R"({"name":"get_charge","arguments":{"amount":1,"amount":2}})"));
  expect_refused(gate, call_body(R"({"name":"get_charge","arguments":{"a":{"amount":1,"Amount":2}}})"));
}

// T-04, T-05, T-06, T-07, T-08
TEST(Boundary, RefusesWhatParsersDisagreeAbout) {
  Gate gate;
  gate.session();
  std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& arguments : {std::string("{\"x\":1e999}"), std::string("{\"x\":NaN}"), std::string("{\"x\":010}"),
                                       "{\"x\":" + deep + "}", std::string("{\"x\":\"\\ud800\"}"), std::string("{\"x\":\"\xc0\xaf\"}"),
                                       std::string("{\"x\":1,}"), std::string("{\"a\\u0000\":1}")})
    expect_refused(gate, call_body("{\"name\":\"get_charge\",\"arguments\":" + arguments + "}"));
  expect_refused(gate, "\xef\xbb\xbf" + call_body(R"({"name":"get_charge"})"));
  expect_refused(gate, call_body(R"({"name":"get_charge"})") + call_body(R"({"name":"delete_customer"})"));
}

// T-09
TEST(Boundary, RefusesBatches) {
  Gate gate;
  gate.session();
  std::string one = call_body(R"({"name":"get_charge"})");
  for (const std::string& body : {"[" + one + "," + one + "]", "[" + one + "]", "[[" + one + "]]", std::string("[]")})
    expect_refused(gate, body);
  EXPECT_TRUE(has(gate.last_record(), "rpc.batch")) << gate.last_record();
}

// T-10
TEST(Boundary, RefusesArgumentsThatAreNotAnObject) {
  Gate gate;
  gate.session();
  for (auto arguments : {"\"{}\"", "[]", "null", "5", "true"})
    expect_refused(gate, call_body(std::string(R"({"name":"get_charge","arguments":)") + arguments + "}"));
  expect_refused(gate, R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":[]})");
  expect_refused(gate, R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":["get_charge"]}})");
}

// T-11
TEST(Boundary, RefusesCallsWithoutAProperId) {
  Gate gate;
  gate.session();
  for (auto id : {"null", "1.0", "1.5", "1e3", "-0", "9007199254740992", "100000000000000000000", "true", "{}", "[1]"})
    expect_refused(gate, std::string(R"({"jsonrpc":"2.0","id":)") + id + R"(,"method":"tools/call","params":{"name":"get_charge"}})");
  expect_refused(gate, R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"get_charge"}})");
  for (auto id : {"0", "-1", "\"\"", "\"1\"", "9007199254740991"})
    EXPECT_TRUE(has(gate.call("get_charge", "{}", id).body, std::string("\"id\":") + id + ",")) << id;
}

// T-11
TEST(Boundary, RefusesAnIdThatIsStillInFlight) {
  Gate gate;
  gate.session();
  std::vector<listener::Reply*> waiting;
  gate.upstream.script = [&](const testing::ToyUpstream::Seen&, listener::Reply& reply) { waiting.push_back(&reply); };
  int first = gate.connect();
  std::string body = call_body(R"({"name":"get_charge"})");
  std::string head = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                     "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + gate.session() +
                     "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  ASSERT_GT(::send(first, (head + body).data(), head.size() + body.size(), 0), 0);
  gate.turn(20);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_TRUE(has(gate.call("get_charge", "{}", "7").body, "session.duplicate_id"));
  EXPECT_EQ(waiting.size(), 1u);
  waiting[0]->send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{}})");
  EXPECT_TRUE(has(gate.read_some(first), R"("result":{})"));
  ::close(first);
}

// T-12
TEST(Boundary, RefusesOtherContentTypesAndEncodings) {
  Gate gate;
  std::string session = gate.session();
  std::string common = "Authorization: Bearer " + gate.token + "\r\nMcp-Session-Id: " + session + "\r\n";
  std::string body = call_body(R"({"name":"get_charge"})");
  for (auto type : {"", "Content-Type: text/plain\r\n", "Content-Type: application/json; charset=utf-16\r\n",
                    "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"}) {
    Answer answer = gate.post_raw("/mcp/refunds", body, common + type);
    EXPECT_EQ(answer.status, 415) << type;
  }
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

// T-13
TEST(Boundary, AsksTheUpstreamForPlainBytesOnly) {
  Gate gate;
  gate.post(call_body(R"({"name":"get_charge"})"), "Accept-Encoding: gzip, br\r\n");
  EXPECT_FALSE(has(gate.upstream.seen.back().head, "gzip"));
  EXPECT_FALSE(has(gate.upstream.seen.back().head, "br\r\n"));
}

// T-14
TEST(Boundary, OversizeIsARefusalNotAPartialLook) {
  Gate gate;
  gate.session();
  std::string padding(5 * 1024 * 1024, 'x');
  Answer answer = gate.post(call_body(R"({"name":"get_charge","arguments":{"x":")" + padding + "\"}}"));
  EXPECT_TRUE(answer.status == 413 || answer.status == 0) << answer.status;
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

// T-60
TEST(Boundary, SessionsBelongToOneGrantAndOneServer) {
  Gate gate;
  std::string session = gate.session();
  identity::NewGrant other;
  other.label = "other";
  other.principal_id = gate.user.id;
  other.servers = {gate.server.id};
  auto second = gate.mint(other);
  std::string body = call_body(R"({"name":"get_charge"})");
  auto with = [&](const std::string& token, const std::string& session_line) {
    return gate.post_raw("/mcp/refunds", body, "Authorization: Bearer " + token + "\r\nContent-Type: application/json\r\n" + session_line);
  };
  EXPECT_EQ(with(std::string(second.token.reveal()), "Mcp-Session-Id: " + session + "\r\n").status, 404);  // of another grant
  EXPECT_EQ(with(gate.token, "Mcp-Session-Id: guessed\r\n").status, 404);
  EXPECT_EQ(with(gate.token, "").status, 400);  // missing
  EXPECT_EQ(with(gate.token, "Mcp-Session-Id: " + session + "\r\nMcp-Session-Id: " + session + "\r\n").status, 400);
  EXPECT_EQ(gate.upstream.calls(), 0u);
  // Fixation: the id a client brings to initialize is not adopted.
  Answer fixed = gate.post_raw(
      "/mcp/refunds", R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})",
      "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\nMcp-Session-Id: chosen\r\n");
  EXPECT_NE(fixed.header("Mcp-Session-Id"), "chosen");
  EXPECT_NE(fixed.header("Mcp-Session-Id"), session);
  EXPECT_FALSE(has(fixed.head, "upstream-session"));
}

// T-60, T-61
TEST(Boundary, RevokeExpireAndDisableCountFromTheNextCall) {
  Gate gate;
  gate.session();
  EXPECT_EQ(gate.call("get_charge", "{}").status, 200);
  ASSERT_TRUE(gate.identity->revoke(gate.grant.grant.id, "lost laptop"));
  gate.publish();
  Answer answer = gate.call("get_charge", "{}");
  EXPECT_EQ(answer.status, 401);
  EXPECT_FALSE(answer.header("WWW-Authenticate").empty());
  EXPECT_TRUE(has(gate.last_record(), "identity.revoked")) << gate.last_record();
  EXPECT_EQ(gate.upstream.calls(), 1u);
}

// The connection remembers whose it is, but not for longer than that holds: the same bytes pass, `end` happens, then they do not.
void refused_on_a_kept_connection_after(const std::function<void(Gate&)>& end) {
  Gate gate;
  const std::string body = call_body(R"({"name":"get_charge"})");
  const std::string raw = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                          "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + gate.session() +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const int fd = gate.connect();
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  EXPECT_TRUE(has(gate.read_some(fd), "200 OK"));
  end(gate);
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  EXPECT_TRUE(has(gate.read_some(fd), "401 "));
  EXPECT_EQ(gate.upstream.calls(), 1u);
  ::close(fd);
}

// T-61
TEST(Boundary, AnExpiredGrantIsRefusedOnAKeptConnectionToo) {
  refused_on_a_kept_connection_after([](Gate& gate) { gate.clock.set_wall(gate.clock.now() + std::chrono::hours(24 * 31)); });
}

// T-61
TEST(Boundary, ARevokedGrantIsRefusedOnAKeptConnectionToo) {
  refused_on_a_kept_connection_after([](Gate& gate) {
    ASSERT_TRUE(gate.identity->revoke(gate.grant.grant.id, "lost laptop"));
    gate.publish();
  });
}

// T-62
TEST(Boundary, ServerPathsAreMatchedExactly) {
  Gate gate;
  std::string head = "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\n";
  std::string body = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})";
  for (auto path : {"/mcp/refunds", "/mcp/refunds/"}) EXPECT_EQ(gate.post_raw(path, body, head).status, 200) << path;
  EXPECT_EQ(gate.post_raw("/mcp/" + gate.server.id + "/", body, head).status, 200);
  std::size_t seen = gate.upstream.seen.size();
  for (auto path : {"/mcp/Refunds", "/mcp/refunds//", "/mcp/refunds/../refunds", "/mcp/refunds%2f", "/mcp/%72efunds", "/mcp/other",
                    "/mcp/refunds/x", "/mcp//refunds"}) {
    Answer answer = gate.post_raw(path, body, head);
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << path << " gave " << answer.status;
  }
  EXPECT_EQ(gate.upstream.seen.size(), seen);
}

// T-62
TEST(Boundary, AGrantOfOneServerDoesNotOpenAnother) {
  Gate gate;
  Server other = gate.server;
  other.slug = "other";
  other.name = "other";
  ASSERT_TRUE(gate.catalog->add_server(other, {}));
  gate.publish();
  Answer answer = gate.post_raw(
      "/mcp/other", R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})",
      "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\n");
  EXPECT_EQ(answer.status, 404);
  EXPECT_TRUE(has(gate.last_record(), "gateway.unknown_server"));
  EXPECT_TRUE(gate.upstream.seen.empty());
}

// T-63
TEST(Boundary, TokensComeInOneHeaderOnly) {
  Gate gate;
  std::string body = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})";
  std::string json = "Content-Type: application/json\r\n";
  std::string good = "Authorization: Bearer " + gate.token + "\r\n";
  EXPECT_EQ(gate.post_raw("/mcp/refunds?access_token=" + gate.token, body, json).status, 400);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json).status, 401);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json + good + good).status, 401);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json + "Authorization: Bearer " + gate.token + " x\r\n").status, 401);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json + "Authorization: Basic " + gate.token + "\r\n").status, 401);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json + "Authorization: Bearer " + gate.token + "x\r\n").status, 401);
  EXPECT_EQ(gate.post_raw("/mcp/refunds", body, json + "Authorization: bearer " + gate.token + "\r\n").status, 200);
  for (const std::string& record : gate.records()) EXPECT_FALSE(has(record, gate.token)) << record;
}

// T-66
TEST(Boundary, ModernHeadersMustSayWhatTheBodySays) {
  Gate gate;
  std::string params = R"("name":"get_charge","arguments":{"region":"eu"})";
  EXPECT_EQ(gate.modern("tools/call", params, "Mcp-Name: get_charge\r\n").status, 200);
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "Mcp-Name: get_charge\r\n"));
  for (auto head : {"", "Mcp-Name: delete_customer\r\n", "Mcp-Name: get_charge\r\nMcp-Name: get_charge\r\n", "Mcp-Name: =?base64?!!?=\r\n",
                    "Mcp-Name: get_charge\r\nMcp-Param-Region: us\r\n", "Mcp-Name: get_charge\r\nMcp-Method: tools/list\r\n"}) {
    Answer answer = gate.modern("tools/call", params, head);
    EXPECT_EQ(answer.status, 400) << head;
    EXPECT_TRUE(has(answer.body, "-32020")) << head << answer.body;
  }
  EXPECT_EQ(gate.upstream.calls(), 1u);
  EXPECT_EQ(gate.modern("tools/call", params, "Mcp-Name: get_charge\r\nMcp-Param-Region: eu\r\n").status, 200);
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "Mcp-Param-Region: eu\r\n"));
}

// T-66: an annotated argument is repeated, and its header says nothing else.
TEST(Boundary, AnAnnotatedArgumentMustBeRepeatedInItsHeader) {
  Gate::Setup setup;
  setup.definitions["get_charge"] =
      R"({"name":"get_charge","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"}}}})";
  Gate gate(setup);
  auto status = [&](const std::string& arguments, const std::string& head) {
    return gate.modern("tools/call", R"("name":"get_charge","arguments":)" + arguments, "Mcp-Name: get_charge\r\n" + head).status;
  };
  EXPECT_EQ(status(R"({"region":"eu","n":42})", "Mcp-Param-Region: eu\r\nMcp-Param-Count: 42.0\r\n"), 200);
  EXPECT_EQ(status(R"({"region":null})", ""), 200);
  EXPECT_EQ(status("{}", ""), 200);
  std::size_t calls = gate.upstream.calls();
  EXPECT_EQ(status(R"({"region":"eu"})", ""), 400);
  EXPECT_EQ(status(R"({"region":"eu","n":1})", "Mcp-Param-Region: 1\r\nMcp-Param-Count: 1\r\n"), 400) << "another argument's value";
  EXPECT_EQ(status(R"({"n":1})", "Mcp-Param-Region: 1\r\nMcp-Param-Count: 1\r\n"), 400) << "a header without its argument";
  EXPECT_EQ(gate.upstream.calls(), calls);
}

// T-66: what no schema names has been looked at by nobody, its name least of all
TEST(Boundary, OnlyParametersThatTheSchemaNamesGoOn) {
  Gate::Setup setup;
  setup.definitions["get_charge"] =
      R"({"name":"get_charge","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}})";
  Gate gate(setup);
  auto head_of = [&](const std::string& tool, const std::string& arguments, const std::string& head) {
    Answer answer = gate.modern("tools/call", "\"name\":\"" + tool + "\",\"arguments\":" + arguments, "Mcp-Name: " + tool + "\r\n" + head);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return gate.upstream.seen.back().head;
  };
  std::string seen = head_of("get_charge", R"({"region":"eu","other":"eu"})",
                             "Mcp-Param-Region: eu\r\nMcp-Param-Other: eu\r\nmcp-param-AKIAIOSFODNN7EXAMPL3: eu\r\n");
  EXPECT_TRUE(has(seen, "Mcp-Param-Region: eu\r\n")) << seen;
  EXPECT_FALSE(has(seen, "Other") || has(seen, "AKIA")) << seen;
  // Of a tool without a schema only an argument's own name and value go on: both are part of the judged arguments.
  seen = head_of("list_charges", R"({"a":{"Region":"eu"},"n":7})",
                 "Mcp-Param-Region: eu\r\nMcp-Param-N: 7.0\r\nMcp-Param-AKIAIOSFODNN7EXAMPL3: eu\r\n");
  EXPECT_TRUE(has(seen, "Mcp-Param-Region: eu\r\n") && has(seen, "Mcp-Param-N: 7.0\r\n")) << seen;
  EXPECT_FALSE(has(seen, "AKIA")) << seen;
  seen = head_of("list_charges", R"({"region":"us","n":"eu"})", "Mcp-Param-Region: eu\r\n");
  EXPECT_FALSE(has(seen, "Mcp-Param")) << "the value of another argument: " << seen;
}

// T-66: a notification has no arguments that anyone could have judged
TEST(Boundary, NotificationsCarryNoParametersInTheirHead) {
  Gate gate;
  Answer answer =
      gate.post_raw("/mcp/refunds", R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"region":"eu"}})",
                    "Authorization: Bearer " + gate.token +
                        "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                        "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: notifications/cancelled\r\nMcp-Param-Region: eu\r\n"
                        "Mcp-Param-AKIAIOSFODNN7EXAMPL3: x\r\n");
  EXPECT_LT(answer.status, 300) << answer.body;
  for (const auto& seen : gate.upstream.seen) EXPECT_FALSE(has(seen.head, "Mcp-Param") || has(seen.head, "AKIA")) << seen.head;
}

TEST(Boundary, AToolThatAnnotatesWhatNoClientCanFollowIsNotOfferedInTheModernEra) {
  Gate::Setup setup;
  std::string definition =
      R"({"name":"get_charge","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"a b"}}}})";
  setup.definitions["get_charge"] = definition;
  Gate gate(setup);
  gate.upstream.script = [&](const testing::ToyUpstream::Seen&, listener::Reply& reply) {
    reply.send({200, "application/json", {}},
               R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","tools":[)" + definition + "]}}");
  };
  EXPECT_FALSE(has(gate.modern("tools/list", "").body, "get_charge"));
  Answer answer = gate.modern("tools/call", R"("name":"get_charge","arguments":{"region":"eu"})", "Mcp-Name: get_charge\r\n");
  EXPECT_TRUE(has(answer.body, "Unknown tool")) << answer.body;
}

TEST(Boundary, ModernListsAreFilteredAndPrivate) {
  Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: allow\nhide: [delete_customer]\n";
  Gate gate(setup);
  Answer list = gate.modern("tools/list", "");
  EXPECT_FALSE(has(list.body, "delete_customer"));
  EXPECT_TRUE(has(list.body, R"("cacheScope":"private")")) << list.body;
  EXPECT_EQ(gate.modern("initialize", "").status, 404);
  EXPECT_EQ(gate.modern("ping", "").status, 404);
}

// T-01: a client that ignores case would read the server's list in place of the filtered one.
TEST(Boundary, AListUnderANameThatImitatesToolsIsLeftOut) {
  Gate gate;
  for (std::string_view twin : {"Tools", "TOOLS"}) {
    gate.upstream.script = [&](const testing::ToyUpstream::Seen&, listener::Reply& reply) {
      reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","CacheScope":"public",")" +
                                                    std::string(twin) + R"(":[{"name":"poisoned","inputSchema":{"type":"object"}}]}})");
    };
    Answer list = gate.modern("tools/list", "");
    EXPECT_TRUE(has(list.body, R"("cacheScope":"private")")) << list.body;
    EXPECT_FALSE(has(list.body, "CacheScope")) << list.body;
    EXPECT_FALSE(has(list.body, "poisoned")) << list.body;
  }
}

}  // namespace
}  // namespace callgate::gateway
