// The stdio end against a small HTTP server on a thread of its own.
#include "cli/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "net/testing/thread_server.h"

namespace callgate::cli {
namespace {

using net::SeenRequest;
using net::ThreadServer;

// Closed after each: the server takes one connection at a time.
std::string http(int status, std::string_view type, std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: close\r\nContent-Type: " + std::string(type) + "\r\n" +
         std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string json(std::string_view body, std::string_view more = "") { return http(200, "application/json", body, more); }

std::string method_of(const SeenRequest& request) {
  json::Document document;
  if (request.body.empty() || !document.parse(request.body)) return request.method;
  return std::string(document.root()["method"].string());
}

class RelayTest : public ::testing::Test {
 public:
  // Everything the relay wrote for this input, once it has ended.
  std::string run(const ThreadServer::Handler& handler, const std::string& input) {
    ::signal(SIGPIPE, SIG_IGN);
    server = std::make_unique<ThreadServer>(handler);
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    EXPECT_EQ(::write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
    ::close(in[1]);
    Relay::Options options;
    options.url = "http://127.0.0.1:" + std::to_string(server->port) + "/mcp/x/";
    options.token = Secret("cg_grant");
    options.in = in[0];
    options.out = out[1];
    options.connect_patience = std::chrono::milliseconds(0);
    Relay(std::move(options)).run();
    ::close(out[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(out[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    ::close(in[0]);
    ::close(out[0]);
    return text;
  }
  std::unique_ptr<ThreadServer> server;
};

constexpr const char* kHello =
    R"({"jsonrpc":"2.0","id":"h","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})";
constexpr const char* kHelloAnswer = R"({"jsonrpc":"2.0","id":"h","result":{"protocolVersion":"2025-11-25"}})";

TEST_F(RelayTest, KeepsTheSessionAndEndsIt) {
  const auto handler = [](const SeenRequest& request) {
    const std::string method = method_of(request);
    if (method == "initialize") return json(kHelloAnswer, "Mcp-Session-Id: s-1\r\n");
    if (method == "tools/list") return json("{\"jsonrpc\":\"2.0\",\"id\":2,\n \"result\":{\"tools\":[]}}");
    return http(method == "GET" ? 405 : 202, "text/plain", "");
  };
  EXPECT_EQ(run(handler, std::string(kHello) + "\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{}}\n"
                                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}\n"),
            std::string(kHelloAnswer) + "\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[]}}\n");
  const auto seen = server->seen();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_TRUE(seen[0].has("Authorization: Bearer cg_grant"));
  EXPECT_EQ(seen[0].head.find("Mcp-Session-Id"), std::string::npos);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(seen[i].has("Mcp-Session-Id: s-1")) << i;
  EXPECT_TRUE(seen[2].has("MCP-Protocol-Version: 2025-11-25"));
  EXPECT_EQ(seen[3].method, "DELETE");
}

TEST_F(RelayTest, OpensAForgottenSessionAgain) {
  int sessions = 0;
  const auto handler = [&](const SeenRequest& request) {
    const std::string method = method_of(request);
    if (method == "initialize") return json(kHelloAnswer, "Mcp-Session-Id: s-" + std::to_string(++sessions) + "\r\n");
    if (method == "tools/list" && request.has("Mcp-Session-Id: s-1")) return http(404, "application/json", "{}");
    if (method == "tools/list") return json(R"({"jsonrpc":"2.0","id":2,"result":{}})");
    return http(method == "GET" ? 405 : 202, "text/plain", "");
  };
  EXPECT_EQ(run(handler, std::string(kHello) + "\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
                                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}\n"),
            std::string(kHelloAnswer) + "\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n");
  EXPECT_EQ(sessions, 2);
}

TEST_F(RelayTest, EventStreamsBecomeLines) {
  const auto handler = [](const SeenRequest&) {
    return http(200, "text/event-stream",
                ": hello\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\nid: 7\ndata:\n\n"
                "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\"result\":{}}\n\n");
  };
  EXPECT_EQ(run(handler, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"),
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
}

TEST_F(RelayTest, AModernMessageIsRepeatedInItsHeaders) {
  const std::string meta = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"})";
  const auto handler = [](const SeenRequest& request) {
    if (method_of(request) != "tools/list") return json(R"({"jsonrpc":"2.0","id":2,"result":{}})");
    return json(
        R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"f","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}})");
  };
  run(handler, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{)" + meta + "}}\n");
  EXPECT_TRUE(server->seen()[0].has("Mcp-Method: tools/list"));
  EXPECT_TRUE(server->seen()[0].has("MCP-Protocol-Version: 2026-07-28"));
  EXPECT_EQ(server->seen().size(), 1u);  // no session to end
  run(handler, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"\u00fc",)" + meta + "}}\n");
  EXPECT_TRUE(server->seen()[0].has("Mcp-Name: =?base64?w7w=?="));
}

TEST_F(RelayTest, EveryRequestIsAnsweredWhateverHappens) {
  EXPECT_EQ(run([](const SeenRequest&) { return http(401, "application/json", R"({"error":{"message":"no such grant"}})"); },
                "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}\n"),
            "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32603,\"message\":\"the gate answered HTTP 401: no such grant\"}}\n");
  EXPECT_NE(run([](const SeenRequest&) { return std::string(); }, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").find("broke off"),
            std::string::npos);
  EXPECT_NE(run([](const SeenRequest&) { return http(200, "text/event-stream", ": nothing\n\n"); },
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n")
                .find("without an answer"),
            std::string::npos);
  EXPECT_NE(run([](const SeenRequest&) { return json("{}"); }, "no JSON\n").find("-32700"), std::string::npos);
  EXPECT_EQ(server->seen().size(), 0u);
}

}  // namespace
}  // namespace callgate::cli
