// Event streams and session streams through a whole gate.

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

std::string event(const std::string& data) { return "data: " + data + "\n\n"; }
const std::string kProgress = R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}})";
const std::string kResult = R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}]}})";
const std::string kCall =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":{},"_meta":{"progressToken":"p"}}})";

std::string request(Gate& gate, const std::string& method, const std::string& body, const std::string& extra = {}) {
  return method + " /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
         "\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: " + gate.session() + "\r\n" + extra +
         (body.empty() ? "" : "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
}

TEST(Stream, RelaysProgressBeforeTheAnswerInOrder) {
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(event(kProgress) + ": comment\n\n" + event(kResult));
    reply.finish();
  };
  Answer answer = gate.post(kCall);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(has(answer.head, "text/event-stream"));
  std::size_t progress = answer.body.find("notifications/progress");
  std::size_t result = answer.body.find("\"done\"");
  ASSERT_NE(progress, std::string::npos) << answer.body;
  ASSERT_NE(result, std::string::npos) << answer.body;
  EXPECT_LT(progress, result);
}

// T-42: pieces that split anything anywhere give the same events.
TEST(Stream, GivesTheSameEventsHoweverTheBytesArrive) {
  Gate gate;
  gate.session();
  std::string wire =
      "\xef\xbb\xbf"
      "id: s-1\r\nevent: message\r\ndata: " +
      kProgress + "\r\n\r\n:x\rdata: {\"jsonrpc\":\"2.0\",\"id\":7,\ndata: \"result\":{\"t\":\"\u00fc\"}}\n\n";
  for (std::size_t cut = 1; cut < wire.size(); cut += 3) {
    gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
      reply.begin_stream({200, "text/event-stream", {}});
      reply.write(wire.substr(0, cut));
      reply.write(wire.substr(cut));
      reply.finish();
    };
    Answer answer = gate.post(kCall);
    EXPECT_TRUE(has(answer.body, "id: s-1") && has(answer.body, "data: " + kProgress)) << cut << answer.body;
    EXPECT_TRUE(has(answer.body, "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"t\":\"\u00fc\"}}\n\n")) << cut << answer.body;
  }
}

TEST(Stream, InitializeKeepsItsSessionIdWhateverComesBeforeTheAnswer) {
  Gate gate;
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", "Mcp-Session-Id: theirs\r\n"});
    reply.write(event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hello"}})"));
    reply.write(event(R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"t"}}})"));
    reply.finish();
  };
  EXPECT_EQ(gate.session().size(), 43u);
}

TEST(Stream, DropsWhatAServerMayNotSend) {  // T-11, T-50
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(event(R"({"jsonrpc":"2.0","id":"x","method":"sampling/createMessage","params":{}})"));
    reply.write(event(R"({"jsonrpc":"2.0","id":"y","method":"elicitation/create","params":{"message":"your password?"}})"));
    reply.write(event(R"({"jsonrpc":"2.0","method":"notifications/made_up","params":{}})"));
    reply.write(event(R"({"jsonrpc":"2.0","id":8,"result":{"of":"another"}})"));
    reply.write(event(kResult));
    reply.write(event(R"({"jsonrpc":"2.0","id":7,"result":{"second":"answer"}})"));
    reply.finish();
  };
  Answer answer = gate.post(kCall);
  EXPECT_TRUE(has(answer.body, "done"));
  for (auto part : {"sampling", "password", "made_up", "another", "second"}) EXPECT_FALSE(has(answer.body, part)) << part;
  EXPECT_TRUE(has(gate.last_record(), "dropped_upstream_messages")) << gate.last_record();
}

TEST(Stream, FiltersToolsListInEventsToo) {  // T-40
  Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: allow\nhide: [delete_customer]\n";
  Gate gate(setup);
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(
        event(R"({"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"delete_customer"},{"name":"get_charge"}],"nextCursor":"c"}})"));
    reply.finish();
  };
  Answer answer = gate.post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  EXPECT_FALSE(has(answer.body, "delete_customer"));
  EXPECT_TRUE(has(answer.body, R"("nextCursor":"c")")) << answer.body;
}

