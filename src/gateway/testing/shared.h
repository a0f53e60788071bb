#pragma once
// For tests of the shared endpoint: two servers behind one gate, `refunds`, and `billing` with a tool of the same name.

#include <gtest/gtest.h>

#include "gateway/testing/gate.h"

namespace callgate::gateway::testing {

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

inline const std::string kMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

class Shared : public ::testing::Test {
 protected:
  Shared() {
    Server billing = gate.server;
    billing.id.clear();
    billing.slug = billing.name = "billing";
    auto added = gate.catalog->add_server(billing, {{"Authorization", Secret("Bearer of-billing")}});
    second = added->id;
    std::vector<Tool> tools;
    for (auto name : {"get_charge", "send_invoice"}) {
      Tool tool;
      tool.server_id = second;
      tool.name = name;
      tool.definition_json =
          R"({"description":"of billing","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}},"name":")" + tool.name +
          "\"}";
      tool.fingerprint = blake2b(tool.definition_json);
      tools.push_back(tool);
    }
    (void)gate.catalog->set_pin(second, catalog::Pin::Off);  // what it lists is not what the catalog is seeded with
    (void)gate.catalog->put_tools(second, tools);
    identity::NewGrant wanted;
    wanted.label = "both";
    wanted.principal_id = gate.user.id;
    wanted.servers = {gate.server.id, second};
    token = gate.mint(wanted).token.reveal();
    gate.upstream.script = [this](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      bool billing_asked = has(seen.head, "of-billing");
      if (billing_asked && broken) return reply.send({500, {}, {}}, {});
      if (has(seen.body, "tools/list"))
        return reply.send(
            {200, "application/json", {}},
            billing_asked
                ? R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","tools":[{"name":"get_charge"},{"name":"send_invoice"}]}})"
                : R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","tools":[{"name":"get_charge"},{"name":"refund_payment"}]}})");
      if (has(seen.body, "resources/list"))
        return reply.send({200, "application/json", {}},
                          R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","resources":[{"uri":"file:///a","name":"a"}]}})");
      reply.send(
          {200, "application/json", {}},
          R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","content":[{"type":"resource_link","uri":"file:///x","name":"x"}]}})");
    };
  }
  Answer ask(const std::string& method, const std::string& members, const std::string& head = {}) {
    std::string body =
        R"({"jsonrpc":"2.0","id":7,"method":")" + method + R"(","params":{)" + members + (members.empty() ? "" : ",") + kMeta + "}}";
    return gate.post_raw("/mcp", body,
                         "Authorization: Bearer " + token +
                             "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                             "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " +
                             method + "\r\n" + head);
  }
  Gate gate;
  std::string second, token;
  bool broken = false;
};

}  // namespace callgate::gateway::testing
