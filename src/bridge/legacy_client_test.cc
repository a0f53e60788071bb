// Legacy clients, modern servers.

#include <gtest/gtest.h>

#include "bridge/testing/legacy_client.h"

namespace callgate::bridge {
namespace {

using namespace testing;

TEST_F(LegacyClient, InitializesFromWhatTheServerDiscovers) {
  Who who = open();
  EXPECT_GE(who.session.size(), 40U);
  EXPECT_EQ(opened->answer()["result"].raw(),
            R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},)"
            R"("serverInfo":{"name":"new","version":"3"},"instructions":"be kind"})");
  Asked* asked = world.one.server.last("server/discover");
  EXPECT_EQ(asked->root()["params"].raw(), R"({"_meta":{)" + std::string(kEnvelope) + "}}");
  EXPECT_EQ(open("2025-06-18").revision, "2025-06-18");
  EXPECT_EQ(open("1999-01-01").revision, "2025-11-25");
  Client& initialized = world.send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", who);
  Client& ping = world.send(request("1", "ping", "{}"), who);
  world.settle();
  EXPECT_EQ(initialized.sink.status, 202);
  EXPECT_EQ(ping.result().raw(), "{}");
  EXPECT_EQ(world.one.server.asked.size(), 3U) << "answered here";
}

TEST_F(LegacyClient, OpensNoSessionForAnInitializeThatWantsNoAnswer) {
  Client& client = world.send(R"({"jsonrpc":"2.0","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})", {});
  world.settle();
  EXPECT_EQ(client.sink.status, 404);
  EXPECT_TRUE(world.one.server.asked.empty());
}

TEST_F(LegacyClient, CallsWithTheEnvelopeAndGetsAPlainResult) {
  Who who = open();
  Client& client = world.send(
      call("7", R"(,"inputResponses":{"a":{}},"requestState":"x","task":{},"_meta":{"progressToken":"p","traceparent":"00-1"})"), who);
  world.settle();
  Asked& asked = server_call();
  EXPECT_EQ(asked.root()["params"].raw(), R"({"name":"ask","arguments":{"q":1},"_meta":{"traceparent":"00-1","progressToken":)" +
                                              asked.id() + "," + std::string(kEnvelope) + "}}");
  EXPECT_TRUE(asked.has_line("Mcp-Name: ask"));
  EXPECT_EQ(asked.session, "");
  asked.events();
  asked.event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + asked.id() + R"(,"progress":1}})");
  asked.event(R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}})");
  asked.event(R"({"jsonrpc":"2.0","id":999,"result":{}})");
  asked.event_result(
      R"({"resultType":"complete","content":[{"type":"text","text":"hi"}],"structuredContent":[1],"ttlMs":1,"cacheScope":"public",)"
      R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"3"},"k":2}})");
  world.settle();
  ASSERT_EQ(client.read_events().size(), 2U) << client.sink.body;
  EXPECT_EQ(client.events[0], R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}})");
  EXPECT_EQ(client.events[1], R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"hi"}],"_meta":{"k":2}}})");
}

// T-03: whoever ignores case would take the client's word for the bridge's.
TEST_F(LegacyClient, AKeyInOtherCaseDoesNotStandBesideTheEnvelope) {
  Who who = open();
  world.send(call("7", R"(,"_meta":{"io.modelcontextproTocol/clientCapabilities":{},"ProgressToken":"p","traceparent":"00-1"})"), who);
  world.settle();
  EXPECT_EQ(server_call().root()["params"].raw(),
            R"({"name":"ask","arguments":{"q":1},"_meta":{"traceparent":"00-1",)" + std::string(kEnvelope) + "}}");
}

// T-60
TEST_F(LegacyClient, FindsNoSessionOfAnotherPrincipalGrantOrServer) {
  Who who = open();
  auto status = [&](Who other, std::string_view http = "POST") {
    Client& client = world.send(http == "POST" ? request("1", "ping", "{}") : std::string(), other, http);
    world.settle();
    return client.sink.status;
  };
  EXPECT_EQ(status({"usr_ben", who.grant, who.session, who.revision}), 404);
  EXPECT_EQ(status({who.principal, "grt_ben", who.session, who.revision}), 404);
  EXPECT_EQ(status({who.principal, who.grant, "guess", who.revision}), 404);
  EXPECT_EQ(status({who.principal, who.grant, "", who.revision}), 404);
  EXPECT_EQ(status({"usr_ben", who.grant, who.session, who.revision}, "DELETE"), 404);
  EXPECT_EQ(status({"usr_ben", who.grant, who.session, who.revision}, "GET"), 404);
  world.server.id = "srv-2";
  EXPECT_EQ(status(who), 404);
  world.server.id = "srv-1";
  EXPECT_EQ(status(who), 200);
  EXPECT_EQ(status(who, "DELETE"), 204);
  EXPECT_EQ(status(who), 404);
  EXPECT_EQ(world.registry.stats().legacy_clients, 0U);
}

