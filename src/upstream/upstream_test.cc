// Connections: pooling, deadlines, back-pressure and cancelling.

#include "upstream/upstream.h"

#include "upstream/testing/upstream_fixture.h"

namespace callgate::upstream {
namespace {

using namespace std::chrono_literals;
using UpstreamTest = UpstreamFixture;

constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(UpstreamTest, UsesAConnectionAgainTheLatestFirst) {
  web->on_data = nullptr;  // answer by hand
  RecordingSink a, b, c, d;
  send(a);
  send(b);
  ASSERT_TRUE(run_until([&] { return web->peers.size() == 2 && !peer(0).in.empty() && !peer(1).in.empty(); }));
  peer(0).send(kOk);
  ASSERT_TRUE(finish(a));
  peer(1).send(kOk);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(upstreams->stats().idle, 2U);
  peer(0).in.clear();
  peer(1).in.clear();
  send(c);
  ASSERT_TRUE(run_until([&] { return !peer(1).in.empty(); })) << "the one used last";
  EXPECT_EQ(upstreams->stats().idle, 1U);
  send(d);
  ASSERT_TRUE(run_until([&] { return !peer(0).in.empty(); }));
  peer(0).send(kOk);
  peer(1).send(kOk);
  ASSERT_TRUE(finish(c) && finish(d));
  EXPECT_EQ(upstreams->stats().connects, 2U);
  EXPECT_EQ(upstreams->stats().reuses, 2U);
  EXPECT_EQ(upstreams->stats().open, 2U);
}

TEST_F(UpstreamTest, LetsASinkSendAgainAtTheEnd) {
  RecordingSink sinks[20];
  for (int i = 0; i < 19; ++i) sinks[i].after_end = [&, i] { send(sinks[i + 1]); };
  send(sinks[0]);
  ASSERT_TRUE(finish(sinks[19]));
  for (const auto& sink : sinks) EXPECT_EQ(sink.ends, 1);
  EXPECT_EQ(upstreams->stats().connects, 1U);
  EXPECT_EQ(upstreams->stats().reuses, 19U);
}

TEST_F(UpstreamTest, ClosesIdleConnectionsWhenTheServerDoesOrTheirTimeIsUp) {
  RecordingSink a, b;
  send(a);
  ASSERT_TRUE(finish(a));
  peer().close();
  ASSERT_TRUE(run_until([&] { return upstreams->stats().open == 0; }));
  EXPECT_EQ(upstreams->stats().idle, 0U);
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(upstreams->stats().idle, 1U);
  advance(20s);
  EXPECT_EQ(upstreams->stats().idle, 1U);
  advance(20s);
  EXPECT_EQ(upstreams->stats().open, 0U);
}

TEST_F(UpstreamTest, ClosesAnIdleConnectionThatSpeaks) {
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  peer().send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return upstreams->stats().open == 0; }));
}

TEST_F(UpstreamTest, NoticesAStaleConnectionBeforeItSends) {
  RecordingSink a, b;
  send(a);
  ASSERT_TRUE(finish(a));
  clock.advance(2s);
  turn(1);
  peer().close();  // the loop has not turned since: only a look at the socket tells
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(b.ends, 1);
  EXPECT_EQ(web->peers.size(), 2U);
  EXPECT_EQ(upstreams->stats().reuses, 0U);
}

TEST_F(UpstreamTest, NeverSendsTwiceWhatMayHaveArrived) {
  RecordingSink a, b;
  send(a);
  ASSERT_TRUE(finish(a));
  web->on_data = [](Peer& peer) { peer.reset(); };  // takes the request, answers nothing
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(b.reason, "upstream.reset");
  EXPECT_TRUE(b.sent);
  turn();
  EXPECT_EQ(web->peers.size(), 1U) << "no second attempt";
}

TEST_F(UpstreamTest, PassesOverAPooledConnectionThatIsDeadAlready) {
  RecordingSink a, b;
  send(a);
  ASSERT_TRUE(finish(a));
  peer().reset();  // below a second idle, unseen by the loop; but the write fails with nothing sent
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(b.ends, 1) << b.detail;
  EXPECT_EQ(web->peers.size(), 2U);
}

TEST_F(UpstreamTest, KeepsTheRestOfAHeadThatDidNotLeaveAtOnce) {
  RecordingSink first, slow, other;
  send(first);
  ASSERT_TRUE(finish(first));
  peer(0).reading = false;
  peer(0).in.clear();
  const std::string long_line = "X-Long: " + std::string(6 << 20, 'y') + "\r\n";
  call = Clearance::make("POST", long_line, kBody);
  send(slow);
  call = Clearance::make("POST", "X-Other: 1\r\n", kBody);
  send(other);  // composes its head where the first one was
  ASSERT_TRUE(finish(other));
  peer(0).reading = true;
  peer(0).answered = 0;
  ASSERT_TRUE(run_until([&] {
    peer(0).on_ready(0);
    return slow.over();
  }));
  EXPECT_EQ(slow.ends, 1) << slow.detail;
  EXPECT_NE(peer(0).in.find("\r\n" + long_line + "Authorization: Bearer s3cr3t\r\n\r\n" + std::string(kBody)), std::string::npos);
  EXPECT_EQ(upstreams->stats().idle, 2U);
}

