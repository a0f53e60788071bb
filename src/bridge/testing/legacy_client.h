#pragma once
// For tests: a legacy client, and a modern server that tells what it is.

#include <gtest/gtest.h>

#include <string>

#include "bridge/testing/world.h"

namespace callgate::bridge::testing {

inline constexpr std::string_view kAll = R"({"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{"listChanged":true}})";
inline constexpr std::string_view kForm =
    R"({"method":"elicitation/create","params":{"mode":"form","message":"Sure?","requestedSchema":{"type":"object"}}})";
inline constexpr std::string_view kLink =
    R"({"method":"elicitation/create","params":{"mode":"url","message":"Approve","url":"https://x/a"}})";
inline constexpr std::string_view kEnvelope =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},)"
    R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}})";

inline std::string request(std::string_view id, std::string_view method, std::string_view params) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":)" + std::string(params) +
         "}";
}
inline std::string call(std::string_view id, std::string_view more = {}) {
  return request(id, "tools/call", R"({"name":"ask","arguments":{"q":1})" + std::string(more) + "}");
}
inline std::string input_required(std::string_view requests, std::string_view state) {
  std::string out = R"({"resultType":"input_required")";
  if (!requests.empty()) (out += R"(,"inputRequests":)") += requests;
  if (!state.empty()) (out += R"(,"requestState":)") += state;
  return out + "}";
}

class LegacyClient : public ::testing::Test {
 protected:
  LegacyClient() : world({.legacy = false, .modern = true}, options()) {
    for (auto* worker : {&world.one, &world.two}) worker->server.on_asked = [this](Asked& asked) { handshake(asked); };
  }
  static Registry::Options options() {
    Registry::Options small;
    small.input_rounds_max = 3;
    small.sessions_per_principal_max = 4;
    return small;
  }
  void handshake(Asked& asked) {
    EXPECT_TRUE(asked.modern);
    EXPECT_TRUE(asked.has_line("MCP-Protocol-Version: 2026-07-28"));
    EXPECT_TRUE(asked.has_line("Mcp-Method: " + std::string(asked.method())));
    if (asked.method() == "server/discover")
      asked.result(
          R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":)" + capabilities +
          R"(,"instructions":"be kind","ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"3"}}})");
  }
  Who open(std::string_view revision = "2025-11-25", std::string_view declared = kAll, Who who = kAnn) {
    Client& client = world.send(request("0", "initialize",
                                        R"({"protocolVersion":")" + std::string(revision) + R"(","capabilities":)" + std::string(declared) +
                                            R"(,"clientInfo":{"name":"c","version":"1"}})"),
                                who);
    world.settle();
    opened = &client;
    who.session = client.sink.session;
    who.revision = client.answer()["result"]["protocolVersion"].string();
    return who;
  }
  Asked& server_call() { return *world.one.server.last("tools/call"); }
  // The question's id, as the client saw it.
  static std::string question_id(Client& client, std::size_t event) {
    json::Document document;
    EXPECT_LT(event, client.read_events().size());
    EXPECT_TRUE(document.parse(client.events.at(event)));
    return std::string(document.root()["id"].raw());
  }
  Client& answer(const std::string& id, std::string_view result, const Who& who) {
    Client& client = world.send(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + std::string(result) + "}", who);
    world.settle();
    return client;
  }

  std::string capabilities =
      R"({"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{},"extensions":{"x.example/y":{},"io.modelcontextprotocol/tasks":{}}})";
  Client* opened = nullptr;
  World world;
};

}  // namespace callgate::bridge::testing
