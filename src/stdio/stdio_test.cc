// The transport as the gateway sees it, over processes that are the test's own.

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

TEST_F(Stdio, ASessionIsOneProcessAndItsAnswersAreJson) {
  const std::string session = open();
  ASSERT_EQ(started.size(), 1u);
  Sent& one = post(kCall, session);
  const std::string line = process().next();
  EXPECT_EQ(line, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read"}})");
  EXPECT_FALSE(one.sink.over());
  process().line(result("2", R"({"content":[]})"));
  turn();
  EXPECT_EQ(one.sink.ends, 1);
  EXPECT_EQ(one.sink.status, 200);
  EXPECT_EQ(one.sink.content_type, "application/json");
  EXPECT_EQ(one.sink.body, result("\"c1\"", R"({"content":[]})"));
  EXPECT_NE(open(), session);
  EXPECT_EQ(started.size(), 2u);
  EXPECT_GE(session.size(), 22u);  // 24 x 8 random bits
}

// T-11
TEST_F(Stdio, IdsAreRestoredWithTheirType) {
  const std::string session = open();
  Sent& number = post(call("1"), session);
  Sent& text = post(call("\"1\""), session);
  const std::string first = id_of(process().next()), second = id_of(process().next());
  EXPECT_NE(first, second);
  process().line(result(second));
  process().line(result("\"" + first + "\""));  // some servers make texts of numbers
  turn();
  EXPECT_EQ(number.sink.body, result("1"));
  EXPECT_EQ(text.sink.body, result("\"1\""));
}

// T-11, T-50
TEST_F(Stdio, AnswersToNothingGoNowhereAndAreCounted) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().line(result("99"));
  process().line(result("\"c1\""));
  process().line(result("null"));
  turn();
  EXPECT_FALSE(one.sink.over());
  process().line(result("2"));
  process().line(result("2", R"({"again":1})"));
  turn();
  EXPECT_EQ(one.sink.body, result("\"c1\""));
  EXPECT_GE(processes->stats().strays, 3u);
}

TEST_F(Stdio, ProgressMakesAStreamWithTheCallersOwnToken) {
  const std::string session = open();
  Sent& one = post(call("7", R"(,"_meta":{"progressToken":"tok"})"), session);
  EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read","_meta":{"progressToken":2}}})");
  process().line(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}})");
  process().line(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":1}})");
  turn();
  EXPECT_EQ(one.sink.content_type, "text/event-stream");
  EXPECT_EQ(one.sink.body,
            "event: message\ndata: "
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"tok\",\"progress\":1}}\n\n");
  process().line(result("2"));
  turn();
  EXPECT_TRUE(one.sink.body.ends_with("data: " + result("7") + "\n\n"));
  EXPECT_EQ(one.sink.ends, 1);
}

TEST_F(Stdio, AServersRequestGoesToTheNewestOpenCallAndItsAnswerBack) {
  const std::string session = open();
  Sent& older = post(call("1"), session);
  Sent& newer = post(call("2"), session);
  process().next(), process().next();
  process().line(R"({"jsonrpc":"2.0","id":"ask-1","method":"elicitation/create","params":{"message":"?"}})");
  turn();
  EXPECT_TRUE(older.sink.body.empty());
  EXPECT_NE(newer.sink.body.find("elicitation/create"), std::string::npos);
  Sent& answer = post(R"({"jsonrpc":"2.0","id":"ask-1","result":{"action":"accept"}})", session);
  EXPECT_EQ(answer.sink.status, 202);
  EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","id":"ask-1","result":{"action":"accept"}})");
  Sent& twice = post(R"({"jsonrpc":"2.0","id":"ask-1","result":{"action":"accept"}})", session);
  EXPECT_EQ(twice.sink.status, 202);
  EXPECT_EQ(process().next(), "");
}

// T-50
TEST_F(Stdio, OnlyWhoWasAskedMayAnswer) {
  server.command.shared = true;
  const std::string mine = open("usr_a"), other = open("usr_b");
  ASSERT_EQ(started.size(), 1u);
  Sent& busy = post(call("1"), mine);
  process().next();
  process().line(R"({"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{}})");
  turn();
  EXPECT_NE(busy.sink.body.find("elicitation"), std::string::npos);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":5,"result":{"action":"accept"}})", other, "usr_b").sink.status, 202);
  EXPECT_EQ(process().next(), "");
  post(R"({"jsonrpc":"2.0","id":5,"result":{"action":"decline"}})", mine);
  EXPECT_NE(process().next().find("decline"), std::string::npos);
}

