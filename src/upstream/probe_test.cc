// The probe against a real server on a thread: every stage passes, and every stage fails with its own words.

#include "upstream/probe.h"

#include "json/document.h"
#include "upstream/fingerprint.h"
#include "upstream/probe_http.h"
#include "upstream/testing/certificate.h"
#include "upstream/testing/thread_server.h"

namespace callgate::upstream {
namespace {

std::string http(std::string_view body, int status = 200, std::string_view extra = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(extra) + "\r\n" + std::string(body);
}
std::string sse(std::string_view events, bool ends = false) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" +
         std::string(ends ? "Content-Length: " + std::to_string(events.size()) + "\r\n" : "") + "\r\n" + std::string(events);
}
std::string method_of(const SeenRequest& request) {
  json::Document document;
  if (!document.parse(request.body)) return "";
  return std::string(document.root()["method"].string());
}
std::string id_of(const SeenRequest& request) {
  json::Document document;
  if (!document.parse(request.body)) return "";
  return std::string(document.root()["id"].raw());
}
std::string result(const SeenRequest& request, std::string_view json) {
  return R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + std::string(json) + "}";
}

constexpr std::string_view kDiscover =
    R"({"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}},"instructions":"be kind",)"
    R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"refunds","version":"1.2.0"}}})";
constexpr std::string_view kInitialize =
    R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"old","version":"0.9"}})";
constexpr std::string_view kTool = R"({"name":"refund","title":"Refund","description":"pays back","inputSchema":{"type":"object"}})";

std::string modern(const SeenRequest& request) {
  if (method_of(request) == "server/discover") return http(result(request, kDiscover));
  return http(result(request, R"({"resultType":"complete","tools":[)" + std::string(kTool) + "]}"));
}

std::string legacy(const SeenRequest& request) {
  const std::string method = method_of(request);
  if (request.method == "DELETE") return http("", 200);
  if (method == "initialize")
    return sse("id: 1\r\ndata: \r\n\r\nevent: message\r\ndata: " + result(request, kInitialize) + "\r\n\r\n");  // stays open
  if (method == "notifications/initialized") return http("", 202);
  if (method == "tools/list") return http(result(request, R"({"tools":[]})"));
  return http(R"({"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}})", 400);
}

