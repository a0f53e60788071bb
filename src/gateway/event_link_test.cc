// Clients of HTTP+SSE (2024-11-05) through a whole gate.

#include <gtest/gtest.h>

#include <thread>

#include "gateway/testing/old_client.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;
using testing::kInitialize;
using testing::kInitialized;
using testing::OldClient;
using testing::ToyUpstream;

std::string call(const std::string& id, const std::string& tool = "get_charge") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":{}}})";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(EventLink, TheFirstEventNamesTheAddressAndAnswersComeOnTheStream) {
  Gate gate;
  OldClient client(gate);
  EXPECT_TRUE(has(client.head(), "text/event-stream"));
  EXPECT_TRUE(has(client.head(), "event: endpoint\ndata: /sse/refunds/messages/")) << client.head();
  EXPECT_GE(client.address.size(), 60u);
  const std::string hello = client.open();
  EXPECT_FALSE(has(hello, "Mcp-Session-Id"));
  const Answer answer = client.post(call("7"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_TRUE(answer.body.empty());
  const std::string said = client.read();
  EXPECT_TRUE(has(
      said, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}}\n\n"))
      << said;
  EXPECT_EQ(gate.upstream.calls(), 1u);
  bool opened = false, called = false;
  for (const std::string& record : gate.records()) {
    opened |= has(record, "stream.opened") && has(record, "GET /sse/refunds");
    called |= has(record, "get_charge") && has(record, "\"allow\"");
    EXPECT_FALSE(has(record, client.address.substr(client.address.rfind('/') + 1))) << record;
  }
  EXPECT_TRUE(opened);
  EXPECT_TRUE(called);
}

TEST(EventLink, WhatThePolicyRefusesIsAnEventAndHiddenToolsStayHidden) {
  Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: deny\nhide: [delete_customer]\ntools:\n  get_charge: {}\n";
  Gate gate(setup);
  OldClient client(gate);
  client.open();
  EXPECT_EQ(client.post(call("1", "delete_customer")).status, 202);
  EXPECT_TRUE(has(client.read(), "Unknown tool: delete_customer"));
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})").status, 202);
  const std::string list = client.read();
  EXPECT_TRUE(has(list, "get_charge"));
  EXPECT_FALSE(has(list, "delete_customer"));
  EXPECT_EQ(gate.upstream.calls(), 0u);
}

// T-60
TEST(EventLink, APostMustBeOfTheStreamsOwnGrant) {
  Gate gate;
  identity::NewGrant wanted;
  wanted.label = "other";
  wanted.principal_id = gate.user.id;
  wanted.servers = {gate.server.id};
  const std::string other(gate.mint(wanted).token.reveal());
  OldClient client(gate);
  client.open();
  const std::size_t before = gate.upstream.seen.size();
  const Answer stolen =
      gate.post_raw(client.address, call("1"), "Authorization: Bearer " + other + "\r\nContent-Type: application/json\r\n");
  EXPECT_EQ(stolen.status, 404);
  EXPECT_TRUE(has(stolen.body, "session.unknown_stream"));
  const Answer nobody = gate.post_raw(client.address, call("1"), "Content-Type: application/json\r\n");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(gate.upstream.seen.size(), before);
  EXPECT_FALSE(has(client.read(), "\"id\":1"));
  EXPECT_TRUE(has(gate.last_record(), "identity.")) << gate.last_record();
}

// T-60
TEST(EventLink, AnUnknownStreamIsNotFound) {
  Gate gate;
  OldClient client(gate);
  client.open();
  std::string guess = client.address;
  guess.back() = guess.back() == 'a' ? 'b' : 'a';
  const std::string head = "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\n";
  for (const std::string& path : {guess, std::string("/sse/refunds"), std::string("/sse/refunds/messages/"), std::string("/sse/refunds/x")})
    EXPECT_EQ(gate.post_raw(path, call("1"), head).status, 404) << path;
  const std::string address = client.address;
  client.leave();
  EXPECT_EQ(gate.post_raw(address, call("1"), head).status, 404);
}

TEST(EventLink, WhatHttpRefusesIsThePostsOwnAnswer) {
  Gate gate;
  OldClient client(gate);
  EXPECT_EQ(client.post(call("1")).status, 400);  // initialize first
  client.open();
  EXPECT_EQ(client.post(kInitialize).status, 400);
  EXPECT_EQ(client.post("[" + call("1") + "]").status, 400);
  EXPECT_EQ(client.post("{").status, 400);
  EXPECT_EQ(client.post(call("1"), "MCP-Protocol-Version: 2026-07-28\r\n").status, 400);
  const std::string head = " /sse/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token + "\r\n";
  EXPECT_EQ(gate.send("DELETE" + head + "\r\n").status, 405);
  EXPECT_EQ(gate.send("GET" + head + "\r\n").status, 406);
  EXPECT_EQ(gate.send("GET /sse/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + gate.token +
                      "\r\n\r\n")
                .status,
            404);
  EXPECT_EQ(client.read(), "");
}

