// Modern clients, legacy servers.

#include <gtest/gtest.h>

#include "bridge/testing/modern_client.h"

namespace callgate::bridge {
namespace {

using namespace testing;

TEST_F(ModernClient, DiscoversWhatTheServerSaidToInitialize) {
  Client& client = world.send(request("1", "server/discover", ""));
  world.settle();
  EXPECT_EQ(client.result().raw(),
            R"({"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26"],)"
            R"("capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"logging":{}},)"
            R"("instructions":"be kind","ttlMs":0,"cacheScope":"private",)"
            R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"2"}}})");
  Asked* hello = world.one.server.last("initialize");
  EXPECT_EQ(hello->root()["params"].raw(),
            R"({"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}},)"
            R"("clientInfo":{"name":"c","version":"1"}})");
  EXPECT_FALSE(hello->modern);
  Asked* initialized = world.one.server.last("notifications/initialized");
  EXPECT_EQ(initialized->session, "s-1");
  EXPECT_TRUE(initialized->has_line("Mcp-Session-Id: s-1"));
  EXPECT_TRUE(initialized->has_line("MCP-Protocol-Version: 2025-11-25"));
}

TEST_F(ModernClient, CallsWithoutItsEnvelopeAndGetsACompleteResult) {
  Client& client = world.send(call("\"a\"", "", meta(kForms, R"(,"progressToken":"p","traceparent":"00-1","x/y":1)")));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->root()["params"].raw(),
            R"({"name":"ask","arguments":{"q":1,"r":"x"},"_meta":{"traceparent":"00-1","x/y":1,"progressToken":)" + asked->id() + "}}");
  EXPECT_EQ(asked->head.find("Mcp-Method"), std::string::npos);
  EXPECT_EQ(asked->principal, "usr_ann");
  asked->events();
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + asked->id() + R"(,"progress":1}})");
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":9}})");
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"quiet"}})");
  asked->event(R"({"jsonrpc":"2.0","id":99,"result":{"content":[]}})");
  asked->event_result(R"({"content":[{"type":"text","text":"hi"}],"_meta":{"k":1}})");
  EXPECT_TRUE(asked->open()) << "read to its end, for the connection's sake";
  EXPECT_EQ(asked->timeout, std::chrono::seconds(2));
  asked->event(R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
  asked->end();
  world.settle();
  auto events = client.read_events();
  ASSERT_EQ(events.size(), 2U) << client.sink.body;
  EXPECT_EQ(events[0], R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}})");
  EXPECT_EQ(events[1], R"({"jsonrpc":"2.0","id":"a","result":{"resultType":"complete","content":[{"type":"text","text":"hi"}],)"
                       R"("_meta":{"k":1,"io.modelcontextprotocol/serverInfo":{"name":"old","version":"2"}}}})");
  EXPECT_EQ(client.sink.ends, 1);
}

TEST_F(ModernClient, SharesOneInitializeAmongFirstCallsOfBothLoops) {
  Client& a = world.send(request("1", "tools/list", ""));
  Client& b = world.send(request("1", "tools/list", ""));
  Client& c = world.send(world.two, request("1", "tools/list", ""));
  world.settle();
  EXPECT_EQ(world.one.server.count("initialize") + world.two.server.count("initialize"), 1U);
  for (auto* worker : {&world.one, &world.two})
    for (auto& asked : worker->server.asked)
      if (asked->method() == "tools/list")
        asked->result(R"({"tools":[{"name":"t","inputSchema":{},"execution":{"taskSupport":"optional"}}]})");
  world.settle();
  for (Client* client : {&a, &b, &c})
    EXPECT_EQ(client->result().raw(),
              R"({"resultType":"complete","tools":[{"name":"t","inputSchema":{}}],"ttlMs":0,"cacheScope":"private",)"
              R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"2"}}})");
}

TEST_F(ModernClient, NeverSharesASessionAcrossPrincipalsGrantsOrCapabilities) {
  world.send(request("1", "server/discover", ""));
  world.send(request("1", "server/discover", ""), {"usr_ben", "grt_ann", {}, {}});
  world.send(request("1", "server/discover", ""), {"usr_ann", "grt_other", {}, {}});
  world.send(request("1", "server/discover", "", meta("{}")));
  world.settle();
  EXPECT_EQ(world.one.server.count("initialize"), 4U);
  EXPECT_EQ(world.registry.stats().legacy_servers, 4U);
}