TEST(Stream, AnUnreadableEventEndsTheCallWithAnError) {  // T-41
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(event(R"({"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}})"));
    reply.finish();
  };
  Answer answer = gate.post(kCall);
  EXPECT_TRUE(has(answer.body, "upstream.bad_answer")) << answer.body;
}

TEST(Stream, AStreamWithoutAnAnswerIsAnError) {
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    reply.write(event(kProgress));
    reply.finish();
  };
  Answer answer = gate.post(kCall);
  EXPECT_TRUE(has(answer.body, "upstream.no_answer")) << answer.body;
}

TEST(Stream, OpensTheSessionStreamAndRelaysNotifications) {
  Gate gate;
  gate.session();
  listener::Reply* upstream = nullptr;
  gate.upstream.script = [&](const ToyUpstream::Seen& seen, listener::Reply& reply) {
    ASSERT_EQ(seen.method, "GET");
    EXPECT_TRUE(has(seen.head, "Mcp-Session-Id: upstream-session-1"));
    EXPECT_TRUE(has(seen.head, "Last-Event-ID: s-4"));
    upstream = &reply;
    reply.begin_stream({200, "text/event-stream", {}});
  };
  int fd = gate.connect();
  std::string raw = request(gate, "GET", {}, "Last-Event-ID: s-4\r\n");
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  EXPECT_TRUE(has(gate.read_some(fd), "200 OK"));
  ASSERT_NE(upstream, nullptr);
  upstream->write("id: s-5\n" + event(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"));
  std::string got = gate.read_some(fd);
  EXPECT_TRUE(has(got, "id: s-5") && has(got, "list_changed")) << got;
  EXPECT_EQ(gate.changed.size(), 1u);
  ::close(fd);
}

// T-61, B-07: under a second, without a new request.
TEST(Stream, RevokingAGrantEndsItsOpenStreams) {
  Gate gate;
  gate.session();
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) { reply.begin_stream({200, "text/event-stream", {}}); };
  int fd = gate.connect();
  std::string raw = request(gate, "GET", {});
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  EXPECT_TRUE(has(gate.read_some(fd), "200 OK"));
  ASSERT_TRUE(gate.identity->revoke(gate.grant.grant.id, "gone"));
  gate.publish();
  gate.advance(std::chrono::milliseconds(900));
  gate.read_some(fd);
  char byte = 0;
  EXPECT_EQ(::recv(fd, &byte, 1, 0), 0) << "the stream is still open";
  EXPECT_TRUE(has(gate.last_record(), "identity.revoked")) << gate.last_record();
  ::close(fd);
}

TEST(Stream, KeepsAQuietStreamAlive) {
  Gate gate;
  gate.session();
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) { reply.begin_stream({200, "text/event-stream", {}}); };
  int fd = gate.connect();
  std::string raw = request(gate, "GET", {});
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  gate.read_some(fd);
  for (int i = 0; i < 40; ++i) gate.advance(std::chrono::milliseconds(500));
  EXPECT_TRUE(has(gate.read_some(fd), ": keep-alive"));
  ::close(fd);
}

TEST(Stream, DeleteEndsTheSession) {
  Gate gate;
  gate.session();
  Answer gone = gate.send(request(gate, "DELETE", {}));
  EXPECT_EQ(gone.status, 204);
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "Mcp-Session-Id: upstream-session-1"));
  EXPECT_EQ(gate.call("get_charge", "{}").status, 404);
}