TEST_F(UpstreamTest, KeepsPoolsOfVersionsApart) {
  RecordingSink a, b, c;
  send(a);
  ASSERT_TRUE(finish(a));
  ++server.version;
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(upstreams->stats().connects, 2U);
  EXPECT_EQ(upstreams->stats().idle, 1U);
  upstreams->drop_idle();
  EXPECT_EQ(upstreams->stats().open, 0U);
  send(c);
  ASSERT_TRUE(finish(c));
  EXPECT_EQ(upstreams->stats().connects, 3U);
}

TEST_F(UpstreamTest, BoundsConnectionsAndIdleOnes) {
  options.connections_per_server_max = 3;
  options.idle_per_server_max = 1;
  make();
  RecordingSink sinks[4];
  for (auto& sink : sinks) send(sink);
  for (auto& sink : sinks) ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sinks[3].reason, "upstream.busy");
  EXPECT_FALSE(sinks[3].sent);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sinks[i].ends, 1);
  EXPECT_EQ(upstreams->stats().idle, 1U);
  EXPECT_EQ(upstreams->stats().open, 1U);
}

TEST_F(UpstreamTest, TimesOutWithoutAnAnswer) {
  web->on_data = nullptr;
  RecordingSink sink;
  send(sink);
  turn();
  advance(59s);
  EXPECT_FALSE(sink.over());
  advance(2s);
  EXPECT_EQ(sink.reason, "upstream.timeout");
  EXPECT_EQ(sink.code, Code::Timeout);
  EXPECT_TRUE(sink.sent);
  EXPECT_EQ(upstreams->stats().open, 0U);
}

// T-50
TEST_F(UpstreamTest, TimesOutOnASlowDrip) {
  for (const char* start : {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"}) {
    web->peers.clear();
    reply = start;
    RecordingSink sink;
    send(sink);
    turn();
    for (int i = 0; i < 10 && !sink.over(); ++i) {
      advance(10s);
      if (!sink.over()) peer().send("T");
    }
    EXPECT_EQ(sink.reason, "upstream.timeout") << start;
  }
}

TEST_F(UpstreamTest, LetsAnEventStreamLiveWhileItSpeaksAndForeverWhenAsked) {
  reply = kStreamHead;
  RecordingSink a;
  Exchange& exchange = send(a);
  ASSERT_TRUE(run_until([&] { return a.heads == 1; }));
  for (int i = 0; i < 5; ++i) {
    advance(50s);
    peer().send("1\r\n:\r\n");
    turn();
  }
  EXPECT_FALSE(a.over());
  exchange.set_timeout(0ms);
  advance(10min);
  EXPECT_FALSE(a.over());
  exchange.set_timeout(1s);
  advance(2s);
  EXPECT_EQ(a.reason, "upstream.timeout");
  EXPECT_EQ(a.body, ":::::");
}

TEST_F(UpstreamTest, SaysWhenNobodyListens) {
  web->stop_listening();
  RecordingSink sink;
  send(sink);
  EXPECT_FALSE(sink.over());
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.reason, "upstream.connect");
  EXPECT_EQ(sink.message, "cannot connect to server `refunds`: check that it runs and that its URL is right");
  EXPECT_EQ(sink.detail, "127.0.0.1: Connection refused");
  EXPECT_FALSE(sink.sent);
}

// A slow client stops the server, not our memory.
TEST_F(UpstreamTest, StopsReadingWhilePaused) {
  constexpr std::size_t kChunks = 400;
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  web->on_data = [&](Peer& peer) {
    if (whole_requests(peer.in) == 0) return;
    std::string all(kStreamHead);
    for (std::size_t i = 0; i < kChunks; ++i) all += chunk;
    peer.send(all + "0\r\n\r\n");
  };
  RecordingSink sink;
  Exchange* exchange = nullptr;
  sink.after_body = [&] { exchange->pause(); };
  exchange = &send(sink);
  ASSERT_TRUE(run_until([&] { return sink.pieces == 1; }));
  turn(20);
  EXPECT_EQ(sink.pieces, 1U);
  EXPECT_GT(peer().unsent(), 1U << 20) << "the server waits";
  advance(10min);
  EXPECT_FALSE(sink.over()) << "our own pause is not the server's delay";
  std::size_t most = 0;
  for (int i = 0; i < 20'000 && !sink.over(); ++i) {
    const std::size_t before = sink.body.size();
    exchange->resume();
    turn(1);
    most = std::max(most, sink.body.size() - before);
  }
  EXPECT_EQ(sink.ends, 1) << sink.detail;
  EXPECT_EQ(sink.body.size(), kChunks * 0x4000);
  EXPECT_LE(most, 64U * 1024) << "one piece per resume";
}

