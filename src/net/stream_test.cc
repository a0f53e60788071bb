#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/testing/certificates.h"
#include "net/tls.h"

namespace callgate::net {
namespace {

using Status = IoResult::Status;
using testing::IdentityFiles;
using testing::make_identity;

struct Sockets {
  int a = -1, b = -1;
  Sockets() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    a = fds[0];
    b = fds[1];
  }
};

struct Pipe {
  std::unique_ptr<ByteStream> server, client;
};

Pipe plain_pipe() {
  const Sockets sockets;
  return {ByteStream::plain(sockets.a), ByteStream::plain(sockets.b)};
}

struct Tls {
  explicit Tls(const std::string& names = "DNS:gate.test,IP:127.0.0.1", int days = 30)
      : identity(make_identity(names, days)), files(identity), server(TlsContext::server(files.certificate, files.key).value()) {}
  Pipe pipe(TlsContext& client, const std::string& host) {
    const Sockets sockets;
    return {ByteStream::tls_server(sockets.a, *server).value(), ByteStream::tls_client(sockets.b, client, host).value()};
  }
  testing::Identity identity;
  IdentityFiles files;
  std::shared_ptr<TlsContext> server;
};

// Lets both sides work until the handshake is through or one of them has failed.
bool shake(Pipe& pipe) {
  char byte = 0;
  for (int i = 0; i < 20; ++i) {
    const IoResult c = pipe.client->read(&byte, 1);
    const IoResult s = pipe.server->read(&byte, 1);
    if (c.status != Status::WouldBlock || s.status != Status::WouldBlock) return false;
    if (pipe.client->handshake_done() && pipe.server->handshake_done()) return true;
  }
  return false;
}

std::string read_all(ByteStream& stream, Status* last = nullptr) {
  std::string text;
  std::string piece(64 * 1024, '\0');
  while (true) {
    const IoResult result = stream.read(piece.data(), piece.size());
    if (last != nullptr) *last = result.status;
    if (result.status != Status::Ok) return text;
    text.append(piece, 0, result.bytes);
  }
}

// Carries `size` bytes through a pipe whose buffers are far smaller, as head and body.
void carry(Pipe& pipe, std::size_t size) {
  const std::string head(200, 'h');
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 26);
  const std::string whole = head + body;
  std::string got;
  std::size_t sent = 0;
  for (int i = 0; i < 100'000 && got.size() < whole.size(); ++i) {
    if (sent < whole.size()) {
      const std::string_view rest = std::string_view(whole).substr(sent);
      const std::size_t cut = sent < head.size() ? head.size() - sent : rest.size();
      const IoResult result = pipe.server->write(rest.substr(0, cut), rest.substr(cut));
      ASSERT_TRUE(result.status == Status::Ok || result.status == Status::WouldBlock) << pipe.server->failure();
      sent += result.bytes;
    }
    got += read_all(*pipe.client);
  }
  EXPECT_EQ(got, whole);
}

TEST(PlainStream, CarriesHeadAndBody) {
  Pipe pipe = plain_pipe();
  EXPECT_EQ(pipe.server->write("head", "body").bytes, 8u);
  std::string got(100, '\0');
  const IoResult result = pipe.client->read(got.data(), got.size());
  EXPECT_EQ(got.substr(0, result.bytes), "headbody");
  EXPECT_TRUE(result.drained);
  EXPECT_EQ(pipe.client->read(got.data(), got.size()).status, Status::WouldBlock);
  carry(pipe, 3'000'000);
}

TEST(PlainStream, TellsEndFromFailure) {
  Pipe pipe = plain_pipe();
  pipe.server->shutdown();
  char byte = 0;
  EXPECT_EQ(pipe.client->read(&byte, 1).status, Status::Closed);
  pipe.client.reset();
  EXPECT_EQ(pipe.server->write("x").status, Status::Failed);  // and no SIGPIPE
  EXPECT_NE(pipe.server->failure(), "");
}

TEST(TlsStream, ShakesHandsAndCarriesBothWays) {
  Tls tls;
  auto client = TlsContext::client(tls.identity.certificate_pem, true).value();
  Pipe pipe = tls.pipe(*client, "gate.test");
  EXPECT_FALSE(pipe.server->handshake_done());
  ASSERT_TRUE(shake(pipe)) << pipe.client->failure();
  EXPECT_EQ(pipe.client->write("hello ", "world").bytes, 11u);
  EXPECT_EQ(read_all(*pipe.server), "hello world");
  carry(pipe, 3'000'000);
}

TEST(TlsStream, SaysWhenNothingMoreIsThere) {
  Tls tls;
  auto client = TlsContext::client(tls.identity.certificate_pem, true).value();
  Pipe pipe = tls.pipe(*client, "gate.test");
  ASSERT_TRUE(shake(pipe));
  pipe.client->write("one");
  pipe.client->write("two");
  char into[100];
  IoResult result = pipe.server->read(into, sizeof into);
  EXPECT_EQ(result.bytes, 3u);
  EXPECT_FALSE(result.drained);  // a second record was read ahead
  result = pipe.server->read(into, sizeof into);
  EXPECT_EQ(result.bytes, 3u);
  EXPECT_TRUE(result.drained);
}

