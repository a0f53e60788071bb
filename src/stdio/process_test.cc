// Real processes, on the room's own thread and through sandbox/: not confined, and confined where this machine can.

#include <csignal>

#include "stdio/sandbox_starter.h"
#include "stdio/testing/fixture.h"

namespace callgate::stdio {
namespace {

// A server of few words: answers every request with its environment variable, or does what the request's method says.
constexpr const char* kServer = R"PY(
import json, os, sys, time
print("hello, I am noise", flush=True)
print("started", file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    method = message["method"]
    if method == "die":
        sys.exit(3)
    answer = {"token": os.environ.get("TOKEN", ""), "pid": os.getpid()}
    if method == "initialize":
        answer = {"protocolVersion": "2025-11-25", "capabilities": {}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer}), flush=True)
)PY";

class StdioProcess : public ::testing::Test {
 public:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    loop = std::move(*net::Loop::create());
    processes = std::move(*Processes::create(make_sandbox_starter(std::make_shared<Sandboxes>(sandbox::LauncherOptions{})), {}));
    transport = processes->front(*loop);
    server.id = "srv-1";
    server.slug = "few-words";
    server.kind = ServerKind::Stdio;
    server.command.argv = {"/usr/bin/python3", "-c", kServer};
    server.command.confined = false;
  }
  void TearDown() override {
    transport.reset();
    processes.reset();
  }
  Sent& send(std::string_view method, std::string body, const std::string& session = {}) {
    Sent& one = sent.emplace_back();
    one.body = std::move(body);
    one.session_text = session;
    one.context = {false, "usr_a", "grt_1", one.session_text, {}, {}, {}};
    const ClearedCall call = Clearance::make(method, "", one.body, one.context);
    one.exchange = &transport->send({&server, &credentials}, call, one.sink);
    for (int i = 0; i < 3'000 && !one.sink.over(); ++i) loop->run_once(std::chrono::milliseconds(10));
    EXPECT_TRUE(one.sink.over());
    return one;
  }
  void converse() {
    Sent& hello = send("POST", StdioFixture::kInitialize);
    ASSERT_EQ(hello.sink.ends, 1) << hello.sink.message << " " << hello.sink.detail;
    EXPECT_NE(hello.sink.body.find("2025-11-25"), std::string::npos);
    const std::string session = hello.sink.session;
    send("POST", R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session);
    Sent& one = send("POST", R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}})", session);
    EXPECT_NE(one.sink.body.find(R"("token":"s3cr3t-value")"), std::string::npos) << one.sink.body;
    Sent& dead = send("POST", R"({"jsonrpc":"2.0","id":2,"method":"die"})", session);
    EXPECT_EQ(dead.sink.reason, "upstream.exited");
    EXPECT_NE(dead.sink.detail.find('3'), std::string::npos) << dead.sink.detail;
    Sent& again = send("POST", R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{}})", session);
    EXPECT_EQ(again.sink.ends, 1) << again.sink.message;
    EXPECT_EQ(send("DELETE", "", session).sink.status, 204);
    const auto lines = processes->logs(server.id, 0, 100);
    EXPECT_TRUE(std::ranges::any_of(lines, [](const LogLine& line) { return line.text == "started"; }));
  }

  std::unique_ptr<net::Loop> loop;
  std::unique_ptr<Processes> processes;
  std::unique_ptr<upstream::Transport> transport;
  Server server;
  vault::Credentials credentials{Secret(), Secret(std::string("TOKEN=s3cr3t-value\0", 19))};
  std::deque<Sent> sent;
};

TEST_F(StdioProcess, TalksEndsAndStartsAgain) { converse(); }

TEST_F(StdioProcess, TalksFromInsideTheSandbox) {
  if (!sandbox::detect().complete()) GTEST_SKIP() << "this machine cannot confine";
  server.command.confined = true;
  converse();
}

TEST_F(StdioProcess, ACommandThatDoesNotExistSaysSo) {
  server.command.argv = {"/no/such/command"};
  Sent& hello = send("POST", StdioFixture::kInitialize);
  EXPECT_EQ(hello.sink.reason, "upstream.start");
  EXPECT_FALSE(hello.sink.sent);
}

}  // namespace
}  // namespace callgate::stdio
