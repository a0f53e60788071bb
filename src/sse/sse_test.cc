// A server of HTTP+SSE as the gateway sees it through this transport.

#include "sse/testing/fixture.h"

namespace callgate::sse {
namespace {

using Sse = SseFixture;

std::string call(std::string_view id, std::string_view rest = {}) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"read")" + std::string(rest) + "}}";
}
std::string result(std::string_view id, std::string_view text = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(text) + "}";
}

TEST_F(Sse, ASessionIsOneStreamAndItsAnswersAreJson) {
  const std::string session = open();
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_TRUE(streams[0].head.starts_with("GET /sse HTTP/1.1\r\n"));
  EXPECT_NE(streams[0].head.find("Accept: text/event-stream\r\n"), std::string::npos);
  Sent& one = post(call("\"c1\""), session);
  const Taken taken = next();
  EXPECT_TRUE(taken.head.starts_with("POST /messages?s=1 HTTP/1.1\r\n"));
  EXPECT_EQ(taken.body, call("2"));
  EXPECT_FALSE(one.sink.over());
  say(result("2", R"({"content":[]})"));
  ASSERT_TRUE(run_until([&] { return one.sink.over(); }));
  EXPECT_EQ(one.sink.status, 200);
  EXPECT_EQ(one.sink.content_type, "application/json");
  EXPECT_EQ(one.sink.body, result("\"c1\"", R"({"content":[]})"));
}

TEST_F(Sse, BothWaysCarryTheVaultsCredentialsAndNothingOfTheClients) {
  const std::string session = open();
  post(call("1"), session);
  for (const std::string& head : {streams[0].head, next().head}) {
    EXPECT_NE(head.find("Authorization: Bearer of-the-vault\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("never sent"), std::string::npos) << head;
    EXPECT_EQ(head.find(session), std::string::npos) << head;
  }
}

// T-60
TEST_F(Sse, EachSessionHasAStreamOfItsOwnAndIsNobodyElses) {
  const std::string one = open("usr_a"), other = open("usr_b");
  ASSERT_EQ(streams.size(), 2u);
  Sent& mine = post(call("1"), one, "usr_a");
  const std::string id = id_of(next().body);
  say(result(id), 0);  // on the stream of the other one
  EXPECT_FALSE(mine.sink.over());
  say(result(id), 1);
  EXPECT_TRUE(run_until([&] { return mine.sink.over(); }));
  EXPECT_EQ(mine.sink.body, result("1"));
  Sent& stolen = post(call("1"), one, "usr_b");
  EXPECT_EQ(stolen.sink.status, 404);
}

// T-65
TEST_F(Sse, AnEndpointOfAnotherOriginIsRefusedAndNothingIsPosted) {
  Sent& hello = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return !streams.empty(); }));
  endpoint("http://127.0.0.1:1/messages");
  ASSERT_TRUE(run_until([&] { return hello.sink.over(); }));
  EXPECT_EQ(hello.sink.reason, "upstream.endpoint");
  EXPECT_FALSE(hello.sink.sent);
  turn();
  EXPECT_TRUE(posts.empty());
  EXPECT_TRUE(stream().saw_end);
}

// T-65
TEST_F(Sse, ASecondEndpointEndsTheStream) {
  const std::string session = open();
  Sent& one = post(call("1"), session);
  next();
  endpoint("/elsewhere");
  ASSERT_TRUE(run_until([&] { return one.sink.over(); }));
  EXPECT_EQ(one.sink.reason, "upstream.reset");
  EXPECT_TRUE(one.sink.sent);
}

TEST_F(Sse, AMessageBeforeTheEndpointIsNoSuchServer) {
  Sent& hello = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return !streams.empty(); }));
  say(result("1"));
  ASSERT_TRUE(run_until([&] { return hello.sink.over(); }));
  EXPECT_EQ(hello.sink.reason, "upstream.endpoint");
}