TEST_F(ModernClient, OpensANewSessionOnceWhenTheServerForgotTheOld) {
  world.send(request("0", "server/discover", ""));
  Client& client = world.send(call("1"));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  asked->json(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}})", 404);
  world.settle();
  Asked* again = world.one.server.last("tools/call");
  ASSERT_NE(again, asked);
  EXPECT_EQ(again->session, "s-2");
  again->json("", 404);
  world.settle();
  EXPECT_EQ(world.one.server.count("initialize"), 2U) << "once";
  EXPECT_EQ(client.sink.reason, "upstream.no_answer");
}

TEST_F(ModernClient, ParksTheCallAndContinuesItOnTheRetry) {
  Client& first = park();
  EXPECT_EQ(first.sink.ends, 1);
  EXPECT_EQ(first.result()["resultType"].string(), "input_required");
  EXPECT_EQ(first.result()["inputRequests"].raw(), R"({"e1":{"method":"elicitation/create","params":)" + std::string(kQuestion) + "}}");
  Asked* asked = world.one.server.last("tools/call");
  EXPECT_TRUE(asked->open()) << "the call goes on at the server";
  EXPECT_EQ(asked->timeout.count(), 0) << "a person may take long";
  EXPECT_EQ(world.registry.stats().parked, 1U);
  world.forget_servers();

  Client& second = world.send(retry("8", R"({"e1":{"action":"accept","content":{"ok":true}},"extra":{}})", state_of(first)));
  world.settle();
  EXPECT_EQ(world.one.server.count("tools/call"), 1U);
  Asked* answer = world.one.server.answer_to(R"("e1")");
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->root()["result"].raw(), R"({"action":"accept","content":{"ok":true}})");
  EXPECT_TRUE(answer->has_line("Mcp-Session-Id: s-1"));
  EXPECT_EQ(asked->timeout, world.server.call_timeout);
  asked->event_result(R"({"content":[{"type":"text","text":"done"}]})");
  world.settle();
  EXPECT_EQ(second.answer()["id"].raw(), "8");
  EXPECT_EQ(second.result()["content"].raw(), R"([{"type":"text","text":"done"}])");
  EXPECT_EQ(second.sink.ends, 1);
  EXPECT_EQ(world.registry.stats().parked, 0U);
}

TEST_F(ModernClient, ContinuesWhenTheRetryArrivesOnAnotherLoop) {
  Client& first = park();
  std::string body = call("8", R"(,"inputResponses":{"e1":{"action":"decline"}},"requestState":")" + state_of(first) + '"',
                          meta(kForms, R"(,"progressToken":5)"));
  Client& second = world.send(world.two, body);
  world.settle();
  ASSERT_NE(world.one.server.answer_to(R"("e1")"), nullptr) << "on the loop where the call is";
  EXPECT_TRUE(world.two.server.asked.empty());
  Asked* asked = world.one.server.last("tools/call");
  second.exchange->pause();
  world.settle();
  EXPECT_TRUE(asked->paused);
  second.exchange->resume();
  world.settle();
  EXPECT_FALSE(asked->paused);
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + asked->id() + R"(,"progress":1}})");
  asked->event_result(R"({"content":[]})");
  world.settle();
  EXPECT_EQ(second.result()["content"].raw(), "[]");
}

