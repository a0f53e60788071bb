#include <gtest/gtest.h>

#include "app/approval_page.h"
#include "app/notices.h"
#include "json/document.h"
#include "store/testing/temporary_folder.h"

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

TEST(Notices, TellEachWaitingCallOnce) {
  store::testing::TemporaryFolder folder;
  ManualClock clock;
  auto database = *store::open_sqlite(folder.file("db"));
  auto room = *approvals::Approvals::open(*database, clock);
  std::vector<std::string> sent;
  Notices notices(*room, "https://gate.example", "json", [&](std::string body) { sent.push_back(std::move(body)); });
  notices.look();
  EXPECT_TRUE(sent.empty());
  auto first = room->ask(proposal(R"({"secret":1})"));
  notices.look();
  notices.look();
  ASSERT_EQ(sent.size(), 1u);
  ASSERT_TRUE(room->ask(proposal(R"({"secret":2})")));
  notices.look();
  ASSERT_EQ(sent.size(), 2u);
  json::Document document;
  ASSERT_TRUE(document.parse(sent[0]));
  EXPECT_EQ(document.root()["url"].string(), "https://gate.example/approvals/" + first->id);
  EXPECT_EQ(document.root()["roles"].child(0).string(), "finance");
  EXPECT_EQ(sent[0].find("secret"), std::string::npos) << "a notice holds nothing of the call";
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