TEST(Stream, ALegacyDisconnectIsNotACancellation) {
  Gate gate;
  gate.session();
  listener::Reply* upstream = nullptr;
  bool upstream_cut = false;
  struct Watch : listener::ReplyObserver {
    bool* cut;
    void on_client_gone() override { *cut = true; }
  } watch;
  watch.cut = &upstream_cut;
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    upstream = &reply;
    reply.observe(&watch);
  };
  int fd = gate.connect();
  std::string raw = request(gate, "POST", kCall);
  ASSERT_GT(::send(fd, raw.data(), raw.size(), 0), 0);
  gate.turn(20);
  linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd);
  gate.turn(20);
  EXPECT_FALSE(upstream_cut);
  upstream->send({200, "application/json", {}}, kResult);
  gate.turn(20);
  EXPECT_TRUE(has(gate.last_record(), "\"result\"")) << gate.last_record();
}

// T-72: a client that stops reading and then leaves does not leave the server waiting for ever.
TEST(Stream, AServerIsHeardToTheEndWhenItsSlowReaderHasLeft) {
  Gate gate;
  gate.session();
  listener::Reply* stream = nullptr;
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "text/event-stream", {}});
    stream = &reply;
  };
  int fd = gate.connect();
  int small = 4096;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string raw = request(gate, "POST", kCall);
  ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
  gate.turn(20);
  ASSERT_NE(stream, nullptr);
  std::string piece =
      event(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":")" + std::string(60'000, 'x') + "\"}}");
  for (int i = 0; i < 200 && stream->write(piece); ++i) gate.turn(3);
  ASSERT_FALSE(stream->write(piece)) << "the server was never held back";
  linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd);
  gate.turn(50);
  stream->write(event(kResult));
  stream->finish();
  gate.turn(200);
  EXPECT_TRUE(has(gate.last_record(), "\"outcome\":\"result\"")) << gate.last_record();
}

// T-72: nor with a large JSON answer, which is passed on in pieces.
TEST(Stream, ALargeAnswerIsTakenToItsEndWhenItsReaderHasLeft) {
  Gate gate;
  gate.session();
  listener::Reply* answer = nullptr;
  gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
    reply.begin_stream({200, "application/json", {}});
    answer = &reply;
  };
  int fd = gate.connect();
  std::string raw = request(gate, "POST", kCall);
  ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
  gate.turn(20);
  ASSERT_NE(answer, nullptr);
  linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd);
  gate.turn(20);
  answer->write(R"({"jsonrpc":"2.0","id":7,"result":{"text":")");
  for (int i = 0; i < 100; ++i) {
    answer->write(std::string(60'000, 'x'));
    gate.turn(5);
  }
  answer->write("\"}}");
  answer->finish();
  gate.turn(200);
  EXPECT_TRUE(has(gate.last_record(), "\"outcome\":\"streamed\"")) << gate.last_record();
}

TEST(Stream, AServerWithoutAStreamOfItsOwnLeavesTheGatesOpen) {
  Gate gate;
  gate.session();
  gate.upstream.script = [](const ToyUpstream::Seen&, listener::Reply& reply) { reply.send({405, {}, {}}, {}); };
  int fd = gate.connect();
  std::string raw = request(gate, "GET", {});
  ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
  std::string seen = gate.read_some(fd);
  EXPECT_TRUE(has(seen, "200 OK") && has(seen, "text/event-stream")) << seen;
  gate.put_policy("version: \"1\"\ndefault: allow\nhide: [delete_customer]\n");
  gate.advance(std::chrono::seconds(1));
  seen = gate.read_some(fd);
  EXPECT_TRUE(has(seen, "notifications/tools/list_changed")) << seen;
  gate.put_policy("version: \"1\"\ndefault: allow\nhide: [delete_customer]\nmethods: {prompts/get: deny}\n");
  gate.advance(std::chrono::seconds(1));
  EXPECT_FALSE(has(gate.read_some(fd), "list_changed")) << "nothing the caller sees has changed";
  ::close(fd);
}

}  // namespace
}  // namespace callgate::gateway
