// Tasks belong to who made them, in both eras (T-30, T-60).

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

// The text member `name` of a JSON text; enough for these.
std::string member(const std::string& text, const std::string& name) {
  std::size_t at = text.find("\"" + name + "\":\"");
  if (at == std::string::npos) return {};
  at += name.size() + 4;
  return text.substr(at, text.find('"', at) - at);
}

class Tasks : public ::testing::Test {
 protected:
  Tasks() {
    (void)gate.session();
    (void)gate.call("get_charge", "{}");
    gate.upstream.script = [this](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      auto result = [&](const std::string& text) {
        reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":7,"result":)" + text + "}");
      };
      bool modern = has(seen.body, "2026-07-28");
      if (seen.method == "GET") {
        reply.begin_stream({200, "text/event-stream", {}});
        gate.upstream.open.push_back(&reply);
      } else if (has(seen.body, "initialize")) {
        reply.send(
            {200, "application/json", "Mcp-Session-Id: s-2\r\n"},
            R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"t","version":"1"}}})");
      } else if (has(seen.body, "tools/call")) {
        result(modern ? R"({"resultType":"task","taskId":"t-1","status":"working"})" : R"({"task":{"taskId":"t-1","status":"working"}})");
      } else if (has(seen.body, "tasks/list")) {
        result(R"({"tasks":[{"taskId":"t-1","status":"working"},{"taskId":"of-another","status":"working"}]})");
      } else if (has(seen.body, "tasks/result")) {
        result(R"({"content":[{"type":"text","text":"taskId"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t-1"}}})");
      } else {
        result(modern ? R"({"resultType":"complete","taskId":"t-1","status":"working"})" : R"({"taskId":"t-1","status":"working"})");
      }
    };
  }
  std::string body(const std::string& method, const std::string& params) {
    return R"({"jsonrpc":"2.0","id":7,"method":")" + method + R"(","params":{)" + params + "}}";
  }
  std::string legacy(const std::string& method, const std::string& params) { return gate.post(body(method, params)).body; }
  std::string modern(const std::string& method, const std::string& id) {
    return gate.modern(method, R"("taskId":")" + id + "\"", "Mcp-Name: " + id + "\r\n").body;
  }
  std::string make() { return member(legacy("tools/call", R"("name":"get_charge","arguments":{},"task":{"ttl":1000})"), "taskId"); }
  std::string make_modern() {
    return member(gate.modern("tools/call", R"("name":"get_charge","arguments":{})", "Mcp-Name: get_charge\r\n").body, "taskId");
  }
  static std::string named(const std::string& id) { return R"("taskId":")" + id + "\""; }
  const ToyUpstream::Seen& last() { return gate.upstream.seen.back(); }
  Gate gate;
};

// What a task brings was labelled when it was made, however long ago that was.
TEST_F(Tasks, CarryTheLabelsOfTheCallThatMadeThem) {
  gate.put_policy("version: \"1\"\ndefault: allow\ntools: {get_charge: {labels: [private]}}\n");
  std::string id = make_modern();
  gate.advance(std::chrono::hours(2));
  auto seen = [&] { return gate.flows->look({gate.grant.grant.id, {}}, gate.clock.now())->label("private") != nullptr; };
  EXPECT_FALSE(seen());
  EXPECT_TRUE(has(modern("tasks/get", id), id));
  EXPECT_TRUE(has(last().body, R"("taskId":"t-1")")) << last().body;
  EXPECT_TRUE(seen());
}

TEST_F(Tasks, AreUsedByWhoMadeThem) {
  std::string id = make();
  ASSERT_FALSE(id.empty());
  EXPECT_FALSE(has(id, "t-1"));
  for (auto method : {"tasks/get", "tasks/cancel"}) {
    std::string answer = legacy(method, named(id));
    EXPECT_TRUE(has(answer, R"("result":{"taskId":")" + id + "\"")) << answer;
    EXPECT_TRUE(has(last().body, R"("taskId":"t-1")")) << last().body;
  }
  EXPECT_EQ(member(legacy("tasks/result", named(id)), "taskId"), id) << "related-task";
  EXPECT_EQ(make(), id) << "the same task has the same name";
}