class ProbeTest : public ::testing::Test {
 public:
  ProbeReport run(ThreadServer::Handler handler) {
    web = std::make_unique<ThreadServer>(std::move(handler), tls);
    server.url = *Url::parse(std::string(tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(web->port) + "/mcp");
    return probe(server, credentials);
  }
  ProbeTest() {
    server.id = "1";
    server.slug = "refunds";
    server.allow_private = true;
    server.call_timeout = std::chrono::milliseconds(5'000);
  }
  static const Stage& stage(const ProbeReport& report, std::string_view name) {
    static const Stage kNone;
    for (const Stage& at : report.stages) {
      if (at.name == name) return at;
    }
    ADD_FAILURE() << name;
    return kNone;
  }
  // The only failed stage is `name`, what follows is skipped, and there is a reason and a way out.
  static void expect_failure(const ProbeReport& report, std::string_view name, std::string_view why, std::string_view fix) {
    EXPECT_FALSE(report.ok);
    EXPECT_TRUE(report.tools.empty());
    bool after = false;
    for (const Stage& at : report.stages) {
      if (at.name == name) {
        EXPECT_FALSE(at.ok);
        EXPECT_FALSE(at.skipped);
        EXPECT_NE(at.why.find(why), std::string::npos) << at.why;
        EXPECT_NE(at.fix.find(fix), std::string::npos) << at.fix;
        after = true;
      } else {
        EXPECT_TRUE(at.ok || at.skipped) << at.name << ": " << at.why;
        EXPECT_TRUE(!after || at.skipped) << at.name;
      }
    }
    EXPECT_TRUE(after);
  }

  std::shared_ptr<net::TlsContext> tls;
  std::unique_ptr<ThreadServer> web;
  Server server;
  vault::Credentials credentials{Secret("Authorization: Bearer s3cr3t\r\nX-Team: a\r\n")};
};

TEST_F(ProbeTest, ReadsAModernServer) {
  const ProbeReport report = run(modern);
  EXPECT_TRUE(report.ok);
  for (const Stage& at : report.stages) EXPECT_TRUE(at.ok || at.name == "tls") << at.name << at.why;
  EXPECT_TRUE(stage(report, "tls").skipped);
  EXPECT_EQ(report.protocol_versions, (std::vector<std::string>{"2026-07-28", "2025-11-25"}));
  EXPECT_EQ(report.server_name, "refunds");
  EXPECT_EQ(report.server_version, "1.2.0");
  EXPECT_EQ(report.instructions, "be kind");
  EXPECT_FALSE(report.auth_required);
  ASSERT_EQ(report.tools.size(), 1U);
  EXPECT_EQ(report.tools[0].name, "refund");
  EXPECT_EQ(report.tools[0].title, "Refund");
  EXPECT_EQ(report.tools[0].description, "pays back");
  EXPECT_EQ(report.tools[0].definition_json, kTool);
  json::Document document;
  ASSERT_TRUE(document.parse(kTool));
  EXPECT_EQ(report.tools[0].fingerprint, fingerprint(document.root()));
  EXPECT_EQ(stage(report, "handshake").what, "2026-07-28, server `refunds 1.2.0`");
  EXPECT_EQ(stage(report, "tools").what, "1 tool");

  EXPECT_TRUE(report.eras.modern);
  EXPECT_FALSE(report.eras.legacy);

  auto seen = web->seen();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(method_of(seen[2]), "initialize");  // it might speak both
  EXPECT_TRUE(seen[2].has("Mcp-Method: initialize"));
  seen.pop_back();
  for (const auto& request : seen) {
    EXPECT_TRUE(request.has("MCP-Protocol-Version: 2026-07-28"));
    EXPECT_TRUE(request.has("Mcp-Method: " + method_of(request)));
    EXPECT_TRUE(request.has("Accept: application/json, text/event-stream"));
    EXPECT_TRUE(request.has("Accept-Encoding: identity"));
    EXPECT_TRUE(request.has("Authorization: Bearer s3cr3t"));
    EXPECT_TRUE(request.has("X-Team: a"));
    EXPECT_NE(request.body.find(R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")"), std::string::npos);
    EXPECT_NE(request.body.find(R"("io.modelcontextprotocol/clientCapabilities":{})"), std::string::npos);
  }
}

TEST_F(ProbeTest, FindsOutBothErasAndEndsTheSecondSession) {
  const ProbeReport report = run([](const SeenRequest& request) {
    if (request.has("MCP-Protocol-Version: 2026-07-28")) return modern(request);
    std::string answer = legacy(request);
    if (method_of(request) == "initialize") answer.insert(answer.find("\r\n") + 2, "Mcp-Session-Id: abc-123\r\n");
    return answer;
  });
  EXPECT_TRUE(report.ok);
  EXPECT_TRUE(report.eras.modern && report.eras.legacy);
  EXPECT_EQ(stage(report, "handshake").what, "2025-06-18 and 2026-07-28, server `refunds 1.2.0`");
  const auto seen = web->seen();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[3].method, "DELETE");
  EXPECT_TRUE(seen[3].has("Mcp-Session-Id: abc-123"));
}

TEST_F(ProbeTest, TakesAServersListOfRevisionsAtItsWord) {
  for (const bool older : {false, true}) {
    bool refused = false;
    const ProbeReport report = run([&refused, older](const SeenRequest& request) {
      if (std::exchange(refused, true)) return request.has("MCP-Protocol-Version: 2026-07-28") ? modern(request) : legacy(request);
      const std::string list = older ? R"(["2025-11-25","2026-07-28"])" : R"(["2026-07-28"])";
      return http(
          R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"error":{"code":-32022,"message":"no","data":{"supported":)" + list + "}}}",
          400);
    });
    EXPECT_TRUE(report.ok);
    EXPECT_TRUE(report.eras.modern);
    EXPECT_EQ(report.eras.legacy, older);
    const auto seen = web->seen();
    ASSERT_EQ(seen.size(), older ? 4U : 3U);
    EXPECT_EQ(method_of(seen[1]), "server/discover");
    EXPECT_NE(id_of(seen[0]), id_of(seen[1]));
    EXPECT_EQ(method_of(seen[2]), "tools/list");
  }
}