TEST_F(Stdio, WhatNobodyCanAnswerIsRefusedToTheServerAndPingsAreAnswered) {
  open();
  process().line(R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
  process().line(R"({"jsonrpc":"2.0","id":2,"method":"ping"})");
  turn();
  EXPECT_NE(process().next().find("-32601"), std::string::npos);
  EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","id":2,"result":{}})");
}

TEST_F(Stdio, TheGetStreamBringsWhatNobodyAskedFor) {
  const std::string session = open();
  process().line(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  turn();
  Sent& stream = send("GET", "", false, session);
  EXPECT_EQ(stream.sink.content_type, "text/event-stream");
  EXPECT_NE(stream.sink.body.find("list_changed"), std::string::npos);  // kept until then
  process().line(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}})");
  turn();
  EXPECT_NE(stream.sink.body.find("notifications/message"), std::string::npos);
  Sent& second = send("GET", "", false, session);  // the client came back
  EXPECT_EQ(stream.sink.ends, 1);
  EXPECT_FALSE(second.sink.over());
  second.sink.cancelled();
  second.exchange->cancel();
  turn();
}

// T-71: writes before it was greeted
TEST_F(Stdio, WhatIsSaidBeforeTheHandshakeDoesNotReachItsAnswer) {
  Sent& hello = post(kInitialize);
  const std::string line = process().next();
  process().write("Server listening on stdio\n\xff\xfe\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n");
  process().line(R"({"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}})");
  process().line(result(id_of(line), R"({"protocolVersion":"2025-11-25"})"));
  turn();
  EXPECT_EQ(hello.sink.content_type, "application/json");
  EXPECT_EQ(hello.sink.body, result("\"i\"", R"({"protocolVersion":"2025-11-25"})"));
  EXPECT_EQ(processes->stats().noise, 2u);
  EXPECT_NE(process().next().find("-32601"), std::string::npos);
}

// T-71
TEST_F(Stdio, GarbageBetweenAnswersIsDropped) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().write("progress: 10%\n{\"jsonrpc\":\"2.0\",\"id\":2,\"id\":2,\"result\":{}}\n[]\n17\n");
  turn();
  EXPECT_FALSE(one.sink.over());
  process().line(result("2"));
  turn();
  EXPECT_EQ(one.sink.ends, 1);
}

