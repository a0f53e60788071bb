#include "upstream/mail.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "upstream/testing/certificate.h"
#include "upstream/testing/mail_server.h"

namespace callgate::upstream {
namespace {

using namespace std::chrono_literals;

class MailTest : public testing::Test {
 protected:
  Result<void> send(MailThread& server, std::string text = "Subject: x\r\n\r\nHello\r\n") {
    to_.host = "127.0.0.1";
    to_.port = server.port;
    to_.patience = 5s;
    return send_mail(to_, {"gate@example.com", "ada@example.com", std::move(text)}, stopped_);
  }
  Error error_of(MailScript script) {
    MailThread server(std::move(script));
    auto sent = send(server);
    EXPECT_FALSE(sent);
    EXPECT_TRUE(server.taken().empty());
    return sent ? Error{} : sent.error();
  }
  static MailScript answering(const std::string& step, const std::string& reply) {
    MailScript script;
    script.answers[step] = reply;
    return script;
  }
  MailScript with_tls(bool first) {
    MailScript script;
    script.tls = *net::TlsContext::server(certificate_.certificate_file, certificate_.key_file);
    script.tls_first = first;
    if (!first) script.offers = "250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n";
    else script.offers = "250-AUTH PLAIN LOGIN\r\n";
    return script;
  }

  TestCertificate certificate_;
  MailServer to_;
  std::atomic<bool> stopped_{false};
};

TEST_F(MailTest, IsTakenWholeWithLinesThatAreDots) {
  MailThread server;
  const std::string text = "Subject: x\r\n\r\n.\r\n..two\r\nlast\r\n";
  ASSERT_TRUE(send(server, text));
  ASSERT_EQ(server.taken().size(), 1u);
  const SeenMail mail = server.taken()[0];
  EXPECT_EQ(mail.text, text);
  EXPECT_TRUE(mail.from.starts_with("MAIL FROM:<gate@example.com>")) << mail.from;
  EXPECT_EQ(mail.to, "RCPT TO:<ada@example.com>");
}

TEST_F(MailTest, SaysAtWhichStepItWasRefusedAndWhetherForGood) {
  for (const char* step : {"greeting", "MAIL", "RCPT", "DATA", "message"}) {
    const Error later = error_of(answering(step, "451 secret words of the server"));
    EXPECT_EQ(later.code, Code::Unavailable) << step;
    EXPECT_EQ(later.reason, "notice.refused") << step << later.message;
    EXPECT_NE(later.message.find("(451)"), std::string::npos) << step << later.message;
    const Error never = error_of(answering(step, "550 secret words of the server"));
    const bool of_message = step != std::string_view("greeting") && step != std::string_view("MAIL");
    EXPECT_EQ(never.code, of_message ? Code::InvalidArgument : Code::Unavailable) << step;
    EXPECT_EQ(never.reason, of_message ? "notice.rejected" : "notice.refused") << step << never.message;
    EXPECT_NE(never.message.find("(550)"), std::string::npos) << step << never.message;
    EXPECT_EQ((later.message + never.message).find("secret"), std::string::npos) << "what a server says is not ours to repeat";
  }
}

TEST_F(MailTest, FailsWhereverTheConversationIsCut) {
  std::size_t whole = 0;
  {
    MailThread server;
    ASSERT_TRUE(send(server));
    whole = server.bytes_taken();
  }
  ASSERT_GT(whole, 80u);
  // The answers of the server are "220 mail.test", "250 8BITMIME", "250 fine" twice, "354 go on", "250 taken", each with CRLF.
  for (std::size_t bytes = 0; bytes < 15 + 14 + 10 + 10 + 11 + 11; bytes += 3) {
    MailScript script;
    script.bytes_out_max = bytes;
    MailThread server(script);
    auto sent = send(server);
    ASSERT_FALSE(sent) << bytes;
    EXPECT_EQ(sent.error().code, Code::Unavailable) << bytes << sent.error().message;
    EXPECT_EQ(sent.error().reason, "notice.unsent") << bytes << sent.error().message;
  }
  for (std::size_t bytes = 1; bytes <= whole; bytes += 9) {
    MailScript script;
    script.bytes_in_max = bytes;
    EXPECT_EQ(error_of(script).reason, "notice.unsent") << bytes;
  }
}

TEST_F(MailTest, SaysWhenNobodyListens) {
  std::uint16_t port = 0;
  {
    MailThread gone;
    port = gone.port;
  }
  to_.host = "127.0.0.1";
  to_.port = port;
  auto sent = send_mail(to_, {"gate@example.com", "ada@example.com", "x"}, stopped_);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, "notice.unsent");
  EXPECT_NE(sent.error().message.find("could not be reached"), std::string::npos);
}

TEST_F(MailTest, IsSentUnderTlsFromTheFirstByteOrAfterStarttls) {
  to_.ca_pem = certificate_.pem;
  to_.user = "gate@example.com";
  to_.password = Secret("hunter2 hunter2");
  for (const bool first : {true, false}) {
    to_.tls = first;
    MailThread server(with_tls(first));
    auto sent = send(server);
    ASSERT_TRUE(sent) << first << sent.error().message << sent.error().detail;
    ASSERT_EQ(server.taken().size(), 1u);
    EXPECT_TRUE(server.taken()[0].tls);
    EXPECT_EQ(base64_decode(server.taken()[0].login), std::string("\0gate@example.com\0hunter2 hunter2", 33));
  }
}

TEST_F(MailTest, SendsNothingWhereTlsIsWantedAndNotOfferedOrNotTrusted) {  // T-61
  to_.user = "gate@example.com";
  to_.password = Secret("hunter2 hunter2");
  to_.ca_pem = certificate_.pem;
  MailScript plain;
  plain.offers = "250-AUTH PLAIN LOGIN\r\n";
  {
    MailThread server(plain);
    auto sent = send(server);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().reason, "notice.tls") << sent.error().message;
    EXPECT_EQ(server.heard().find("AUTH"), std::string::npos) << "no login in clear text";
    EXPECT_EQ(server.heard().find("MAIL"), std::string::npos);
  }
  const TestCertificate other;
  to_.ca_pem = other.pem;
  for (const bool first : {true, false}) {
    to_.tls = first;
    MailThread server(with_tls(first));
    auto sent = send(server);
    ASSERT_FALSE(sent) << first;
    EXPECT_EQ(sent.error().reason, "notice.tls") << sent.error().message;
    EXPECT_EQ(server.heard().find("AUTH"), std::string::npos);
  }
}