// T-61
TEST(EventLink, ARevokedGrantLosesItsStream) {
  Gate gate;
  OldClient client(gate);
  client.open();
  ASSERT_TRUE(gate.identity->revoke(gate.grant.grant.id, "test"));
  gate.publish();
  gate.advance(std::chrono::milliseconds(600));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(gate.rooms->links->size(), 0u);
  EXPECT_EQ(client.post(call("1")).status, 401);
}

TEST(EventLink, ALeavingClientEndsItsSession) {
  Gate gate;
  OldClient client(gate);
  client.open();
  EXPECT_EQ(gate.sessions.size(), 1u);
  client.leave();
  gate.turn(10);
  EXPECT_EQ(gate.sessions.size(), 0u);
  EXPECT_EQ(gate.rooms->links->size(), 0u);
  EXPECT_EQ(gate.upstream.seen.back().method, "DELETE");
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "upstream-session-1"));
}

TEST(EventLink, ACallWhoseClientLeftIsRecordedAllTheSame) {
  Gate gate;
  listener::Reply* kept = nullptr;
  {
    OldClient client(gate);
    client.open();
    gate.upstream.script = [&](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      if (has(seen.body, "tools/call")) kept = &reply;
      else reply.send({204, {}, {}}, {});
    };
    EXPECT_EQ(client.post(call("7")).status, 202);
    gate.turn(10);
    ASSERT_NE(kept, nullptr);
  }
  kept->send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})");
  gate.turn(10);
  EXPECT_TRUE(has(gate.last_record(), "get_charge")) << gate.last_record();
  EXPECT_TRUE(has(gate.last_record(), "\"result\"")) << gate.last_record();
  EXPECT_EQ(gate.worker->busy(), 0u);
}

TEST(EventLink, WhatTheServerSaysUnaskedComesOnTheStream) {
  Gate gate;
  listener::Reply* kept = nullptr;
  OldClient client(gate);
  client.open_keeping(kept);
  ASSERT_NE(kept, nullptr);
  kept->write("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}\n\n");
  EXPECT_TRUE(has(client.read(), "resources/list_changed"));
  kept->finish();  // servers end such streams as they like; it is opened again
  kept = nullptr;
  client.read();
  gate.advance(std::chrono::milliseconds(1'100));
  gate.turn(20);
  ASSERT_NE(kept, nullptr);
  kept->write("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\"}\n\n");
  EXPECT_TRUE(has(client.read(), "prompts/list_changed"));
}

TEST(EventLink, AnAnswerThatComesAsEventsPassesInOrder) {
  Gate gate;
  OldClient client(gate);
  client.open();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(
        "id: e1\ndata: "
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\",\"progress\":1}}\n\n");
    reply.write("data: " + std::string(R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})") + "\n\n");
    reply.finish();
  };
  EXPECT_EQ(client.post(call("7")).status, 202);
  const std::string said = client.read();
  EXPECT_LT(said.find("notifications/progress"), said.find("\"id\":7"));
  EXPECT_NE(said.find("\"id\":7"), std::string::npos) << said;
}

// A stream that could be resumed elsewhere cannot here: the call gets an answer all the same.
TEST(EventLink, ACallWhoseServerEndsItsStreamIsAnswered) {
  Gate gate;
  OldClient client(gate);
  client.open();
  gate.upstream.script = [](const ToyUpstream::Seen& seen, listener::Reply& reply) {
    if (seen.method == "GET") return reply.send({405, {}, {}}, {});
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write("id: e1\ndata:\n\n");
    reply.finish();
  };
  EXPECT_EQ(client.post(call("7")).status, 202);
  EXPECT_TRUE(has(client.read(), "\"id\":7,\"error\""));
}

TEST(EventLink, ALargeAnswerIsOneEvent) {
  Gate gate;
  const std::string text(3 * 1024 * 1024, 'x');
  OldClient client(gate);
  client.open();
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{"t":")" + text + "\"}}");
  };
  EXPECT_EQ(client.post(call("7")).status, 202);
  std::string said;
  for (int i = 0; i < 200 && !has(said, "\"}}\n\n"); ++i) said += client.read(5);
  EXPECT_GT(said.size(), text.size());
  EXPECT_TRUE(has(said, "\"}}\n\n"));
}