// T-71
TEST_F(Stdio, ALineTooLongFailsTheOpenCallsAndStartsAnew) {
  server.response_bytes_max = 1'000;
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().write(std::string(2'000, 'x'));
  turn();
  EXPECT_EQ(one.sink.reason, "upstream.too_large");
  EXPECT_TRUE(one.sink.sent);
  EXPECT_TRUE(process().killed);
  auto dead = started.back();
  dead->exit("signal 9");
  turn();
  Sent& next = post(kCall, session);
  ASSERT_EQ(started.size(), 2u);
  const std::string hello = process().next();
  EXPECT_NE(hello.find("initialize"), std::string::npos);  // greeted again on the session's behalf
  process().line(result(id_of(hello), R"({"protocolVersion":"2025-11-25"})"));
  turn();
  EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  process().line(result(id_of(process().next())));
  turn();
  EXPECT_EQ(next.sink.ends, 1);
}

// T-71
TEST_F(Stdio, AnExitFailsWhatIsOpenAndFurtherOnesMakeTheGatePatient) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().exit("exit code 1");
  turn();
  EXPECT_EQ(one.sink.reason, "upstream.exited");
  EXPECT_TRUE(one.sink.sent);
  EXPECT_EQ(one.sink.detail, "exit code 1");
  EXPECT_TRUE(process().destroyed);
  Sent& second = post(kCall, session);  // at once
  ASSERT_EQ(started.size(), 2u);
  process().exit("exit code 1");
  turn();
  EXPECT_EQ(second.sink.reason, "upstream.exited");
  EXPECT_FALSE(second.sink.sent);
  Sent& third = post(kCall, session);
  EXPECT_EQ(third.sink.reason, "upstream.restarting");
  EXPECT_FALSE(third.sink.sent);
  EXPECT_EQ(started.size(), 2u);
  advance(std::chrono::milliseconds(1'100));
  post(kCall, session);
  EXPECT_EQ(started.size(), 3u);
  EXPECT_EQ(processes->logs(server.id, 0, 100).back().text.find("(the gate: the process ended: exit code 1"), 0u);
}

TEST_F(Stdio, TheLastWordsOfAProcessCount) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().line(result("2"));
  process().exit("exit code 0");
  turn();
  EXPECT_EQ(one.sink.ends, 1);
}

TEST_F(Stdio, WhatCannotBeStartedSaysSoAndNothingWasSent) {
  may_start = fail(Code::NotFound, "sandbox.command_missing", "no command `files-server`");
  Sent& hello = post(kInitialize);
  EXPECT_EQ(hello.sink.reason, "upstream.start");
  EXPECT_FALSE(hello.sink.sent);
  EXPECT_NE(hello.sink.message.find("no command `files-server`"), std::string::npos);
  EXPECT_EQ(processes->stats().sessions, 0u);
}

TEST_F(Stdio, AnInitializeThatIsRefusedLeavesNothingBehind) {
  Sent& hello = post(kInitialize);
  process().line(R"({"jsonrpc":"2.0","id":)" + id_of(process().next()) + R"(,"error":{"code":-32602,"message":"no"}})");
  turn();
  EXPECT_EQ(hello.sink.body, R"({"jsonrpc":"2.0","id":"i","error":{"code":-32602,"message":"no"}})");
  EXPECT_EQ(processes->stats().sessions, 0u);
  EXPECT_TRUE(process().sees_end_of_input());
}

TEST_F(Stdio, AnInitializeNobodyWaitsForLeavesNothingBehind) {
  Sent& hello = post(kInitialize);
  EXPECT_EQ(processes->stats().sessions, 1u);
  hello.sink.cancelled();
  hello.exchange->cancel();
  turn();
  EXPECT_EQ(processes->stats().sessions, 0u);
  EXPECT_TRUE(process().sees_end_of_input());
}

// T-60
TEST_F(Stdio, AnotherPrincipalsSessionDoesNotExist) {
  const std::string session = open("usr_a");
  EXPECT_EQ(post(kCall, session, "usr_b").sink.status, 404);
  EXPECT_EQ(post(kCall, "made-up", "usr_a").sink.status, 404);
  EXPECT_EQ(send("GET", "", false, session, "usr_b").sink.status, 404);
  EXPECT_EQ(send("DELETE", "", false, session, "usr_b").sink.status, 404);
  server.id = "srv-2";
  EXPECT_EQ(post(kCall, session, "usr_a").sink.status, 404);
}

TEST_F(Stdio, DeleteEndsTheSessionAndItsProcessInOrder) {
  const std::string session = open();
  Sent& stream = send("GET", "", false, session);
  Sent& open_call = post(kCall, session);
  EXPECT_EQ(send("DELETE", "", false, session).sink.status, 204);
  turn();
  EXPECT_EQ(stream.sink.ends, 1);
  EXPECT_EQ(open_call.sink.reason, "upstream.exited");
  EXPECT_TRUE(process().sees_end_of_input());
  EXPECT_FALSE(process().terminated);
  advance(std::chrono::milliseconds(2'200));
  EXPECT_TRUE(process().terminated);
  EXPECT_EQ(post(kCall, session).sink.status, 404);
  EXPECT_EQ(started.size(), 1u);
}

TEST_F(Stdio, ACancelledNotificationNamesTheRequestAsTheProcessKnowsIt) {
  const std::string session = open();
  Sent& one = post(kCall, session);
  process().next();
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"zz"}})", session).sink.status, 202);
  EXPECT_EQ(process().next(), "");
  post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c1"}})", session);
  EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}})");
  EXPECT_EQ(one.sink.reason, "upstream.cancelled");
}

TEST_F(Stdio, LeavingCancelsAModernCallAndNotALegacyOne) {
  const std::string session = open();
  Sent& legacy = post(kCall, session);
  process().next();
  legacy.sink.cancelled();
  legacy.exchange->cancel();
  turn();
  EXPECT_EQ(process().next(), "");
  Sent& one = modern(kCall);
  process().next();
  one.sink.cancelled();
  one.exchange->cancel();
  turn();
  EXPECT_NE(process().next().find(R"("notifications/cancelled","params":{"requestId":1,)"), std::string::npos);
}

