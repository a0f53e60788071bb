#pragma once
// For tests: a transport whose server does what the test says.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "json/document.h"
#include "session/sse.h"
#include "upstream/transport.h"

namespace callgate::bridge::testing {

// One exchange as the server sees it.
struct Asked final : upstream::Exchange {
  std::string http, head, body, session, revision, principal, grant;
  bool modern = false, cancelled = false, paused = false, over = false, recorded = false;  // the last: what it says of itself
  std::chrono::milliseconds timeout{-1};
  upstream::ResponseSink* sink = nullptr;
  json::Document document;

  json::Value root() const { return document.root(); }
  std::string_view method() const { return root()["method"].string(); }
  std::string id() const { return std::string(root()["id"].raw()); }
  bool open() const { return !cancelled && !over; }
  bool has_line(std::string_view line) const { return head.find(std::string(line) + "\r\n") != std::string::npos; }

  void respond(int status, std::string_view type = {}, std::string_view session_id = {}) {
    net::Head reply;
    reply.status = status;
    if (!type.empty()) reply.add({"content-type", type});
    if (!session_id.empty()) reply.add({"mcp-session-id", session_id});
    if (recorded) reply.add({"callgate-recorded", "1"});
    sink->on_head(reply);
  }
  void json(std::string_view text, int status = 200, std::string_view session_id = {}) {
    respond(status, "application/json", session_id);
    if (open()) sink->on_body(text);
    end();
  }
  void result(std::string_view text, std::string_view session_id = {}) {
    json(R"({"jsonrpc":"2.0","id":)" + id() + R"(,"result":)" + std::string(text) + "}", 200, session_id);
  }
  void error(int code, std::string_view message, int status = 200, std::string_view data = {}) {
    std::string text = R"({"jsonrpc":"2.0","id":)" + id() + R"(,"error":{"code":)" + std::to_string(code) + R"(,"message":")";
    text += std::string(message) + '"';
    if (!data.empty()) text += R"(,"data":)" + std::string(data);
    json(text + "}}", status);
  }
  void accepted() {
    respond(202);
    end();
  }
  void events() { respond(200, "text/event-stream"); }
  void event(std::string_view data, std::string_view event_id = {}) {
    std::string out;
    session::SseEvent made{.event = "message", .data = data, .id = {}, .retry_ms = {}, .has_data = true};
    if (!event_id.empty()) made.id = event_id;
    session::append_sse(out, made);
    if (open()) sink->on_body(out);
  }
  void event_result(std::string_view text) { event(R"({"jsonrpc":"2.0","id":)" + id() + R"(,"result":)" + std::string(text) + "}"); }
  void end() {
    if (!open()) return;
    over = true;
    sink->on_end();
  }
  void fail(Error problem, bool sent) {
    if (!open()) return;
    over = true;
    sink->on_error(problem, sent);
  }
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  void cancel() override {
    EXPECT_FALSE(over) << "cancel() after the end";
    EXPECT_FALSE(cancelled) << "cancel() twice";
    cancelled = true;
  }
  void set_timeout(std::chrono::milliseconds until) override {
    EXPECT_TRUE(open()) << "set_timeout() after the end";
    timeout = until;
  }
};

class ScriptedServer final : public upstream::Transport {
 public:
  std::deque<std::unique_ptr<Asked>> asked;
  std::function<void(Asked&)> on_asked;  // called by pump(), once for each
  std::size_t fail_from = SIZE_MAX;      // the n-th exchange and all later ones fail without being sent

  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override {
    EXPECT_NE(target.server, nullptr);
    auto made = std::make_unique<Asked>();
    made->http = call.method();
    made->head = call.head();
    made->body = call.body();
    made->session = call.context().session;
    made->revision = call.context().revision;
    made->principal = call.context().principal_id;
    made->grant = call.context().grant_id;
    made->modern = call.context().modern;
    made->sink = &sink;
    bool json = made->body.empty() || made->document.parse(made->body);
    EXPECT_TRUE(json) << made->body;
    asked.push_back(std::move(made));
    return *asked.back();
  }
  // True when something new was shown to on_asked.
  bool pump() {
    bool any = false;
    for (; seen_ < asked.size(); any = true) {
      Asked& next = *asked[seen_++];
      if (next.cancelled) continue;
      if (seen_ > fail_from) next.fail({Code::Unavailable, "upstream.connect", "no one there", {}}, false);
      else if (on_asked) on_asked(next);
    }
    return any;
  }
  // The newest exchange with that JSON-RPC method.
  Asked* last(std::string_view method) {
    for (auto at = asked.rbegin(); at != asked.rend(); ++at)
      if ((*at)->method() == method) return at->get();
    return nullptr;
  }
  std::size_t count(std::string_view method) const {
    std::size_t n = 0;
    for (const auto& one : asked) n += one->method() == method;
    return n;
  }
  // The newest answer of ours to a request of the server.
  Asked* answer_to(std::string_view id) {
    for (auto at = asked.rbegin(); at != asked.rend(); ++at)
      if ((*at)->method().empty() && !(*at)->body.empty() && (*at)->id() == id) return at->get();
    return nullptr;
  }
  std::size_t open() const {
    std::size_t n = 0;
    for (const auto& one : asked) n += one->open();
    return n;
  }

 private:
  std::size_t seen_ = 0;
};

}  // namespace callgate::bridge::testing
