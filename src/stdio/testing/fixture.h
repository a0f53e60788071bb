#pragma once
// The transport under test on one loop with a clock moved by hand, and the processes it starts.

#include <csignal>
#include <deque>

#include "stdio/processes.h"
#include "stdio/testing/fake_process.h"
#include "upstream/testing/recording_sink.h"

namespace callgate::stdio {

// One exchange of a test, with everything that must outlive it.
struct Sent {
  std::string body;
  CallContext context;
  std::string principal, session_text;
  upstream::RecordingSink sink;
  upstream::Exchange* exchange = nullptr;
};

class StdioFixture : public ::testing::Test {
 public:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    loop = std::move(*net::Loop::create(&clock));
    server.id = "srv-1";
    server.slug = "files";
    server.kind = ServerKind::Stdio;
    server.command.argv = {"files-server"};
    make();
  }
  void TearDown() override {
    transport.reset();
    turn();  // what it posted
    processes.reset();
    turn();
  }
  void make() {
    transport.reset();
    turn();
    processes.reset();
    Processes::Options options;
    options.limits = limits;
    options.loop = loop.get();
    processes = std::move(*Processes::create(std::make_unique<FakeStarter>(started, may_start), options));
    transport = processes->front(*loop);
  }

  Sent& send(std::string_view method, std::string body, bool modern = false, std::string session = {}, std::string principal = "usr_a") {
    Sent& one = sent.emplace_back();
    one.body = std::move(body);
    one.principal = std::move(principal);
    one.session_text = std::move(session);
    one.context = {modern, one.principal, "grt_1", one.session_text, {}, {}, {}};
    const ClearedCall call = Clearance::make(method, "", one.body, one.context);
    one.exchange = &transport->send({&server, &credentials}, call, one.sink);
    turn();
    return one;
  }
  Sent& post(std::string body, std::string session = {}, std::string principal = "usr_a") {
    return send("POST", std::move(body), false, std::move(session), std::move(principal));
  }
  Sent& modern(std::string body, std::string principal = "usr_a") { return send("POST", std::move(body), true, {}, std::move(principal)); }

  // A legacy session, greeted. Its process is the last one started.
  std::string open(std::string principal = "usr_a") {
    const std::size_t before = started.size();
    Sent& hello = post(kInitialize, {}, std::move(principal));
    if (started.size() > before) {
      const std::string line = process().next();
      EXPECT_NE(line.find(R"("method":"initialize")"), std::string::npos) << line;
      process().line(R"({"jsonrpc":"2.0","id":)" + id_of(line) + R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{}}})");
      turn();
    }
    EXPECT_EQ(hello.sink.ends, 1);
    EXPECT_EQ(hello.sink.body, R"({"jsonrpc":"2.0","id":"i","result":{"protocolVersion":"2025-11-25","capabilities":{}}})");
    EXPECT_FALSE(hello.sink.session.empty());
    Sent& told = post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", hello.sink.session, hello.principal);
    EXPECT_EQ(told.sink.status, 202);
    if (started.size() > before) {
      EXPECT_EQ(process().next(), R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    }
    return hello.sink.session;
  }

  static std::string id_of(std::string_view line) {
    json::Document document;
    EXPECT_TRUE(document.parse(line)) << line;
    return std::string(document.root()["id"].raw());
  }
  FakeProcess& process(std::size_t from_last = 0) { return *started.at(started.size() - 1 - from_last); }
  void turn(int times = 6) {
    for (int i = 0; i < times; ++i) loop->run_once(std::chrono::milliseconds(0));
  }
  void advance(std::chrono::milliseconds by) {
    for (int i = 0; i < 10; ++i) {
      clock.advance(by / 10);
      turn(2);
    }
    turn();
  }

  static constexpr const char* kInitialize =
      R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})";
  ManualClock clock;
  std::unique_ptr<net::Loop> loop;
  Limits limits;
  Result<void> may_start;
  std::vector<std::shared_ptr<FakeProcess>> started;
  Server server;
  vault::Credentials credentials{Secret(), Secret(std::string("TOKEN=s3cr3t-value\0", 19))};
  std::deque<Sent> sent;
  std::unique_ptr<Processes> processes;
  std::unique_ptr<upstream::Transport> transport;
};

}  // namespace callgate::stdio
