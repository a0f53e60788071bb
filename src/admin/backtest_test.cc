#include "admin/testing/recorded_calls.h"

namespace callgate::admin {
namespace {

using namespace std::chrono_literals;

class BacktestTest : public testing::RecordedCalls {
 protected:
  // Waits for the end of a run without a clock: its thread works for itself.
  Answer finished(const Answer& started) {
    EXPECT_EQ(started.status, 202) << started.body;
    std::string path = "/api/v1/backtests/" + std::string(started["id"].string());
    for (;;) {
      Answer answer = ask("GET", path);
      if (answer.status != 200 || answer["state"].string() != "running") return answer;
      std::this_thread::yield();
    }
  }
  Answer backtest(std::string_view text, std::string_view more = "") {
    return finished(ask("POST", "/api/v1/policies/refunds/backtests", "{\"text\":" + quoted(text) + std::string(more) + "}"));
  }
  static std::string total(const Answer& answer, std::string_view change) {
    return std::string(answer["report"]["total"][change].number());
  }
};

constexpr std::string_view kStricter = R"(version: "1"
default: deny
tools:
  refund_payment:
    deny_if: [{conditions: [{path: args.amount, op: gt, value: 40}]}]
)";

TEST_F(BacktestTest, SaysWhatADraftWouldChangeAndStoresNothing) {
  ASSERT_EQ(put_policy().status, 201);
  called({});
  called({.arguments = R"({"amount":30})"});
  called({.arguments = "", .principal = "eve"});
  called({.policy = "another"});
  std::size_t before = records().size();
  Answer answer = backtest(kStricter);
  EXPECT_EQ(answer["state"].string(), "done") << answer.body;
  EXPECT_EQ(total(answer, "newly_denied"), "1");
  EXPECT_EQ(total(answer, "unchanged"), "1");
  EXPECT_EQ(total(answer, "undecided"), "1");
  EXPECT_EQ(answer["report"]["by_rule"].child(0)["rule"].string(), "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(answer["report"]["undecided"].child(0)["why"].string(), "/tools/refund_payment/deny_if/0 needs args.amount");
  EXPECT_EQ(records().size(), before) << "reading the record is no change";
  std::string path = "/api/v1/backtests/" + std::string(answer["id"].string()) + "/changes";
  Answer changes = ask("GET", path + "?change=newly_denied");
  auto items = changes["items"];
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items.child(0)["now"]["rule"].string(), "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(items.child(0)["was"]["verdict"].string(), "allow");
  EXPECT_EQ(ask("GET", path).body.find("amount\":"), std::string::npos) << "no arguments";
  EXPECT_EQ(ask("GET", "/api/v1/policies/refunds")["version"].number(), "1");
}

TEST_F(BacktestTest, ChangesComeInPages) {
  ASSERT_EQ(put_policy().status, 201);
  for (int i = 0; i < 5; ++i) called({});
  Answer answer = backtest(kStricter);
  std::string path = "/api/v1/backtests/" + std::string(answer["id"].string()) + "/changes?limit=2";
  auto page = ask("GET", path);
  EXPECT_EQ(page["items"].size(), 2u);
  page = ask("GET", path + "&cursor=" + std::string(page["next"].string()));
  EXPECT_EQ(page["items"].size(), 2u);
  page = ask("GET", path + "&cursor=" + std::string(page["next"].string()));
  EXPECT_EQ(page["items"].size(), 1u);
  EXPECT_TRUE(page["next"].is(json::Kind::Null));
}

TEST_F(BacktestTest, TimesAndFiltersNarrowWhatIsJudged) {
  ASSERT_EQ(put_policy().status, 201);
  called({});
  clock_.advance(2h);
  called({.principal = "eve"});
  EXPECT_EQ(total(backtest(kStricter, R"(,"since":"1h")"), "newly_denied"), "1");
  EXPECT_EQ(total(backtest(kStricter, R"(,"until":"1h")"), "newly_denied"), "1");
  EXPECT_EQ(total(backtest(kStricter, R"(,"principal":"eve")"), "newly_denied"), "1");
  EXPECT_EQ(total(backtest(kStricter, R"(,"tool":"other")"), "newly_denied"), "0");
  EXPECT_EQ(total(backtest(kStricter), "newly_denied"), "2");
}

TEST_F(BacktestTest, LimitsLookBackBeyondTheFirstCallAskedFor) {
  ASSERT_EQ(put_policy().status, 201);
  called({});
  clock_.advance(10min);
  called({});
  std::string_view limited = R"({version: "1", default: allow, all_tools: {limits: [{counter: n, window: day, max: 1}]}})";
  Answer answer = backtest(limited, R"(,"since":"5m")");
  EXPECT_EQ(answer["report"]["judged"].number(), "1");
  EXPECT_EQ(total(answer, "newly_denied"), "1") << answer.body;
}

TEST_F(BacktestTest, AStoredVersionCanBeJudgedInstead) {
  ASSERT_EQ(put_policy().status, 201);
  ASSERT_EQ(put_policy("refunds", kStricter).status, 200);
  called({});
  EXPECT_EQ(total(finished(ask("POST", "/api/v1/policies/refunds/backtests", R"({"version":1})")), "unchanged"), "1");
  EXPECT_EQ(total(finished(ask("POST", "/api/v1/policies/refunds/backtests", "{}")), "newly_denied"), "1");
}

TEST_F(BacktestTest, RefusesWhatItCannotRun) {
  EXPECT_EQ(ask("POST", "/api/v1/policies/nothing/backtests", "{}").status, 404);
  auto answer = ask("POST", "/api/v1/policies/refunds/backtests", R"({"text":"version: 2"})");
  EXPECT_EQ(answer.reason(), "policy.document");
  EXPECT_GT(answer["problems"].size(), 0u);
  ASSERT_EQ(put_policy().status, 201);
  EXPECT_EQ(ask("POST", "/api/v1/policies/refunds/backtests", R"({"since":"soon"})").reason(), "admin.time");
  EXPECT_EQ(ask("POST", "/api/v1/policies/refunds/backtests", R"({"keep":10001})").status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/backtests/bt_none").status, 404);
  EXPECT_EQ(ask("DELETE", "/api/v1/backtests/bt_none").status, 404);
}

TEST_F(BacktestTest, AuditorsMayRunThemAndOthersMayNot) {
  ASSERT_EQ(put_policy().status, 201);
  auto auditor = api_token("eve", "\"auditor\""), another = api_token("mia", "\"auditor\""), nobody = api_token("bob", "");
  auto started = ask("POST", "/api/v1/policies/refunds/backtests", "{}", auditor);
  EXPECT_EQ(finished(started)["author"].string(), "eve");
  EXPECT_EQ(ask("POST", "/api/v1/policies/refunds/backtests", "{}", nobody).status, 403);
  std::string path = "/api/v1/backtests/" + std::string(started["id"].string());
  EXPECT_EQ(ask("GET", path, {}, nobody).status, 403);
  EXPECT_EQ(ask("DELETE", path, {}, another).status, 403) << "another's";
  EXPECT_EQ(ask("DELETE", path, {}, auditor).status, 200);
}

TEST_F(BacktestTest, TheLastEightAreKept) {
  ASSERT_EQ(put_policy().status, 201);
  std::string first;
  for (int i = 0; i < 10; ++i) {
    auto answer = backtest(kStricter);
    if (first.empty()) first = answer["id"].string();
  }
  EXPECT_EQ(ask("GET", "/api/v1/backtests")["items"].size(), 8u);
  EXPECT_EQ(ask("GET", "/api/v1/backtests/" + first).status, 404);
}

}  // namespace
}  // namespace callgate::admin
