// Modern clients, legacy servers: what takes longer than one answer. Subscriptions, broken streams, tasks, idle sessions.

#include <gtest/gtest.h>

#include "bridge/testing/modern_client.h"

namespace callgate::bridge {
namespace {

using namespace testing;

class ModernStream : public ModernClient {
 protected:
  Client& listen(std::string_view id, std::string_view filter, const Who& who = kAnn) {
    Client& client = world.send(request(id, "subscriptions/listen", R"("notifications":)" + std::string(filter), meta("{}")), who);
    world.settle();
    return client;
  }
  Asked* server_stream() {
    for (auto at = world.one.server.asked.rbegin(); at != world.one.server.asked.rend(); ++at)
      if ((*at)->http == "GET") return at->get();
    return nullptr;
  }
  static std::string note(std::string_view method, std::string_view params = "{}") {
    return R"({"jsonrpc":"2.0","method":"notifications/)" + std::string(method) + R"(","params":)" + std::string(params) + "}";
  }
};

TEST_F(ModernStream, AcknowledgesWhatTheServerCanAndTellsOnlyWhatWasAskedFor) {
  Client& tools = listen("1", R"({"toolsListChanged":true,"promptsListChanged":true})");
  Client& files = listen("\"f\"", R"({"resourceSubscriptions":["file:///a","file:///b"]})");
  EXPECT_EQ(tools.read_events().at(0),
            R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},)"
            R"("_meta":{"io.modelcontextprotocol/subscriptionId":1}}})");
  EXPECT_EQ(world.one.server.count("resources/subscribe"), 2U);
  Asked* stream = server_stream();
  ASSERT_NE(stream, nullptr);
  EXPECT_TRUE(stream->has_line("Mcp-Session-Id: s-1"));
  EXPECT_EQ(stream->timeout.count(), 0);
  stream->event(note("tools/list_changed"));
  stream->event(note("prompts/list_changed"));
  stream->event(note("resources/list_changed"));
  stream->event(note("resources/updated", R"({"uri":"file:///a"})"));
  stream->event(note("resources/updated", R"({"uri":"file:///c"})"));
  stream->event(note("message", R"({"level":"error","data":1})"));
  world.settle();
  ASSERT_EQ(tools.read_events().size(), 2U);
  EXPECT_EQ(
      tools.events[1],
      R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}})");
  ASSERT_EQ(files.read_events().size(), 2U);
  EXPECT_EQ(
      files.events[1],
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a","_meta":{"io.modelcontextprotocol/subscriptionId":"f"}}})");
}

TEST_F(ModernStream, CountsSubscriptionsOverAllListenersOfASession) {
  Client& first = listen("1", R"({"resourceSubscriptions":["file:///a"]})");
  Client& second = listen("2", R"({"resourceSubscriptions":["file:///a"]})");
  Client& other = listen("3", R"({"resourceSubscriptions":["file:///a"]})", {"usr_ben", "grt_ben", {}, {}});
  EXPECT_EQ(world.one.server.count("resources/subscribe"), 2U) << "one for each session";
  EXPECT_EQ(world.registry.stats().listeners, 3U);
  first.cancel();
  world.settle();
  EXPECT_EQ(world.one.server.count("resources/unsubscribe"), 0U);
  second.cancel();
  other.cancel();
  world.settle();
  EXPECT_EQ(world.one.server.count("resources/unsubscribe"), 2U);
  EXPECT_EQ(world.registry.stats().listeners, 0U);
  EXPECT_EQ(world.one.server.open(), 0U) << "nobody reads the server's stream any more";
}

TEST_F(ModernStream, LeavesOutWhatTheServerRefusesAndHearsOtherStreamsToo) {
  world.one.server.on_asked = [this](Asked& asked) {
    if (asked.method() == "resources/subscribe" && asked.body.find("bad") != std::string::npos) asked.error(-32002, "unknown");
    else if (asked.http == "GET") asked.json("", 405);
    else handshake(asked);
  };
  Client& client = listen("1", R"({"resourceSubscriptions":["bad","good"],"toolsListChanged":true})");
  EXPECT_NE(client.read_events().at(0).find(R"("resourceSubscriptions":["good"])"), std::string::npos);
  world.send(call("2", "", meta("{}")));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  asked->events();
  asked->event(note("tools/list_changed"));
  asked->event_result("{}");
  world.settle();
  EXPECT_EQ(client.read_events().size(), 2U);
}

// T-50
TEST_F(ModernStream, RefusesQuestionsThatBelongToNoCall) {
  listen("1", R"({"toolsListChanged":true})");
  Asked* stream = server_stream();
  stream->event(R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"password?","requestedSchema":{}}})");
  stream->event(R"({"jsonrpc":"2.0","id":"p","method":"ping"})");
  world.settle();
  EXPECT_EQ(world.one.server.answer_to(R"("q")")->root()["error"]["code"].raw(), "-32601");
  EXPECT_EQ(world.one.server.answer_to(R"("p")")->root()["result"].raw(), "{}");
}

TEST_F(ModernStream, PutsAQuestionOfTheServersStreamToTheOnlyCallUnderWay) {
  std::string question = R"({"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":)" + std::string(kQuestion) + "}";
  Client& first = world.send(world.two, call("1"));
  world.settle();
  Asked* stream = world.two.server.asked[2].get();
  ASSERT_EQ(stream->http, "GET") << "before the first call, for what is asked earlier is lost";
  ASSERT_EQ(world.two.server.asked[3]->method(), "tools/call");
  stream->event(question);
  world.settle();
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(first.result()["inputRequests"].raw(),
            R"({"elicitation_1":{"method":"elicitation/create","params":)" + std::string(kQuestion) + "}}");
  Client& second = world.send(retry("2", R"({"elicitation_1":{"action":"accept"}})", state_of(first)));
  world.settle();
  EXPECT_EQ(world.two.server.answer_to("0")->root()["result"].raw(), R"({"action":"accept"})");
  world.two.server.last("tools/call")->result("{}");
  world.settle();
  EXPECT_EQ(second.result()["resultType"].string(), "complete");

  // The session's stream is on the other loop now.
  Client& third = world.send(call("3"));
  world.settle();
  stream->event(question);
  world.settle();
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(third.result()["resultType"].string(), "input_required");
  EXPECT_EQ(world.registry.stats().legacy_servers, 1U);
}

// T-50
TEST_F(ModernStream, RefusesAQuestionThatMayBelongToAnotherCall) {
  std::string question = R"({"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":)" + std::string(kQuestion) + "}";
  Client& first = world.send(call("1"));
  Client& second = world.send(call("2"));
  world.send(request("3", "tools/list", ""));
  world.settle();
  server_stream()->event(question);
  world.settle();
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(world.one.server.answer_to("0")->root()["error"]["code"].raw(), "-32601");
  EXPECT_EQ(first.sink.heads + second.sink.heads, 0);
  second.cancel();
  world.settle();
  server_stream()->event(R"({"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}})");
  world.settle();
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(first.result()["resultType"].string(), "input_required");
}

// Found by bridge_server_fuzz: the question's session was gone when it was to be put.
TEST_F(ModernStream, ForgetsQuestionsOfASessionThatEnded) {
  Client& client = world.send(call("1"));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  server_stream()->event(R"({"jsonrpc":"2.0","id":"q","method":"roots/list"})");
  asked->json("", 404);
  world.one.server.on_asked = nullptr;
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(client.sink.heads, 0);
  handshake(*world.one.server.last("initialize"));
  world.one.server.on_asked = [this](Asked& next) { handshake(next); };
  world.settle();
  world.one.server.last("tools/call")->result("{}");
  world.settle();
  EXPECT_EQ(client.result()["resultType"].string(), "complete");
}

TEST_F(ModernStream, CallsWithoutTheServersStreamWhenThereIsNone) {
  streams = false;
  Client& client = world.send(call("1"));
  world.settle();
  world.one.server.last("tools/call")->result("{}");
  world.settle();
  EXPECT_EQ(client.sink.ends, 1);
  world.one.server.on_asked = [this](Asked& asked) {
    if (asked.http != "GET") handshake(asked);
  };
  world.send(call("2"), {"usr_ben", "grt_ben", {}, {}});
  world.settle();
  EXPECT_EQ(world.one.server.count("tools/call"), 1U);
  world.advance(std::chrono::milliseconds(1'100));
  EXPECT_EQ(world.one.server.count("tools/call"), 2U) << "a server that says nothing is not waited for";
}

TEST_F(ModernStream, OpensTheServersStreamAgainAndEndsWithTheSession) {
  Client& client = listen("1", R"({"toolsListChanged":true})");
  Asked* stream = server_stream();
  stream->event(note("tools/list_changed"), "e-1");
  stream->end();
  world.settle();
  world.advance(std::chrono::milliseconds(1'100));
  Asked* again = server_stream();
  ASSERT_NE(again, stream);
  EXPECT_TRUE(again->has_line("Last-Event-ID: e-1"));
  again->json("", 404);
  world.settle();
  EXPECT_EQ(client.sink.ends, 1);
  EXPECT_EQ(client.answer().raw(),
            R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}})");
  EXPECT_EQ(world.registry.stats().legacy_servers, 0U);
}

TEST_F(ModernStream, GoesOnAfterTheLastEventWhenTheServerClosesTheStream) {
  Client& client = world.send(call("1", "", meta("{}")));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  std::string id = asked->id();
  asked->events();
  asked->sink->on_body("id: e-1\nretry: 500\ndata:\n\n");
  asked->end();
  world.settle();
  EXPECT_EQ(server_stream(), nullptr) << "not before the time it asked for";
  world.advance(std::chrono::milliseconds(520));
  Asked* resumed = server_stream();
  ASSERT_NE(resumed, nullptr);
  EXPECT_TRUE(resumed->has_line("Last-Event-ID: e-1"));
  resumed->event(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"content":[]}})", "e-2");
  world.settle();
  EXPECT_EQ(client.result()["content"].raw(), "[]");

  Client& never = world.send(call("2", "", meta("{}")));
  world.settle();
  asked = world.one.server.last("tools/call");
  asked->events();
  asked->sink->on_body("id: f-1\ndata:\n\n");
  asked->end();
  for (int i = 0; i < 20 && never.sink.errors == 0; ++i) {
    world.settle();
    world.advance(std::chrono::milliseconds(1'100));
    if (server_stream()->open()) {
      server_stream()->end();
    }
  }
  EXPECT_EQ(never.sink.reason, "upstream.no_answer");
}

TEST_F(ModernStream, ParkedCallsSurviveAServerThatClosesItsStream) {
  Client& first = park();
  Asked* asked = world.one.server.last("tools/call");
  std::string id = asked->id();
  asked->sink->on_body("id: e-9\ndata:\n\n");
  asked->end();
  world.settle();
  world.advance(std::chrono::milliseconds(1'100));
  Asked* resumed = server_stream();
  ASSERT_NE(resumed, nullptr);
  EXPECT_EQ(resumed->timeout.count(), 0);
  Client& second = world.send(retry("8", R"({"e1":{"action":"accept"}})", state_of(first)));
  world.settle();
  resumed->event(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"content":[]}})");
  world.settle();
  EXPECT_EQ(second.result()["resultType"].string(), "complete");
}

TEST_F(ModernStream, RunsToolsThatOnlyExistAsTasks) {
  capabilities = R"({"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}})";
  Client& client = world.send(call("1", "", meta(kForms, R"(,"progressToken":"p")")));
  world.settle();
  Asked* plain = world.one.server.last("tools/call");
  EXPECT_FALSE(plain->root()["params"]["task"].exists());
  plain->error(-32601, "this tool runs as a task");
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  EXPECT_TRUE(asked->root()["params"]["task"]["ttl"].exists());
  asked->result(R"({"task":{"taskId":"t1","status":"working","pollInterval":100}})");
  world.settle();
  EXPECT_EQ(world.one.server.count("tasks/get"), 0U);
  world.advance(std::chrono::milliseconds(120));
  world.one.server.last("tasks/get")->result(R"({"taskId":"t1","status":"working","pollInterval":100})");
  world.settle();
  world.advance(std::chrono::milliseconds(120));
  EXPECT_EQ(world.one.server.count("tasks/get"), 2U);
  world.one.server.last("tasks/get")->result(R"({"taskId":"t1","status":"input_required"})");
  world.settle();
  Asked* result = world.one.server.last("tasks/result");
  EXPECT_EQ(result->root()["params"].raw(), R"({"taskId":"t1"})");
  result->events();
  result->event(R"({"jsonrpc":"2.0","id":"e1","method":"elicitation/create","params":)" + std::string(kQuestion) + "}");
  world.advance(std::chrono::milliseconds(40));
  ASSERT_EQ(client.result()["resultType"].string(), "input_required");
  Client& second = world.send(retry("2", R"({"e1":{"action":"accept"}})", state_of(client)));
  world.settle();
  result->event_result(R"({"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t1"}}})");
  world.settle();
  EXPECT_EQ(second.result().raw(),
            R"({"resultType":"complete","content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"2"}}})");

  Client& left = world.send(call("3"));
  world.settle();
  world.one.server.last("tools/call")->error(-32601, "task");
  world.settle();
  world.one.server.last("tools/call")->result(R"({"task":{"taskId":"t2","status":"working"}})");
  world.settle();
  left.cancel();
  world.settle();
  ASSERT_NE(world.one.server.last("tasks/cancel"), nullptr);
  EXPECT_EQ(world.one.server.last("tasks/cancel")->root()["params"].raw(), R"({"taskId":"t2"})");
}

