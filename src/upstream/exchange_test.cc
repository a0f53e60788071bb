// One exchange: what is sent, what is read, and what is refused.

#include "upstream/testing/upstream_fixture.h"

namespace callgate::upstream {
namespace {

using ExchangeTest = UpstreamFixture;

// T-13
TEST_F(ExchangeTest, SendsItsOwnHeadAndTheCallsBytes) {
  RecordingSink sink;
  send(sink);
  EXPECT_FALSE(sink.over()) << "never before send() returns";
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(peer().in, "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(web->port) +
                           "\r\nAccept-Encoding: identity\r\nContent-Length: 40\r\nContent-Type: application/json\r\n"
                           "Authorization: Bearer s3cr3t\r\n\r\n" +
                           std::string(kBody));
  EXPECT_EQ(sink.ends, 1);
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(sink.body, "{}");
  EXPECT_EQ(sink.pieces, 1U) << "one read, one piece";
}

TEST_F(ExchangeTest, SendsGetWithoutABody) {
  call = Clearance::make("GET", "Accept: text/event-stream\r\n", "");
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(peer().in.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(peer().in.starts_with("GET /mcp HTTP/1.1\r\n"));
}

TEST_F(ExchangeTest, RefusesHeadLinesThatWouldRunIntoEachOther) {
  for (const char* head : {"X: 1", "\r\nGET / HTTP/1.1\r\n", "X: 1\n"}) {
    RecordingSink sink;
    call = Clearance::make("POST", head, kBody);
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.reason, "upstream.request");
    EXPECT_FALSE(sink.sent);
  }
  EXPECT_TRUE(web->peers.empty());
}

TEST_F(ExchangeTest, ReadsEveryFramingInAnyPieces) {
  const std::string bodies[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
  };
  for (const std::string& bytes : bodies) {
    for (std::size_t split = 1; split < bytes.size(); ++split) {
      reply = bytes.substr(0, split);
      RecordingSink sink;
      send(sink);
      ASSERT_TRUE(run_until([&] { return !web->peers.empty() && whole_requests(peer().in) == peer().answered && peer().answered > 0; }));
      turn(2);
      EXPECT_EQ(sink.ends, 0);
      peer().send(bytes.substr(split));
      ASSERT_TRUE(finish(sink)) << bytes << split;
      ASSERT_EQ(sink.body, "hello world") << sink.reason << sink.detail;
      peer().in.clear();
      peer().answered = 0;
    }
  }
  EXPECT_EQ(upstreams->stats().connects, 1U) << "all of them on one connection";
  EXPECT_EQ(web->peers.size(), 1U);
}

TEST_F(ExchangeTest, ReadsUntilTheServerCloses) {
  for (const char* head : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"}) {
    web->on_data = [&](Peer& peer) {
      peer.send(head + std::string(100'000, 'x'));
      peer.close_after_send();
    };
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.ends, 1) << sink.detail;
    EXPECT_EQ(sink.body.size(), 100'000U);
    EXPECT_EQ(upstreams->stats().open, 0U);
  }
}

TEST_F(ExchangeTest, KeepsNoConnectionThatTheServerWantsClosed) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"}) {
    reply = bytes;
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.ends, 1);
    EXPECT_EQ(upstreams->stats().idle, 0U);
  }
}

TEST_F(ExchangeTest, TakesResponsesWithoutABody) {
  for (const char* bytes : {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"}) {
    reply = bytes;
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.ends, 1);
    EXPECT_EQ(sink.pieces, 0U);
    EXPECT_EQ(upstreams->stats().idle, 1U);
  }
}

struct Bad {
  const char* bytes;
  const char* reason;
};

// T-13, T-50, T-66
TEST_F(ExchangeTest, RefusesWhatCannotBeTrusted) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string flood;
  for (int i = 0; i < 20; ++i) flood += hints;
  const std::string long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  const Bad cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\ncontent-encoding: br\r\nContent-Length: 2\r\n\r\n{}", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: identity, gzip\r\nContent-Length: 2\r\n\r\n{}", "upstream.protocol"},
      {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "upstream.protocol"},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "upstream.protocol"},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "upstream.protocol"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "upstream.protocol"},
      {flood.c_str(), "upstream.protocol"},
      {long_head.c_str(), "upstream.too_large"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "upstream.too_large"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", "upstream.too_large"},
  };
  server.response_bytes_max = 1000;
  for (const Bad& bad : cases) {
    reply = bad.bytes;
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink)) << bad.bytes;
    EXPECT_EQ(sink.errors, 1) << bad.bytes;
    EXPECT_EQ(sink.reason, bad.reason) << bad.bytes << sink.detail;
    EXPECT_TRUE(sink.sent);
    EXPECT_EQ(upstreams->stats().open, 0U);
    EXPECT_EQ(sink.message.find("s3cr3t"), std::string::npos);
  }
}

// T-50
TEST_F(ExchangeTest, CapsPlainBodiesAndLetsEventStreamsRun) {
  server.response_bytes_max = 1000;
  reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string("3e9\r\n") +
          std::string(1001, 'x') + "\r\n0\r\n\r\n";
  RecordingSink json;
  send(json);
  ASSERT_TRUE(finish(json));
  EXPECT_EQ(json.reason, "upstream.too_large");
  EXPECT_EQ(json.code, Code::TooLarge);

  reply = "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
          std::string("3e9\r\n") + std::string(1001, 'x') + "\r\n0\r\n\r\n";
  RecordingSink stream;
  send(stream);
  ASSERT_TRUE(finish(stream));
  EXPECT_EQ(stream.ends, 1);
  EXPECT_EQ(stream.body.size(), 1001U);

  reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x');
  RecordingSink almost;
  send(almost);
  ASSERT_TRUE(finish(almost));
  EXPECT_EQ(almost.reason, "upstream.too_large");
}

