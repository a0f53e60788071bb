// The door over TLS: the same requests through a client stream of our own.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "listener/testing/door_test_kit.h"
#include "net/testing/certificates.h"

namespace callgate::listener {
namespace {

using namespace listener::testing;
using net::IoResult;

struct TlsDoor {
  net::testing::Identity identity = net::testing::make_identity("DNS:localhost,IP:127.0.0.1");
  net::testing::IdentityFiles files{identity};
  TestDoor door{options(files)};
  std::shared_ptr<net::TlsContext> context = net::TlsContext::client(identity.certificate_pem, true).value();

  static Options options(const net::testing::IdentityFiles& files) {
    Options result;
    result.tls = net::TlsContext::server(files.certificate, files.key).value();
    return result;
  }
  std::unique_ptr<net::ByteStream> connect(const std::string& host) {
    Client client(door.port);
    ::fcntl(client.fd, F_SETFL, O_NONBLOCK);
    return net::ByteStream::tls_client(std::exchange(client.fd, -1), *context, host).value();
  }
  std::string exchange(net::ByteStream& client, std::string_view bytes, bool* ended = nullptr) {
    std::string got, piece(64 * 1024, '\0');
    for (int quiet = 0; quiet < 5; ++quiet) {
      if (!bytes.empty()) {
        const IoResult put = client.write(bytes);
        bytes.remove_prefix(put.bytes);
      }
      if (door.loop->run_once(std::chrono::milliseconds(0))) quiet = 0;
      while (true) {
        const IoResult result = client.read(piece.data(), piece.size());
        if (result.status == IoResult::Status::Ok) {
          got.append(piece, 0, result.bytes);
          quiet = 0;
          continue;
        }
        if (ended != nullptr) *ended = result.status != IoResult::Status::WouldBlock;
        break;
      }
    }
    return got;
  }
};

TEST(ListenerTls, AnswersAndKeepsTheConnection) {
  TlsDoor tls;
  auto client = tls.connect("localhost");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(tls.exchange(*client, post("/", "hello")).ends_with("\r\n\r\nhello")) << client->failure();
  EXPECT_TRUE(tls.door.handler.seen.at(0).tls);
  std::string body(2'000'000, 'z');
  EXPECT_TRUE(tls.exchange(*client, post("/", body)).ends_with(body));
  EXPECT_EQ(count_in(tls.exchange(*client, get("/") + get("/") + get("/")), "200 OK"), 3u);
  bool ended = false;
  EXPECT_EQ(status_in(tls.exchange(*client, get("/", "Connection: close\r\n"), &ended)), 200);
  EXPECT_TRUE(ended);
}

TEST(ListenerTls, IsRefusedByAClientThatWantsAnotherName) {
  TlsDoor tls;
  auto client = tls.connect("gate.example.com");
  bool ended = false;
  EXPECT_EQ(tls.exchange(*client, get("/"), &ended), "");
  EXPECT_TRUE(ended);
  EXPECT_EQ(client->failure(), "hostname mismatch");
  EXPECT_TRUE(tls.door.handler.seen.empty());
  client.reset();
  tls.door.turn(3);
  EXPECT_EQ(tls.door.listener->connections(), 0u);
}

TEST(ListenerTls, EndsSlowHandshakes) {
  TlsDoor tls;
  Client client(tls.door.port);
  client.write("\x16\x03\x01");
  tls.door.turn(3);
  EXPECT_EQ(tls.door.listener->connections(), 1u);
  tls.door.advance(std::chrono::seconds(11));
  EXPECT_EQ(tls.door.listener->connections(), 0u);
}

TEST(ListenerTls, DropsPlainText) {
  TlsDoor tls;
  Client client(tls.door.port);
  tls.door.exchange(client, get("/"));
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(tls.door.handler.seen.empty());
}

TEST(ListenerTls, AnswersRefusalsToo) {
  TlsDoor tls;
  auto client = tls.connect("localhost");
  bool ended = false;
  EXPECT_EQ(status_in(tls.exchange(*client, get("/", "Origin: http://localhost\r\n"), &ended)), 403);
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace callgate::listener