TEST_F(LegacyClient, MirrorsParametersTheToolsWereListedWith) {
  Who who = open();
  Client& list = world.send(request("1", "tools/list", "{}"), who);
  world.settle();
  world.one.server.last("tools/list")
      ->result(R"({"resultType":"complete","ttlMs":0,"cacheScope":"public","tools":[)"
               R"({"name":"ask","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},)"
               R"("n":{"type":"object","properties":{"k":{"type":"integer","x-mcp-header":"K"}}}}},"outputSchema":{"type":"array"}},)"
               R"({"name":"bad","inputSchema":{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"A"}}}},)"
               R"({"name":"plain","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}]})");
  world.settle();
  EXPECT_EQ(list.result()["tools"].size(), 2U) << "a tool with a mark nobody can follow is dropped";
  EXPECT_FALSE(list.result()["tools"].child(0)["outputSchema"].exists());
  EXPECT_TRUE(list.result()["tools"].child(1)["outputSchema"].exists());
  EXPECT_FALSE(list.result()["ttlMs"].exists());
  world.send(request("2", "tools/call", R"({"name":"ask","arguments":{"region":"K\u00f6ln","n":{"k":42}}})"), who);
  world.settle();
  EXPECT_TRUE(server_call().has_line("Mcp-Param-Region: =?base64?S8O2bG4=?="));
  EXPECT_TRUE(server_call().has_line("Mcp-Param-K: 42"));
}

TEST_F(LegacyClient, ListsTheToolsAgainWhenTheServerMissesAHeader) {
  Who who = open();
  Client& client = world.send(request("2", "tools/call", R"({"name":"ask","arguments":{"region":"eu"}})"), who);
  world.settle();
  server_call().error(-32020, "Mcp-Param-Region is missing", 400);
  world.settle();
  world.one.server.last("tools/list")->result(R"({"resultType":"complete","tools":[],"nextCursor":"c2"})");
  world.settle();
  EXPECT_EQ(world.one.server.last("tools/list")->root()["params"]["cursor"].raw(), R"("c2")");
  world.one.server.last("tools/list")
      ->result(R"({"tools":[{"name":"ask","inputSchema":{"properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]})");
  world.settle();
  EXPECT_TRUE(server_call().has_line("Mcp-Param-Region: eu"));
  server_call().error(-32020, "still", 400);
  world.settle();
  EXPECT_EQ(client.answer()["error"]["code"].raw(), "-32603");
  EXPECT_EQ(client.sink.status, 200);
}

TEST_F(LegacyClient, MapsErrorsToItsRevision) {
  Who who = open();
  Client& read = world.send(request("1", "resources/read", R"({"uri":"file:///a b"})"), who);
  Client& unknown = world.send(request("2", "completion/complete", "{}"), who);
  Client& lost = world.send(call("3"), who);
  Client& denied = world.send(call("4"), who);
  Client& tasks = world.send(request("5", "tasks/list", "{}"), who);
  world.settle();
  EXPECT_TRUE(world.one.server.last("resources/read")->has_line("Mcp-Name: file:///a b"));
  world.one.server.last("resources/read")->error(-32602, "no such resource", 200, R"({"uri":"file:///a b"})");
  world.one.server.last("completion/complete")->error(-32601, "no", 404);
  server_call().json("", 401);
  for (auto& asked : world.one.server.asked)
    if (asked->method() == "tools/call" && asked->open()) asked->json("not found", 404);
  world.settle();
  EXPECT_EQ(read.answer()["error"]["code"].raw(), "-32002");
  EXPECT_EQ(unknown.answer()["error"]["code"].raw(), "-32601");
  EXPECT_EQ(unknown.sink.status, 200) << "a 404 would end the client's session";
  EXPECT_EQ(lost.sink.reason, "upstream.no_answer");
  EXPECT_EQ(denied.sink.status, 401);
  EXPECT_EQ(tasks.answer()["error"]["code"].raw(), "-32601");
}

TEST_F(LegacyClient, CarriesItsLogLevelOnEachCall) {
  Who who = open();
  world.send(request("1", "logging/setLevel", R"({"level":"warning"})"), who);
  Client& bad = world.send(request("2", "logging/setLevel", R"({"level":"loud"})"), who);
  Client& client = world.send(call("3"), who);
  world.settle();
  EXPECT_EQ(bad.answer()["error"]["code"].raw(), "-32602");
  EXPECT_EQ(server_call().root()["params"]["_meta"]["io.modelcontextprotocol/logLevel"].string(), "warning");
  server_call().events();
  server_call().event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}})");
  world.settle();
  ASSERT_EQ(client.read_events().size(), 1U);
}

