// Legacy clients, modern servers: what the server asks.

#include <gtest/gtest.h>

#include "bridge/testing/legacy_client.h"

namespace callgate::bridge {
namespace {

using namespace testing;

TEST_F(LegacyClient, IsAskedOnItsStreamAndTheCallIsMadeAgain) {
  Who who = open();
  Client& client = world.send(call("7"), who);
  world.settle();
  Asked& first = server_call();
  first.result(input_required(R"({"f":)" + std::string(kForm) + R"(,"u":)" + std::string(kLink) + R"(,"r":{"method":"roots/list"}})",
                              R"("st\u0001ate=\"\/")"));
  world.settle();
  EXPECT_EQ(client.sink.content_type, "text/event-stream");
  ASSERT_EQ(client.read_events().size(), 3U);
  std::string form = question_id(client, 0), link = question_id(client, 1), roots = question_id(client, 2);
  EXPECT_EQ(client.events[0],
            R"({"jsonrpc":"2.0","id":)" + form +
                R"(,"method":"elicitation/create","params":{"mode":"form","message":"Sure?","requestedSchema":{"type":"object"}}})");
  EXPECT_NE(client.events[1].find(R"("elicitationId":")"), std::string::npos);
  EXPECT_EQ(client.events[2], R"({"jsonrpc":"2.0","id":)" + roots + R"(,"method":"roots/list"})");
  EXPECT_EQ(world.registry.stats().waiting_answers, 3U);

  EXPECT_EQ(answer(roots, R"({"roots":[]})", who).sink.status, 202);
  EXPECT_EQ(answer(form, R"({"action":"accept","content":{"n":1.50}})", who).sink.status, 202);
  EXPECT_EQ(world.one.server.count("tools/call"), 1U);
  EXPECT_EQ(answer(link, R"({"action":"accept"})", who).sink.status, 202);
  EXPECT_EQ(world.one.server.count("tools/call"), 2U);
  Asked& second = server_call();
  EXPECT_NE(second.id(), first.id());
  EXPECT_EQ(second.root()["params"]["inputResponses"].raw(),
            R"({"f":{"action":"accept","content":{"n":1.50}},"r":{"roots":[]},"u":{"action":"accept"}})");
  EXPECT_EQ(second.root()["params"]["requestState"].raw(), R"("st\u0001ate=\"/")") << "the same text, byte for byte";
  EXPECT_EQ(second.root()["params"]["arguments"].raw(), R"({"q":1})");
  second.result(R"({"resultType":"complete","content":[]})");
  world.settle();
  EXPECT_EQ(client.answer().raw(), R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})");
  EXPECT_EQ(client.sink.ends, 1);
  EXPECT_EQ(world.registry.stats().waiting_answers, 0U);
}

TEST_F(LegacyClient, MayAnswerOnAnotherLoopAndIsAskedRoundAfterRound) {
  Who who = open();
  Client& client = world.send(call("7"), who);
  world.settle();
  for (int round = 1; round <= 4; ++round) {
    server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", "\"s" + std::to_string(round) + '"'));
    world.settle();
    if (round == 4) break;
    std::string id = question_id(client, static_cast<std::size_t>(round) - 1);
    world.send(world.two, R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"action":"decline"}})", who);
    world.settle();
    EXPECT_EQ(server_call().root()["params"]["requestState"].string(), "s" + std::to_string(round));
  }
  EXPECT_TRUE(client.result()["isError"].exists()) << "three rounds are the cap here";
  EXPECT_EQ(world.one.server.count("tools/call"), 4U);
}

// T-11, T-50
TEST_F(LegacyClient, CannotAnswerWhatItWasNotAskedNorTwice) {
  Who who = open(), ben = open("2025-11-25", kAll, {"usr_ben", "grt_ben", {}, {}}), again = open();
  Client& client = world.send(call("7"), who);
  world.settle();
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + R"(,"r":{"method":"roots/list"}})", {}));
  world.settle();
  std::string id = question_id(client, 0);
  EXPECT_EQ(answer(id, R"({"action":"accept"})", ben).sink.status, 400);
  EXPECT_EQ(answer(id, R"({"action":"accept"})", again).sink.status, 400) << "another session of the same principal";
  EXPECT_EQ(answer(R"("callgate-1")", R"({"action":"accept"})", who).sink.status, 400);
  EXPECT_EQ(answer("7", R"({"action":"accept"})", who).sink.status, 400);
  EXPECT_EQ(answer(id, R"({"action":"accept"})", who).sink.status, 202);
  EXPECT_EQ(answer(id, R"({"action":"decline"})", who).sink.status, 400) << "each once";
  EXPECT_EQ(world.one.server.count("tools/call"), 1U);
  answer(question_id(client, 1), R"({"roots":[]})", who);
  EXPECT_EQ(server_call().root()["params"]["inputResponses"]["f"].raw(), R"({"action":"accept"})");
  EXPECT_FALSE(server_call().root()["params"]["requestState"].exists()) << "none came, none goes";
}