// T-60: somebody else's, another session's and an unknown one are the same.
TEST_F(Tasks, OfOthersDoNotExist) {
  std::string id = make(), stateless = make_modern();
  ASSERT_FALSE(stateless.empty());
  identity::NewGrant wanted;
  wanted.label = "other";
  wanted.principal_id = gate.user.id;
  wanted.servers = {gate.server.id};
  std::string mine = gate.token, other(gate.mint(wanted).token.reveal());
  std::size_t seen = gate.upstream.seen.size();
  std::string unknown = legacy("tasks/get", named("t-1"));
  EXPECT_TRUE(has(unknown, "-32602") && has(unknown, "Task not found")) << unknown;
  EXPECT_TRUE(has(legacy("tasks/get", named(stateless)), "Task not found")) << "made outside this session";
  EXPECT_TRUE(has(legacy("tasks/get", ""), "Task not found"));
  EXPECT_TRUE(has(modern("tasks/get", "t-1"), "Task not found"));
  EXPECT_TRUE(has(modern("tasks/cancel", id), "Task not found"));
  gate.token = other;
  EXPECT_TRUE(has(modern("tasks/get", stateless), "Task not found"));
  EXPECT_TRUE(has(modern("tasks/update", stateless), "Task not found"));
  EXPECT_EQ(gate.upstream.seen.size(), seen) << "nothing was asked of the server";
  EXPECT_TRUE(has(gate.last_record(), "tasks.unknown"));
  gate.token = mine;
  EXPECT_TRUE(has(modern("tasks/get", stateless), "\"result\""));
}

TEST_F(Tasks, AreListedOnlyToWhoMadeThem) {
  EXPECT_TRUE(has(legacy("tasks/list", ""), R"("tasks":[])"));
  std::string id = make();
  EXPECT_TRUE(has(legacy("tasks/list", ""), R"("tasks":[{"taskId":")" + id + R"(","status":"working"}])"));
}

TEST_F(Tasks, OutliveTheGate) {
  std::string id = make_modern();
  gate.rooms->tasks = std::make_shared<TaskTable>();
  std::string answer = modern("tasks/get", id);
  EXPECT_EQ(member(answer, "taskId"), id) << answer;
  EXPECT_TRUE(has(last().head, "Mcp-Name: t-1\r\n")) << last().head;
}

TEST_F(Tasks, NoticesGoToWhoMadeThem) {
  std::string id = make();
  int fd = gate.connect();
  std::string raw = "GET /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                    "\r\nAccept: text/event-stream\r\nMcp-Session-Id: " + gate.session() + "\r\n\r\n";
  ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
  (void)gate.read_some(fd);
  ASSERT_EQ(gate.upstream.open.size(), 1u);
  for (auto task : {"of-another", "t-1"})
    gate.upstream.open[0]->write(R"(data: {"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":")" +
                                 std::string(task) + R"(","status":"completed"}})" + "\n\n");
  std::string heard = gate.read_some(fd);
  EXPECT_FALSE(has(heard, "of-another") || has(heard, "\"t-1\"")) << heard;
  EXPECT_TRUE(has(heard, R"("taskId":")" + id + "\"")) << heard;
  ::close(fd);
}

TEST_F(Tasks, AWordInAResultIsNoTask) {
  std::string answer = legacy("tools/call", R"("name":"get_charge","arguments":{"taskId":"t-1"})");
  EXPECT_TRUE(has(last().body, R"("arguments":{"taskId":"t-1"})")) << last().body;
}

// T-72
TEST(TaskTable, IsBoundedAndForgets) {
  WallTime now{};
  TaskTable table({.tasks_max = 4, .per_owner_max = 2, .life = std::chrono::hours(1), .questions_max = 1});
  for (auto id : {"1", "2", "3"}) table.put("a", id, id, now);
  EXPECT_FALSE(table.given("a", "1", now)) << "the oldest of its own went";
  EXPECT_EQ(table.given("a", "3", now), "3");
  EXPECT_FALSE(table.given("b", "3", now));
  for (auto owner : {"b", "c", "d"}) table.put(owner, "1", "x", now);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_FALSE(table.given("d", "1", now)) << "nobody is pushed out by others";
  table.put("a", "3", "changed", now);
  EXPECT_EQ(table.given("a", "3", now), "3");
  table.note_asked("a", "3", "q");
  table.note_asked("a", "3", "p");
  EXPECT_TRUE(table.asked_before("a", "3", "q"));
  EXPECT_FALSE(table.asked_before("a", "3", "p"));
  now += std::chrono::hours(2);
  EXPECT_FALSE(table.given("a", "3", now));
  table.put("d", "1", "x", now);
  EXPECT_EQ(table.size(), 1u);
}

}  // namespace
}  // namespace callgate::gateway