// T-50
TEST(EventLink, AnAnswerToAQuestionPassesOnceAndOnlyIfItWasAsked) {
  Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: allow\nmethods:\n  elicitation/create: {}\n";
  Gate gate(setup);
  listener::Reply* kept = nullptr;
  OldClient client(gate);
  client.open();
  gate.upstream.script = [&](const ToyUpstream::Seen& seen, listener::Reply& reply) {
    if (has(seen.body, "tools/call")) {
      reply.begin_stream({200, "text/event-stream", {}});
      reply.write(
          "data: " +
          std::string(
              R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"sure?","requestedSchema":{"type":"object","properties":{}}}})") +
          "\n\n");
      kept = &reply;
      return;
    }
    reply.send({202, {}, {}}, {});
  };
  EXPECT_EQ(client.post(call("7")).status, 202);
  EXPECT_TRUE(has(client.read(), "elicitation/create"));
  const std::string yes = R"({"jsonrpc":"2.0","id":"q","result":{"action":"accept","content":{}}})";
  EXPECT_EQ(client.post(yes).status, 202);
  gate.turn(10);
  EXPECT_TRUE(has(gate.upstream.seen.back().body, "\"accept\""));
  EXPECT_EQ(client.post(yes).status, 400);
  ASSERT_NE(kept, nullptr);
  kept->write("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[]}}\n\n");
  kept->finish();
  EXPECT_TRUE(has(client.read(), "\"id\":7,\"result\""));
}

// T-72
TEST(EventLink, StreamsAreCappedPerGrantAndInWhatWaitsForThem) {
  Gate gate;
  gate.rooms->links = std::make_shared<EventLinks>(EventLinks::Options{10, 2, 1024 * 1024});
  const std::string text(512 * 1024, 'x');
  OldClient one(gate), two(gate);
  OldClient three(gate);
  EXPECT_TRUE(has(three.head(), "429")) << three.head();
  EXPECT_TRUE(has(three.head(), "session.too_many_streams"));
  two.leave();
  OldClient four(gate);
  EXPECT_FALSE(four.address.empty());
  one.open();
  gate.upstream.script = [&](const ToyUpstream::Seen& seen, listener::Reply& reply) {
    if (seen.method != "POST") return reply.send({405, {}, {}}, {});
    json::Document document;
    (void)document.parse(seen.body);
    reply.send({200, "application/json", {}},
               R"({"jsonrpc":"2.0","id":)" + std::string(document.root()["id"].raw()) + R"(,"result":{"t":")" + text + "\"}}");
  };
  bool ended = false;
  for (int i = 1; i < 60 && !ended; ++i) ended = one.post(call(std::to_string(i))).status == 404;  // and reads nothing
  EXPECT_TRUE(ended);
  EXPECT_EQ(gate.rooms->links->size(), 1u);
  bool recorded = false;
  for (const std::string& record : gate.records()) recorded |= has(record, "stream.too_slow");
  EXPECT_TRUE(recorded);
}

// The stream on one worker, its POSTs on another with a thread of its own. Meant for ThreadSanitizer.
TEST(EventLink, AnswersCrossFromOtherWorkers) {
  Gate gate;
  auto second = std::move(*net::Loop::create(&gate.clock));
  auto worker = std::make_unique<Worker>(*gate.rooms, *second);
  listener::Options options;
  options.port = 0;
  auto door = std::move(*listener::Listener::open(options, {{second.get(), worker.get()}}));
  std::thread thread([&] { second->run(); });
  {
    OldClient client(gate);
    std::swap(gate.door, door);
    client.open();
    std::string said;
    for (int i = 1; i <= 40; ++i) {
      EXPECT_EQ(client.post(call(std::to_string(i))).status, 202);
      said += client.read(2);
    }
    for (int i = 0; i < 100 && !has(said, "\"id\":40,"); ++i) said += client.read(5);
    for (int i = 1; i <= 40; ++i) EXPECT_TRUE(has(said, "\"id\":" + std::to_string(i) + ",\"result\"")) << i;
    std::swap(gate.door, door);
    EXPECT_EQ(client.post(call("41")).status, 202);  // and from its own
    EXPECT_TRUE(has(client.read(50), "\"id\":41,"));
  }
  gate.turn(20);
  EXPECT_EQ(gate.rooms->links->size(), 0u);
  second->stop();
  thread.join();
  door.reset();
  worker.reset();
}

TEST(EventLink, AChangedPolicyIsTold) {
  Gate gate;
  OldClient client(gate);
  client.open();
  gate.advance(std::chrono::milliseconds(600));
  client.read();
  gate.put_policy("version: \"1\"\ndefault: allow\nhide: [delete_customer]\n");
  gate.advance(std::chrono::milliseconds(600));
  EXPECT_TRUE(has(client.read(), "notifications/tools/list_changed"));
}

TEST(EventLink, KeepAliveKeepsTheSessionToo) {
  Gate gate;
  OldClient client(gate);
  client.open();
  client.read();
  for (int i = 0; i < 300; ++i) gate.advance(std::chrono::seconds(16));
  EXPECT_TRUE(has(client.read(), ": keep-alive"));
  EXPECT_EQ(client.post(call("7")).status, 202);
  EXPECT_TRUE(has(client.read(), "\"id\":7,\"result\""));
}

}  // namespace
}  // namespace callgate::gateway
