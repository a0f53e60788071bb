#include "listener/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "listener/testing/door_test_kit.h"
#include "net/offload.h"

namespace callgate::listener {
namespace {

using namespace listener::testing;
using std::chrono::milliseconds;

TEST(Listener, AnswersAndKeepsTheConnection) {
  TestDoor door;
  Client client(door.port);
  const std::string response = door.exchange(client, post("/mcp/x/?a=1&b", "hello"));
  EXPECT_EQ(response,
            "HTTP/1.1 200 OK\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\nhello");
  ASSERT_EQ(door.handler.seen.size(), 1u);
  const Seen& seen = door.handler.seen[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/mcp/x/");
  EXPECT_EQ(seen.query, "a=1&b");
  EXPECT_EQ(seen.body, "hello");
  EXPECT_TRUE(seen.remote.v4);
  EXPECT_EQ(seen.remote.bytes[12], 127);
  EXPECT_FALSE(seen.local_socket);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(status_in(door.exchange(client, get("/"))), 200);
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(door.listener->connections(), 1u);
  client.close();
  door.turn(2);
  EXPECT_EQ(door.listener->connections(), 0u);
}

TEST(Listener, AnswersPipelinedRequestsInOrder) {
  TestDoor door;
  Client client(door.port);
  std::string wire;
  for (int i = 0; i < 100; ++i) wire += post("/", "body " + std::to_string(i) + ".");
  const std::string response = door.exchange(client, wire);
  EXPECT_EQ(count_in(response, "HTTP/1.1 200 OK"), 100u);
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t found = response.find("body " + std::to_string(i) + ".", at);
    ASSERT_NE(found, std::string::npos) << i;
    at = found;
  }
}

TEST(Listener, TakesTheNextRequestOnlyWhenTheReplyIsFinished) {
  TestDoor door;
  std::vector<Reply*> replies;
  door.handler.on_request = [&](const Request&, Reply& reply) { replies.push_back(&reply); };
  Client client(door.port);
  EXPECT_EQ(door.exchange(client, get("/1") + get("/2") + get("/3")), "");
  ASSERT_EQ(replies.size(), 1u);
  replies[0]->send({}, "one");
  EXPECT_EQ(replies.size(), 1u);  // not from inside send()
  EXPECT_EQ(count_in(door.exchange(client, ""), "one"), 1u);
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(door.handler.seen[1].path, "/2");
  replies[1]->send({}, "two");
  door.exchange(client, "");
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(door.handler.seen[2].path, "/3");
}

TEST(Listener, ReadsRequestsSplitAtEveryByte) {
  const std::string wire =
      "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n" +
      post("/b", "second") + get("/c");
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    TestDoor door;
    Client client(door.port);
    door.exchange(client, wire.substr(0, cut));
    door.exchange(client, wire.substr(cut));
    ASSERT_EQ(door.handler.seen.size(), 3u) << cut;
    EXPECT_EQ(door.handler.seen[0].body, "hello world") << cut;
    EXPECT_EQ(door.handler.seen[1].body, "second") << cut;
    EXPECT_EQ(door.handler.seen[2].path, "/c") << cut;
    EXPECT_TRUE(door.handler.refusals.empty()) << cut;
  }
}

TEST(Listener, ReadsARequestThatComesByteByByte) {
  TestDoor door;
  Client client(door.port);
  for (const char c : post("/", "slow")) {
    client.write(std::string_view(&c, 1));
    door.turn();
  }
  ASSERT_EQ(door.handler.seen.size(), 1u);
  EXPECT_EQ(door.handler.seen[0].body, "slow");
}

TEST(Listener, ReadsLargeBodiesByLengthAndInChunks) {
  TestDoor door;
  std::string body;
  for (int i = 0; i < 300'000; ++i) body += static_cast<char>('a' + i % 23);
  Client client(door.port);
  EXPECT_EQ(status_in(door.exchange(client, post("/", body))), 200);
  EXPECT_EQ(door.handler.seen.at(0).body, body);
  std::string chunks;
  for (std::size_t at = 0; at < body.size(); at += 7001) net::append_chunk(chunks, std::string_view(body).substr(at, 7001));
  chunks += net::kLastChunk;
  EXPECT_EQ(status_in(door.exchange(client, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)), 200);
  EXPECT_EQ(door.handler.seen.at(1).body, body);
  EXPECT_EQ(client.received.substr(client.received.size() - body.size()), body);
}

TEST(Listener, AnswersExpectContinueBeforeTheBody) {
  TestDoor door;
  Client client(door.port);
  EXPECT_EQ(door.exchange(client, "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(status_in(door.exchange(client, "ok")), 200);
  EXPECT_EQ(door.handler.seen.at(0).body, "ok");
}

TEST(Listener, AnswersHeadWithoutABody) {
  TestDoor door;
  door.handler.on_request = [](const Request&, Reply& reply) { reply.send({}, "12345"); };
  Client client(door.port);
  const std::string response = door.exchange(client, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(count_in(response, "Content-Length: 5\r\n"), 1u);
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
  EXPECT_TRUE(door.exchange(client, get("/")).ends_with("\r\n\r\n12345"));
}

TEST(Listener, ClosesWhenTheClientAsks) {
  TestDoor door;
  Client client(door.port);
  const std::string response = door.exchange(client, get("/", "Connection: close\r\n"));
  EXPECT_EQ(count_in(response, "Connection: close\r\n"), 1u);
  EXPECT_TRUE(client.ended);
  Client old(door.port);
  door.exchange(old, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(old.ended);
  Client kept(door.port);
  door.exchange(kept, "GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(count_in(kept.received, "Connection: keep-alive"), 1u);
  EXPECT_FALSE(kept.ended);
}

TEST(Listener, LetsTheHandlerReplaceTheCacheRule) {
  TestDoor door;
  door.handler.on_request = [](const Request&, Reply& reply) {
    reply.send({.status = 204, .content_type = {}, .extra = "Cache-Control: public\r\n"}, "");
  };
  Client client(door.port);
  const std::string response = door.exchange(client, get("/"));
  EXPECT_EQ(status_in(response), 204);
  EXPECT_EQ(count_in(response, "Cache-Control"), 1u);
  EXPECT_EQ(count_in(response, "Content-Length"), 0u);
}

TEST(Listener, KeepsAnUnwatchedReplyUntilItIsAnswered) {
  TestDoor door;
  Reply* held = nullptr;
  door.handler.on_request = [&](const Request&, Reply& reply) { held = &reply; };
  for (const bool stream : {false, true}) {
    Client client(door.port);
    door.exchange(client, get("/"));
    client.reset();
    door.turn(3);
    if (stream) {
      held->begin_stream({});
      EXPECT_FALSE(held->write("x"));
      held->finish();
    } else {
      held->send({}, "nobody is there");
    }
    door.turn(2);
    EXPECT_EQ(door.listener->connections(), 0u);
  }
}

TEST(Listener, KeepsTheMemoAsLongAsTheConnection) {
  static int destroyed;
  destroyed = 0;
  TestDoor door;
  static int memo;
  door.handler.on_request = [&](const Request& request, Reply& reply) {
    if (request.connection_memo == nullptr) reply.set_memo(&memo, [](void* p) { destroyed += p == &memo ? 1 : 0; });
    reply.send({}, "");
  };
  Client client(door.port);
  door.exchange(client, get("/"));
  door.exchange(client, get("/"));
  EXPECT_EQ(door.handler.seen.at(0).memo, nullptr);
  EXPECT_EQ(door.handler.seen.at(1).memo, &memo);
  EXPECT_EQ(destroyed, 0);
  client.close();
  door.turn(2);
  EXPECT_EQ(destroyed, 1);
}

TEST(Listener, StopsAcceptingAndClosesAfterTheNextReply) {
  TestDoor door;
  Client client(door.port);
  EXPECT_EQ(status_in(door.exchange(client, get("/"))), 200);
  door.listener->stop_accepting();
  door.turn(2);
  EXPECT_EQ(count_in(door.exchange(client, get("/")), "Connection: close"), 1u);
  EXPECT_TRUE(client.ended);
}

TEST(Listener, DiesWithConnectionsOpen) {
  TestDoor door;
  Reply* held = nullptr;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    held = &reply;
    reply.begin_stream({});
  };
  Client idle(door.port), busy(door.port);
  door.exchange(busy, get("/"));
  door.listener.reset();
  door.exchange(idle, "");
  EXPECT_TRUE(idle.ended);
}

TEST(Listener, SpreadsConnectionsOverTheLoops) {
  ManualClock clock;
  auto first = net::Loop::create(&clock).value();
  auto second = net::Loop::create(&clock).value();
  ScriptedHandler a, b;
  Options options;
  options.port = 0;
  auto listener = Listener::open(options, {{first.get(), &a}, {second.get(), &b}}).value();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<Client>(listener->port()));
  for (auto& client : clients) client->write(get("/"));
  for (int i = 0; i < 6; ++i) {
    first->run_once(milliseconds(0));
    second->run_once(milliseconds(0));
  }
  EXPECT_EQ(a.seen.size(), 3u);
  EXPECT_EQ(b.seen.size(), 3u);
  EXPECT_EQ(listener->connections(), 6u);
}

// T-65: ::ffff:127.0.0.1 is 127.0.0.1.
TEST(Listener, FoldsMappedAddresses) {
  auto loop = net::Loop::create().value();
  ScriptedHandler handler;
  Options options;
  options.address = "::";
  options.port = 0;
  auto opened = Listener::open(options, {{loop.get(), &handler}});
  if (!opened) GTEST_SKIP() << "no IPv6 here";
  Client client((*opened)->port());  // over IPv4
  client.write(get("/"));
  for (int i = 0; i < 5; ++i) loop->run_once(milliseconds(0));
  ASSERT_EQ(handler.seen.size(), 1u);
  EXPECT_TRUE(handler.seen[0].remote.v4);
  EXPECT_EQ(handler.seen[0].remote, IpAddress::parse("127.0.0.1").value());
}

// Real threads and real time: what the thread sanitizer looks at.
TEST(Listener, ServesFromLoopsOnTheirOwnThreads) {
  struct Echo final : Handler {
    explicit Echo(net::Offload& work) : offload(work) {}
    void handle(const Request& request, Reply& reply) override {
      ++handled;
      if (request.path == "/now") {
        reply.send({}, request.body);
        return;
      }
      ASSERT_TRUE(offload.run([this, &reply, body = std::string(request.body)] { loop->post([&reply, body] { reply.send({}, body); }); }));
    }
    void refused(const IpAddress&, std::string_view, const Error&, int) override {}
    net::Offload& offload;
    net::Loop* loop = nullptr;
    int handled = 0;
  };
  auto offload = std::make_unique<net::Offload>(2, 1000);
  auto first = net::Loop::create().value(), second = net::Loop::create().value();
  Echo a(*offload), b(*offload);
  a.loop = first.get();
  b.loop = second.get();
  Options options;
  options.port = 0;
  auto listener = Listener::open(options, {{first.get(), &a}, {second.get(), &b}}).value();
  std::thread one([&] { first->run(); }), two([&] { second->run(); });
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<Client>(listener->port()));
    for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->write(post(i % 2 == 0 ? "/now" : "/later", "hello") + get("/now"));
    for (auto& client : clients) {
      while (count_in(client->received, "200 OK") < 2) {
        char piece[4096];
        const ssize_t got = ::recv(client->fd, piece, sizeof piece, 0);  // waits
        ASSERT_GT(got, 0);
        client->received.append(piece, static_cast<std::size_t>(got));
      }
    }
  }
  listener->stop_accepting();
  offload.reset();
  first->stop();
  second->stop();
  one.join();
  two.join();
  EXPECT_EQ(a.handled + b.handled, 320);
  EXPECT_GT(a.handled, 0);
  EXPECT_GT(b.handled, 0);
  listener.reset();
}

TEST(Listener, ServesTheControlSocketToItsUser) {
  std::string folder = ::testing::TempDir() + "callgate_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Options options;
  options.unix_path = folder + "/control";
  {
    TestDoor door(options);
    struct stat facts {};
    ASSERT_EQ(::stat(options.unix_path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    Client client(options.unix_path);
    EXPECT_EQ(status_in(door.exchange(client, "GET /api HTTP/1.1\r\nHost: anything.example\r\nOrigin: https://evil.example\r\n\r\n")), 200);
    EXPECT_TRUE(door.handler.seen.at(0).local_socket);
    auto again = Listener::open(options, {{door.loop.get(), &door.handler}});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().reason, "listener.open");
  }
  EXPECT_NE(::access(options.unix_path.c_str(), F_OK), 0);
  ::rmdir(folder.c_str());
}

TEST(Listener, SaysWhyItCannotOpen) {
  auto loop = net::Loop::create().value();
  ScriptedHandler handler;
  Options options;
  options.address = "localhost";
  EXPECT_EQ(Listener::open(options, {{loop.get(), &handler}}).error().reason, "listener.address");
  TestDoor door;
  options.address = "127.0.0.1";
  options.port = door.port;
  const auto taken = Listener::open(options, {{loop.get(), &handler}});
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("another process"), std::string::npos);
}

}  // namespace
}  // namespace callgate::listener
