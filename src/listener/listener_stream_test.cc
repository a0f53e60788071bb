// Streams: chunks, readers that are slow or gone, clients that end their side.

#include <gtest/gtest.h>

#include "listener/listener.h"
#include "listener/testing/door_test_kit.h"

namespace callgate::listener {
namespace {

using namespace listener::testing;
using std::chrono::seconds;

TEST(Listener, StreamsInChunksAndGathersOneBatch) {
  TestDoor door;
  Reply* held = nullptr;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    reply.begin_stream({.status = 200, .content_type = "text/event-stream", .extra = {}});
    EXPECT_TRUE(reply.write("data: 1\n\n"));
    EXPECT_TRUE(reply.write(""));
    held = &reply;
  };
  Client client(door.port);
  client.write(get("/"));
  door.turn(2);
  client.read();
  EXPECT_EQ(count_in(client.received, "Transfer-Encoding: chunked\r\n"), 1u);
  EXPECT_TRUE(client.received.ends_with("\r\n\r\n9\r\ndata: 1\n\n\r\n")) << client.received;
  held->write("data: 2\n\n");
  EXPECT_TRUE(door.exchange(client, "") == "9\r\ndata: 2\n\n\r\n") << client.received;
  held->finish();
  EXPECT_EQ(door.exchange(client, ""), "0\r\n\r\n");
  door.handler.on_request = nullptr;
  EXPECT_EQ(status_in(door.exchange(client, get("/"))), 200);
}

TEST(Listener, StreamsToHttp10UntilTheConnectionCloses) {
  TestDoor door;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    reply.begin_stream({});
    reply.write("abc");
    reply.finish();
  };
  Client client(door.port);
  const std::string response = door.exchange(client, "GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(response.ends_with("\r\n\r\nabc")) << response;
  EXPECT_EQ(count_in(response, "chunked"), 0u);
  EXPECT_TRUE(client.ended);
}

TEST(Listener, CutsAnAbortedStreamVisibly) {
  TestDoor door;
  Reply* held = nullptr;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    reply.begin_stream({});
    reply.write("abc");
    held = &reply;
  };
  Client client(door.port);
  door.exchange(client, get("/"));
  held->abort();
  door.exchange(client, "");
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(count_in(client.received, "0\r\n\r\n"), 0u);
  // Inside handle() too.
  door.handler.on_request = [&](const Request&, Reply& reply) { reply.abort(); };
  Client other(door.port);
  EXPECT_EQ(door.exchange(other, get("/") + get("/")), "");
  EXPECT_TRUE(other.ended);
  EXPECT_EQ(door.listener->connections(), 0u);
}

TEST(Listener, HoldsBackAHandlerWhenTheReaderIsSlow) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.hold_stream(held, observer);
  Client client(door.port);
  client.write(get("/"));
  door.turn(2);
  const std::string piece(10'000, 'x');
  std::size_t sent = 0;
  while (held->write(piece)) {
    sent += piece.size();
    door.turn();
    ASSERT_LT(sent, 64u << 20) << "never held back";
  }
  sent += piece.size();
  door.turn(5);
  EXPECT_EQ(observer.drained, 0);
  observer.then = [&] {
    while (sent < (12u << 20) && held->write(piece)) sent += piece.size();
    if (sent >= (12u << 20)) held->finish();
  };
  for (int i = 0; i < 20'000 && !client.received.ends_with("\r\n0\r\n\r\n"); ++i) {
    client.read();
    door.turn();
  }
  EXPECT_GT(observer.drained, 1);
  EXPECT_EQ(observer.gone, 0);
  EXPECT_GE(count_in(client.received, "x"), 12u << 20);
  EXPECT_TRUE(client.received.ends_with("0\r\n\r\n"));
}

TEST(Listener, GivesUpOnAReaderThatStalls) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.hold_stream(held, observer);
  Client client(door.port);
  client.write(get("/"));
  door.turn(2);
  observer.then = [&] {
    while (held->write(std::string(10'000, 'x'))) {}
  };
  observer.then();
  // Until the kernel is full, too. A few bytes only: beyond a first window TCP would hold them back for real milliseconds.
  for (int quiet = 0, seen = 0; quiet<50; quiet = observer.drained> seen ? 0 : quiet + 1) {
    seen = observer.drained;
    if (quiet < 3) client.write("x");
    door.turn(2);
  }
  door.advance(seconds(30));
  client.write("x");  // chatter of the client is not progress
  door.advance(seconds(29));
  EXPECT_EQ(observer.gone, 0);
  door.advance(seconds(2));
  EXPECT_EQ(observer.gone, 1);
  EXPECT_EQ(door.listener->connections(), 0u);
}

TEST(Listener, DropsAHandlerThatIgnoresTheMark) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.hold_stream(held, observer);
  Client client(door.port);
  client.write(get("/"));
  door.turn(2);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) held->write(piece);
  EXPECT_EQ(observer.gone, 0);  // never from inside write()
  door.turn(2);
  EXPECT_EQ(observer.gone, 1);
}

TEST(Listener, SendsALargeReplyToASlowReaderWhole) {
  TestDoor door;
  const std::string body(8 << 20, '#');
  door.handler.on_request = [&](const Request&, Reply& reply) { reply.send({}, body); };
  Client client(door.port);
  EXPECT_EQ(count_in(door.exchange(client, get("/") + get("/")), "#"), 16u << 20);
}

TEST(Listener, TakesNoNextRequestFromAClientThatDoesNotRead) {
  TestDoor door;
  const std::string body(8 << 20, '#');
  door.handler.on_request = [&](const Request&, Reply& reply) { reply.send({}, body); };
  Client client(door.port);
  std::string wire;
  for (int i = 0; i < 20; ++i) wire += get("/");
  client.write(wire);
  door.turn(50);
  EXPECT_EQ(door.handler.seen.size(), 1u);
  EXPECT_EQ(count_in(door.exchange(client, ""), "200 OK"), 20u);
}

TEST(Listener, TellsWhenTheClientIsGone) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    held = &reply;
    reply.observe(&observer);
  };
  Client client(door.port);
  door.exchange(client, get("/"));
  client.reset();
  door.turn(2);
  EXPECT_EQ(observer.gone, 1);
  EXPECT_EQ(door.listener->connections(), 0u);
}

TEST(Listener, NoticesAClosedClientWithTheNextByteOfAStream) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.hold_stream(held, observer);
  Client client(door.port);
  door.exchange(client, get("/"));
  client.close();
  door.turn(2);
  EXPECT_EQ(observer.gone, 0);
  EXPECT_EQ(observer.half_closed, 1);
  held->write(": keep-alive\n\n");
  door.turn(3);
  EXPECT_EQ(observer.gone, 1);
}

TEST(Listener, AnswersAClientThatEndedItsSide) {
  TestDoor door;
  Reply* held = nullptr;
  Observer observer;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    held = &reply;
    reply.observe(&observer);
  };
  Client client(door.port);
  client.write(get("/"));
  client.end_writing();
  door.turn(3);
  EXPECT_EQ(observer.half_closed, 1);
  ASSERT_NE(held, nullptr);
  held->send({}, "still here");
  EXPECT_TRUE(door.exchange(client, "").ends_with("still here"));
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(observer.gone, 0);
  EXPECT_EQ(door.listener->connections(), 0u);
}

}  // namespace
}  // namespace callgate::listener