TEST_F(LegacyClient, HearsChangesOnItsStream) {
  Who who = open();
  Client& stream = world.send({}, who, "GET");
  world.settle();
  EXPECT_EQ(stream.sink.content_type, "text/event-stream");
  Asked* listen = world.one.server.last("subscriptions/listen");
  ASSERT_NE(listen, nullptr);
  EXPECT_EQ(listen->timeout.count(), 0);
  EXPECT_EQ(listen->root()["params"]["notifications"].raw(), R"({"toolsListChanged":true})");
  std::string meta = R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" + listen->id() + "}";
  listen->events();
  listen->event(R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},)" + meta + "}}");
  listen->event(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{)" + meta + "}}");
  listen->event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})");
  world.settle();
  ASSERT_EQ(stream.read_events().size(), 1U);
  EXPECT_EQ(stream.events[0], R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}})");

  world.send(world.two, request("1", "resources/subscribe", R"({"uri":"file:///a"})"), who);
  world.settle();
  Asked* wider = world.one.server.last("subscriptions/listen");
  ASSERT_NE(wider, listen);
  EXPECT_TRUE(listen->open()) << "until the new one is acknowledged";
  EXPECT_EQ(wider->root()["params"]["notifications"]["resourceSubscriptions"].raw(), R"(["file:///a"])");
  wider->events();
  wider->event(R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}})");
  world.settle();
  EXPECT_TRUE(listen->cancelled);
  wider->event(R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}})");
  world.settle();
  EXPECT_EQ(stream.read_events().size(), 2U);
  wider->fail({Code::Unavailable, "upstream.reset", "gone", {}}, true);
  world.settle();
  world.advance(std::chrono::milliseconds(1'100));
  Asked* again = world.one.server.last("subscriptions/listen");
  EXPECT_NE(again, wider);

  world.send({}, who, "DELETE");
  world.settle();
  EXPECT_EQ(stream.sink.ends, 1);
  EXPECT_TRUE(again->cancelled);
  EXPECT_EQ(world.one.server.open(), 0U);
}

TEST_F(LegacyClient, CancelsByClosingTheStreamBelow) {
  Who who = open();
  Client& client = world.send(call("\"x\""), who);
  Client& asked = world.send(call("9"), who);
  world.settle();
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", {}));
  world.settle();
  for (auto id : {"\"x\"", "9", "77", "\"9\""})
    world.send(world.two, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + std::string(id) + "}}", who);
  world.settle();
  EXPECT_EQ(client.sink.reason, "bridge.cancelled");
  EXPECT_EQ(asked.sink.reason, "bridge.cancelled");
  EXPECT_EQ(world.one.server.open(), 0U);
  EXPECT_EQ(world.registry.stats().waiting_answers, 0U);
}

// T-61
TEST_F(LegacyClient, LosesItsSessionWithItsGrant) {
  Who who = open(), ben = open("2025-11-25", kAll, {"usr_ben", "grt_ben", {}, {}});
  Client& call_under_way = world.send(call("1"), who);
  Client& stream = world.send({}, who, "GET");
  world.settle();
  world.registry.sweep([](std::string_view grant) { return grant != "grt_ann"; });
  world.settle();
  EXPECT_EQ(call_under_way.sink.reason, "bridge.cancelled");
  EXPECT_EQ(stream.sink.ends, 1);
  EXPECT_EQ(world.one.server.open(), 0U);
  Client& gone = world.send(request("1", "ping", "{}"), who);
  Client& good = world.send(request("1", "ping", "{}"), ben);
  world.settle();
  EXPECT_EQ(gone.sink.status, 404);
  EXPECT_EQ(good.sink.status, 200);
}

TEST_F(LegacyClient, EndsIdleSessionsAndCapsThem) {
  Who first = open();
  world.clock.advance(std::chrono::seconds(1'800));
  for (int i = 0; i < 3; ++i) open();
  Client& fifth = world.send(
      request("0", "initialize", R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}})"));
  world.settle();
  EXPECT_EQ(fifth.sink.reason, "bridge.too_many_sessions");
  world.clock.advance(std::chrono::seconds(1'801));
  Client& gone = world.send(request("1", "ping", "{}"), first);
  world.settle();
  EXPECT_EQ(gone.sink.status, 404);
  open();
  EXPECT_EQ(world.registry.stats().legacy_clients, 4U);
}

TEST_F(LegacyClient, FailsCleanlyWhereverTheTransportFails) {
  for (std::size_t n = 1; n <= 3; ++n) {
    Who who = open();
    world.one.server.fail_from = world.one.server.asked.size() + n - 1;
    Client& client = world.send(call("1"), who);
    world.settle();
    if (n > 1) {
      server_call().result(input_required({}, R"("s")"));
      world.settle();
      world.advance(std::chrono::seconds(1));
    }
    if (n > 2) {
      server_call().result(input_required({}, R"("s")"));
      world.settle();
      world.advance(std::chrono::seconds(1));
    }
    EXPECT_EQ(client.sink.reason, "upstream.connect") << n;
    world.one.server.fail_from = SIZE_MAX;
  }
  EXPECT_EQ(world.one.server.open(), 0U);
}

TEST_F(LegacyClient, LeavesNothingBehindWhenTheBridgeGoes) {
  Who who = open();
  world.send(call("1"), who);
  world.send({}, who, "GET");
  world.settle();
  EXPECT_EQ(world.one.server.open(), 2U);
  world.one.bridge.reset();
  EXPECT_EQ(world.one.server.open(), 0U);
  EXPECT_EQ(world.registry.stats().waiting_answers, 0U);
}

}  // namespace
}  // namespace callgate::bridge