TEST_F(MailTest, NeverSaysThePassword) {
  to_.user = "gate";
  to_.password = Secret("hunter2 hunter2");
  for (const char* reply : {"535 no", "454 later"}) {
    MailScript script = answering("AUTH", reply);
    script.offers = "250-AUTH PLAIN\r\n";
    const Error error = error_of(script);
    EXPECT_NE(error.message.find("refused the login"), std::string::npos) << error.message;
    EXPECT_EQ(error.code, Code::Unavailable) << "a login says nothing about the message";
    EXPECT_EQ(error.reason, reply[0] == '5' ? "notice.login" : "notice.refused");
    for (const std::string& secret : {std::string("hunter2"), base64_encode(std::string_view("\0gate\0hunter2 hunter2", 21))})
      EXPECT_EQ((error.message + error.detail).find(secret), std::string::npos);
  }
}

TEST_F(MailTest, GivesUpWhenTheGateStopsOrTheServerIsSilent) {
  stopped_ = true;
  EXPECT_EQ(error_of({}).reason, "notice.unsent");
  stopped_ = false;
  to_.patience = 200ms;
  to_.host = "127.0.0.1";
  MailThread server(answering("greeting", "220-one moment"));  // and never the last line
  to_.port = server.port;
  auto sent = send_mail(to_, {"gate@example.com", "ada@example.com", "x"}, stopped_);
  ASSERT_FALSE(sent);
  EXPECT_NE(sent.error().message.find("did not answer in time"), std::string::npos) << sent.error().message << sent.error().detail;
}

TEST_F(MailTest, NeverGoesToAMetadataService) {  // T-65
  to_.host = "169.254.169.254";
  to_.port = 25;
  EXPECT_EQ(send_mail(to_, {"gate@example.com", "ada@example.com", "x"}, stopped_).error().reason, "notice.address");
}

// T-61: a header or a command of SMTP cannot be smuggled in with an address
TEST_F(MailTest, TakesPlainAddressesOnly) {
  for (const char* good : {"ada@example.com", "a.b+c@mail.example", "x@localhost", "o'neil@example.com"})
    EXPECT_TRUE(check_mail_address(good)) << good;
  for (const char* bad : {"",
                          "ada",
                          "@x",
                          "ada@",
                          "a@b@c",
                          "a b@c",
                          "ada@exa mple",
                          "<ada@example.com>",
                          "Ada <ada@example.com>",
                          "a\r\nRCPT TO:<x@y>@z",
                          "ada@example.com\r\n",
                          "ada@example.com\nBcc: x@y",
                          "\"a\"@b",
                          "a@[127.0.0.1]",
                          ".a@b",
                          "a..b@c",
                          "a@.b",
                          "a@b..c",
                          "\xc3\xa9@example.com",
                          "ada@ex\xc3\xa4mple.com",
                          "a,b@c",
                          "a;b@c",
                          "a@b>c"})
    EXPECT_FALSE(check_mail_address(bad)) << bad;
  MailThread server;
  to_.host = "127.0.0.1";
  to_.port = server.port;
  EXPECT_EQ(send_mail(to_, {"gate@example.com", "a@b>\r\nRCPT TO:<x@y", "x"}, stopped_).error().reason, "mail.address");
  EXPECT_EQ(server.heard(), "");
}

TEST(MailServer, IsReadStrictly) {
  auto plain = MailServer::parse("smtp://mail.example");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->port, 587);
  EXPECT_FALSE(plain->tls);
  auto tls = MailServer::parse("smtps://[::1]/");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->host, "::1");
  EXPECT_EQ(tls->port, 465);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(MailServer::parse("smtp://[::1]:25")->port, 25);
  EXPECT_EQ(MailServer::parse("smtp://mail.example:80")->port, 80);
  for (const char* bad :
       {"", "mail.example", "smtp://", "http://mail.example", "smtp://ada:secret@mail.example", "smtp://mail.example/x", "smtp://a?b",
        "smtp://mail.example:0", "smtp://mail.example:x", "smtp://mail.example:70000", "smtp://a b", "SMTP//x"}) {
    auto parsed = MailServer::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace callgate::upstream
