#pragma once
// A loop with a clock moved by hand, a server on it, and the Upstreams under test.

#include <gtest/gtest.h>

#include "upstream/testing/loop_server.h"
#include "upstream/testing/recording_sink.h"
#include "upstream/upstream.h"

namespace callgate::upstream {

class UpstreamFixture : public ::testing::Test {
 public:
  static constexpr std::string_view kHead = "Content-Type: application/json\r\n";
  static constexpr std::string_view kBody = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

  void SetUp() override {
    loop = std::move(*net::Loop::create(&clock));
    web = std::make_unique<LoopServer>(*loop);
    web->on_data = [this](Peer& peer) {
      if (whole_requests(peer.in) > peer.answered) {
        ++peer.answered;
        peer.send(reply);
      }
    };
    server.id = "8b0c8c0e-8a0f-4b5e-9a57-000000000001";
    server.slug = "refunds";
    server.url = *Url::parse("http://127.0.0.1:" + std::to_string(web->port) + "/mcp");
    server.allow_private = true;
    make();
  }
  void TearDown() override {
    upstreams.reset();
    web.reset();
    if (loop) loop->run_once(std::chrono::milliseconds(0));
  }
  void make() { upstreams = std::make_unique<Upstreams>(*loop, offload, options); }

  // Requests of this fixture are complete when the body that Content-Length announced is there.
  static std::size_t whole_requests(std::string_view in) {
    std::size_t count = 0;
    while (true) {
      const std::size_t end = in.find("\r\n\r\n");
      if (end == std::string_view::npos) return count;
      std::size_t length = 0;
      const std::size_t at = in.substr(0, end).find("Content-Length: ");
      if (at != std::string_view::npos) length = std::stoul(std::string(in.substr(at + 16, 12)));
      if (in.size() < end + 4 + length) return count;
      in.remove_prefix(end + 4 + length);
      ++count;
    }
  }

  Exchange& send(RecordingSink& sink) { return upstreams->send({&server, &credentials}, call, sink); }

  template <class Predicate> bool run_until(Predicate&& done) {
    for (int i = 0; i < 2000 && !done(); ++i) loop->run_once(std::chrono::milliseconds(2));
    return done();
  }
  bool finish(RecordingSink& sink) {
    return run_until([&] { return sink.over(); });
  }
  void turn(int times = 3) {
    for (int i = 0; i < times; ++i) loop->run_once(std::chrono::milliseconds(1));
  }
  // In steps, so that timers that arm others are seen.
  void advance(std::chrono::milliseconds by) {
    for (int i = 0; i < 10; ++i) {
      clock.advance(by / 10);
      turn(1);
    }
    turn();
  }
  Peer& peer(std::size_t i = 0) { return *web->peers.at(i); }

  ManualClock clock;
  std::unique_ptr<net::Loop> loop;
  net::Offload offload{1, 16};
  std::unique_ptr<LoopServer> web;
  Upstreams::Options options;
  Server server;
  vault::Credentials credentials{Secret("Authorization: Bearer s3cr3t\r\n")};
  ClearedCall call = Clearance::make("POST", kHead, kBody);
  std::string reply{kOk};
  std::unique_ptr<Upstreams> upstreams;
};

}  // namespace callgate::upstream
