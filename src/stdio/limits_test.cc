// What is bounded, and what ends: slow readers, caps, idle processes, standard error.

#include "stdio/testing/fixture.h"

namespace callgate::stdio {
namespace {

using Stdio = StdioFixture;

constexpr const char* kCall = R"({"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"read"}})";

std::string call(std::string_view id, std::string_view rest = {}) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"read")" + std::string(rest) + "}}";
}
std::string result(std::string_view id, std::string_view text = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(text) + "}";
}

TEST_F(Stdio, ASlowReaderStopsTheReadingAndIsFinallyLetGo) {
  limits.waiting_bytes_max = 4'000;
  make();
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().next();
  one.exchange->pause();
  const std::string note = R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":")" + std::string(1'000, 'x') + "\"}}\n";
  for (int i = 0; i < 40; ++i) process().write(note);
  turn();
  EXPECT_TRUE(one.sink.body.empty());
  one.exchange->resume();
  turn(40);
  EXPECT_GT(one.sink.body.size(), 40'000u);  // and none was lost
  one.exchange->pause();
  for (int i = 0; i < 40; ++i) process().write(note);
  turn();
  advance(std::chrono::seconds(61));
  one.exchange->resume();
  turn();
  EXPECT_EQ(one.sink.reason, "upstream.timeout");
}

TEST_F(Stdio, ASinkMayCancelInsideItsCallbacks) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  one.sink.after_head = [&] {
    one.sink.cancelled();
    one.exchange->cancel();
  };
  process().line(R"({"jsonrpc":"2.0","method":"notifications/message","params":{}})");
  process().line(result("2"));
  turn();
  EXPECT_EQ(one.sink.heads, 1);
  EXPECT_FALSE(one.sink.over());
}

TEST_F(Stdio, AServerThatDoesNotReadFillsOnlyItsBuffer) {
  limits.input_bytes_max = 200'000;
  make();
  const std::string session = open();
  std::string big = call("1", R"(,"arguments":{"text":")" + std::string(60'000, 'x') + "\"}");
  bool refused = false;
  for (int i = 0; i < 8; ++i) {
    Sent& one = post(big, session);
    if (one.sink.errors == 0) continue;
    refused = true;
    EXPECT_EQ(one.sink.reason, "upstream.busy");
    EXPECT_FALSE(one.sink.sent);
  }
  EXPECT_TRUE(refused);
}

TEST_F(Stdio, CapsRefuseAndIdleOnesGiveWay) {
  limits.per_principal_max = 2;
  make();
  const std::string first = open();
  open();
  EXPECT_EQ(post(kInitialize).sink.reason, "upstream.busy");
  EXPECT_EQ(post(kInitialize, {}, "usr_b").sink.errors, 0);  // another's share
  advance(std::chrono::seconds(20));
  EXPECT_EQ(post(kInitialize).sink.errors, 0);
  turn();
  EXPECT_TRUE(started[0]->sees_end_of_input());
  post(kCall, first);  // its session is not lost: it is greeted again, and another gives way
  EXPECT_EQ(started.size(), 5u);
  EXPECT_TRUE(started[1]->sees_end_of_input());
}

TEST_F(Stdio, IdleProcessesAndForgottenSessionsEnd) {
  const std::string session = open();
  modern(call("1"));
  process().line(result(id_of(process().next())));
  turn();
  advance(std::chrono::seconds(700));
  EXPECT_TRUE(process().sees_end_of_input());
  EXPECT_FALSE(started[0]->sees_end_of_input());
  advance(std::chrono::seconds(4'000));
  EXPECT_TRUE(started[0]->sees_end_of_input());
  EXPECT_EQ(post(kCall, session).sink.status, 404);
}

TEST_F(Stdio, ANewVersionOfTheServerIsAnotherProcess) {
  const std::string session = open();
  Sent& under_way = post(kCall, session);
  process().next();
  ++server.version;
  Sent& next = post(call("2"), session);
  ASSERT_EQ(started.size(), 2u);
  started[0]->line(result("2"));
  turn();
  EXPECT_EQ(under_way.sink.ends, 1);
  EXPECT_TRUE(started[0]->sees_end_of_input());
  EXPECT_FALSE(next.sink.over());
  processes->retain({});  // removed or disabled
  turn();
  EXPECT_EQ(next.sink.reason, "upstream.exited");
  EXPECT_EQ(post(call("2"), session).sink.status, 404);
  started[1]->complain("bye\n");  // its log is forgotten already
  started[1]->exit("exit code 0");
  turn();
}

TEST_F(Stdio, StandardErrorIsKeptForTheOperatorWithoutSecrets) {
  open();
  EXPECT_EQ(process().environment, std::string("TOKEN=s3cr3t-value\0", 19));
  process().complain("starting with s3cr3t-value\n");
  turn();
  const auto lines = processes->logs(server.id, 0, 10);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].text, "starting with [...]");
}

TEST_F(Stdio, ABatchOfAnswersIsTakenApart) {
  const std::string session = open();
  Sent& one = post(call("1"), session);
  Sent& two = post(call("2"), session);
  process().line("[" + result("2") + "," + result("3") + "]");
  turn();
  EXPECT_EQ(one.sink.ends, 1);
  EXPECT_EQ(two.sink.ends, 1);
}

TEST_F(Stdio, AFrontThatGoesTakesItsExchangesAlong) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().next();
  one.sink.cancelled();
  transport.reset();
  process().line(result("2"));
  turn();
}

}  // namespace
}  // namespace callgate::stdio
