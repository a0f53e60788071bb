// The shared endpoint and batches: requests that become several, each judged by itself.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "gateway/hub_names.h"
#include "gateway/testing/shared.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;
using testing::has;
using testing::Shared;
using testing::ToyUpstream;

TEST_F(Shared, ListsTheToolsOfAllServersAndPrefixesOnlyWhatCollides) {
  Answer list = ask("tools/list", "");
  EXPECT_EQ(list.status, 200);
  for (auto name : {"\"refund_payment\"", "\"send_invoice\"", "\"billing__get_charge\"", "\"refunds__get_charge\""})
    EXPECT_TRUE(has(list.body, name)) << name << list.body;
  EXPECT_FALSE(has(list.body, "\"get_charge\"")) << list.body;
}

TEST_F(Shared, CallsGoToTheServerTheNameBelongsTo) {
  Answer answer = ask("tools/call", R"("name":"billing__get_charge","arguments":{})", "Mcp-Name: billing__get_charge\r\n");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "of-billing"));
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "Mcp-Name: get_charge\r\n")) << gate.upstream.seen.back().head;
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("name":"get_charge")"));
  EXPECT_TRUE(has(answer.body, "billing+file:///x")) << answer.body;
  std::string record = gate.last_record();
  EXPECT_TRUE(has(record, R"("server":"billing")") && has(record, R"("tool":"get_charge")") && has(record, R"("grant_label":"both")"))
      << record;
  EXPECT_TRUE(has(ask("tools/call", R"("name":"get_charge","arguments":{})", "Mcp-Name: get_charge\r\n").body, "Unknown tool"));
}

TEST_F(Shared, TheRecordSaysWhereTheCallCameFromAndWhy) {
  (void)ask("tools/call", R"("name":"billing__get_charge","arguments":{})",
            "Mcp-Name: billing__get_charge\r\nX-Callgate-Reason: ticket 7\r\n");
  std::string record = gate.last_record();
  EXPECT_TRUE(has(record, R"("remote":"127.0.0.1")") && has(record, R"("stated_reason":"ticket 7")")) << record;
}

// Of a call that takes a while and says so: sent, then answered some turns later.
class SharedRecords : public Shared {
 protected:
  std::vector<std::string> records_of(const std::string& tool, bool streamed, bool strict) {
    gate.rooms->options.record_before_effect = strict;
    listener::Reply* open = nullptr;
    const std::string result = R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","content":[]}})";
    gate.upstream.script = [&](const ToyUpstream::Seen&, listener::Reply& reply) {
      if (!streamed) return reply.send({200, "application/json", {}}, result);
      open = &reply;
      reply.begin_stream({200, "text/event-stream", {}});
      reply.write("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\n");
    };
    const std::size_t before = gate.records().size();
    const std::string body =
        R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":{},)" + testing::kMeta + "}}";
    const std::string raw =
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token +
        "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        "Mcp-Method: tools/call\r\nMcp-Name: " +
        tool + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const int fd = gate.connect();
    EXPECT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
    answered = gate.read_some(fd);
    if (open != nullptr) {
      EXPECT_TRUE(has(answered, "notifications/progress")) << answered;
      open->write("data: " + result + "\n\n");
      open->finish();
      answered += gate.read_some(fd);
    }
    ::close(fd);
    auto all = gate.records();
    return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
  }
  std::string answered;
};

TEST_F(SharedRecords, OfACallAreThoseOfItsServerAlone) {
  for (bool strict : {false, true})
    for (bool streamed : {false, true}) {
      auto records = records_of("send_invoice", streamed, strict);
      EXPECT_TRUE(has(answered, R"("content":[])")) << answered;
      ASSERT_EQ(records.size(), strict || streamed ? 2u : 1u) << "strict " << strict << ", streamed " << streamed;
      for (const std::string& record : records) EXPECT_TRUE(has(record, R"("server":"billing")")) << record;
      EXPECT_TRUE(has(records.back(), R"("kind":"call")")) << records.back();
      EXPECT_EQ(has(records.front(), R"("kind":"intent")"), records.size() == 2) << records.front();
    }
}

TEST_F(SharedRecords, OfWhatNoServerWasAskedAreTheEndpointsOwn) {
  for (bool strict : {false, true}) {
    auto records = records_of("no_such", false, strict);
    EXPECT_TRUE(has(answered, "Unknown tool")) << answered;
    ASSERT_EQ(records.size(), 1u) << "strict " << strict;
    EXPECT_TRUE(has(records[0], R"("kind":"call")") && has(records[0], R"("server":"-")") && has(records[0], "no_such")) << records[0];
  }
}

