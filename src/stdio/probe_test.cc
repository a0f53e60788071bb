#include "stdio/probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

namespace callgate::stdio {
namespace {

// Its first argument says what it speaks: modern, legacy, both; `exits` dies of what it does not know, `mute` never answers.
constexpr const char* kServer = R"PY(
import json, sys
mode = sys.argv[1]
tool = {"name": "read", "description": "reads", "inputSchema": {"type": "object"}}
def say(message, **what):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **what}), flush=True)
print("banner", flush=True)
print("wants TOKEN", file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if mode == "mute" or "id" not in message or "method" not in message:
        continue
    if method == "server/discover" and mode in ("modern", "both"):
        say(message, result={"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                             "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "toy", "version": "1"}}})
    elif method == "initialize" and mode != "modern":
        print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}), flush=True)
        say(message, result={"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "toy", "version": "1"}})
    elif method == "tools/list":
        say(message, result={"tools": [tool]})
    elif mode == "exits":
        sys.exit(7)
    else:
        say(message, error={"code": -32601, "message": "no"})
)PY";

class StdioProbe : public ::testing::Test {
 public:
  upstream::ProbeReport run(const std::string& mode) {
    ::signal(SIGPIPE, SIG_IGN);
    server.slug = "toy";
    server.kind = ServerKind::Stdio;
    server.command.argv = {"/usr/bin/python3", "-c", kServer, mode};
    server.command.confined = false;
    return probe(sandboxes, server, credentials);
  }
  static const upstream::Stage& stage(const upstream::ProbeReport& report, std::string_view name) {
    return *std::ranges::find_if(report.stages, [name](const auto& one) { return one.name == name; });
  }
  Sandboxes sandboxes{sandbox::LauncherOptions{}};
  Server server;
  vault::Credentials credentials;
};

TEST_F(StdioProbe, FindsOutBothErasInTwoProcesses) {
  const auto report = run("both");
  for (const auto& one : report.stages) EXPECT_TRUE(one.ok) << one.name << ": " << one.why;
  EXPECT_TRUE(report.ok);
  EXPECT_TRUE(report.eras.modern && report.eras.legacy);
  EXPECT_EQ(stage(report, "handshake").what, "2025-06-18 and 2026-07-28, server `toy 1`");
  ASSERT_EQ(report.tools.size(), 1u);
  EXPECT_EQ(report.tools[0].name, "read");
}

TEST_F(StdioProbe, KnowsAModernServerFromAnOlderOne) {
  const auto modern = run("modern");
  EXPECT_TRUE(modern.ok && modern.eras.modern && !modern.eras.legacy);
  const auto legacy = run("legacy");
  EXPECT_TRUE(legacy.ok && !legacy.eras.modern && legacy.eras.legacy) << stage(legacy, "handshake").why;
}

TEST_F(StdioProbe, StartsAServerAgainThatDiesOfAnUnknownQuestion) {
  const auto report = run("exits");
  EXPECT_TRUE(report.ok && report.eras.legacy) << stage(report, "handshake").why;
}

TEST_F(StdioProbe, SaysWhatAServerWroteThatDoesNotAnswer) {
  server.call_timeout = std::chrono::milliseconds(700);
  const auto report = run("mute");
  EXPECT_FALSE(report.ok);
  EXPECT_FALSE(stage(report, "handshake").ok);
  EXPECT_NE(stage(report, "handshake").why.find("wants TOKEN"), std::string::npos) << stage(report, "handshake").why;
  EXPECT_TRUE(stage(report, "tools").skipped);
}

TEST_F(StdioProbe, SaysWhenThereIsNoSuchCommand) {
  server.command.argv = {"/no/such/command"};
  server.kind = ServerKind::Stdio;
  const auto report = probe(sandboxes, server, credentials);
  EXPECT_FALSE(report.ok);
  EXPECT_FALSE(stage(report, "command").ok || stage(report, "command").skipped);
}

}  // namespace
}  // namespace callgate::stdio
