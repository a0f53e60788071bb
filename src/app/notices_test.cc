#include <gtest/gtest.h>

#include "app/approval_page.h"
#include "app/mail_text.h"
#include "app/notices.h"
#include "base/encoding.h"
#include "json/document.h"
#include "store/testing/temporary_folder.h"
#include "upstream/testing/mail_server.h"

namespace callgate::app {
namespace {

approvals::Proposal proposal(std::string call) {
  approvals::Proposal p;
  p.binding = {"grt_1", "rob_1", "srv_1", "tools/call", "refund <!channel> `x`", "refunds", 1, {}, sha256(call)};
  p.principal_name = "bot";
  p.server_slug = "refunds";
  p.message = "Look & see.";
  p.roles = {"finance"};
  p.call_json = std::move(call);
  return p;
}

class NoticesTest : public testing::Test {
 protected:
  void open(std::size_t burst = 200) {
    NoticeLine line;
    line.name = "test";
    line.burst = burst;
    line.write = [](const approvals::Approval& approval, const std::string& link) { return notice_body(approval, link, "json"); };
    line.send = [this](const std::string& text, const std::atomic<bool>& stopped) -> Result<void> {
      ++tries_;
      stopped_ = stopped;
      if (fails_) return fail(*fails_, "notice.test", "no");
      sent_.push_back(text);
      return {};
    };
    notices_ = std::make_unique<Notices>(*room_, clock_, "https://gate.example", std::move(line), [this](std::function<void()> work) {
      if (later_) held_.push_back(std::move(work));
      else work();
      return !full_;
    });
  }
  std::string ask(int number) {
    auto standing = room_->ask(proposal("{\"secret\":" + std::to_string(number) + "}"));
    EXPECT_TRUE(standing) << standing.error().message;
    return standing ? standing->id : "";
  }
  void look_for(std::chrono::seconds time) {
    for (auto until = clock_.mono() + time; clock_.mono() < until; clock_.advance(std::chrono::seconds(1))) notices_->look();
  }

  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_ = *store::open_sqlite(folder_.file("db"));
  std::unique_ptr<approvals::Approvals> room_ = *approvals::Approvals::open(*database_, clock_, {.pending_per_grant_max = 100});
  std::vector<std::string> sent_;
  std::vector<std::function<void()>> held_;
  std::optional<Code> fails_;
  int tries_ = 0;
  bool later_ = false, full_ = false, stopped_ = false;
  std::unique_ptr<Notices> notices_;
};

TEST_F(NoticesTest, TellEachWaitingCallOnce) {
  open();
  notices_->look();
  EXPECT_TRUE(sent_.empty());
  const std::string first = ask(1);
  notices_->look();
  notices_->look();
  ASSERT_EQ(sent_.size(), 1u);
  ask(2);
  look_for(std::chrono::seconds(600));
  ASSERT_EQ(sent_.size(), 2u);
  json::Document document;
  ASSERT_TRUE(document.parse(sent_[0]));
  EXPECT_EQ(document.root()["url"].string(), "https://gate.example/approvals/" + first);
  EXPECT_EQ(document.root()["roles"].child(0).string(), "finance");
  EXPECT_EQ(sent_[0].find("secret"), std::string::npos) << "a notice holds nothing of the call";
}

TEST_F(NoticesTest, WhatCannotBeSentIsTriedAgainWithGrowingPauses) {
  open();
  fails_ = Code::Unavailable;
  ask(1);
  ask(2);
  notices_->look();
  EXPECT_EQ(tries_, 1) << "who cannot be reached is not asked for each call";
  look_for(std::chrono::seconds(10));
  EXPECT_EQ(tries_, 2);
  look_for(std::chrono::seconds(60));
  EXPECT_EQ(tries_, 3);
  fails_.reset();
  look_for(std::chrono::seconds(100));
  EXPECT_EQ(sent_.size(), 2u);
  EXPECT_EQ(tries_, 5);
}

TEST_F(NoticesTest, WhatIsTurnedDownIsNotSentAgainAndTheOthersAre) {
  open();
  fails_ = Code::InvalidArgument;
  ask(1);
  look_for(std::chrono::seconds(60));
  EXPECT_EQ(tries_, 1);
  fails_.reset();
  ask(2);
  notices_->look();
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(NoticesTest, ACallThatWaitsNoLongerIsNotToldLate) {
  open();
  fails_ = Code::Unavailable;
  ask(1);
  notices_->look();
  clock_.advance(std::chrono::hours(1));
  ASSERT_TRUE(room_->sweep());
  fails_.reset();
  look_for(std::chrono::seconds(600));
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(tries_, 1);
}

TEST_F(NoticesTest, AFloodOfCallsIsNoFloodOfNotices) {  // T-64
  open(3);
  for (int i = 0; i < 10; ++i) ask(i);
  notices_->look();
  notices_->look();
  EXPECT_EQ(sent_.size(), 3u);
  look_for(std::chrono::seconds(61));
  EXPECT_EQ(sent_.size(), 5u) << "one each half minute";
  look_for(std::chrono::seconds(600));
  EXPECT_EQ(sent_.size(), 10u) << "what still waits is told in the end";
}

TEST_F(NoticesTest, OneRoundIsUnderWayAtATimeAndEndsWithTheGate) {
  open();
  later_ = true;
  ask(1);
  notices_->look();
  ask(2);
  notices_->look();
  ASSERT_EQ(held_.size(), 1u);
  held_[0]();
  notices_->look();
  ASSERT_EQ(held_.size(), 2u);
  notices_.reset();
  held_[1]();
  EXPECT_EQ(sent_.size(), 1u);
  full_ = true;
  later_ = true;
  open();
  notices_->look();
  notices_->look();
  EXPECT_EQ(held_.size(), 4u) << "a full queue is asked again";
}

TEST(Notices, CannotBeMadeToShoutInAChat) {  // T-64
  approvals::Approval approval;
  approval.id = "apr_1";
  approval.proposal = proposal("{}");
  std::string body = notice_body(approval, "https://gate.example/approvals/apr_1", "slack");
  json::Document document;
  ASSERT_TRUE(document.parse(body));
  std::string text(document.root()["text"].string());
  EXPECT_EQ(text.find("<!channel>"), std::string::npos) << text;
  EXPECT_NE(text.find("refund &lt;!channel&gt;  x "), std::string::npos) << text;
  EXPECT_NE(text.find("Look &amp; see."), std::string::npos) << text;
}

approvals::Approval waiting(const std::string& tool) {
  approvals::Approval approval;
  approval.id = "apr_1";
  approval.proposal = proposal("{\"secret\":1}");
  approval.proposal.binding.tool = tool;
  approval.proposal.grant_label = "laptop";
  approval.expires_at = *parse_time("2026-07-28T09:15:00Z");
  return approval;
}

std::string mail_about(const approvals::Approval& approval) {
  return mail_message(approval, "https://gate.example/approvals/apr_1", {"gate@example.com", "ada@example.com"},
                      *parse_time("2026-07-28T09:00:00Z"));
}

TEST(MailText, SaysWhoAsksForWhatAndLinks) {
  EXPECT_EQ(mail_about(waiting("refund_payment")),
            "Date: Tue, 28 Jul 2026 09:00:00 +0000\r\n"
            "From: Callgate <gate@example.com>\r\n"
            "To: <ada@example.com>\r\n"
            "Message-ID: <apr_1@example.com>\r\n"
            "Subject: Approval wanted: refund_payment on refunds\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "X-Auto-Response-Suppress: All\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "A call waits until a person has decided about it.\r\n"
            "\r\n"
            "Asked by: bot (grant laptop)\r\n"
            "Server:   refunds\r\n"
            "Method:   tools/call\r\n"
            "Tool:     refund_payment\r\n"
            "Why:      Look & see.\r\n"
            "Decides:  finance\r\n"
            "Until:    2026-07-28T09:15:00.000Z\r\n"
            "\r\n"
            "Look at it:\r\n"
            "https://gate.example/approvals/apr_1\r\n"
            "or: callgate approval show apr_1\r\n"
            "\r\n"
            "This message decides nothing, nor does its link or an answer to it.\r\n");
}

// T-64: names that agents, servers and policies chose add neither headers nor lines nor links
TEST(MailText, CannotBeGivenHeadersLinesOrLinksByNames) {
  for (const std::string& bad :
       std::vector<std::string>{"a\r\nBcc: eve@example.com", "a\nBcc: eve@example.com", "a\rBcc: eve@example.com", "a\r\n\r\nUntil: never",
                                "a\xe2\x80\xa8"
                                "Bcc: eve@example.com",
                                "a\x0b"
                                "Bcc: x",
                                std::string("a\0Bcc: x", 8),
                                "\x85"
                                "Bcc: x"}) {
    approvals::Approval approval = waiting(bad);
    approval.proposal.principal_name = approval.proposal.server_slug = approval.proposal.grant_label = approval.proposal.message = bad;
    approval.proposal.roles = {bad};
    const std::string mail = mail_about(approval);
    EXPECT_EQ(mail.find("\nBcc"), std::string::npos) << mail;
    EXPECT_EQ(mail.find("\rBcc"), std::string::npos) << mail;
    EXPECT_EQ(mail.find("\nUntil: never"), std::string::npos) << mail;
    for (std::size_t at = 0; at < mail.size(); ++at) {
      const char c = mail[at];
      EXPECT_TRUE((c >= 0x20 && c < 0x7f) || (c == '\r' && mail[at + 1] == '\n') || (c == '\n' && mail[at - 1] == '\r')) << at << mail;
    }
    for (std::size_t at = 0, end; (end = mail.find("\r\n", at)) != std::string::npos; at = end + 2) EXPECT_LE(end - at, 998u);
  }
  EXPECT_NE(mail_about(waiting("a\nb")).find("Subject: Approval wanted: a\\u000ab on refunds\r\n"), std::string::npos);
  EXPECT_LT(mail_about(waiting(std::string(100'000, 'x'))).size(), 3'000u);
}

std::string tool_line(const std::string& tool) {
  const std::string mail = mail_about(waiting(tool));
  const std::size_t at = mail.find("Tool:     ") + 10;
  return mail.substr(at, mail.find("\r\n", at) - at);
}

// T-64: mail programs link more than what begins with a scheme
TEST(MailText, ShowsNoNameInAWayThatProgramsMakeALinkOf) {
  EXPECT_EQ(tool_line("https://evil.example/approve"), "https: //evil. example/approve");
  EXPECT_EQ(tool_line("www.evil.example"), "www. evil. example");
  EXPECT_EQ(tool_line("evil.example/approve"), "evil. example/approve");
  EXPECT_EQ(tool_line("EVIL.EXAMPLE."), "EVIL. EXAMPLE.");
  EXPECT_EQ(tool_line("(evil.example)"), "(evil. example)");
  EXPECT_EQ(tool_line("evil-.example"), "evil-. example");
  EXPECT_EQ(tool_line("10.0.0.1/approve"), "10. 0. 0. 1/approve");
  EXPECT_EQ(tool_line("eve@evil.example"), "eve@ evil. example");
  EXPECT_EQ(tool_line("mailto:eve@localhost"), "mailto: eve@ localhost");
  EXPECT_EQ(tool_line("tel:+123"), "tel: +123");
  EXPECT_EQ(tool_line("\\\\evil\\share"), "\\ \\evil\\share");
  EXPECT_EQ(tool_line("\u00e9vil.example"), "=C3=A9vil. example");
  EXPECT_EQ(tool_line("evil.\u00e9xample"), "evil. =C3=A9xample");
  EXPECT_EQ(tool_line("evil\u3002example"), "evil=E3=80=82 example");
  EXPECT_EQ(tool_line("refund_payment, 9:00 to 17:30. Then"), "refund_payment, 9:00 to 17:30. Then") << "prose stays as it is";
  approvals::Approval approval = waiting("t");
  approval.proposal.principal_name = approval.proposal.server_slug = approval.proposal.grant_label = approval.proposal.message =
      "www.evil.example";
  approval.proposal.roles = {"www.evil.example"};
  EXPECT_EQ(mail_about(approval).find("www.evil"), std::string::npos) << mail_about(approval);
}

TEST(Notices, HoldNothingOfTheValuesInAnAddress) {
  approvals::Approval approval = waiting("db://customers/list?name=ada+lovelace#row-7");
  approval.proposal.binding.method = "resources/read";
  for (const std::string& told : {mail_about(approval), notice_body(approval, "https://gate.example/approvals/apr_1", "json"),
                                  notice_body(approval, "https://gate.example/approvals/apr_1", "slack")}) {
    EXPECT_NE(told.find("//customers/list"), std::string::npos) << told;
    EXPECT_EQ(told.find("lovelace"), std::string::npos) << told;
    EXPECT_EQ(told.find("row-7"), std::string::npos) << told;
  }
  approval.proposal.binding.tool = "db://customers#row-7?x";
  EXPECT_EQ(notice_subject(approval.proposal.binding), "db://customers");
  approval.proposal.binding.method = "tools/call";
  EXPECT_EQ(notice_subject(approval.proposal.binding), approval.proposal.binding.tool) << "a name is one word";
}

TEST(MailText, EncodesHeadersThatAreNotPlain) {
  EXPECT_EQ(header_text("plain"), "plain");
  EXPECT_EQ(header_text("caf\u00e9"), "=?UTF-8?B?" + base64_encode("caf\u00e9") + "?=");
  EXPECT_EQ(header_text("=?UTF-8?B?aGk=?="), "=?UTF-8?B?" + base64_encode("=?UTF-8?B?aGk=?=") + "?=") << "no text turns into another";
  std::string text, decoded;
  for (int i = 0; i < 60; ++i) text += i % 2 == 0 ? "\u20ac" : "\U0001f600";
  std::string header = header_text(text) + "\r\n ";
  for (std::size_t end; (end = header.find("\r\n ")) != std::string::npos; header.erase(0, end + 3)) {
    ASSERT_LE(end, 75u);
    ASSERT_TRUE(header.starts_with("=?UTF-8?B?"));
    const std::string word = *base64_decode(header.substr(10, end - 12));
    EXPECT_NE(static_cast<unsigned char>(word[0]) & 0xc0, 0x80) << "a word begins with a whole character";
    decoded += word;
  }
  EXPECT_EQ(decoded, text);
  EXPECT_FALSE(header_text("\x80\x80\x80").empty());
}

TEST(MailText, IsQuotedPrintable) {
  EXPECT_EQ(quoted_printable("a=b \nc\td\r\u00e9\n"), "a=3Db=20\r\nc=09d=0D=C3=A9\r\n");
  const std::string wide = quoted_printable(std::string(300, '=') + "\n");
  for (std::size_t at = 0, end; (end = wide.find("\r\n", at)) != std::string::npos; at = end + 2) EXPECT_LE(end - at, 76u);
}

TEST(MailText, DatesAreThoseOfMail) {
  EXPECT_EQ(mail_date(*parse_time("2024-02-29T23:59:59.999Z")), "Thu, 29 Feb 2024 23:59:59 +0000");
  EXPECT_EQ(mail_date(*parse_time("2027-01-03T00:00:00Z")), "Sun, 03 Jan 2027 00:00:00 +0000");
}

TEST(NoticeLines, AreMadeOfTheSettingsOrRefuseThem) {
  const ManualClock clock;
  config::Settings settings;
  EXPECT_TRUE(notice_lines(settings, clock)->empty());
  settings.approvals.mail_to = {"ada@example.com", "bob@example.com"};
  EXPECT_NE(notice_lines(settings, clock).error().message.find("mail.server"), std::string::npos);
  settings.mail.server = "smtp://mail.example";
  EXPECT_NE(notice_lines(settings, clock).error().message.find("mail.from"), std::string::npos);
  settings.mail.from = "gate@example.com";
  ASSERT_EQ(notice_lines(settings, clock)->size(), 2u);
  EXPECT_EQ(notice_lines(settings, clock)->at(1).name, "mail to bob@example.com");
  settings.approvals.webhook = "https://hooks.example/secret";
  ASSERT_EQ(notice_lines(settings, clock)->size(), 3u);
  EXPECT_EQ(notice_lines(settings, clock)->at(0).name, "webhook");
  auto refuses = [&](auto change) {
    config::Settings other = settings;
    change(other);
    auto lines = notice_lines(other, clock);
    EXPECT_TRUE(!lines && lines.error().reason == "config.value") << (lines ? "taken" : lines.error().message);
  };
  refuses([](auto& s) { s.approvals.webhook = "ftp://x"; });
  refuses([](auto& s) { s.mail.server = "smtp://user:pass@mail.example"; });
  refuses([](auto& s) { s.mail.from = "Gate <gate@example.com>"; });
  refuses([](auto& s) { s.approvals.mail_to = {"ada@example.com\r\nBcc: x@y"}; });
  refuses([](auto& s) { s.approvals.mail_to = std::vector<std::string>(21, "ada@example.com"); });
  refuses([](auto& s) { s.mail.user = "gate"; });
  refuses([](auto& s) { s.mail.password = Secret("hunter2"); });
  refuses([](auto& s) { s.mail.ca = "/nonexistent"; });
  refuses([](auto& s) { s.mail.ca = "/tmp"; });
  refuses([](auto& s) { s.mail.ca = "/dev/zero"; });
  refuses([](auto& s) { s.mail.ca = "/proc/self/status"; });
}

TEST(NoticeLines, ARefusedLoginIsNotTriedForEveryCallAndAddress) {
  ManualClock clock;
  upstream::MailScript script;
  script.offers = "250-AUTH PLAIN\r\n";
  script.answers["AUTH"] = "535 no";
  upstream::MailThread server(script);
  config::Settings settings;
  settings.approvals.mail_to = {"ada@example.com", "bob@example.com"};
  settings.mail.server = "smtp://127.0.0.1:" + std::to_string(server.port);
  settings.mail.from = settings.mail.user = "gate@example.com";
  settings.mail.password = Secret("hunter2");
  auto lines = *notice_lines(settings, clock);
  const std::atomic<bool> stopped{false};
  const auto logins = [&] {
    for (int call = 0; call < 3; ++call)
      for (const NoticeLine& line : lines) {
        auto sent = line.send("Subject: x\r\n\r\nx\r\n", stopped);
        EXPECT_TRUE(!sent && sent.error().code == Code::Unavailable) << "the notice waits, and the rest of its round";
      }
    std::size_t count = 0;
    const std::string heard = server.heard();
    for (std::size_t at = 0; (at = heard.find("AUTH ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(logins(), 1u);
  clock.advance(std::chrono::minutes(5));
  EXPECT_EQ(logins(), 2u);
}

TEST(ApprovalPage, ShowsHowToDecideAndNothingElse) {  // T-64: a link decides nothing
  EXPECT_TRUE(approval_path("/approvals/apr_01m7z154ywr4yd5mq4as"));
  for (auto path : {"/approvals/", "/approvals/apr_<script>", "/approvals/apr_1/approve", "/approvals/usr_1", "/api/v1/approvals/apr_1"})
    EXPECT_FALSE(approval_path(path)) << path;
  Page page = approval_page("/approvals/apr_01m7");
  EXPECT_NE(page.body.find("callgate approval approve apr_01m7"), std::string::npos);
  EXPECT_EQ(page.body.find("<script"), std::string::npos);
  EXPECT_EQ(page.body.find("<form"), std::string::npos);
  EXPECT_NE(page.headers.find("frame-ancestors 'none'"), std::string::npos);
}

}  // namespace
}  // namespace callgate::app