TEST_F(ModernStream, EndsSessionsNobodyUsedForLong) {
  world.send(request("1", "server/discover", ""));
  Client& busy = world.send(call("2"), {"usr_ben", "grt_ben", {}, {}});
  world.settle();
  EXPECT_EQ(world.registry.stats().legacy_servers, 2U);
  world.clock.advance(std::chrono::seconds(3'700));
  world.settle();
  EXPECT_EQ(world.registry.stats().legacy_servers, 1U);
  Asked* ended = nullptr;
  for (auto* worker : {&world.one, &world.two})
    for (auto& asked : worker->server.asked)
      if (asked->http == "DELETE") ended = asked.get();
  ASSERT_NE(ended, nullptr);
  EXPECT_TRUE(ended->has_line("Mcp-Session-Id: s-1"));
  EXPECT_EQ(ended->principal, "usr_ann");
  world.one.server.last("tools/call")->result("{}");
  world.settle();
  EXPECT_EQ(busy.sink.ends, 1);
}

// T-61
TEST_F(ModernStream, EndsWhatBelongsToGrantsThatEnded) {
  Client& mine = park("1");
  Client& other = park("2", {"usr_ben", "grt_ben", {}, {}});
  Client& listener = listen("3", R"({"toolsListChanged":true})");
  EXPECT_EQ(world.registry.stats().parked, 2U);
  world.registry.sweep([](std::string_view grant) { return grant != "grt_ann"; });
  world.settle();
  EXPECT_EQ(world.registry.stats().parked, 1U);
  EXPECT_EQ(world.registry.stats().legacy_servers, 1U);
  EXPECT_EQ(listener.sink.ends, 1);
  Client& late = world.send(retry("4", R"({"e1":{"action":"accept"}})", state_of(mine)));
  Client& good = world.send(retry("5", R"({"e1":{"action":"accept"}})", state_of(other)), {"usr_ben", "grt_ben", {}, {}});
  world.settle();
  EXPECT_EQ(late.answer()["error"]["code"].raw(), "-32602");
  world.one.server.last("tools/call")->event_result("{}");
  world.settle();
  EXPECT_EQ(good.result()["resultType"].string(), "complete");
}

TEST_F(ModernStream, TellsWaitersWhenNoSessionCanBeOpened) {
  world.one.server.on_asked = [](Asked& asked) { asked.error(-32603, "broken"); };
  Client& a = world.send(call("1"));
  Client& b = world.send(world.two, request("1", "server/discover", ""));
  world.settle();
  EXPECT_EQ(a.sink.reason, "bridge.session");
  EXPECT_EQ(b.sink.reason, "bridge.session");
  EXPECT_EQ(world.registry.stats().legacy_servers, 0U);
  world.one.server.on_asked = [this](Asked& asked) { handshake(asked); };
  Client& c = world.send(request("1", "server/discover", ""));
  world.settle();
  EXPECT_EQ(c.result()["resultType"].string(), "complete");
}

TEST_F(ModernStream, TellsTheGatewayWhatHttpSaid) {
  Client& client = world.send(call("1"));
  world.settle();
  world.one.server.last("tools/call")->json("", 401);
  world.settle();
  EXPECT_EQ(client.sink.status, 401);
  EXPECT_EQ(client.sink.ends, 1);
}

TEST_F(ModernStream, WaitersOnOtherLoopsAreTold) {
  Client& a = world.send(call("1"));
  Client& b = world.send(world.two, call("1"));
  world.one.bridge.reset();  // took the handshake with it
  world.settle();
  EXPECT_EQ(a.sink.heads + a.sink.errors, 0) << "its sink hears nothing more";
  EXPECT_EQ(b.sink.reason, "bridge.session");
}

TEST_F(ModernStream, ARetryFindsNothingWhenTheLoopOfTheCallIsGone) {
  Client& first = park();
  std::string state = state_of(first);
  world.one.bridge.reset();
  Client& second = world.send(world.two, retry("8", R"({"e1":{"action":"accept"}})", state));
  world.settle();
  EXPECT_EQ(second.answer()["error"]["code"].raw(), "-32602");
}

}  // namespace
}  // namespace callgate::bridge
