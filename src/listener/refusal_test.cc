// What the door turns away, over real sockets: framing, names, caps, deadlines.

#include <gtest/gtest.h>

#include "listener/testing/door_test_kit.h"
#include "net/testing/smuggling_cases.h"

namespace callgate::listener {
namespace {

using namespace listener::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

int expected_status(std::string_view reason) {
  if (reason == "http.version") return 505;
  if (reason == "http.transfer_coding") return 501;
  return 400;
}

// T-12, T-66
TEST(Refusal, EndsTheConnectionOnEverySmugglingCase) {
  for (const auto& c : net::testing::smuggling_cases()) {
    std::string_view outcome = c.outcome;
    if (outcome.starts_with("ok") || outcome.ends_with("more")) continue;
    if (outcome.starts_with("body ")) outcome.remove_prefix(5);
    Options options;
    options.hosts = {"a"};
    TestDoor door(options);
    Client client(door.port);
    // Were the rest taken for a request of its own, the handler would see it.
    const std::string response = door.exchange(client, c.bytes + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_in(response), expected_status(outcome)) << c.name;
    EXPECT_EQ(count_in(response, "HTTP/1.1 "), 1u) << c.name;
    EXPECT_EQ(count_in(response, "Connection: close\r\n"), 1u) << c.name;
    EXPECT_TRUE(client.ended) << c.name;
    EXPECT_TRUE(door.handler.seen.empty()) << c.name;
    ASSERT_EQ(door.handler.refusals.size(), 1u) << c.name;
    EXPECT_EQ(door.handler.refusals[0].reason, outcome) << c.name;
  }
}

struct HeaderCase {
  const char* headers;
  int status;
  const char* reason;
};

// T-64, T-12
TEST(Refusal, ChecksNamesMethodsAndCodings) {
  const std::vector<HeaderCase> cases = {
      {"Host: localhost\r\n", 200, ""},
      {"Host: 127.0.0.1:4711\r\n", 200, ""},
      {"Host: evil.example\r\n", 403, "http.host_not_allowed"},
      {"Host: localhost.evil.example:8808\r\n", 403, "http.host_not_allowed"},
      {"Host: localhost\r\nOrigin: null\r\n", 403, "http.origin_not_allowed"},
      {"Host: localhost\r\nOrigin: https://evil.example\r\n", 403, "http.origin_not_allowed"},
      {"Host: localhost\r\nOrigin: http://localhost:1\r\n", 403, "http.origin_not_allowed"},
      {"Host: localhost\r\nOrigin:\r\n", 403, "http.origin_not_allowed"},
      {"Host: localhost\r\nOrigin: https://console.example\r\n", 200, ""},
      {"Host: localhost\r\nOrigin: https://console.example\r\nOrigin: https://evil.example\r\n", 403, "http.origin_not_allowed"},
      {"Host: localhost\r\nContent-Encoding: gzip\r\n", 415, "http.content_encoding"},
      {"Host: localhost\r\nContent-Encoding: identity, br\r\n", 415, "http.content_encoding"},
      {"Host: localhost\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n", 415, "http.content_encoding"},
      {"Host: localhost\r\nContent-Encoding: identity\r\n", 200, ""},
  };
  for (const HeaderCase& c : cases) {
    Options options;
    options.origins = {"https://console.example"};
    TestDoor door(options);
    Client client(door.port);
    const std::string response = door.exchange(client, "GET /p?token=secret HTTP/1.1\r\n" + std::string(c.headers) + "\r\n");
    EXPECT_EQ(status_in(response), c.status) << c.headers;
    EXPECT_EQ(client.ended, c.status != 200) << c.headers;
    EXPECT_EQ(door.handler.seen.size(), c.status == 200 ? 1u : 0u) << c.headers;
    if (c.status == 200) continue;
    EXPECT_EQ(count_in(response, c.reason), 1u) << response;
    ASSERT_EQ(door.handler.refusals.size(), 1u);
    EXPECT_EQ(door.handler.refusals[0].first_line, "GET /p");  // T-63: no query
  }
}

TEST(Refusal, AllowsAnOriginOnItsOwnPort) {
  TestDoor door;
  Client client(door.port);
  EXPECT_EQ(status_in(door.exchange(client, get("/", "Origin: http://localhost:" + std::to_string(door.port) + "\r\n"))), 200);
}

TEST(Refusal, AnswersInJson) {
  TestDoor door;
  Client client(door.port);
  const std::string response = door.exchange(client, "BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_in(response), 501);
  EXPECT_EQ(count_in(response, "Content-Type: application/json\r\n"), 1u);
  EXPECT_TRUE(
      response.ends_with(R"({"error":{"code":"invalid_request","reason":"http.method","message":"this method is not spoken here"}})"))
      << response;
}

// T-14
TEST(Refusal, CapsHeadsAndBodies) {
  Options options;
  options.body_bytes_max = 1000;
  TestDoor door(options);
  const auto status = [&](const std::string& wire) {
    Client client(door.port);
    const int got = status_in(door.exchange(client, wire));
    EXPECT_EQ(client.ended, got != 200);
    return got;
  };
  EXPECT_EQ(status(post("/", std::string(1000, 'x'))), 200);
  EXPECT_EQ(status(post("/", std::string(1001, 'x'))), 413);
  EXPECT_EQ(status(post("/", std::string(200'000, 'x'))), 413);  // the answer arrives although the body was not read
  const std::string chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(status(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413);
  EXPECT_EQ(status(chunked + "fffffffffff\r\n" + std::string(5000, 'x')), 413);
  EXPECT_EQ(status(get("/", "X: " + std::string(20'000, 'x') + "\r\n")), 431);
  EXPECT_EQ(status(get("/" + std::string(20'000, 'x'))), 414);
  std::string many;
  for (int i = 0; i < 70; ++i) many += "X: 1\r\n";
  EXPECT_EQ(status(get("/", many)), 431);
}

TEST(Refusal, DoesNotReserveMemoryForAnAnnouncedBody) {
  Options options;
  options.body_bytes_max = std::size_t{1} << 40;
  TestDoor door(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(door.port));
    door.exchange(*clients.back(), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\nx");
  }
  EXPECT_EQ(door.listener->connections(), 50u);  // 50 TB were not found
}

// T-72
TEST(Refusal, EndsSlowHeads) {
  TestDoor door;
  Client silent(door.port), drip(door.port);
  drip.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
  door.turn(2);
  for (int i = 0; i < 9; ++i) {  // a drip of bytes does not buy time
    drip.write("x");
    door.advance(seconds(1));
  }
  EXPECT_EQ(door.listener->connections(), 2u);
  door.advance(seconds(2));
  EXPECT_EQ(door.exchange(silent, ""), "");
  EXPECT_TRUE(silent.ended);
  EXPECT_EQ(status_in(door.exchange(drip, "")), 408);
  EXPECT_TRUE(drip.ended);
  ASSERT_EQ(door.handler.refusals.size(), 1u);
  EXPECT_EQ(door.handler.refusals[0].reason, "http.timeout");
}

TEST(Refusal, EndsSlowHeadsOnAKeptConnectionFromTheirFirstByte) {
  TestDoor door;
  Client client(door.port);
  door.exchange(client, get("/"));
  door.advance(seconds(60));
  door.exchange(client, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
  for (int i = 0; i < 9; ++i) {
    door.advance(seconds(1));
    client.write("x");
    door.turn();
  }
  EXPECT_EQ(door.listener->connections(), 1u);
  door.advance(seconds(2));
  EXPECT_EQ(status_in(door.exchange(client, "")), 408);
}

TEST(Refusal, EndsSlowBodies) {
  TestDoor door;
  Client client(door.port);
  door.exchange(client, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 29; ++i) {
    client.write("x");
    door.advance(seconds(1));
  }
  EXPECT_EQ(door.listener->connections(), 1u);
  door.advance(seconds(2));
  EXPECT_EQ(status_in(door.exchange(client, "")), 408);
  EXPECT_TRUE(client.ended);
}

TEST(Refusal, EndsIdleConnectionsSilentlyAndNotBusyOnes) {
  TestDoor door;
  Client idle(door.port), busy(door.port);
  Reply* held = nullptr;
  door.exchange(idle, get("/"));
  Observer observer;
  door.handler.on_request = [&](const Request&, Reply& reply) {
    held = &reply;
    reply.observe(&observer);
  };
  door.exchange(busy, get("/"));
  door.advance(seconds(74));
  EXPECT_EQ(door.listener->connections(), 2u);
  door.advance(seconds(2));
  EXPECT_EQ(door.exchange(idle, ""), "");
  EXPECT_TRUE(idle.ended);
  door.advance(seconds(3600));  // an approval may take long
  EXPECT_EQ(observer.gone, 0);
  held->send({}, "done");
  EXPECT_EQ(status_in(door.exchange(busy, "")), 200);
  door.advance(seconds(74));
  EXPECT_EQ(door.listener->connections(), 1u);
  door.advance(seconds(2));
  EXPECT_EQ(door.listener->connections(), 0u);
}

TEST(Refusal, DoesNotLingerForEver) {
  TestDoor door;
  Client client(door.port);
  EXPECT_EQ(status_in(door.exchange(client, "\r\n")), 400);
  EXPECT_EQ(door.listener->connections(), 1u);  // waits for the client's own end
  door.advance(seconds(3));
  EXPECT_EQ(door.listener->connections(), 0u);
}

// T-72
TEST(Refusal, CapsConnectionsInAllAndPerAddress) {
  Options options;
  options.connections_max = 5;
  options.connections_per_address_max = 3;
  TestDoor door(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<Client>(door.port));
  door.turn(2);
  EXPECT_EQ(door.listener->connections(), 3u);
  door.exchange(*clients[3], "");
  EXPECT_TRUE(clients[3]->ended);
  ASSERT_EQ(door.handler.refusals.size(), 1u);
  EXPECT_EQ(door.handler.refusals[0].reason, "listener.connections");
  clients[0].reset();  // room again
  door.turn(2);
  Client next(door.port);
  EXPECT_EQ(status_in(door.exchange(next, get("/"))), 200);
  Client beyond(door.port);
  door.exchange(beyond, "");
  EXPECT_TRUE(beyond.ended);
}

TEST(Refusal, CapsConnectionsInAll) {
  Options options;
  options.connections_max = 2;
  TestDoor door(options);
  Client a(door.port), b(door.port), c(door.port);
  EXPECT_EQ(status_in(door.exchange(a, get("/"))), 200);
  door.exchange(c, "");
  EXPECT_TRUE(c.ended);
  EXPECT_EQ(door.listener->connections(), 2u);
}

TEST(Refusal, SurvivesGarbageOfEveryKind) {
  TestDoor door;
  std::uint32_t state = 20260728;
  const auto random = [&state] { return state = state * 1664525u + 1013904223u, state >> 8; };
  for (int round = 0; round < 400; ++round) {
    std::string wire = round % 2 == 0 ? post("/", "hello") + get("/x") : std::string(random() % 300, ' ');
    for (int i = 0; i < 6 && !wire.empty(); ++i) wire[random() % wire.size()] = static_cast<char>(random());
    Client client(door.port);
    const std::size_t cut = wire.empty() ? 0 : random() % wire.size();
    door.exchange(client, wire.substr(0, cut));
    door.exchange(client, wire.substr(cut));
    if (round % 3 == 0) client.reset();
  }
  door.turn(3);
  door.advance(seconds(200));
  EXPECT_EQ(door.listener->connections(), 0u);
}

}  // namespace
}  // namespace callgate::listener
