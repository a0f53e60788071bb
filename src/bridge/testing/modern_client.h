#pragma once
// For tests: a modern client, and a legacy server that opens sessions and takes answers.

#include <gtest/gtest.h>

#include <string>

#include "bridge/testing/world.h"

namespace callgate::bridge::testing {

inline constexpr std::string_view kForms = R"({"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}})";
inline constexpr std::string_view kQuestion =
    R"({"mode":"form","message":"Sure?","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}}}})";

inline std::string meta(std::string_view capabilities = kForms, std::string_view more = {}) {
  return R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},)"
         R"("io.modelcontextprotocol/clientCapabilities":)" +
         std::string(capabilities) + std::string(more) + "}";
}
inline std::string request(std::string_view id, std::string_view method, std::string_view params, std::string_view envelope = {}) {
  std::string given(params);
  if (!given.empty()) given += ',';
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":{)" + given +
         (envelope.empty() ? meta() : std::string(envelope)) + "}}";
}
inline std::string call(std::string_view id, std::string_view more = {}, std::string_view envelope = {}) {
  return request(id, "tools/call", R"("name":"ask","arguments":{"q":1,"r":"x"})" + std::string(more), envelope);
}
inline std::string retry(std::string_view id, std::string_view responses, std::string_view state) {
  return call(id, R"(,"inputResponses":)" + std::string(responses) + R"(,"requestState":")" + std::string(state) + '"');
}

class ModernClient : public ::testing::Test {
 protected:
  ModernClient() : world({.legacy = true, .modern = false}, options()) {
    for (auto* worker : {&world.one, &world.two}) worker->server.on_asked = [this](Asked& asked) { handshake(asked); };
  }
  static Registry::Options options() {
    Registry::Options small;
    small.parked_per_principal_max = 3;
    small.parked_max = 5;
    small.input_rounds_max = 4;
    return small;
  }
  void handshake(Asked& asked) {
    if (asked.method() == "initialize") {
      asked.result(R"({"protocolVersion":"2025-11-25","capabilities":)" + capabilities + R"(,"serverInfo":{"name":"old","version":"2"},)" +
                       R"("instructions":"be kind"})",
                   "s-" + std::to_string(++sessions));
    } else if (asked.http == "GET") {
      if (streams) asked.events();
      else asked.json("", 405);
    } else if (asked.root()["id"].exists() == false && asked.http == "POST") {
      asked.accepted();
    } else if (asked.method().empty() && asked.http == "POST") {
      asked.accepted();  // answers to what the server asked
    } else if (asked.method() == "logging/setLevel" || asked.method().starts_with("resources/subscribe") ||
               asked.method().starts_with("resources/unsubscribe")) {
      asked.result("{}");
    }
  }
  // A call that the server answers with a question; parked after the gather window.
  Client& park(std::string_view id = "7", const Who& who = kAnn) {
    Client& client = world.send(call(id), who);
    world.settle();
    Asked* asked = world.one.server.last("tools/call");
    asked->events();
    asked->event(R"({"jsonrpc":"2.0","id":"e1","method":"elicitation/create","params":)" + std::string(kQuestion) + "}");
    world.advance(std::chrono::milliseconds(40));
    return client;
  }
  static std::string state_of(Client& client) { return std::string(client.result()["requestState"].string()); }

  std::string capabilities = R"({"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"logging":{},"tasks":{}})";
  int sessions = 0;
  bool streams = true;  // the server has GET streams
  World world;
};

}  // namespace callgate::bridge::testing