TEST_F(ProbeTest, FallsBackToInitializeAndEndsItsSession) {
  const ProbeReport report = run([](const SeenRequest& request) {
    std::string answer = legacy(request);
    if (method_of(request) == "initialize") answer.insert(answer.find("\r\n") + 2, "Mcp-Session-Id: abc-123\r\n");
    return answer;
  });
  EXPECT_TRUE(report.ok) << stage(report, "handshake").why << stage(report, "tools").why;
  EXPECT_EQ(report.protocol_versions, (std::vector<std::string>{"2025-06-18"}));
  EXPECT_TRUE(report.eras.legacy && !report.eras.modern);
  EXPECT_EQ(report.server_name, "old");
  EXPECT_EQ(stage(report, "tools").what, "0 tools");
  const auto seen = web->seen();
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(method_of(seen[1]), "initialize");
  EXPECT_EQ(seen[1].head.find("MCP-Protocol-Version"), std::string::npos);
  EXPECT_EQ(seen[1].body.find("_meta"), std::string::npos);
  EXPECT_EQ(method_of(seen[2]), "notifications/initialized");
  EXPECT_EQ(method_of(seen[3]), "tools/list");
  EXPECT_EQ(seen[4].method, "DELETE");
  for (std::size_t i = 2; i < 5; ++i) {
    EXPECT_TRUE(seen[i].has("Mcp-Session-Id: abc-123")) << i;
    EXPECT_TRUE(seen[i].has("MCP-Protocol-Version: 2025-06-18")) << i;
  }
}

TEST_F(ProbeTest, FallsBackWhenTheServerHangsUpOnAnUnknownMethod) {
  EXPECT_TRUE(run([](const SeenRequest& request) { return method_of(request) == "server/discover" ? "" : legacy(request); }).ok);
}