TEST(TlsStream, VerifiesAddressesAsAddresses) {
  Tls tls;
  auto client = TlsContext::client(tls.identity.certificate_pem, true).value();
  Pipe pipe = tls.pipe(*client, "127.0.0.1");
  EXPECT_TRUE(shake(pipe)) << pipe.client->failure();
  Pipe other = tls.pipe(*client, "127.0.0.2");
  EXPECT_FALSE(shake(other));
  EXPECT_EQ(other.client->failure(), "IP address mismatch");
}

TEST(TlsStream, RefusesAnotherName) {
  Tls tls;
  auto client = TlsContext::client(tls.identity.certificate_pem, true).value();
  for (const char* host : {"evil.test", "gate.test.evil.test", "sub.gate.test", "callgate test"}) {
    Pipe pipe = tls.pipe(*client, host);
    EXPECT_FALSE(shake(pipe)) << host;
    EXPECT_EQ(pipe.client->failure(), "hostname mismatch") << host;
    EXPECT_EQ(pipe.client->write("GET /").status, Status::Failed);
  }
}

TEST(TlsStream, RefusesUnknownAuthoritiesAndExpiredCertificates) {
  Tls tls;
  auto stranger = TlsContext::client("", true).value();
  Pipe pipe = tls.pipe(*stranger, "gate.test");
  EXPECT_FALSE(shake(pipe));
  EXPECT_NE(pipe.client->failure().find("self-signed"), std::string::npos) << pipe.client->failure();
  auto careless = TlsContext::client("", false).value();
  Pipe unverified = tls.pipe(*careless, "gate.test");
  EXPECT_TRUE(shake(unverified));
  Tls old("DNS:gate.test", -1);
  auto client = TlsContext::client(old.identity.certificate_pem, true).value();
  Pipe expired = old.pipe(*client, "gate.test");
  EXPECT_FALSE(shake(expired));
  EXPECT_EQ(expired.client->failure(), "certificate has expired");
}

TEST(TlsStream, TellsAnEndInOrderFromACutConnection) {
  Tls tls;
  auto client = TlsContext::client(tls.identity.certificate_pem, true).value();
  Pipe pipe = tls.pipe(*client, "gate.test");
  ASSERT_TRUE(shake(pipe));
  pipe.server->write("bye");
  pipe.server->shutdown();
  Status last = Status::Ok;
  EXPECT_EQ(read_all(*pipe.client, &last), "bye");
  EXPECT_EQ(last, Status::Closed);
  Pipe cut = tls.pipe(*client, "gate.test");
  ASSERT_TRUE(shake(cut));
  cut.server.reset();
  read_all(*cut.client, &last);
  EXPECT_EQ(last, Status::Failed);
  EXPECT_NE(cut.client->failure(), "");
  EXPECT_EQ(cut.client->write("x").status, Status::Failed);
}

TEST(TlsStream, FailsOnPlainText) {
  Tls tls;
  const Sockets sockets;
  auto server = ByteStream::tls_server(sockets.a, *tls.server).value();
  auto client = ByteStream::plain(sockets.b);
  client->write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  char byte = 0;
  EXPECT_EQ(server->read(&byte, 1).status, Status::Failed);
  EXPECT_EQ(server->failure(), "http request");
}

TEST(TlsContext, RefusesBadFilesWithAdvice) {
  const testing::Identity identity = make_identity("DNS:a");
  const IdentityFiles open_key(identity, 0640);
  EXPECT_EQ(TlsContext::server(open_key.certificate, open_key.key).error().reason, "tls.key_permissions");
  const IdentityFiles good(identity), other(make_identity("DNS:b"));
  EXPECT_TRUE(TlsContext::server(good.certificate, good.key));
  EXPECT_EQ(TlsContext::server(good.certificate, other.key).error().reason, "tls.configuration");
  EXPECT_EQ(TlsContext::server(good.certificate, "/nowhere/key").error().reason, "tls.configuration");
  EXPECT_EQ(TlsContext::server("/nowhere/certificate", good.key).error().reason, "tls.configuration");
  EXPECT_EQ(TlsContext::client("not pem", true).error().reason, "tls.configuration");
  const std::string cut = identity.certificate_pem + identity.certificate_pem.substr(0, 200);
  EXPECT_EQ(TlsContext::client(cut, true).error().reason, "tls.configuration");
  EXPECT_TRUE(TlsContext::client(identity.certificate_pem + make_identity("DNS:b").certificate_pem, true));
}

}  // namespace
}  // namespace callgate::net