TEST_F(LegacyClient, IsNotAskedWhatItDidNotDeclare) {
  Who who = open("2025-06-18", R"({"elicitation":{}})");
  EXPECT_EQ(world.one.server.last("server/discover")->root()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].raw(),
            R"({"elicitation":{"form":{}}})");
  Client& link = world.send(call("1"), who);
  world.settle();
  server_call().result(input_required(R"({"u":)" + std::string(kLink) + "}", {}));
  Client& sampling = world.send(call("2"), who);
  world.settle();
  server_call().result(input_required(R"({"s":{"method":"sampling/createMessage","params":{}},"f":)" + std::string(kForm) + "}", {}));
  Client& lacking = world.send(call("3"), who);
  world.settle();
  server_call().error(-32021, "sampling required", 400, R"({"requiredCapabilities":{"sampling":{}}})");
  Client& form = world.send(call("4"), who);
  world.settle();
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", {}));
  world.settle();
  EXPECT_NE(link.result()["content"].child(0)["text"].string().find("https://x/a"), std::string_view::npos);
  for (Client* client : {&link, &sampling, &lacking}) {
    EXPECT_TRUE(client->result()["isError"].exists());
    EXPECT_TRUE(client->events.empty());
  }
  ASSERT_EQ(form.read_events().size(), 1U);
  EXPECT_EQ(form.events[0].find("mode"), std::string::npos) << "unknown to that revision";
  Who old = open("2025-03-26", R"({"elicitation":{}})");
  EXPECT_EQ(world.one.server.last("server/discover")->root()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].raw(), "{}");
}

TEST_F(LegacyClient, GivesUpWhenNobodyAnswersOrTheAnswerIsNo) {
  Who who = open();
  Client& slow = world.send(call("1"), who);
  world.settle();
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", {}));
  world.settle();
  std::string id = question_id(slow, 0);
  world.advance(std::chrono::seconds(301));
  EXPECT_TRUE(slow.result()["isError"].exists());
  EXPECT_EQ(world.registry.stats().waiting_answers, 0U);
  EXPECT_EQ(answer(id, R"({"action":"accept"})", who).sink.status, 400);

  Client& no = world.send(call("2"), who);
  world.settle();
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", {}));
  world.settle();
  world.send(R"({"jsonrpc":"2.0","id":)" + question_id(no, 0) + R"(,"error":{"code":-1,"message":"x"}})", who);
  world.settle();
  EXPECT_EQ(server_call().root()["params"]["inputResponses"].raw(), R"({"f":{"action":"cancel"}})");
  server_call().result(input_required(R"({"r":{"method":"roots/list"}})", {}));
  world.settle();
  world.send(R"({"jsonrpc":"2.0","id":)" + question_id(no, 1) + R"(,"error":{"code":-1,"message":"no roots"}})", who);
  world.settle();
  EXPECT_NE(no.result()["content"].child(0)["text"].string().find("no roots"), std::string_view::npos);
}

TEST_F(LegacyClient, CallsAgainWhenTheServerOnlyWantsThat) {
  Who who = open();
  Client& client = world.send(call("1"), who);
  world.settle();
  for (int i = 0; i < 5; ++i) {
    server_call().result(input_required({}, R"("later")"));
    world.settle();
    EXPECT_EQ(world.one.server.count("tools/call"), static_cast<std::size_t>(i) + 1);
    world.advance(std::chrono::seconds(2));
    EXPECT_EQ(server_call().root()["params"]["requestState"].raw(), R"("later")");
  }
  server_call().result(R"({"resultType":"complete","content":[]})");
  world.settle();
  EXPECT_EQ(client.result().raw(), R"({"content":[]})");
  Client& forever = world.send(call("2"), who);
  world.settle();
  for (int i = 0; i < 1'000 && forever.sink.ends == 0; ++i) {
    server_call().result(input_required({}, R"("later")"));
    world.settle();
    world.advance(std::chrono::seconds(5));
  }
  EXPECT_TRUE(forever.result()["isError"].exists());
}

// What is behind may record one round of a call and refuse the next by itself.
TEST_F(LegacyClient, IsNeverToldThatACallIsRecordedWhoseLastRoundIsNot) {
  Who who = open();
  Client& told = world.send(call("1"), who);
  world.settle();
  server_call().recorded = true;
  server_call().result(input_required(R"({"f":)" + std::string(kForm) + "}", {}));
  world.settle();
  EXPECT_TRUE(told.sink.recorded);
  answer(question_id(told, 0), R"({"action":"decline"})", who);
  server_call().error(-32602, "Unknown tool: ask");
  world.settle();
  EXPECT_EQ(told.sink.reason, "bridge.unrecorded") << "a failure, for the head that said so is gone";

  for (bool recorded : {false, true}) {
    Client& client = world.send(call("2"), who);
    world.settle();
    server_call().recorded = true;
    server_call().result(input_required({}, R"("later")"));
    world.settle();
    world.advance(std::chrono::seconds(2));
    server_call().recorded = recorded;
    server_call().error(-32602, "Unknown tool: ask");
    world.settle();
    EXPECT_EQ(client.answer()["error"]["message"].string(), "Unknown tool: ask");
    EXPECT_EQ(client.sink.recorded, recorded);
  }
}

}  // namespace
}  // namespace callgate::bridge