TEST_F(Stdio, NoAnswerInTimeIsATimeoutAndProgressBuysMore) {
  server.call_timeout = std::chrono::milliseconds(1'000);
  const std::string session = open();
  Sent& one = post(call("1", R"(,"_meta":{"progressToken":1})"), session);
  process().next();
  advance(std::chrono::milliseconds(800));
  process().line(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}})");
  turn();
  advance(std::chrono::milliseconds(800));
  EXPECT_FALSE(one.sink.over());
  advance(std::chrono::milliseconds(300));
  EXPECT_EQ(one.sink.reason, "upstream.timeout");
  EXPECT_TRUE(one.sink.sent);
  EXPECT_NE(process().next().find("notifications/cancelled"), std::string::npos);
}

TEST_F(Stdio, ModernCallsOfAPrincipalShareAProcessAndNoOneElseDoes) {
  Sent& one = modern(call("1"));
  Sent& two = modern(call("1"));  // ids need to be unique per client only
  EXPECT_EQ(started.size(), 1u);
  Sent& other = modern(call("1"), "usr_b");
  EXPECT_EQ(started.size(), 2u);
  const std::string first = id_of(process(1).next()), second = id_of(process(1).next());
  process(1).line(result(second, R"({"n":2})"));
  process(1).line(result(first, R"({"n":1})"));
  turn();
  EXPECT_EQ(one.sink.body, result("1", R"({"n":1})"));
  EXPECT_EQ(two.sink.body, result("1", R"({"n":2})"));
  EXPECT_FALSE(other.sink.over());
  EXPECT_TRUE(one.sink.session.empty());
}

TEST_F(Stdio, ModernErrorsHaveTheirHttpStatus) {
  for (const auto& [code, status] : {std::pair{"-32601", 404}, {"-32022", 400}, {"-32021", 400}, {"-32603", 200}, {"-32602", 200}}) {
    Sent& one = modern(call("1"));
    process().line(R"({"jsonrpc":"2.0","id":)" + id_of(process().next()) + R"(,"error":{"code":)" + code + R"(,"message":"no"}})");
    turn();
    EXPECT_EQ(one.sink.status, status) << code;
  }
}

TEST_F(Stdio, ASubscriptionIsKnownByItsOwnIdOnBothSides) {
  Sent& listen = modern(R"({"jsonrpc":"2.0","id":"s1","method":"subscriptions/listen","params":{"notifications":{}}})");
  EXPECT_EQ(id_of(process().next()), "1");
  process().line(
      R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}})");
  process().line(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");  // whose?
  turn();
  EXPECT_EQ(listen.sink.body,
            "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{"
            "\"io.modelcontextprotocol/subscriptionId\":\"s1\"}}}\n\n");
  process().line(result("1", R"({"_meta":{"io.modelcontextprotocol/subscriptionId":1}})"));
  turn();
  EXPECT_TRUE(
      listen.sink.body.ends_with("data: " + result("\"s1\"", R"({"_meta":{"io.modelcontextprotocol/subscriptionId":"s1"}})") + "\n\n"));
  EXPECT_EQ(listen.sink.ends, 1);
}

TEST_F(Stdio, ASharedProcessIsGreetedOnceAndKeepsItsCallersApart) {
  server.command.shared = true;
  const std::string a = open("usr_a"), b = open("usr_b");
  EXPECT_EQ(started.size(), 1u);
  EXPECT_NE(a, b);
  Sent& one = post(call("1", R"(,"_meta":{"progressToken":1})"), a);
  Sent& two = post(call("1", R"(,"_meta":{"progressToken":1})"), b, "usr_b");
  const std::string first = id_of(process().next()), second = id_of(process().next());
  process().line(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":"whose?"}})");
  process().line(R"({"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{}})");
  process().line(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + second + "}}");
  turn();
  EXPECT_TRUE(one.sink.body.empty());
  EXPECT_EQ(two.sink.body.find("whose?"), std::string::npos);
  EXPECT_NE(two.sink.body.find("notifications/progress"), std::string::npos);
  EXPECT_NE(process().next().find("-32601"), std::string::npos);
  process().line(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  process().line(result(first));
  turn();
  EXPECT_TRUE(one.sink.body.find("list_changed") != std::string::npos);
  send("DELETE", "", false, a);
  EXPECT_FALSE(process().sees_end_of_input());  // others are there
}

}  // namespace
}  // namespace callgate::stdio
