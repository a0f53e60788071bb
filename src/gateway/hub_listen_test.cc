// Subscriptions at the shared endpoint: each resource at its own server, told under its own name.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/testing/shared.h"

namespace callgate::gateway {
namespace {

using testing::has;
using testing::ToyUpstream;

class Listening : public testing::Shared {
 protected:
  Listening() {
    gate.upstream.script = [this](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      bool of_billing = has(seen.head, "of-billing");
      (of_billing ? asked_billing : asked_refunds) = seen.body;
      if (of_billing && broken) return reply.send({500, {}, {}}, {});
      reply.begin_stream({200, "text/event-stream", {}});
      std::size_t from = seen.body.find("\"resourceSubscriptions\":"), to = seen.body.find(']', from);
      if (!silent)
        reply.write(R"(data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{)" +
                    seen.body.substr(from, to + 1 - from) + "}}}\n\n");
      (of_billing ? billing : refunds) = &reply;
      ++opened;
    };
  }
  ~Listening() override {
    if (fd >= 0) ::close(fd);
  }
  void listen(const std::string& uris, const std::string& more = {}) {
    std::string body = R"({"jsonrpc":"2.0","id":"sub","method":"subscriptions/listen","params":{"notifications":{)" + more +
                       R"("resourceSubscriptions":)" + uris + "}," + testing::kMeta + "}}";
    std::string raw =
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token +
        "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        "Mcp-Method: subscriptions/listen\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    fd = gate.connect();
    ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
    heard = gate.read_some(fd);
  }
  void update(listener::Reply* reply, const std::string& uri) {
    reply->write(R"(data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":")" + uri + "\"}}\n\n");
    heard = gate.read_some(fd);
  }
  int fd = -1, opened = 0;
  bool silent = false;
  std::string heard, asked_refunds, asked_billing;
  listener::Reply *refunds = nullptr, *billing = nullptr;
};

TEST_F(Listening, AsksEachServerForItsOwnAndTellsUnderTheClientsNames) {
  listen(R"(["refunds+file:///a","billing+file:///a","billing+file:///b","nobody+file:///c","file:///d"])", R"("toolsListChanged":true,)");
  EXPECT_TRUE(has(asked_refunds, R"("resourceSubscriptions":["file:///a"])")) << asked_refunds;
  EXPECT_TRUE(has(asked_billing, R"("resourceSubscriptions":["file:///a","file:///b"])")) << asked_billing;
  EXPECT_TRUE(has(heard, R"("notifications":{"toolsListChanged":true,"resourceSubscriptions":["refunds+file:///a","billing+file:///a",)"
                         R"("billing+file:///b"]},"_meta":{"io.modelcontextprotocol/subscriptionId":"sub"})"))
      << heard;
  update(billing, "file:///b");
  EXPECT_TRUE(has(heard, R"("method":"notifications/resources/updated","params":{"uri":"billing+file:///b","_meta":)"
                         R"({"io.modelcontextprotocol/subscriptionId":"sub"}})"))
      << heard;
}

TEST_F(Listening, EndsWithTheClient) {
  bool gone = false;
  listen(R"(["billing+file:///a"])");
  ASSERT_NE(billing, nullptr);
  struct Watch final : listener::ReplyObserver {
    explicit Watch(bool& left) : gone(left) {}
    void on_client_gone() override { gone = true; }
    void on_half_close() override { gone = true; }
    bool& gone;
  } watch(gone);
  billing->observe(&watch);
  ::close(std::exchange(fd, -1));
  gate.turn(20);
  EXPECT_TRUE(gone) << "the server's stream is closed too";
}

TEST_F(Listening, AServerThatFailsOrSaysNothingIsNotAcknowledged) {
  broken = true;
  listen(R"(["refunds+file:///a","billing+file:///a"])");
  EXPECT_TRUE(has(heard, R"("resourceSubscriptions":["refunds+file:///a"])")) << heard;
  ::close(std::exchange(fd, -1));
  gate.turn(10);
  silent = true;
  listen(R"(["refunds+file:///a"])");
  EXPECT_FALSE(has(heard, "acknowledged")) << heard;
  for (int i = 0; i < 12; ++i) gate.advance(std::chrono::milliseconds(500));
  heard = gate.read_some(fd);
  EXPECT_TRUE(has(heard, R"("notifications":{},)")) << heard;
}

TEST_F(Listening, AStreamThatBreaksOffIsOpenedAgain) {
  listen(R"(["billing+file:///a"])");
  billing->finish();
  gate.turn(10);
  EXPECT_EQ(opened, 1);
  for (int i = 0; i < 4; ++i) gate.advance(std::chrono::milliseconds(500));
  gate.turn(10);
  ASSERT_EQ(opened, 2);
  update(billing, "file:///a");
  EXPECT_TRUE(has(heard, R"("uri":"billing+file:///a")")) << heard;
}

// T-30, T-40: subscribing is judged as resources/subscribe, at this door as at the other.
TEST_F(Listening, WhatThePolicyRefusesIsNotSubscribedTo) {
  gate.put_policy(
      "version: \"1\"\ndefault: allow\nmethods: {resources/subscribe: {deny_if: [{conditions: [{path: args.uri, op: starts_with, "
      "value: \"file:///secret\"}]}]}}\n");
  listen(R"(["billing+file:///secret/x","billing+file:///a"])");
  EXPECT_TRUE(has(asked_billing, R"("resourceSubscriptions":["file:///a"])")) << asked_billing;
  EXPECT_TRUE(has(heard, R"("resourceSubscriptions":["billing+file:///a"])")) << heard;
  bool recorded = false;
  for (const std::string& record : gate.records()) recorded |= has(record, "resources/subscribe") && has(record, "policy.");
  EXPECT_TRUE(recorded);
}

TEST_F(Listening, AServerTheGrantLosesSaysNothingMore) {
  listen(R"(["billing+file:///a"])");
  Server changed = *gate.catalog->server(second);
  changed.disabled = true;
  ASSERT_TRUE(gate.catalog->update_server(changed, std::nullopt));
  gate.publish();
  gate.advance(std::chrono::milliseconds(600));
  update(billing, "file:///a");
  EXPECT_FALSE(has(heard, "updated")) << heard;
}

}  // namespace
}  // namespace callgate::gateway