// T-50, T-65
TEST_F(ExchangeTest, DoesNotFollowARedirect) {
  reply = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n";
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.status, 302);
  EXPECT_EQ(sink.ends, 1);
  turn();
  EXPECT_EQ(web->peers.size(), 1U);
  EXPECT_EQ(upstreams->stats().connects, 1U);
}

TEST_F(ExchangeTest, SendsALargeBodyPiecemeal) {
  const std::string large(6 << 20, 'b');
  call = Clearance::make("POST", kHead, large);
  RecordingSink sink;
  web->on_accept = [](Peer& peer) { peer.reading = false; };
  send(sink);
  turn(10);
  EXPECT_EQ(sink.ends, 0);
  peer().reading = true;
  ASSERT_TRUE(run_until([&] {
    peer().on_ready(0);
    return sink.over();
  }));
  EXPECT_EQ(sink.ends, 1) << sink.detail;
  EXPECT_TRUE(peer().in.ends_with(std::string(1000, 'b')));
  EXPECT_EQ(whole_requests(peer().in), 1U);
  EXPECT_EQ(upstreams->stats().idle, 1U);
}

TEST_F(ExchangeTest, TakesAnAnswerThatComesBeforeTheRequestIsAllSent) {
  const std::string large(6 << 20, 'b');
  call = Clearance::make("POST", kHead, large);
  for (const bool closes : {false, true}) {
    web->peers.clear();
    web->on_accept = [](Peer& peer) { peer.reading = false; };
    RecordingSink sink;
    send(sink);
    turn(5);
    peer().send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    if (closes) peer().reset();
    ASSERT_TRUE(finish(sink));
    EXPECT_TRUE(closes || sink.status == 413);
    EXPECT_EQ(sink.ends + sink.errors, 1);
    EXPECT_EQ(upstreams->stats().idle, 0U) << "half a request may not be followed by another";
    EXPECT_EQ(upstreams->stats().open, 0U);
  }
}

TEST_F(ExchangeTest, RefusesAnAnswerThatCameBeforeTheQuestion) {
  web->on_accept = [](Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
  };
  web->on_data = nullptr;
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(upstreams->stats().idle, 0U) << "unread bytes: never reused";
}

TEST_F(ExchangeTest, NeverReusesAConnectionWithUnreadBytes) {
  reply = std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
  RecordingSink first;
  send(first);
  ASSERT_TRUE(finish(first));
  EXPECT_EQ(first.body, "{}");
  EXPECT_EQ(upstreams->stats().idle, 0U);
  EXPECT_EQ(upstreams->stats().open, 0U);
  // The answer ends exactly where the read buffer does: what follows is still in the kernel.
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  const std::size_t length = 64 * 1024 - head.size() - 5 - 4;
  reply = head + std::to_string(length) + "\r\n\r\n" + std::string(length, 'x') + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
  RecordingSink second;
  send(second);
  ASSERT_TRUE(finish(second));
  EXPECT_EQ(second.body.size(), length);
  turn();
  EXPECT_EQ(upstreams->stats().idle, 0U);
}

// The server goes away after every possible number of bytes, by FIN and by RST: one verdict each time, and an honest one.
TEST_F(ExchangeTest, EndsOnceWhereverTheServerStops) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (const bool rst : {false, true}) {
    for (std::size_t n = 0; n <= bytes.size(); ++n) {
      web->peers.clear();
      web->on_data = [&](Peer& peer) {
        if (whole_requests(peer.in) == 0) return;
        peer.send(bytes.substr(0, n));
        if (rst) peer.reset();
        else peer.close();
      };
      RecordingSink sink;
      send(sink);
      ASSERT_TRUE(finish(sink)) << n;
      turn(1);
      EXPECT_EQ(sink.ends + sink.errors, 1) << n;
      EXPECT_TRUE(n == bytes.size() || sink.ends == 0) << n;
      EXPECT_TRUE(n < bytes.size() || rst || sink.ends == 1) << n;
      if (sink.errors == 1) {
        EXPECT_EQ(sink.reason, "upstream.reset") << n;
        EXPECT_TRUE(sink.sent) << n;
      }
      EXPECT_EQ(upstreams->stats().open, 0U) << n;
    }
  }
}

TEST_F(ExchangeTest, EndsOnceWhereverTheServerStopsReading) {
  const std::string large(300'000, 'b');
  call = Clearance::make("POST", kHead, large);
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{70'000}, std::size_t{200'000}}) {
    web->peers.clear();
    web->on_accept = [&](Peer& peer) {
      if (n == 0) peer.reset();
    };
    web->on_data = [&](Peer& peer) {
      if (peer.in.size() >= n) peer.reset();
    };
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink)) << n;
    EXPECT_EQ(sink.errors, 1);
    EXPECT_EQ(sink.reason, n == 0 && !sink.sent ? "upstream.connect" : "upstream.reset");
    EXPECT_TRUE(n == 0 || sink.sent) << n;
    EXPECT_EQ(upstreams->stats().open, 0U);
  }
}

}  // namespace
}  // namespace callgate::upstream