TEST_F(SharedRecords, ThatCannotBeWrittenKeepTheCallFromItsServer) {
  gate.journal->fail_write_at(1);
  (void)records_of("send_invoice", false, true);
  EXPECT_EQ(gate.upstream.calls(), 0u);
  EXPECT_FALSE(has(answered, R"("content":[])")) << answered;
}

TEST_F(Shared, AServerThatFailsLeavesTheListNotTheSession) {
  broken = true;
  Answer list = ask("tools/list", "");
  EXPECT_TRUE(has(list.body, "refund_payment")) << list.body;
  EXPECT_FALSE(has(list.body, "send_invoice"));
  EXPECT_TRUE(has(list.body, R"("callgate/unavailable":["billing"])")) << list.body;
}

// T-30, T-40, T-62: the other door leads through the same walk.
TEST_F(Shared, WhatAPolicyHidesOrAGrantDoesNotCoverIsNotThereEither) {
  gate.put_policy("version: \"1\"\ndefault: allow\nhide: [refund_payment]\ntools: {send_invoice: {allow: false}}\n");
  Answer list = ask("tools/list", "");
  EXPECT_FALSE(has(list.body, "refund_payment")) << list.body;
  EXPECT_TRUE(has(ask("tools/call", R"("name":"refund_payment","arguments":{})", "Mcp-Name: refund_payment\r\n").body, "Unknown tool"));
  std::size_t calls = gate.upstream.calls();
  EXPECT_TRUE(has(ask("tools/call", R"("name":"send_invoice","arguments":{})", "Mcp-Name: send_invoice\r\n").body, "policy.deny_if"));
  EXPECT_EQ(gate.upstream.calls(), calls);
  token = gate.token;  // a grant of one server
  list = ask("tools/list", "");
  EXPECT_FALSE(has(list.body, "send_invoice")) << list.body;
  EXPECT_FALSE(has(ask("resources/read", R"("uri":"billing+file:///a")", "Mcp-Name: billing+file:///a\r\n").body, "\"result\""));
}

TEST_F(Shared, ResourcesCarryTheirServerInTheirAddress) {
  Answer list = ask("resources/list", "");
  EXPECT_TRUE(has(list.body, "\"billing+file:///a\"") && has(list.body, "\"refunds+file:///a\"")) << list.body;
  (void)ask("resources/read", R"("uri":"billing+file:///a")", "Mcp-Name: billing+file:///a\r\n");
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("uri":"file:///a")"));
  EXPECT_TRUE(has(gate.upstream.seen.back().head, "of-billing"));
}

TEST_F(Shared, ManyToolsAreFoundByWordsInsteadOfListed) {
  gate.rooms->options.shared_search_above = 5;
  Answer list = ask("tools/list", "");
  EXPECT_TRUE(has(list.body, R"("search_tools")") && has(list.body, R"("call_tool")")) << list.body;
  EXPECT_FALSE(has(list.body, "refund_payment"));
  Answer found = ask("tools/call", R"("name":"search_tools","arguments":{"query":"send an invoice"})", "Mcp-Name: search_tools\r\n");
  EXPECT_TRUE(has(found.body, R"("structuredContent":{"tools":[{"description":"of billing","inputSchema":{)")) << found.body;
  EXPECT_TRUE(has(found.body, R"("name":"send_invoice"}],"total":1})")) << found.body;
  EXPECT_EQ(gate.upstream.seen.size(), 0u) << "nothing was asked of a server";
  gate.rooms->options.shared_search_above = 6;  // as many as there are: the list
  EXPECT_TRUE(has(ask("tools/list", "").body, "refund_payment"));
  EXPECT_TRUE(
      has(ask("tools/call", R"("name":"search_tools","arguments":{"query":""})", "Mcp-Name: search_tools\r\n").body, "Unknown tool"));
}

// T-30: call_tool is another door to the same walk.
TEST_F(Shared, CallToolIsJudgedAsTheToolItCalls) {
  gate.rooms->options.shared_search_above = 1;
  gate.put_policy(
      "version: \"1\"\ndefault: allow\nhide: [refund_payment]\ntools: {list_charges: {allow: false}, send_invoice: {limits: [{counter: c, "
      "window: hour, max: 1, scope: grant}]}}\n");
  auto call = [&](const std::string& arguments) {
    return ask("tools/call", R"("name":"call_tool","arguments":)" + arguments, "Mcp-Name: call_tool\r\n");
  };
  Answer answer = call(R"({"name":"send_invoice","arguments":{"id":"in_1"}})");
  EXPECT_TRUE(has(answer.body, "billing+file:///x")) << answer.body;
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("name":"send_invoice")"));
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("arguments":{"id":"in_1"})")) << gate.upstream.seen.back().body;
  EXPECT_TRUE(has(gate.last_record(), R"("tool":"send_invoice")")) << gate.last_record();
  std::size_t calls = gate.upstream.calls();
  EXPECT_TRUE(has(call(R"({"name":"send_invoice","arguments":{"id":"in_2"}})").body, "limits.exceeded"));
  EXPECT_TRUE(has(call(R"({"name":"send_invoice","arguments":{"id":5}})").body, "Invalid arguments for tool send_invoice"));
  EXPECT_TRUE(has(call(R"({"name":"list_charges"})").body, "policy.deny_if"));
  for (auto unknown : {"refund_payment", "no_such", "call_tool", "search_tools", "get_charge"})
    EXPECT_TRUE(has(call(R"({"name":")" + std::string(unknown) + R"("})").body, "Unknown tool: " + std::string(unknown))) << unknown;
  EXPECT_TRUE(has(call(R"({"name":"send_invoice","arguments":[]})").body, "-32602"));
  EXPECT_TRUE(has(call(R"({"arguments":{}})").body, "-32602"));
  EXPECT_EQ(gate.upstream.calls(), calls);
  Answer found = ask("tools/call", R"("name":"search_tools","arguments":{"query":"refund","limit":50})", "Mcp-Name: search_tools\r\n");
  EXPECT_TRUE(has(found.body, R"("tools":[],"total":0)")) << found.body;
}

TEST_F(Shared, DiscoverIsAnsweredHere) {
  std::size_t seen = gate.upstream.seen.size();
  Answer answer = ask("server/discover", "");
  EXPECT_TRUE(has(answer.body, "\"supportedVersions\"") && has(answer.body, "\"callgate\"")) << answer.body;
  EXPECT_EQ(gate.upstream.seen.size(), seen);
}

// T-48
TEST(HubNames, StayUniqueShortAndTheSame) {
  auto entry = [](std::string slug, std::vector<std::string> tools) {
    catalog::ServerEntry made;
    made.server.id = made.server.slug = std::move(slug);
    std::ranges::sort(tools);
    made.tool_names = std::move(tools);
    made.policy = policy::Policy::compile("p", 1, "version: \"1\"\ndefault: allow\n").policy;
    return made;
  };
  std::string longer(60, 'x');
  auto servers = [&] {
    std::vector<catalog::ServerEntry> made;
    made.push_back(entry("a", {"run", "b__run", longer + "-one-of-two", longer + "-two-of-two", "only"}));
    made.push_back(entry("b", {"run", "c"}));
    made.push_back(entry("a-b", {"c"}));
    return made;
  };
  catalog::Catalog catalog(servers(), {});
  identity::GrantEntry caller;
  caller.grant.id = "grt_1";
  caller.grant.servers = {"*"};
  HubNames names(catalog, caller), again(catalog, caller);
  std::set<std::string> all;
  for (const auto& server : catalog.servers())
    for (const auto& tool : server.tool_names) {
      std::string name(names.shared(server, tool));
      EXPECT_FALSE(name.empty()) << tool;
      EXPECT_LE(name.size(), kSharedNameMax);
      EXPECT_TRUE(all.insert(name).second) << name << " twice";
      const SharedTool* found = names.find(name);
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->server, &server);
      EXPECT_EQ(found->tool, tool);
      EXPECT_EQ(again.shared(server, tool), name);
    }
  EXPECT_TRUE(all.contains("only"));
  EXPECT_TRUE(all.contains("b__run")) << "a name of its own keeps it";
  EXPECT_TRUE(all.contains("a__run"));
  EXPECT_EQ(names.find("run"), nullptr);
}

TEST(HubNames, AreMadeOncePerViewAndNotPerGrant) {
  catalog::ServerEntry server;
  server.server.id = server.server.slug = "a";
  server.tool_names = {"get", "put"};
  server.policy = policy::Policy::compile("p", 1, "version: \"1\"\ndefault: allow\n").policy;
  std::vector<std::shared_ptr<const policy::Policy>> policies;
  policies.push_back(policy::Policy::compile("no-put", 1, "version: \"1\"\ndefault: allow\nhide: [put]\n").policy);
  catalog::Catalog catalog({server}, policies), next({server}, policies);
  auto caller = [](const std::string& id, const std::string& policy) {
    identity::GrantEntry made;
    made.grant.id = id;
    made.grant.policy = policy;
    made.grant.servers = {"*"};
    return made;
  };
  SharedNames names;
  const HubNames* one = &names.get(1, catalog, caller("grt_1", ""));
  EXPECT_EQ(one, &names.get(1, catalog, caller("grt_2", "")));
  EXPECT_NE(one->find("put"), nullptr);
  const HubNames& narrow = names.get(1, catalog, caller("grt_3", "no-put"));
  EXPECT_EQ(narrow.find("put"), nullptr) << "another policy, other names";
  identity::GrantEntry none = caller("grt_4", "");
  none.grant.servers = {};
  EXPECT_TRUE(names.get(1, catalog, none).all().empty());
  EXPECT_EQ(names.get(2, next, caller("grt_1", "")).find("get")->server, next.server("a")) << "never of a snapshot that is gone";
}

// A search asks for the same view again and again while it reads in it.
TEST(HubNames, OfAViewStayWhileOnlyThatViewIsAskedFor) {
  catalog::ServerEntry server;
  server.server.id = server.server.slug = "a";
  server.tool_names = {"get"};
  server.policy = policy::Policy::compile("p", 1, "version: \"1\"\ndefault: allow\n").policy;
  catalog::Catalog catalog({server}, {}), other({server}, {});
  SharedNames names;
  identity::GrantEntry caller;
  for (int view = 0; view < 2'500; ++view) {
    caller.grant.servers = {"*", std::to_string(view)};
    const catalog::ServerEntry* made_for = names.get(1, catalog, caller).find("get")->server;
    ASSERT_EQ(names.get(1, other, caller).find("get")->server, made_for) << "made anew after " << view;
  }
}

// ---- batches ----------------------------------------------------------------------------------------------------------

class Batches : public ::testing::Test {
 protected:
  void open(const std::string& revision) {
    gate.upstream.script = [revision](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      if (has(seen.body, "initialize"))
        return reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":")" + revision +
                                                             R"(","capabilities":{},"serverInfo":{"name":"t","version":"1"}}})");
      if (!has(seen.body, "\"id\"")) return reply.send({202, {}, {}}, {});
      std::size_t at = seen.body.find("\"id\":") + 5;
      std::string id = seen.body.substr(at, seen.body.find(',', at) - at);
      reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"content":[]}})");
    };
    Answer opened = gate.post_raw("/mcp/refunds",
                                  R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + revision +
                                      R"(","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})",
                                  "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\n");
    session = opened.header("Mcp-Session-Id");
  }
  Answer post(const std::string& body) {
    return gate.post_raw("/mcp/refunds", body,
                         "Authorization: Bearer " + gate.token + "\r\nContent-Type: application/json\r\nMcp-Session-Id: " + session +
                             "\r\nAccept: application/json, text/event-stream\r\n");
  }
  static std::string call(const std::string& id, const std::string& tool) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":{}}})";
  }
  Gate gate;
  std::string session;
};