TEST_F(ProbeTest, ReadsAllPages) {
  int page = 0;
  const ProbeReport report = run([&](const SeenRequest& request) {
    if (method_of(request) == "server/discover") return modern(request);
    ++page;
    const std::string tool = R"({"name":"t)" + std::to_string(page) + R"(","inputSchema":{}})";
    return sse(
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\ndata: " +
            result(request, "{\"tools\":[" + tool + "]" + (page < 3 ? ",\"nextCursor\":\"c\\\"" + std::to_string(page) + "\"" : "") + "}") +
            "\n\n",
        true);
  });
  EXPECT_TRUE(report.ok) << stage(report, "tools").why;
  EXPECT_EQ(report.tools.size(), 3U);
  EXPECT_NE(web->seen()[2].body.find(R"("cursor":"c\"1")"), std::string::npos) << web->seen()[2].body;
}

TEST_F(ProbeTest, BoundsAListWithoutEnd) {
  expect_failure(run([](const SeenRequest& request) {
                   return method_of(request) == "server/discover" ? modern(request)
                                                                  : http(result(request, R"({"tools":[],"nextCursor":"again"})"));
                 }),
                 "tools", "runs in a circle", "author");
  int page = 0;
  expect_failure(run([&](const SeenRequest& request) {
                   return method_of(request) == "server/discover"
                              ? modern(request)
                              : http(result(request, R"({"tools":[],"nextCursor":")" + std::to_string(++page) + "\"}"));
                 }),
                 "tools", "more than 100 pages", "author");
  expect_failure(run([&](const SeenRequest& request) {
                   if (method_of(request) == "server/discover") return modern(request);
                   std::string tools;
                   for (int i = 0; i < 10'001; ++i) tools += (i == 0 ? "{\"name\":\"t" : ",{\"name\":\"t") + std::to_string(i) + "\"}";
                   return http(result(request, "{\"tools\":[" + tools + "]}"));
                 }),
                 "tools", "more than 10000 tools", "author");
}

// T-20, T-48
TEST_F(ProbeTest, RefusesToolsThatCannotBeToldApart) {
  for (const char* tools :
       {R"([{"name":"a"},{"name":"a"}])", R"([{"name":"a\u0000"}])", R"([{"name":""}])", R"([{"title":"x"}])", R"([7])"}) {
    const ProbeReport report = run([&](const SeenRequest& request) {
      return method_of(request) == "server/discover" ? modern(request) : http(result(request, "{\"tools\":" + std::string(tools) + "}"));
    });
    EXPECT_FALSE(report.ok) << tools;
    EXPECT_FALSE(stage(report, "tools").why.empty()) << tools;
    EXPECT_TRUE(report.tools.empty());
  }
}

// T-65
TEST_F(ProbeTest, ReachesANameOnlyAtTheAddressesThatWereJudged) {
  run(modern);
  server.url.host = "localhost";
  const ProbeReport report = probe(server, credentials);
  EXPECT_TRUE(report.ok) << stage(report, "connect").why;
  EXPECT_TRUE(stage(report, "connect").what.starts_with("127.0.0.1 port ")) << stage(report, "connect").what;
  EXPECT_TRUE(web->seen().back().has("Host: localhost:" + std::to_string(web->port)));

  const std::size_t before = web->seen().size();
  ProbeRequest request;
  request.body = "{}";
  // Pinned elsewhere: neither the name nor the literal address in the URL leads to 127.0.0.1 any more.
  for (const char* host : {"localhost", "127.0.0.1"}) {
    server.url.host = host;
    ProbeClient pinned(server, credentials, {*IpAddress::parse("127.0.0.2"), *IpAddress::parse("::1")});
    const auto reply = pinned.send(request, std::chrono::milliseconds(2'000));
    ASSERT_FALSE(reply) << host;
    EXPECT_EQ(reply.error().reason, "upstream.connect") << reply.error().message;
  }
  EXPECT_EQ(web->seen().size(), before);
}

// T-65
TEST_F(ProbeTest, RefusesAPrivateAddressAndSaysHowToAllowIt) {
  server.allow_private = false;
  expect_failure(run(modern), "resolve", "`127.0.0.1` leads to 127.0.0.1, a loopback address",
                 "callgate server edit refunds --allow-private");
  EXPECT_TRUE(web->seen().empty());
  server.id.clear();
  expect_failure(run(modern), "resolve", "loopback", "callgate server add ... --allow-private");
  server.url = *Url::parse("http://localhost:1/");
  expect_failure(probe(server, credentials), "resolve", "`localhost` leads to", "--allow-private");
  server.allow_private = true;
  server.url = *Url::parse("http://169.254.169.254/latest/meta-data/");
  expect_failure(probe(server, credentials), "resolve", "never allowed", "use the server's public or private address");
}

TEST_F(ProbeTest, SaysWhenANameIsUnknown) {
  server.url = *Url::parse("http://no-such-host.invalid/");
  expect_failure(probe(server, credentials), "resolve", "`no-such-host.invalid` has no address", "DNS");
}

TEST_F(ProbeTest, SaysWhenNobodyListens) {
  run(modern);
  web.reset();
  expect_failure(probe(server, credentials), "connect", "cannot connect to 127.0.0.1:" + std::to_string(server.url.port),
                 "check that the server runs");
}

TEST_F(ProbeTest, AsksForCredentials) {
  const auto unauthorised = [](const SeenRequest&) { return http("", 401, "WWW-Authenticate: Bearer\r\n"); };
  credentials = {};
  ProbeReport report = run(unauthorised);
  expect_failure(report, "auth", "none are stored", "callgate server edit refunds --header 'Authorization: Bearer ...'");
  EXPECT_TRUE(report.auth_required);
  EXPECT_TRUE(stage(report, "handshake").skipped);
  credentials = vault::Credentials(Secret("Authorization: Bearer s3cr3t\r\n"));
  report = run([](const SeenRequest&) { return http("", 403); });
  expect_failure(report, "auth", "does not accept the credentials", "callgate server edit refunds --header");
  for (const Stage& at : report.stages) EXPECT_EQ((at.what + at.why + at.fix).find("s3cr3t"), std::string::npos);
}

// T-50, T-65
TEST_F(ProbeTest, DoesNotFollowARedirect) {
  const ProbeReport report = run([](const SeenRequest&) { return http("", 302, "Location: http://169.254.169.254/\x1b[31m\r\n"); });
  expect_failure(report, "handshake", "redirects to `http://169.254.169.254/?[31m`", "final URL");
  EXPECT_EQ(web->seen().size(), 1U);
}

// T-02, T-41
TEST_F(ProbeTest, SaysWhatIsWrongWithAnAnswer) {
  const auto always = [](std::string bytes) { return [bytes](const SeenRequest&) { return bytes; }; };
  expect_failure(run(always(http("<html>hello</html>", 404))), "handshake", "HTTP 404 and no MCP answer: the answer is not acceptable JSON",
                 "often /mcp");
  expect_failure(run(always(http(""))), "handshake", "the answer is empty", "endpoint");
  expect_failure(run(always(http(R"({"jsonrpc":"2.0","id":99,"result":{}})"))), "handshake", "another request", "endpoint");
  expect_failure(run(always(http(R"({"hello":1})"))), "handshake", "not JSON-RPC", "endpoint");
  expect_failure(run(always("SSH-2.0-x\r\n\r\n")), "handshake", "does not speak HTTP", "endpoint");
  expect_failure(run(always("")), "handshake", "closed the connection", "log");
  expect_failure(
      run([](const SeenRequest& r) { return http(result(r, R"({"protocolVersion":"1999-01-01","protocolVersion":"2025-11-25"})")); }),
      "handshake", "not acceptable JSON", "endpoint");
  expect_failure(run([](const SeenRequest& r) { return http(result(r, R"({"protocolVersion":"1999-01-01"})")); }), "handshake",
                 "`1999-01-01`", "update");
  expect_failure(run([](const SeenRequest& r) { return http(result(r, R"({"supportedVersions":["2030-01-01"]})")); }), "handshake",
                 "does not support revision 2026-07-28", "update");
  expect_failure(run([](const SeenRequest& r) {
                   return method_of(r) == "server/discover"
                              ? modern(r)
                              : http("{\"jsonrpc\":\"2.0\",\"id\":" + id_of(r) + ",\"error\":{\"code\":-1,\"message\":\"boom\"}}");
                 }),
                 "tools", "the server refused: `boom`", "log");
  expect_failure(run([](const SeenRequest& r) { return http(result(r, kDiscover), 200, "Content-Encoding: gzip\r\n"); }), "handshake",
                 "compressed", "endpoint");
}

// T-50
TEST_F(ProbeTest, BoundsSizeAndTime) {
  server.response_bytes_max = 1000;
  expect_failure(run([](const SeenRequest& r) { return http(result(r, "{\"a\":\"" + std::string(2000, 'x') + "\"}")); }), "handshake",
                 "larger than 1000 bytes", "response_bytes_max");
  expect_failure(run([](const SeenRequest&) { return sse("data: " + std::string(2000, 'x')); }), "handshake", "larger than 1000 bytes",
                 "response_bytes_max");
  server.call_timeout = std::chrono::milliseconds(200);
  expect_failure(run([](const SeenRequest&) { return "hang"; }), "handshake", "no answer to the request in time", "--call-timeout");
}

TEST_F(ProbeTest, PassesAndFailsTls) {
  const TestCertificate good, expired(-3600), other(3600, "DNS:other.example");
  tls = *net::TlsContext::server(good.certificate_file, good.key_file);
  expect_failure(run(modern), "tls", "certificate", "--tls-ca");
  server.tls_ca_pem = good.pem;
  ProbeReport report = run(modern);
  EXPECT_TRUE(report.ok) << stage(report, "tls").why;
  EXPECT_TRUE(stage(report, "tls").what.starts_with("TLSv1.3, certificate until ")) << stage(report, "tls").what;
  server.tls_ca_pem.clear();
  server.tls_verify = false;
  EXPECT_TRUE(run(modern).ok);
  server.tls_verify = true;
  tls = *net::TlsContext::server(expired.certificate_file, expired.key_file);
  server.tls_ca_pem = expired.pem;
  expect_failure(run(modern), "tls", "expired", "renew");
  tls = *net::TlsContext::server(other.certificate_file, other.key_file);
  server.tls_ca_pem = other.pem;
  expect_failure(run(modern), "tls", "127.0.0.1", "renew");
}

}  // namespace
}  // namespace callgate::upstream
