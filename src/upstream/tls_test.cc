// Exchanges over TLS: the same promises, and what a certificate must be.

#include "upstream/testing/certificate.h"
#include "upstream/testing/upstream_fixture.h"

namespace callgate::upstream {
namespace {

using namespace std::chrono_literals;

class TlsTest : public UpstreamFixture {
 public:
  void SetUp() override {
    UpstreamFixture::SetUp();
    use(certificate);
  }
  void use(const TestCertificate& with, const char* host = "127.0.0.1") {
    auto on_data = web->on_data;
    web = std::make_unique<LoopServer>(*loop, *net::TlsContext::server(with.certificate_file, with.key_file));
    web->on_data = [this](Peer& peer) {
      if (whole_requests(peer.in) > peer.answered) {
        ++peer.answered;
        peer.send(reply);
      }
    };
    server.url = *Url::parse("https://" + std::string(host) + ":" + std::to_string(web->port) + "/mcp");
    server.tls_ca_pem = with.pem;
    ++server.version;
  }
  TestCertificate certificate;
};

TEST_F(TlsTest, SendsAndUsesTheConnectionAgain) {
  for (int i = 0; i < 20; ++i) {
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    ASSERT_EQ(sink.ends, 1) << sink.reason << sink.message << sink.detail;
    EXPECT_EQ(sink.body, "{}");
    turn(1);
  }
  EXPECT_EQ(upstreams->stats().connects, 1U);
  EXPECT_EQ(upstreams->stats().reuses, 19U);
}

TEST_F(TlsTest, CarriesLargeBodiesBothWaysInAnyPace) {
  const std::string large(3 << 20, 'b');
  call = Clearance::make("POST", kHead, large);
  reply = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n" + large;
  RecordingSink sink;
  Exchange* exchange = nullptr;
  int pauses = 0;
  sink.after_body = [&] {
    if (++pauses % 7 == 0) exchange->pause();
  };
  exchange = &send(sink);
  ASSERT_TRUE(run_until([&] {
    if (!sink.over()) exchange->resume();
    return sink.over();
  }));
  EXPECT_EQ(sink.ends, 1) << sink.detail;
  EXPECT_EQ(sink.body, large);
  EXPECT_EQ(whole_requests(peer().in), 1U);
  EXPECT_EQ(upstreams->stats().idle, 1U);
}

TEST_F(TlsTest, RefusesACertificateThatDoesNotFit) {
  const TestCertificate expired(-3600), other(3600, "DNS:other.example");
  struct Case {
    const TestCertificate* use;
    bool trust;
    const char* words;
  };
  for (const Case& c : {Case{&certificate, false, "self-signed"}, Case{&expired, true, "expired"}, Case{&other, true, "mismatch"}}) {
    use(*c.use);
    if (!c.trust) server.tls_ca_pem.clear();
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.reason, "upstream.tls");
    EXPECT_FALSE(sink.sent) << "no credential leaves before the server is known";
    EXPECT_NE(sink.message.find(c.words), std::string::npos) << sink.message;
    turn();
    EXPECT_TRUE(web->peers.empty() || peer().in.empty());
    EXPECT_EQ(upstreams->stats().open, 0U);
  }
}

TEST_F(TlsTest, TakesAnyCertificateOnlyWhenToldTo) {
  use(certificate);
  server.tls_ca_pem.clear();
  server.tls_verify = false;
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.ends, 1) << sink.message;
}

TEST_F(TlsTest, SaysWhenTheServerSpeaksNoTls) {
  web = std::make_unique<LoopServer>(*loop);
  web->on_data = [](Peer& peer) { peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"); };
  server.url.port = web->port;
  ++server.version;
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.reason, "upstream.tls");
  EXPECT_FALSE(sink.sent);
}

TEST_F(TlsTest, GivesUpOnAHandshakeThatHangs) {
  web = std::make_unique<LoopServer>(*loop);
  server.url.port = web->port;
  ++server.version;
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(run_until([&] { return !web->peers.empty() && !peer().in.empty(); }));
  advance(6s);
  EXPECT_EQ(sink.reason, "upstream.connect_timeout");
  EXPECT_FALSE(sink.sent);
}

TEST_F(TlsTest, EndsOnceWhereverTheServerStops) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (const bool rst : {false, true}) {
    for (std::size_t n = 0; n <= bytes.size(); n += 3) {
      web->peers.clear();
      web->on_data = [&](Peer& peer) {
        if (whole_requests(peer.in) == 0) return;
        peer.send(bytes.substr(0, n));
        if (rst) peer.reset();
        else peer.close();
      };
      RecordingSink sink;
      send(sink);
      ASSERT_TRUE(finish(sink)) << n;
      turn(1);
      EXPECT_EQ(sink.ends + sink.errors, 1) << n;
      EXPECT_TRUE(n >= bytes.size() || (sink.ends == 0 && sink.sent)) << n << sink.reason;
      EXPECT_EQ(upstreams->stats().open, 0U) << n;
    }
  }
}

TEST_F(TlsTest, NoticesAnIdleCloseBeforeItSends) {
  RecordingSink a, b;
  send(a);
  ASSERT_TRUE(finish(a));
  peer().close();
  ASSERT_TRUE(run_until([&] { return upstreams->stats().open == 0; }));
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(b.ends, 1);
}

}  // namespace
}  // namespace callgate::upstream
