// The n-th failure of every store: refused and recorded, nothing leaked, nothing forwarded that was not counted (T-22, T-69).

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;
using testing::ToyUpstream;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr const char* kCounted = R"(
version: "1"
default: deny
tools:
  get_charge: {limits: [{counter: calls, window: day, max: 1000, scope: grant}]}
)";

std::string verify(Gate& gate) {
  auto verification = audit::verify((gate.directory / "audit").string(), {});
  return verification.ok ? std::string("ok") : verification.problem;
}

TEST(Anomaly, AReplyNeverOvertakesARecordThatCouldNotBeWritten) {  // T-69
  for (int n = 1; n <= 4; ++n) {
    Gate::Setup setup;
    setup.policy = kCounted;
    Gate gate(setup);
    gate.session();
    gate.journal->fail_write_at(n);
    int refused = 0, allowed = 0;
    for (int i = 0; i < 6; ++i) {
      Answer answer = gate.call("get_charge", "{}", std::to_string(100 + i));
      bool ok = has(answer.body, "done");
      EXPECT_TRUE(ok || has(answer.body, "-32603")) << answer.body;
      ok ? ++allowed : ++refused;
    }
    EXPECT_EQ(refused, 1) << "write " << n;
    EXPECT_EQ(allowed, 5) << "write " << n;
    EXPECT_EQ(verify(gate), "ok");
    // Every call is in the journal, the withheld one too: the retry wrote it.
    std::size_t recorded = 0;
    for (const std::string& record : gate.records()) recorded += has(record, "tools/call");
    EXPECT_GE(recorded, 6u) << "write " << n;
  }
}

TEST(Anomaly, WithStrictModeNothingIsSentWithoutItsIntent) {  // T-69
  for (int n = 1; n <= 6; ++n) {
    Gate::Setup setup;
    setup.policy = kCounted;
    setup.options.record_before_effect = true;
    Gate gate(setup);
    gate.session();
    gate.journal->fail_write_at(n);
    std::size_t unannounced = 0;  // what is owed to the journal is written later: it has to be there when the server hears of the call
    gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
      std::size_t intents = 0;
      for (const std::string& record : gate.records()) intents += has(record, "\"intent\"") && has(record, "tools/call");
      unannounced += intents < gate.upstream.calls();
      reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})");
    };
    for (int i = 0; i < 4; ++i) gate.call("get_charge", "{}");
    EXPECT_GE(gate.upstream.calls(), 3u) << "write " << n;
    EXPECT_EQ(unannounced, 0u) << "write " << n;
    EXPECT_EQ(verify(gate), "ok");
  }
}

TEST(Anomaly, NothingIsSentThatTheLedgerDoesNotHold) {  // T-22
  for (int n = 1; n <= 4; ++n) {
    Gate::Setup setup;
    setup.policy = kCounted;
    Gate gate(setup);
    gate.session();
    gate.counters->fail_write_at(n);
    int refused = 0;
    for (int i = 0; i < 6; ++i) refused += has(gate.call("get_charge", "{}", std::to_string(100 + i)).body, "-32603");
    EXPECT_EQ(refused, 1) << "write " << n;
    EXPECT_EQ(gate.upstream.calls(), 5u);
    auto states = gate.counters->list("", 10);
    ASSERT_EQ(states.size(), 1u);
    EXPECT_EQ(states[0].used.text(), "5") << "the refused call was given back";
  }
}

TEST(Anomaly, WhateverTheUpstreamDoesTheCallerGetsOneAnswerAndOneRecord) {
  for (int cut = 0; cut < 160; cut += 7) {
    Gate gate;
    gate.session();
    std::size_t before = gate.records().size();
    gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
      reply.begin_stream({200, "application/json", {}});
      std::string body = R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}]}})";
      reply.write(std::string_view(body).substr(0, static_cast<std::size_t>(cut)));
      if (static_cast<std::size_t>(cut) < body.size()) reply.abort();
      else reply.finish();
    };
    Answer answer = gate.call("get_charge", "{}");
    EXPECT_TRUE(answer.complete) << cut;
    EXPECT_TRUE(has(answer.body, "\"error\"") || has(answer.body, "done")) << cut << answer.body;
    EXPECT_EQ(gate.records().size(), before + 1) << cut;
  }
}

TEST(Anomaly, ASilentUpstreamIsATimeoutThatKeepsItsCount) {  // T-22
  Gate::Setup setup;
  setup.policy = kCounted;
  Gate gate(setup);
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply&) {};
  std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":{}}})";
  std::string raw = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                    "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + gate.session() +
                    "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  int fd = gate.connect();
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  gate.turn(20);
  for (int i = 0; i < 70; ++i) gate.advance(std::chrono::seconds(1));
  std::string got = gate.read_some(fd);
  EXPECT_TRUE(has(got, "upstream.timeout")) << got;
  EXPECT_EQ(gate.counters->list("", 10).at(0).used.text(), "1");
  ::close(fd);
}

TEST(Anomaly, AnOrderedStopRecordsWhatWasSent) {
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply&) {};
  std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":{}}})";
  std::string raw = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                    "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + gate.session() +
                    "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  int fd = gate.connect();
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  gate.turn(20);
  EXPECT_EQ(gate.worker->busy(), 1u);
  gate.loop->post([&] { gate.worker->close_calls(); });
  std::string got = gate.read_some(fd);
  EXPECT_TRUE(has(got, "gate.stopping")) << got;
  EXPECT_TRUE(has(gate.last_record(), "gate.stopping")) << gate.last_record();
  EXPECT_EQ(gate.worker->busy(), 0u);
  ::close(fd);
}

TEST(Anomaly, ARefusedConnectionGivesTheCountBack) {  // T-22
  Gate::Setup setup;
  setup.policy = kCounted;
  Gate gate(setup);
  gate.session();
  gate.call("get_charge", "{}");
  gate.upstream_door.reset();
  gate.turn(10);
  Answer answer = gate.call("get_charge", "{}");
  EXPECT_TRUE(has(answer.body, "-32603")) << answer.body;
  EXPECT_EQ(gate.counters->list("", 10).at(0).used.text(), "1");
}

}  // namespace
}  // namespace callgate::gateway
