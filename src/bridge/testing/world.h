#pragma once
// For tests: two loops with a bridge each over scripted servers, and clients that write down what they are told.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge.h"
#include "bridge/testing/scripted_server.h"
#include "upstream/testing/recording_sink.h"

namespace callgate::bridge::testing {

// One exchange as the gateway sees it.
struct Client {
  upstream::RecordingSink sink;
  upstream::Exchange* exchange = nullptr;
  std::string body;
  std::vector<std::string> events;
  json::Document document;

  // The answer: the JSON body, or the last event.
  json::Value answer() {
    std::string_view text = sink.body;
    read_events();
    if (!events.empty()) text = events.back();
    EXPECT_TRUE(document.parse(text)) << text;
    return document.root();
  }
  json::Value result() { return answer()["result"]; }
  const std::vector<std::string>& read_events() {
    events.clear();
    if (sink.content_type != "text/event-stream") return events;
    session::SseReader reader(1 << 20);
    EXPECT_TRUE(reader.add(sink.body, [&](const session::SseEvent& event) {
      events.emplace_back(event.data);
      return true;
    }));
    return events;
  }
  void cancel() {
    sink.cancelled();
    exchange->cancel();
  }
};

struct Who {
  std::string principal, grant, session, revision;
};
inline const Who kAnn{"usr_ann", "grt_ann", {}, {}};

// A loop with its bridge.
struct Worker {
  std::unique_ptr<net::Loop> loop;
  ScriptedServer server;
  std::unique_ptr<Bridge> bridge;
  Worker(const Clock& clock, Registry& registry) {
    loop = std::move(*net::Loop::create(&clock));
    bridge = std::make_unique<Bridge>(*loop, server, registry);
  }
};

class World {
 public:
  ManualClock clock;
  Server server;
  Registry registry;
  Worker one, two;

  explicit World(Eras eras, const Registry::Options& options = {}) : registry(options), one(clock, registry), two(clock, registry) {
    server.id = "srv-1";
    server.slug = "notes";
    server.eras = eras;
  }
  Client& send(Worker& worker, std::string body, const Who& who = kAnn, std::string_view http = "POST") {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.body = std::move(body);
    CallContext context;
    context.modern = server.eras.legacy;  // a bridge is only there where the client's era is the other one
    context.principal_id = who.principal;
    context.grant_id = who.grant;
    context.session = who.session;
    context.revision = who.revision;
    // Gone when send() returns, as in the gateway; only the bytes stay.
    auto call = std::make_unique<ClearedCall>(Clearance::make(http, {}, client.body, context));
    auto target = std::make_unique<Server>(server);
    client.exchange = &worker.bridge->send({target.get(), nullptr}, *call, client.sink);
    servers_.push_back(std::move(target));
    call.reset();
    return client;
  }
  Client& send(std::string body, const Who& who = kAnn, std::string_view http = "POST") { return send(one, std::move(body), who, http); }
  // Until nothing happens any more.
  void settle() {
    for (int quiet = 0; quiet < 2;) {
      bool any = one.loop->run_once(std::chrono::milliseconds(0));
      any |= two.loop->run_once(std::chrono::milliseconds(0));
      any |= one.server.pump();
      any |= two.server.pump();
      quiet = any ? 0 : quiet + 1;
    }
  }
  void advance(std::chrono::milliseconds by) {
    clock.advance(by);
    settle();
  }
  // As when a configuration change drops the snapshot of calls that are over.
  void forget_servers() { servers_.clear(); }

 private:
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace callgate::bridge::testing