TEST_F(ModernClient, GathersSeveralQuestionsAndAsksAgainForWhatIsMissing) {
  Client& first = world.send(call("1"));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  asked->events();
  asked->event(R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":)" + std::string(kQuestion) + "}");
  asked->event(R"({"jsonrpc":"2.0","id":2,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":5}})");
  asked->event(R"({"jsonrpc":"2.0","id":3,"method":"roots/list"})");
  world.advance(std::chrono::milliseconds(40));
  json::Value asks = first.result()["inputRequests"];
  ASSERT_EQ(asks.size(), 3U);
  EXPECT_EQ(asks["sampling_2"].raw(), R"({"method":"sampling/createMessage","params":{"messages":[],"maxTokens":5}})");
  EXPECT_EQ(asks["roots_3"].raw(), R"({"method":"roots/list"})");
  Client& second = world.send(retry("2", R"({"elicitation_1":{"action":"accept"},"roots_3":{"roots":[]}})", state_of(first)));
  world.settle();
  world.advance(std::chrono::milliseconds(40));
  EXPECT_NE(world.one.server.answer_to("1"), nullptr);
  EXPECT_NE(world.one.server.answer_to("3"), nullptr);
  EXPECT_EQ(world.one.server.answer_to("2"), nullptr);
  ASSERT_EQ(second.result()["inputRequests"].size(), 1U);
  EXPECT_TRUE(second.result()["inputRequests"]["sampling_2"].exists());
  Client& third =
      world.send(retry("3", R"({"sampling_2":{"role":"assistant","content":{"type":"text","text":"x"},"model":"m"}})", state_of(second)));
  world.settle();
  EXPECT_NE(world.one.server.answer_to("2"), nullptr);
  asked->event_result(R"({"content":[]})");
  world.settle();
  EXPECT_EQ(third.result()["resultType"].string(), "complete");
}

TEST_F(ModernClient, AnswersRoundAfterRoundUpToTheCap) {
  Client* client = &park();
  Asked* asked = world.one.server.last("tools/call");
  for (int round = 2; round <= 4; ++round) {
    std::string key = round == 2 ? "e1" : "elicitation_" + std::to_string(round - 1);
    client = &world.send(retry(std::to_string(round), "{\"" + key + R"(":{"action":"accept"}})", state_of(*client)));
    world.settle();
    asked->event(R"({"jsonrpc":"2.0","id":)" + std::to_string(round) + R"(,"method":"elicitation/create","params":)" +
                 std::string(kQuestion) + "}");
    world.advance(std::chrono::milliseconds(40));
    ASSERT_EQ(client->result()["resultType"].string(), "input_required") << round;
  }
  client = &world.send(retry("9", R"({"elicitation_4":{"action":"accept"}})", state_of(*client)));
  world.settle();
  asked->event(R"({"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":)" + std::string(kQuestion) + "}");
  world.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(client->sink.reason, "bridge.rounds");
  EXPECT_NE(world.one.server.last("notifications/cancelled"), nullptr);
  EXPECT_TRUE(asked->cancelled);
}

