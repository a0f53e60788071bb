#include "session/jsonrpc.h"

#include <gtest/gtest.h>

namespace callgate::session {
namespace {

std::string reason_of(std::string_view text) {
  json::Document document;
  EXPECT_TRUE(document.parse(text)) << text;
  auto message = read_message(document.root());
  return message ? "ok" : std::string(message.error().reason);
}

TEST(JsonRpc, TellsRequestsNotificationsAndAnswersApart) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"({"jsonrpc":"2.0","id":"a","method":"ping","params":{"x":1}})"));
  auto request = read_message(document.root());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, MessageKind::Request);
  EXPECT_EQ(request->method, "ping");
  EXPECT_EQ(request->id.string(), "a");
  json::Document other;
  ASSERT_TRUE(other.parse(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"));
  EXPECT_EQ(read_message(other.root())->kind, MessageKind::Notification);
  ASSERT_TRUE(other.parse(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
  EXPECT_EQ(read_message(other.root())->kind, MessageKind::Response);
}

TEST(JsonRpc, NamesWhatIsWrong) {
  EXPECT_EQ(reason_of("[]"), "rpc.batch");  // T-09
  EXPECT_EQ(reason_of("5"), "rpc.not_an_object");
  EXPECT_EQ(reason_of(R"({"id":1,"method":"ping"})"), "rpc.version");
  EXPECT_EQ(reason_of(R"({"jsonrpc":2.0,"id":1,"method":"ping"})"), "rpc.version");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":""})"), "rpc.method");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":5})"), "rpc.method");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})"), "rpc.params");  // T-10
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","result":{}})"), "rpc.mixed");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","extra":1})"), "rpc.envelope_key");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1})"), "rpc.response");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}})"), "rpc.response");
  for (std::string_view error : {R"("no")", R"({"code":"1","message":"x"})", R"({"code":1})", R"({"code":1,"message":["x"]})"})
    EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"error":)" + std::string(error) + "}"), "rpc.response") << error;
}

// T-01
TEST(JsonRpc, RefusesKeysThatImitateReservedOnes) {
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"Method":"ping"})"), "rpc.envelope_key");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"NAME":"a"}})"), "rpc.parameter_key");
  EXPECT_EQ(reason_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"na\u217fe\":\"a\"}}"), "rpc.parameter_key");
  EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"names":"a"}})"), "ok");
  for (std::string_view name : {"InputResponses", "TASKID", "RequestId", "requestedschema", "Mode", "URL"})
    EXPECT_EQ(reason_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":{")" + std::string(name) + R"(":"a"}})"), "rpc.parameter_key")
        << name;
}

// T-11
TEST(JsonRpc, TakesOnlyIdsThatNoPeerRounds) {
  auto with_id = [](const std::string& id) { return reason_of(R"({"jsonrpc":"2.0","method":"ping","id":)" + id + "}"); };
  for (auto good : {"0", "1", "-1", "9007199254740991", "-9007199254740991", "\"\"", "\"x\""}) EXPECT_EQ(with_id(good), "ok") << good;
  for (auto bad : {"null", "1.0", "1e2", "-0", "9007199254740992", "12345678901234567890", "{}", "[]", "true"})
    EXPECT_EQ(with_id(bad), "rpc.id") << bad;
  EXPECT_EQ(with_id("\"" + std::string(300, 'x') + "\""), "rpc.id");
}

// T-11
TEST(JsonRpc, MatchesIdsByKindAndValue) {
  json::Document a, b;
  auto same = [&](std::string_view x, std::string_view y) {
    EXPECT_TRUE(a.parse(x) && b.parse(y));
    return same_id(a.root(), b.root());
  };
  EXPECT_TRUE(same("1", "1"));
  EXPECT_TRUE(same("\"ab\"", "\"a\\u0062\""));
  EXPECT_FALSE(same("1", "\"1\""));
  EXPECT_FALSE(same("1", "2"));
}

TEST(JsonRpc, WritesErrorsWithTheMatchingId) {
  std::string out;
  append_error(out, "\"a\"", -32603, "no \"x\"", R"({"code":"x"})");
  EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":"a","error":{"code":-32603,"message":"no \"x\"","data":{"code":"x"}}})");
  out.clear();
  append_error(out, {}, -32700, "bad");
  EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad"}})");
}

TEST(JsonRpc, NotesWhatCallsAskOfTheirParameters) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1},"task":{},
    "requestState":"s","inputResponses":{"k":{}},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/clientCapabilities":{},
    "traceparent":"00-1","callgate/reason":"why"}}})"));
  Message message;
  ASSERT_TRUE(read_message(document.root(), message));
  EXPECT_EQ(message.name.string(), "t");
  EXPECT_EQ(message.request_state.string(), "s");
  EXPECT_TRUE(message.task.is_object() && message.arguments.is_object() && message.input_responses["k"].exists());
  EXPECT_EQ(message.of_meta.version.string(), "2026-07-28");
  EXPECT_TRUE(message.of_meta.client_info.is_object() && message.of_meta.capabilities.is_object());
  EXPECT_EQ(message.of_meta.traceparent.string(), "00-1");
  EXPECT_EQ(message.of_meta.reason.string(), "why");

  json::Document broken;  // nothing of it, and nothing of the one before, is left
  ASSERT_TRUE(broken.parse(R"({"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"t"}})"));
  EXPECT_FALSE(read_message(broken.root(), message));
  EXPECT_TRUE(message.method.empty() && !message.id.exists() && !message.name.exists() && !message.of_meta.version.exists());

  json::Document answer;  // an answer has no parameters, whatever it carries
  ASSERT_TRUE(answer.parse(R"({"jsonrpc":"2.0","id":1,"result":{},"params":{"name":"t","_meta":{"traceparent":"00-1"}}})"));
  ASSERT_TRUE(read_message(answer.root(), message));
  EXPECT_EQ(message.kind, MessageKind::Response);
  EXPECT_FALSE(message.params.exists() || message.name.exists() || message.meta.exists() || message.of_meta.traceparent.exists());
}

}  // namespace
}  // namespace callgate::session
