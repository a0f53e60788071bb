#pragma once
// The transport under test on one loop with a clock moved by hand, and a server of HTTP+SSE on the same loop: its streams, the messages
// it was posted, and what the test has it say.

#include <deque>

#include "json/document.h"
#include "sse/event_opener.h"
#include "upstream/testing/loop_server.h"
#include "upstream/testing/recording_sink.h"

namespace callgate::sse {

// One exchange of a test, with everything that must outlive it.
struct Sent {
  std::string body, principal, session_text;
  CallContext context;
  upstream::RecordingSink sink;
  upstream::Exchange* exchange = nullptr;
};

// A request that the server took off a connection.
struct Taken {
  std::string head, body;
  upstream::Peer* peer = nullptr;
};

class SseFixture : public ::testing::Test {
 public:
  void SetUp() override {
    loop = std::move(*net::Loop::create(&clock));
    web = std::make_unique<upstream::LoopServer>(*loop);
    web->on_data = [this](upstream::Peer& peer) { take(peer); };
    server.id = "8b0c8c0e-8a0f-4b5e-9a57-000000000001";
    server.slug = "old";
    server.url = *Url::parse("http://127.0.0.1:" + std::to_string(web->port) + "/sse");
    server.allow_private = true;
    server.eras = {true, false, true};
    make();
  }
  void TearDown() override {
    transport.reset();
    turn();
    streams_of.reset();
    web.reset();
    turn();
  }
  void make() {
    transport.reset();
    turn();
    streams_of.reset();
    stdio::Processes::Options options;
    options.limits = limits;
    options.loop = loop.get();
    streams_of = std::move(*stdio::Processes::create(std::make_unique<EventOpener>(), options));
    transport = streams_of->front(*loop);
  }

  Sent& send(std::string_view method, std::string body, std::string session = {}, std::string principal = "usr_a") {
    Sent& one = sent.emplace_back();
    one.body = std::move(body);
    one.principal = std::move(principal);
    one.session_text = std::move(session);
    one.context.principal_id = one.principal;
    one.context.grant_id = "grt_1";
    one.context.session = one.session_text;
    const ClearedCall call = Clearance::make(method, "Authorization: never sent by this way\r\n", one.body, one.context);
    one.exchange = &transport->send({&server, &credentials}, call, one.sink);
    turn();
    return one;
  }
  Sent& post(std::string body, std::string session = {}, std::string principal = "usr_a") {
    return send("POST", std::move(body), std::move(session), std::move(principal));
  }

  // A session that is greeted and told so; its stream is the last one.
  std::string open(std::string principal = "usr_a") {
    const std::size_t before = streams.size();
    Sent& hello = post(kInitialize, {}, std::move(principal));
    EXPECT_TRUE(run_until([&] { return streams.size() > before; }));
    endpoint();
    EXPECT_TRUE(run_until([&] { return !posts.empty(); }));
    say(R"({"jsonrpc":"2.0","id":)" + id_of(next().body) + R"(,"result":{"protocolVersion":"2024-11-05","capabilities":{}}})");
    EXPECT_TRUE(run_until([&] { return hello.sink.over(); }));
    EXPECT_EQ(hello.sink.body, R"({"jsonrpc":"2.0","id":"i","result":{"protocolVersion":"2024-11-05","capabilities":{}}})");
    Sent& told = post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", hello.sink.session, hello.principal);
    EXPECT_TRUE(run_until([&] { return told.sink.over() && !posts.empty(); }));
    EXPECT_EQ(next().body, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    return hello.sink.session;
  }

  // What the server does.
  upstream::Peer& stream(std::size_t from_last = 0) { return *streams.at(streams.size() - 1 - from_last).peer; }
  void event(std::string_view name, std::string_view data, std::size_t from_last = 0) {
    stream(from_last).send("event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n");
    turn();
  }
  void endpoint(std::string_view address = "/messages?s=1") { event("endpoint", address); }
  void say(std::string_view json, std::size_t from_last = 0) { event("message", json, from_last); }
  Taken next() {  // the next message it was posted
    if (!run_until([&] { return !posts.empty(); })) return {};
    Taken one = std::move(posts.front());
    posts.pop_front();
    return one;
  }
  static std::string id_of(std::string_view message) {
    json::Document document;
    EXPECT_TRUE(document.parse(message)) << message;
    return std::string(document.root()["id"].raw());
  }

  template <class Predicate> bool run_until(Predicate&& done) {
    for (int i = 0; i < 500 && !done(); ++i) loop->run_once(std::chrono::milliseconds(2));
    return done();
  }
  void turn(int times = 6) {
    for (int i = 0; i < times; ++i) loop->run_once(std::chrono::milliseconds(1));
  }
  void advance(std::chrono::milliseconds by) {
    for (int i = 0; i < 10; ++i) {
      clock.advance(by / 10);
      turn(2);
    }
    turn();
  }

  static constexpr const char* kInitialize =
      R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}})";
  ManualClock clock;
  std::unique_ptr<net::Loop> loop;
  std::unique_ptr<upstream::LoopServer> web;
  stdio::Limits limits = event_limits();
  Server server;
  vault::Credentials credentials{Secret(std::string("Authorization: Bearer of-the-vault\r\n"))};
  std::deque<Sent> sent;
  std::vector<Taken> streams;  // GETs, in their order
  std::deque<Taken> posts;     // answered, and not yet looked at
  std::string stream_head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  std::string post_reply = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  std::unique_ptr<stdio::Processes> streams_of;
  std::unique_ptr<upstream::Transport> transport;

 private:
  void take(upstream::Peer& peer) {
    while (true) {
      const std::size_t end = peer.in.find("\r\n\r\n");
      if (end == std::string::npos) return;
      Taken one{peer.in.substr(0, end + 2), {}, &peer};
      std::size_t length = 0;
      if (const std::size_t at = one.head.find("Content-Length: "); at != std::string::npos) length = std::stoul(one.head.substr(at + 16));
      if (peer.in.size() < end + 4 + length) return;
      one.body = peer.in.substr(end + 4, length);
      peer.in.erase(0, end + 4 + length);
      if (one.head.starts_with("GET ")) {
        streams.push_back(one);
        peer.send(stream_head);
      } else {
        posts.push_back(one);
        if (!post_reply.empty()) peer.send(post_reply);
      }
    }
  }
};

}  // namespace callgate::sse
