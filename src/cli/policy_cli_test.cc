// Commands about policies: checked and explained here, back-tested and promoted at the gate, and single calls told from their records.

#include "cli/session.h"
#include "cli/testing/cli_fixture.h"

namespace callgate::cli {
namespace {

TEST_F(CliTest, TheDocumentThatNewPrintsPassesItsOwnCheck) {
  EXPECT_EQ(run({"policy", "new", "refunds"}), kOk);
  auto path = file("refunds.yaml", out_);
  EXPECT_EQ(run({"policy", "check", path}), kOk) << err_;
  EXPECT_EQ(run({"policy", "test", path}), kOk) << out_ << err_;
}

TEST_F(CliTest, PoliciesAreCheckedTestedAndExplainedWithoutAGate) {
  auto path =
      file("p.yaml",
           "version: \"1\"\ndefault: allow\ntools:\n  pay:\n    deny_if:\n      - conditions: [{path: args.amount, op: gt, value: 10}]\n"
           "        on_deny: too much\ntests:\n  - {call: pay, args: {amount: 5}, expect: allow}\n");
  EXPECT_EQ(run({"policy", "check", path}), kOk) << err_;
  EXPECT_EQ(run({"policy", "explain", path, "--tool", "pay", "--args", "{\"amount\": 11}"}), kDenied);
  EXPECT_NE(out_.find("/tools/pay/deny_if/0"), std::string::npos) << out_;
  EXPECT_NE(out_.find("too much"), std::string::npos);
  EXPECT_EQ(run({"policy", "explain", path, "--tool", "pay", "--args", "{\"amount\": 9}"}), kOk);
  EXPECT_EQ(run({"policy", "explain", path, "--tool", "pay", "--args", "[1]"}), kUsage);
  auto red = file("red.yaml", "version: \"1\"\ndefault: allow\ntests:\n  - {call: pay, args: {}, expect: deny}\n");
  EXPECT_EQ(run({"policy", "test", red}), kInvalid);
  EXPECT_EQ(run({"policy", "check", red}), kInvalid);
  EXPECT_EQ(run({"policy", "check", file("bad.yaml", "version: \"1\"\nnonsense: 1\n")}), kInvalid);
  EXPECT_NE(err_.find(":2"), std::string::npos) << err_;
  EXPECT_EQ(run({"policy", "check", directory_.string() + "/missing.yaml"}), kNotFound);
  EXPECT_EQ(run({"policy", "schema"}), kOk);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(CliTest, BacktestShowsWhatWouldChangeAndExitsTwentyOnWhatIsAskedFor) {
  auto draft = file("draft.yaml", "version: \"1\"\ndefault: deny\n");
  auto done = [&] {
    answers_.clear();
    answer(202, R"({"id":"bt_1","state":"running"})");
    answer(200, R"({"id":"bt_1","state":"done","report":{"judged":7,"total":{"newly_denied":2,"undecided":1,"unchanged":4},
      "by_rule":[{"rule":"/default","newly_denied":2,"newly_asked":0,"newly_hidden":0,"newly_allowed":0,"undecided":0}],
      "by_tool":[],"by_principal":[],"by_grant":[],
      "undecided":[{"why":"/x needs args.a","calls":1}],"outside":[],"shadow":[],"notes":[]}})");
    answer(200, R"({"items":[{"sequence":5,"principal":"ada","tool":"pay\u001b[31m","was":{"verdict":"allow"},
      "now":{"verdict":"deny","rule":"/default"},"why":""}],"next":null})");
  };
  done();
  EXPECT_EQ(run({"policy", "backtest", draft, "--policy", "refunds", "--tool", "pay"}), kOk) << err_;
  EXPECT_EQ(requests_[0].path, "/api/v1/policies/refunds/backtests");
  EXPECT_NE(requests_[0].body.find(R"("since":"30d","tool":"pay")"), std::string::npos) << requests_[0].body;
  EXPECT_NE(out_.find("newly denied"), std::string::npos) << out_;
  EXPECT_NE(out_.find("deny by /default"), std::string::npos) << out_;
  EXPECT_NE(out_.find("/x needs args.a"), std::string::npos) << out_;
  EXPECT_EQ(out_.find('\x1b'), std::string::npos) << "names from records move no cursor";
  done();
  EXPECT_EQ(run({"policy", "backtest", draft, "--policy", "refunds", "--fail-on", "newly-denied"}), kChanges);
  done();
  EXPECT_EQ(run({"policy", "backtest", draft, "--policy", "refunds", "--fail-on", "newly-allowed"}), kOk);
  done();
  EXPECT_EQ(run({"policy", "backtest", "refunds", "--fail-on", "newly-allowed", "--fail-on", "any-change", "-o", "json"}), kChanges);
  EXPECT_NE(out_.find("\"changes\""), std::string::npos);
  EXPECT_EQ(run({"policy", "backtest", draft}), kUsage) << "whose calls?";
  answers_.clear();
  answer(202, R"({"id":"bt_1","state":"running"})");
  answer(200, R"({"id":"bt_1","state":"failed","error":{"message":"the journal is damaged"}})");
  EXPECT_EQ(run({"policy", "backtest", "refunds"}), kFailed);
  EXPECT_NE(err_.find("damaged"), std::string::npos);
}

