// Many clients on two real loops in threads of their own: nothing is lost, nothing is left. Meant for ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bridge/testing/modern_client.h"

namespace callgate::bridge {
namespace {

using namespace testing;

constexpr int kCallers = 24;
constexpr int kRounds = 6;

// A worker thread: its loop, a server that asks once per call, and its bridge.
class Lane {
 public:
  explicit Lane(Registry& registry) : loop_(std::move(*net::Loop::create())) {
    server_.on_asked = [this](Asked& asked) { serve(asked); };
    loop_->set_batch_hook([this] { return server_.pump(); });
    bridge_ = std::make_unique<Bridge>(*loop_, server_, registry);
    thread_ = std::thread([this] { loop_->run(); });
  }
  void stop() {
    loop_->stop();
    thread_.join();
    bridge_.reset();
    EXPECT_EQ(server_.open(), 0U);
  }
  void post(std::function<void()> task) { loop_->post(std::move(task)); }
  Bridge& bridge() { return *bridge_; }
  std::atomic<int> answers{0};

 private:
  void serve(Asked& asked) {
    if (asked.http == "GET") return asked.events();
    if (asked.method() == "initialize")
      return asked.result(R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}})", "s");
    if (asked.method() == "tools/call") {
      asked.events();
      return asked.event(R"({"jsonrpc":"2.0","id":"q-)" + asked.id() + R"(","method":"roots/list"})");
    }
    if (asked.method().empty()) {  // the client's answer: the call it belongs to ends, on this very loop
      asked.accepted();
      for (auto& call : server_.asked) {
        if (call->method() != "tools/call" || !call->open() || asked.root()["id"].string() != "q-" + call->id()) continue;
        ++answers;
        call->event_result(R"({"content":[]})");
        call->end();
        break;
      }
      return;
    }
    asked.accepted();
  }
  std::unique_ptr<net::Loop> loop_;
  ScriptedServer server_;
  std::unique_ptr<Bridge> bridge_;
  std::thread thread_;
};

// One client: calls, answers what it is asked, each request on the other loop than the one before.
class Caller {
 public:
  Caller(std::array<Lane*, 2> lanes, int number) : lanes_(lanes), number_(number) {
    server_.id = "srv", server_.slug = "s", server_.eras.legacy = true;
  }
  void send(std::string body) {
    body_ = std::move(body);
    Lane& lane = *lanes_[static_cast<std::size_t>(turn_++ % 2)];
    lane.post([this, &lane] {
      sink_ = std::make_unique<upstream::RecordingSink>();
      sink_->after_end = [this] { step(); };
      sink_->after_error = [this] { finish(); };
      CallContext context;
      context.modern = true;
      principal_ = "usr_" + std::to_string(number_);
      context.principal_id = context.grant_id = principal_;
      lane.bridge().send({&server_, nullptr}, Clearance::make("POST", {}, body_, context), *sink_);
    });
  }
  void start() { send(call("1")); }
  bool good() const { return completed_ == kRounds; }
  std::atomic<bool> done{false};

 private:
  void step() {
    json::Document document;
    std::string text = sink_->body;
    if (sink_->content_type == "text/event-stream") text = text.substr(text.rfind("data: ") + 6);
    if (!document.parse(text)) return finish();
    json::Value result = document.root()["result"];
    if (result["resultType"].string() == "input_required") {
      std::string responses = "{";
      result["inputRequests"].for_each_member(
          [&](std::string_view key, json::Value) { ((responses += responses.size() > 1 ? ",\"" : "\"") += key) += R"(":{"roots":[]})"; });
      return send(retry("2", responses + "}", result["requestState"].string()));
    }
    if (result["resultType"].string() != "complete" || ++completed_ == kRounds) return finish();
    start();
  }
  void finish() { done = true; }
  std::array<Lane*, 2> lanes_;
  int number_, turn_ = 0, completed_ = 0;
  Server server_;
  std::string body_, principal_;
  std::unique_ptr<upstream::RecordingSink> sink_;
};

TEST(Threads, ManyClientsAreAskedAndAnswerAcrossLoops) {
  Registry::Options options;
  options.gather_window = std::chrono::milliseconds(1);
  Registry registry(options);
  Lane one(registry), two(registry);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < kCallers; ++i) callers.push_back(std::make_unique<Caller>(std::array{&one, &two}, i));
  for (auto& caller : callers) caller->start();
  for (int wait = 0; wait < 3'000; ++wait) {
    if (std::ranges::all_of(callers, [](auto& caller) { return caller->done.load(); })) break;
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable().wait_for(lock, std::chrono::milliseconds(10));
  }
  one.stop();
  two.stop();
  for (auto& caller : callers) EXPECT_TRUE(caller->done && caller->good());
  EXPECT_EQ(one.answers + two.answers, kCallers * kRounds);
  EXPECT_EQ(registry.stats().parked, 0U);
}

}  // namespace
}  // namespace callgate::bridge