TEST_F(UpstreamTest, HoldsBackTheEndWhilePaused) {
  RecordingSink sink;
  Exchange* exchange = nullptr;
  sink.after_head = [&] { exchange->pause(); };
  exchange = &send(sink);
  ASSERT_TRUE(run_until([&] { return sink.heads == 1; }));
  turn();
  EXPECT_EQ(sink.pieces, 0U);
  sink.after_body = [&] { exchange->pause(); };
  exchange->resume();
  turn();
  EXPECT_EQ(sink.body, "{}");
  EXPECT_FALSE(sink.over());
  peer().close();
  turn();
  EXPECT_FALSE(sink.over());
  exchange->resume();
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.ends, 1);
  EXPECT_EQ(upstreams->stats().open, 0U);
}

// Both answers are read before the first of them is handed out.
TEST_F(UpstreamTest, MayBePausedOrCancelledByAnotherAnswerOfTheSameBatch) {
  for (const bool cancels : {false, true}) {
    web->peers.clear();
    web->on_data = nullptr;
    RecordingSink sinks[2];
    Exchange* exchanges[2] = {};
    for (int i = 0; i < 2; ++i) {
      sinks[i].after_head = [&, i] {
        if (sinks[1 - i].heads > 0) return;
        if (cancels) exchanges[1 - i]->cancel(), sinks[1 - i].cancelled();
        else exchanges[1 - i]->pause();
      };
      exchanges[i] = &send(sinks[i]);
    }
    ASSERT_TRUE(run_until([&] { return web->peers.size() == 2 && !peer(0).in.empty() && !peer(1).in.empty(); }));
    peer(0).send(kOk);
    peer(1).send(kOk);
    ASSERT_TRUE(run_until([&] { return sinks[0].over() || sinks[1].over(); }));
    turn(8);
    const int first = sinks[0].over() ? 0 : 1, second = 1 - first;
    EXPECT_EQ(sinks[first].ends, 1);
    EXPECT_EQ(sinks[second].heads, 0U) << "nothing while it is paused, nothing once it is cancelled";
    if (!cancels) {
      exchanges[second]->resume();
      ASSERT_TRUE(finish(sinks[second]));
      EXPECT_EQ(sinks[second].body, sinks[first].body);
    }
    upstreams->drop_idle();
  }
}

TEST_F(UpstreamTest, CanBeCancelledAnywhere) {
  for (int where = 0; where < 6; ++where) {
    web->peers.clear();
    reply = std::string(kStreamHead) + "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n";
    auto sink = std::make_unique<RecordingSink>();
    Exchange* exchange = nullptr;
    bool done = false;
    const auto cancel = [&] {
      exchange->cancel();
      sink->cancelled();
      done = true;
    };
    if (where == 2) sink->after_head = cancel;
    if (where == 3) sink->after_body = cancel;
    if (where == 4)
      sink->after_body = [&] {
        exchange->pause();
        exchange->resume();
        cancel();
      };
    if (where == 5)
      sink->after_head = [&] {
        cancel();
        RecordingSink* fresh = new RecordingSink;
        fresh->after_end = [fresh] { delete fresh; };
        send(*fresh);
      };
    exchange = &send(*sink);
    if (where == 0) cancel();
    if (where == 1) {
      turn(1);
      cancel();
    }
    ASSERT_TRUE(run_until([&] { return done; })) << where;
    sink.reset();
    turn(8);
    EXPECT_EQ(upstreams->stats().open, upstreams->stats().idle) << where;
    upstreams->drop_idle();
  }
}

TEST_F(UpstreamTest, CanBeCancelledBeforeItsErrorIsTold) {
  server.url.host = "169.254.169.254";
  RecordingSink sink;
  send(sink).cancel();
  sink.cancelled();
  turn();
  EXPECT_EQ(upstreams->stats().open, 0U);
}

TEST_F(UpstreamTest, TellsNobodyWhenItIsTakenDown) {
  web->on_data = nullptr;
  RecordingSink a, b;
  send(a);
  turn();
  server.url.host = "169.254.169.254";
  ++server.version;
  send(b);
  a.cancelled();
  b.cancelled();
  upstreams.reset();
  turn();
}

}  // namespace
}  // namespace callgate::upstream