TEST_F(Sse, WhatIsNoEventStreamIsSaidPlainly) {
  stream_head = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
  Sent& hello = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return hello.sink.over(); }));
  EXPECT_EQ(hello.sink.reason, "upstream.auth");
  stream_head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
  Sent& again = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return again.sink.over(); }));
  EXPECT_EQ(again.sink.reason, "upstream.status");
  EXPECT_FALSE(again.sink.sent);
}

TEST_F(Sse, AServerThatNeverNamesAnEndpointIsGivenUp) {
  server.call_timeout = std::chrono::milliseconds(2'000);
  Sent& hello = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return !streams.empty(); }));
  for (int i = 0; i < 12 && !hello.sink.over(); ++i) {
    stream().send(": still here\n\n");
    advance(std::chrono::milliseconds(1'000));
  }
  ASSERT_TRUE(hello.sink.over());
  EXPECT_EQ(hello.sink.reason, "upstream.timeout");
  EXPECT_TRUE(run_until([&] { return stream().saw_end; }));
}

TEST_F(Sse, AClosedStreamFailsWhatWaitsAndIsNeverSentAgain) {
  const std::string session = open();
  Sent& one = post(call("1"), session);
  Sent& two = post(call("2"), session);
  next(), next();
  stream().close();
  ASSERT_TRUE(run_until([&] { return one.sink.over() && two.sink.over(); }));
  EXPECT_EQ(one.sink.reason, "upstream.reset");
  EXPECT_TRUE(one.sink.sent);
  EXPECT_TRUE(posts.empty());
  // The session goes on over a new stream, greeted again.
  Sent& three = post(call("3"), session);
  ASSERT_TRUE(run_until([&] { return streams.size() == 2; }));
  endpoint("/messages?s=2");
  const Taken hello = next();
  EXPECT_NE(hello.body.find(R"("method":"initialize")"), std::string::npos);
  say(result(id_of(hello.body), R"({"protocolVersion":"2024-11-05","capabilities":{}})"));
  EXPECT_EQ(next().body, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  const Taken taken = next();
  EXPECT_TRUE(taken.head.starts_with("POST /messages?s=2 "));
  say(result(id_of(taken.body)));
  ASSERT_TRUE(run_until([&] { return three.sink.over(); }));
  EXPECT_EQ(three.sink.body, result("3"));
}

TEST_F(Sse, ARefusedPostFailsItsOwnCallOnly) {
  const std::string session = open();
  Sent& open_one = post(call("1"), session);
  next();
  post_reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  Sent& refused = post(call("2"), session);
  ASSERT_TRUE(run_until([&] { return refused.sink.over(); }));
  EXPECT_EQ(refused.sink.status, 404);
  EXPECT_FALSE(open_one.sink.over());
  say(result("2"));
  ASSERT_TRUE(run_until([&] { return open_one.sink.over(); }));
}

TEST_F(Sse, WhatFollowsANotificationWaitsUntilThatWasTaken) {
  const std::string session = open();
  post_reply.clear();
  post(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})", session);
  post(call("1"), session);
  const Taken told = next();
  EXPECT_NE(told.body.find("roots/list_changed"), std::string::npos);
  turn(20);
  EXPECT_TRUE(posts.empty());
  told.peer->send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(next().body, call("2"));
}

TEST_F(Sse, RequestsArePostedSideBySideAndMayBeAnsweredBeforeTheir202) {
  const std::string session = open();
  post_reply.clear();
  Sent& one = post(call("1"), session);
  Sent& two = post(call("2"), session);
  const std::string first = id_of(next().body), second = id_of(next().body);
  say(result(second));
  say(result(first));
  ASSERT_TRUE(run_until([&] { return one.sink.over() && two.sink.over(); }));
  EXPECT_EQ(one.sink.body, result("1"));
  EXPECT_EQ(two.sink.body, result("2"));
}

// T-50
TEST_F(Sse, AQuestionOfTheServerIsAnsweredOnceAndByWhomItWasAskedOf) {
  const std::string session = open();
  Sent& one = post(call("1"), session);
  next();
  say(R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}})");
  ASSERT_TRUE(run_until([&] { return one.sink.body.find("elicitation/create") != std::string::npos; }));
  EXPECT_EQ(one.sink.content_type, "text/event-stream");
  post(result("\"other\""), session);
  Sent& answer = post(result("\"q\"", R"({"action":"accept"})"), session);
  EXPECT_TRUE(run_until([&] { return answer.sink.over(); }));
  EXPECT_EQ(next().body, result("\"q\"", R"({"action":"accept"})"));
  post(result("\"q\""), session);
  turn();
  EXPECT_TRUE(posts.empty());
  say(result("2"));
  EXPECT_TRUE(run_until([&] { return one.sink.over(); }));
}