TEST_F(CliTest, WhyTellsACallInWordsAndObeysNoTerminalCodes) {
  answer(200,
         R"j({"decision":"dec_1","time":"2026-07-28T09:00:00Z","principal":"ada","grant_label":"laptop","server":"pay","tool":"x\u001b[2J",
    "sentence":"refused by /a (line 3)","message":"no","advice":"change the rule","policy":"p","version":3,
    "then":{"text":"   - a line","effect":"deny","sure":true,"steps":[{"layer":"deny_if","pointer":"/a","line":3,"condition":"args.a gt 1",
      "input":"5","outcome":"matched"}],"doubts":[]},
    "now":{
  "policy" : "p", "version" : 4, "effect" : "allow", "rule" : "", "line" : 0, "sure" : false, "doubts" : [
    {"rule" : "/b", "path" : "args.n"}
  ]}})j");
  EXPECT_EQ(run({"audit", "why", "dec_1"}), kOk) << err_;
  EXPECT_EQ(requests_[0].path, "/api/v1/audit/dec_1/why");
  for (auto part : {"ada, grant laptop", "refused by /a (line 3)", "- a line", "args.a gt 1", "change the rule",
                    "now       allow, version 4 of p; not sure, the record does not hold args.n for /b"})
    EXPECT_NE(out_.find(part), std::string::npos) << part << "\n" << out_;
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
  answer(404, R"({"error":{"reason":"audit.no_record","message":"there is no record"}})");
  EXPECT_EQ(run({"audit", "why", "7"}), kNotFound);
}

TEST_F(CliTest, TestFromPrintsAnEntryOrWritesItIntoTheDraft) {
  auto draft = file("draft.yaml", "version: \"1\"\n");
  std::string told = R"({"entry":"{call: \"t\", expect: \"deny\"}","passes":true,"disagrees":"","document":"version: \"1\"\ntests: []\n"})";
  answer(200, told);
  EXPECT_EQ(run({"policy", "test-from", "12"}), kOk);
  EXPECT_EQ(out_, "- {call: \"t\", expect: \"deny\"}\n");
  EXPECT_EQ(requests_[0].path, "/api/v1/audit/12/test");
  answer(200, told);
  EXPECT_EQ(run({"policy", "test-from", "12", "--file", draft, "--write", "--dry-run"}), kOk);
  EXPECT_EQ(read_text(draft).value(), "version: \"1\"\n") << "nothing is written in a dry run";
  answer(200, told);
  EXPECT_EQ(run({"policy", "test-from", "12", "--file", draft, "--write"}), kOk);
  EXPECT_EQ(read_text(draft).value(), "version: \"1\"\ntests: []\n");
  answer(422, R"({"error":{"reason":"backtest.not_captured","message":"the record does not hold all of the arguments"}})");
  EXPECT_EQ(run({"policy", "test-from", "12", "--file", draft, "--write"}), kInvalid);
  EXPECT_EQ(run({"policy", "test-from", "12", "--write"}), kUsage) << "into which file?";
}

TEST_F(CliTest, WhoJoinsPagesAndSaysHowMany) {
  answer(200, R"({"server":"pay","tool":"t","listed":false,"disabled":false,"totals":{"allow":2,"ask":0},
    "items":[{"label":"one","verdict":"allow"}],"next":"grt_1"})");
  answer(200, R"({"server":"pay","tool":"t","listed":false,"totals":{"allow":2},"items":[{"label":"two","verdict":"allow"}],"next":null})");
  EXPECT_EQ(run({"policy", "who", "pay", "t", "--args", R"({"a": 1})"}), kOk) << err_;
  EXPECT_EQ(requests_[0].body, R"({"server":"pay","tool":"t","arguments":{"a":1}})");
  EXPECT_NE(out_.find("one"), std::string::npos);
  EXPECT_NE(out_.find("two"), std::string::npos);
  EXPECT_NE(err_.find("2 allow"), std::string::npos) << err_;
  EXPECT_NE(err_.find("does not list this tool"), std::string::npos);
  EXPECT_EQ(run({"policy", "who", "pay", "t", "--args", "[1]"}), kUsage);
}

TEST_F(CliTest, PromotionShowsTheDiffAndPromotesWhatWasShown) {
  std::string planned = R"({"name":"p","version":3,"would_change":true,"diff":"-mode: shadow\n+mode: enforce\n"})";
  answer(200, planned);
  EXPECT_EQ(run({"policy", "promote", "p", "--rule", "/a", "--dry-run"}), kOk);
  EXPECT_NE(err_.find("+mode: enforce"), std::string::npos) << err_;
  EXPECT_EQ(requests_.size(), 1u);
  answer(200, planned);
  answer(200, R"({"name":"p","version":4})");
  EXPECT_EQ(run({"policy", "promote", "p", "--rule", "/a", "--reason", "quiet", "--yes"}), kOk);
  EXPECT_EQ(requests_.back().body, R"({"rule":"/a","reason":"quiet","expected_version":3})");
  answer(200, planned);
  answer(409, R"({"error":{"reason":"policy.stale","message":"at version 4 by now"}})");
  EXPECT_EQ(run({"policy", "promote", "p", "--rule", "/a", "--yes"}), kConflict);
}

TEST_F(CliTest, ShadowShowsWhatRulesWouldHaveSaid) {
  answer(202, R"({"id":"bt_1","state":"running"})");
  answer(200, R"({"id":"bt_1","state":"done","report":{"judged":9,"recorded_shadow":[{"rule":"/a","calls":4,"message":"too much",
    "by_principal":[{"principal":"ada","calls":3},{"principal":"eve","calls":1}]}]}})");
  EXPECT_EQ(run({"policy", "shadow", "p", "--user", "ada"}), kOk);
  EXPECT_EQ(requests_[0].body, R"({"since":"7d","keep":0,"principal":"ada"})");
  EXPECT_NE(out_.find("ada 3, eve 1"), std::string::npos) << out_;
}

}  // namespace
}  // namespace callgate::cli