// T-09: one allowed, one denied.
TEST_F(Batches, EveryMemberIsJudgedByItself) {
  open("2025-03-26");
  gate.put_policy("version: \"1\"\ndefault: allow\ntools: {refund_payment: {allow: false}}\n");
  Answer answer = post("[" + call("1", "get_charge") + "," + call("2", "refund_payment") +
                       R"(,{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}])");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body.front(), '[');
  EXPECT_TRUE(has(answer.body, R"("id":1,"result")") && has(answer.body, R"("id":2,"error")")) << answer.body;
  EXPECT_EQ(gate.upstream.calls(), 1u);
  auto records = gate.records();
  EXPECT_TRUE(has(records[records.size() - 2] + records[records.size() - 3] + records.back(), "policy.deny_if"));
}

TEST_F(Batches, OfOneAnswersAsOne) {
  open("2025-03-26");
  EXPECT_EQ(post("[" + call("1", "get_charge") + "]").body, R"([{"jsonrpc":"2.0","id":1,"result":{"content":[]}}])");
  EXPECT_EQ(post(R"([{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}])").status, 202);
}

TEST_F(Batches, TheSameIdTwiceIsNotAnsweredTwice) {  // T-11
  open("2025-03-26");
  Answer answer = post("[" + call("1", "get_charge") + "," + call("1", "get_charge") + "]");
  EXPECT_EQ(gate.upstream.calls(), 1u) << answer.body;
}

// T-09
TEST_F(Batches, AreRefusedWhereTheRevisionHasNone) {
  open("2025-11-25");
  for (const std::string& body : {"[" + call("1", "get_charge") + "]", std::string("[]"), "[[" + call("1", "get_charge") + "]]"}) {
    Answer answer = post(body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_TRUE(has(answer.body, "batch") || has(answer.body, "object")) << answer.body;
  }
  EXPECT_EQ(gate.upstream.calls(), 0u);
  open("2025-03-26");
  EXPECT_TRUE(has(post(R"([{"jsonrpc":"2.0","id":5,"method":"initialize","params":{}}])").body, "rpc.batch"));
}

}  // namespace
}  // namespace callgate::gateway