// T-11, T-50
TEST_F(ModernClient, RefusesAStateThatIsTamperedRepeatedOrOfAnother) {
  Client& first = park();
  std::string state = state_of(first);
  std::string answer = R"({"e1":{"action":"accept"}})";
  std::string changed = state;
  changed[state.size() / 2] = changed[state.size() / 2] == 'A' ? 'B' : 'A';
  std::vector<Client*> refused = {
      &world.send(retry("8", answer, changed)),
      &world.send(retry("8", answer, "")),
      &world.send(retry("8", answer, state.substr(1))),
      &world.send(retry("8", answer, state), {"usr_ben", "grt_ann", {}, {}}),
      &world.send(retry("8", answer, state), {"usr_ann", "grt_ben", {}, {}}),
      &world.send(request("8", "tools/call",
                          R"("name":"ask","arguments":{"q":2,"r":"x"},"inputResponses":)" + answer + R"(,"requestState":")" + state + '"')),
      &world.send(
          request("8", "tools/call",
                  R"("name":"other","arguments":{"q":1,"r":"x"},"inputResponses":)" + answer + R"(,"requestState":")" + state + '"')),
      &world.send(request("8", "prompts/get",
                          R"("name":"ask","arguments":{"q":1,"r":"x"},"inputResponses":)" + answer + R"(,"requestState":")" + state + '"')),
      &world.send(retry("8", R"([])", state)),
      &world.send(retry("8", R"({"e1":"yes"})", state)),
      &world.send(call("8", R"(,"inputResponses":{},"requestState":7)")),
  };
  world.server.id = "srv-2";
  refused.push_back(&world.send(retry("8", answer, state)));
  world.server.id = "srv-1";
  world.settle();
  for (std::size_t i = 0; i < refused.size(); ++i) {
    EXPECT_EQ(refused[i]->answer()["error"]["code"].raw(), "-32602") << i;
    EXPECT_EQ(refused[i]->sink.status, 200) << i;
  }
  EXPECT_EQ(world.one.server.answer_to(R"("e1")"), nullptr) << "nothing reached the server";
  EXPECT_EQ(world.registry.stats().parked, 1U);

  // Keys in another order are the same call.
  Client& good = world.send(request(
      "8", "tools/call", R"("arguments":{"r":"x","q":1},"name":"ask","inputResponses":)" + answer + R"(,"requestState":")" + state + '"'));
  Client& replay = world.send(retry("9", answer, state));
  world.settle();
  EXPECT_NE(world.one.server.answer_to(R"("e1")"), nullptr);
  EXPECT_EQ(replay.answer()["error"]["code"].raw(), "-32602");
  world.one.server.last("tools/call")->event_result("{}");
  world.settle();
  EXPECT_EQ(good.result()["resultType"].string(), "complete");
}

TEST_F(ModernClient, ExpiresAParkedCallTellsTheServerAndFreesThePlace) {
  Client& first = park();
  std::string state = state_of(first);
  Asked* asked = world.one.server.last("tools/call");
  world.advance(std::chrono::seconds(299));
  EXPECT_EQ(world.registry.stats().parked, 1U);
  world.advance(std::chrono::seconds(2));
  EXPECT_EQ(world.registry.stats().parked, 0U);
  EXPECT_TRUE(asked->cancelled);
  ASSERT_NE(world.one.server.last("notifications/cancelled"), nullptr);
  EXPECT_EQ(world.one.server.last("notifications/cancelled")->root()["params"]["requestId"].raw(), asked->id());
  Client& late = world.send(retry("8", R"({"e1":{"action":"accept"}})", state));
  world.settle();
  EXPECT_EQ(late.answer()["error"]["code"].raw(), "-32602");
}

TEST_F(ModernClient, AQuestionKeepsItsNameThoughItsNumberGrows) {
  Client& client = world.send(call("7"));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  asked->events();
  for (auto id : {"user_name-2", "user_name-3", "-4"})
    asked->event(R"({"jsonrpc":"2.0","id":")" + std::string(id) + R"(","method":"elicitation/create","params":)" + std::string(kQuestion) +
                 "}");
  world.advance(std::chrono::milliseconds(40));
  json::Value asks = client.result()["inputRequests"];
  for (auto key : {"user_name", "user_name-3", "-4"}) EXPECT_TRUE(asks[key].is_object()) << key << asks.raw();
}

// A question that is not put to the client: the gateway refused it.
TEST_F(ModernClient, ReleasesAParkedCallThatNobodyWillComeBackFor) {
  Client& first = park();
  std::string state = state_of(first);
  CallContext ann;
  ann.modern = true;
  ann.principal_id = kAnn.principal;
  ann.grant_id = kAnn.grant;
  CallContext ben = ann;
  ben.principal_id = "usr_ben";
  world.two.bridge->release(ben, world.server, first.body, state);
  world.two.bridge->release(ann, world.server, call("7", R"(,"extra":1)"), state);
  world.two.bridge->release(ann, world.server, first.body, "made up");
  world.settle();
  EXPECT_EQ(world.registry.stats().parked, 1U);
  world.two.bridge->release(ann, world.server, first.body, state);  // from another loop than the one it lives on
  world.settle();
  EXPECT_EQ(world.registry.stats().parked, 0U);
  Asked* cancelled = world.one.server.last("notifications/cancelled");
  ASSERT_NE(cancelled, nullptr) << "the server need not wait for the answer";
  EXPECT_EQ(cancelled->root()["params"]["requestId"].raw(), world.one.server.last("tools/call")->id());
  Client& late = world.send(retry("8", R"({"e1":{"action":"accept"}})", state));
  world.settle();
  EXPECT_EQ(late.answer()["error"]["code"].number(), "-32602");
}

TEST_F(ModernClient, CapsParkedCallsPerPrincipalAndOverall) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(park(std::to_string(i)).result()["resultType"].string(), "input_required");
  Client& fourth = park("4");
  EXPECT_EQ(fourth.sink.reason, "bridge.too_many_parked");
  EXPECT_NE(world.one.server.last("notifications/cancelled"), nullptr);
  Who ben{"usr_ben", "g", {}, {}};
  EXPECT_EQ(park("5", ben).result()["resultType"].string(), "input_required");
  EXPECT_EQ(park("6", ben).result()["resultType"].string(), "input_required");
  EXPECT_EQ(park("7", {"usr_cid", "g", {}, {}}).sink.reason, "bridge.too_many_parked") << "the whole gate is full";
  EXPECT_EQ(world.registry.stats().parked, 5U);
  world.advance(std::chrono::seconds(301));
  EXPECT_EQ(world.registry.stats().parked, 0U);
  EXPECT_EQ(park("8").result()["resultType"].string(), "input_required");
}

// T-50
TEST_F(ModernClient, IsNotAskedWhatItDidNotDeclareNorOutsideACallThatMayAsk) {
  Client& plain = world.send(call("1", "", meta(R"({"elicitation":{}})")));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  asked->events();
  asked->event(R"({"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}})");
  asked->event(R"({"jsonrpc":"2.0","id":2,"method":"elicitation/create","params":{"mode":"url","url":"https://x","message":"m"}})");
  asked->event(R"({"jsonrpc":"2.0","id":3,"method":"roots/list"})");
  asked->event(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{}})");
  asked->event(R"({"jsonrpc":"2.0","id":5,"method":"ping"})");
  asked->event(R"({"jsonrpc":"2.0","id":6,"method":"elicitation/create","params":{"task":{},"message":"m","requestedSchema":{}}})");
  world.advance(std::chrono::milliseconds(40));
  for (auto id : {"1", "2", "3", "4", "6"}) {
    ASSERT_NE(world.one.server.answer_to(id), nullptr) << id;
    EXPECT_EQ(world.one.server.answer_to(id)->root()["error"]["code"].raw(), "-32601") << id;
  }
  EXPECT_EQ(world.one.server.answer_to("5")->root()["result"].raw(), "{}");
  EXPECT_EQ(plain.sink.heads, 0);
  asked->event_result("{}");
  Client& list = world.send(request("2", "tools/list", ""));
  world.settle();
  asked = world.one.server.last("tools/list");
  asked->events();
  asked->event(R"({"jsonrpc":"2.0","id":"l1","method":"roots/list"})");
  world.settle();
  EXPECT_EQ(world.one.server.answer_to(R"("l1")")->root()["error"]["code"].raw(), "-32601");
  asked->event_result(R"({"tools":[]})");
  world.settle();
  EXPECT_EQ(list.result()["ttlMs"].raw(), "0");
}

TEST_F(ModernClient, CancelsAtTheServerByClosingItsStream) {
  Client& client = world.send(call("1"));
  world.settle();
  Asked* asked = world.one.server.last("tools/call");
  client.cancel();
  world.settle();
  EXPECT_TRUE(asked->cancelled);
  ASSERT_NE(world.one.server.last("notifications/cancelled"), nullptr);
  EXPECT_EQ(world.one.server.last("notifications/cancelled")->root()["params"]["requestId"].raw(), asked->id());
}

TEST_F(ModernClient, KeepsAnAnswerThatCameWhileItWasParked) {
  Client& first = park();
  Asked* asked = world.one.server.last("tools/call");
  asked->event_result(R"({"content":[],"isError":true})");
  asked->end();
  world.settle();
  Client& second = world.send(world.two, retry("8", R"({"e1":{"action":"accept"}})", state_of(first)));
  world.settle();
  EXPECT_EQ(second.answer()["id"].raw(), "8");
  EXPECT_TRUE(second.result()["isError"].exists());
  EXPECT_EQ(world.one.server.answer_to(R"("e1")"), nullptr);

  Client& third = park();
  world.one.server.last("tools/call")->fail({Code::Unavailable, "upstream.reset", "gone", {}}, true);
  Client& fourth = world.send(retry("9", R"({"e1":{"action":"accept"}})", state_of(third)));
  world.settle();
  EXPECT_EQ(fourth.sink.reason, "upstream.reset");
  EXPECT_EQ(world.registry.stats().parked, 0U);
}

TEST_F(ModernClient, MapsErrorsOfTheOldRevision) {
  Client& read = world.send(request("1", "resources/read", R"("uri":"file:///a")"));
  world.settle();
  world.one.server.last("resources/read")->error(-32002, "not found");
  Client& odd = world.send(call("2"));
  world.settle();
  world.one.server.last("tools/call")->error(-32021, "what");
  Client& unknown = world.send(request("3", "completion/complete", R"("ref":{},"argument":{})"));
  world.settle();
  world.one.server.last("completion/complete")->error(-32601, "no");
  world.settle();
  EXPECT_EQ(read.answer()["error"].raw(), R"({"code":-32602,"message":"not found","data":{"uri":"file:///a"}})");
  EXPECT_EQ(odd.answer()["error"]["code"].raw(), "-32603");
  EXPECT_EQ(unknown.answer()["error"]["code"].raw(), "-32601");
  EXPECT_EQ(unknown.sink.status, 404);
}

TEST_F(ModernClient, GetsLinksAsInputAndCallsAgainWithoutState) {
  constexpr std::string_view data = R"({"elicitations":[{"mode":"url","elicitationId":"a7","url":"https://x/a7","message":"open it"}]})";
  Client& first = world.send(call("1"));
  world.settle();
  world.one.server.last("tools/call")->error(-32042, "open a link", 200, data);
  world.settle();
  EXPECT_EQ(first.result()["inputRequests"].raw(),
            R"({"elicitation_1":{"method":"elicitation/create","params":{"mode":"url","url":"https://x/a7","message":"open it"}}})");
  EXPECT_FALSE(first.result()["requestState"].exists());
  Client& second = world.send(call("2", R"(,"inputResponses":{"elicitation_1":{"action":"accept"}})"));
  Client& third = world.send(call("3", "", meta("{}")));
  world.settle();
  EXPECT_EQ(world.one.server.count("tools/call"), 3U);
  for (auto& asked : world.one.server.asked) {
    if (asked->method() != "tools/call" || !asked->open()) continue;
    EXPECT_FALSE(asked->root()["params"]["inputResponses"].exists());
    if (asked->session == "s-1") asked->result("{}");
    else asked->error(-32042, "open a link", 200, data);
  }
  world.settle();
  EXPECT_EQ(second.result()["resultType"].string(), "complete");
  EXPECT_EQ(third.sink.status, 400);
  EXPECT_EQ(third.answer()["error"]["code"].raw(), "-32021");
}

TEST_F(ModernClient, SetsTheLevelItAsksForAndHearsOnlyThat) {
  Client& client = world.send(call("1", "", meta(kForms, R"(,"io.modelcontextprotocol/logLevel":"warning")")));
  world.settle();
  ASSERT_NE(world.one.server.last("logging/setLevel"), nullptr);
  EXPECT_EQ(world.one.server.last("logging/setLevel")->root()["params"].raw(), R"({"level":"warning"})");
  Asked* asked = world.one.server.last("tools/call");
  asked->events();
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"quiet"}})");
  asked->event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"loud"}})");
  asked->event_result("{}");
  world.settle();
  ASSERT_EQ(client.read_events().size(), 2U);
  EXPECT_NE(client.events[0].find("loud"), std::string::npos);
  world.send(call("2", "", meta(kForms, R"(,"io.modelcontextprotocol/logLevel":"error")")));
  Client& bad = world.send(call("3", "", meta(kForms, R"(,"io.modelcontextprotocol/logLevel":"shout")")));
  world.settle();
  EXPECT_EQ(world.one.server.count("logging/setLevel"), 1U) << "the session says enough already";
  EXPECT_EQ(bad.answer()["error"]["code"].raw(), "-32602");
}

TEST_F(ModernClient, FailsCleanlyWhereverTheTransportFails) {
  for (std::size_t n = 0; n < 5; ++n) {
    World broken({.legacy = true, .modern = false});
    broken.one.server.on_asked = [this](Asked& asked) { handshake(asked); };
    broken.one.server.fail_from = n;
    Client& client = broken.send(call("1", "", meta(kForms, R"(,"io.modelcontextprotocol/logLevel":"info")")));
    broken.settle();
    EXPECT_EQ(client.sink.errors, 1) << n;
    EXPECT_EQ(client.sink.reason, "upstream.connect") << n;
  }
}

TEST_F(ModernClient, LeavesNothingBehindWhenTheBridgeGoes) {
  park("1");
  world.send(call("2"));
  world.settle();
  EXPECT_GT(world.one.server.open(), 0U);
  world.one.bridge.reset();
  EXPECT_EQ(world.one.server.open(), 0U);
  EXPECT_EQ(world.registry.stats().parked, 0U);
}

}  // namespace
}  // namespace callgate::bridge