TEST_F(Sse, WhatItSaysUnaskedGoesToTheSessionsListener) {
  const std::string session = open();
  Sent& listener = send("GET", {}, session);
  say(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_TRUE(run_until([&] { return listener.sink.body.find("list_changed") != std::string::npos; }));
  event("other", "{}");
  event("message", "no json");
  EXPECT_FALSE(listener.sink.over());
}

TEST_F(Sse, TheEndOfASessionClosesItsStream) {
  const std::string session = open();
  Sent& bye = send("DELETE", {}, session);
  EXPECT_EQ(bye.sink.status, 204);
  EXPECT_TRUE(run_until([&] { return stream().saw_end; }));
  EXPECT_EQ(streams_of->stats().running, 0u);
}

// T-72
TEST_F(Sse, ASlowReaderHoldsTheServerBackAndLosesNothing) {
  limits.waiting_bytes_max = 64 * 1024;
  make();
  const std::string session = open();
  Sent& one = post(call("1", R"(,"_meta":{"progressToken":"t"})"), session);
  next();
  one.exchange->pause();
  const std::string filler(8 * 1024, 'x');
  for (int i = 0; i < 4'000; ++i)
    stream().send("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":2,\"message\":\"" +
                  filler + "\",\"progress\":" + std::to_string(i) + "}}\n\n");
  turn(60);
  EXPECT_GT(stream().unsent(), 100'000u);  // it waits
  stream().send("data: " + result("2") + "\n\n");
  one.exchange->resume();
  for (int i = 0; i < 50'000 && !one.sink.over(); ++i) loop->run_once(std::chrono::milliseconds(0));
  ASSERT_TRUE(one.sink.over());
  EXPECT_NE(one.sink.body.find("\"progress\":3999}"), std::string::npos);
  EXPECT_TRUE(one.sink.body.ends_with("data: " + result("1") + "\n\n"));
}

// T-50
TEST_F(Sse, AnEventPastTheLimitEndsTheStreamWithAClearError) {
  server.response_bytes_max = 4'096;
  const std::string session = open();
  Sent& one = post(call("1"), session);
  next();
  say(result("2", "{\"text\":\"" + std::string(8'192, 'x') + "\"}"));
  ASSERT_TRUE(run_until([&] { return one.sink.over(); }));
  EXPECT_EQ(one.sink.reason, "upstream.too_large");
}

TEST_F(Sse, ALateCallIsGivenUpAndTheServerIsTold) {
  server.call_timeout = std::chrono::milliseconds(1'000);
  const std::string session = open();
  Sent& one = post(call("1"), session);
  next();
  advance(std::chrono::milliseconds(1'500));
  ASSERT_TRUE(one.sink.over());
  EXPECT_EQ(one.sink.reason, "upstream.timeout");
  EXPECT_TRUE(one.sink.sent);
  EXPECT_NE(next().body.find(R"("method":"notifications/cancelled","params":{"requestId":2)"), std::string::npos);
}

// T-65
TEST_F(Sse, AnAddressThatIsNotAllowedIsNotDialled) {
  server.allow_private = false;
  Sent& hello = post(kInitialize);
  ASSERT_TRUE(run_until([&] { return hello.sink.over(); }));
  EXPECT_EQ(hello.sink.reason, "upstream.address_refused");
  EXPECT_TRUE(web->peers.empty());
}

}  // namespace
}  // namespace callgate::sse
