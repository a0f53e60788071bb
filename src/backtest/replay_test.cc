#include "backtest/replay.h"

#include <gtest/gtest.h>

#include "json/writer.h"

namespace callgate::backtest {
namespace {

using namespace std::chrono_literals;

const WallTime kNine = WallTime(std::chrono::seconds(1'785'229'200));  // 2026-07-28T09:00:00Z, a Tuesday

struct Told {  // what a record says
  std::string arguments = R"({"amount":50})";
  std::string effect = "allow", reason = "ok", rule = {}, detail = {};
  std::string tool = "refund", principal = "ada", grant = "grt_1", method = "tools/call", kind = "call";
  WallTime time = kNine;
};

std::string record(const Told& told) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("time", format_time(told.time)).member("kind", told.kind).member("decision", "dec_1");
  writer.member("effect", told.effect).member("reason", told.reason).member("principal_id", "usr_" + told.principal);
  writer.member("principal", told.principal).member("principal_kind", "user").member("grant", told.grant);
  writer.member("grant_label", "laptop").member("client", "claude 2").member("session", "s1").member("server_id", "srv1");
  writer.member("server", "pay").member("method", told.method).member("tool", told.tool).member("policy", "refunds");
  writer.member("policy_version", std::int64_t{3}).member("rule", told.rule);
  if (!told.arguments.empty()) writer.key("arguments").raw(told.arguments);
  if (!told.detail.empty()) writer.key("detail").raw(told.detail);
  writer.end_object();
  return out;
}

std::shared_ptr<const policy::Policy> draft_of(std::string_view text) {
  auto compiled = policy::Policy::compile("refunds", 0, text);
  EXPECT_TRUE(compiled.policy) << policy::format_problems(compiled.problems, "p");
  return compiled.policy;
}

Report replay(std::string_view draft, const std::vector<Told>& calls, Options options = {}) {
  static const Principal principal;
  static const Grant grant;
  static const Server server;
  Replay run(draft_of(draft), std::move(options), [](const RecordedCall& call) {
    return Today{&principal, &grant, &server, "", call.tool != "outside_the_role"};
  });
  std::uint64_t sequence = 0;
  for (const Told& told : calls) run.add(++sequence, record(told));
  run.finish();
  return run.report();
}

std::uint64_t of(const Report& report, Change change) { return report.total[static_cast<std::size_t>(change)]; }

// The change of one call.
std::string change(std::string_view draft, const Told& told) {
  Report report = replay(draft, {told});
  for (std::size_t i = 0; i < kChanges; ++i)
    if (report.total[i] > 0) return std::string(change_name(static_cast<Change>(i)));
  return "none";
}

constexpr std::string_view kDraft = R"(
version: "1"
default: deny
hide: [wipe]
tools:
  refund:
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 100}]
    ask:
      - conditions: [{path: args.amount, op: gt, value: 60}]
  note:
    deny_if:
      - conditions: [{path: args.text, op: contains, value: secret}]
  late:
    deny_if:
      - conditions: [{path: time.hour, op: gte, value: 18}]
)";

TEST(Replay, SaysWhatTheDraftWouldChange) {
  EXPECT_EQ(change(kDraft, {.arguments = R"({"amount":50})"}), "unchanged");
  EXPECT_EQ(change(kDraft, {.arguments = R"({"amount":101})"}), "newly_denied");
  EXPECT_EQ(change(kDraft, {.arguments = R"({"amount":61})"}), "newly_asked");
  EXPECT_EQ(change(kDraft, {.tool = "wipe"}), "newly_hidden");
  EXPECT_EQ(change(kDraft, {.tool = "never_listed"}), "newly_denied");
  EXPECT_EQ(change(kDraft, {.effect = "deny", .reason = "policy.deny_if", .rule = "/tools/refund/deny_if/3"}), "newly_allowed");
  Told same{.arguments = R"({"amount":101})", .effect = "deny", .reason = "policy.deny_if", .rule = "/tools/refund/deny_if/0"};
  EXPECT_EQ(change(kDraft, same), "unchanged");
  same.rule = "/tools/refund/require/0";
  EXPECT_EQ(change(kDraft, same), "other_rule");
  EXPECT_EQ(change(kDraft, {.effect = "deny", .reason = "policy.hidden", .tool = "wipe"}), "unchanged");
  EXPECT_EQ(change(kDraft, {.effect = "deny", .reason = "policy.hidden"}), "newly_allowed");
}

TEST(Replay, ACallAPersonWasAskedAboutWasAsked) {
  Told asked{.arguments = R"({"amount":61})", .detail = R"({"approval":"apr_1"})"};
  EXPECT_EQ(change(kDraft, asked), "unchanged");
  asked.arguments = R"({"amount":60})";
  EXPECT_EQ(change(kDraft, asked), "newly_allowed");
  EXPECT_EQ(change(kDraft, {.effect = "deny", .reason = "approval.pending"}), "newly_allowed");
}

TEST(Replay, TimeAndCallerComeFromTheRecord) {
  EXPECT_EQ(change(kDraft, {.tool = "late", .time = kNine}), "unchanged");
  EXPECT_EQ(change(kDraft, {.tool = "late", .time = kNine + 9h}), "newly_denied");
  constexpr std::string_view by_name = R"({version: "1", default: allow, tools: {refund: {
    deny_if: [{conditions: [{path: principal.name, op: eq, value: eve}]}]}}})";
  EXPECT_EQ(change(by_name, {.principal = "eve"}), "newly_denied");
  EXPECT_EQ(change(by_name, {.principal = "ada"}), "unchanged");
}

TEST(Replay, WhatTheRecordDoesNotHoldIsUndecidedAndNeverGuessed) {
  Report report = replay(kDraft, {{.arguments = R"({"text":"<string, 9 bytes>"})", .tool = "note"},
                                  {.arguments = R"({"text":"<string, 3 bytes>"})", .tool = "note"},
                                  {.arguments = "", .tool = "note"},
                                  {.arguments = R"({"cut_bytes":2000000})", .tool = "note"},
                                  {.arguments = "", .tool = "never_listed"},
                                  {.arguments = R"({"amount":"<number>"})"}});
  EXPECT_EQ(of(report, Change::Undecided), 4u);
  EXPECT_EQ(of(report, Change::Unchanged), 1u) << "3 bytes cannot hold `secret`";
  EXPECT_EQ(of(report, Change::NewlyDenied), 1u) << "the default needs no arguments";
  EXPECT_EQ(report.undecided.at("/tools/note/deny_if/0 needs args.text"), 3u);
  EXPECT_EQ(report.undecided.at("/tools/refund/deny_if/0 needs args.amount"), 1u);
}

TEST(Replay, RefusalsThatNoPolicyMadeAreOutside) {
  Report report = replay(kDraft, {{.effect = "deny", .reason = "schema.arguments"},
                                  {.effect = "deny", .reason = "policy.hidden", .tool = "outside_the_role"},
                                  {.method = "tools/list"},
                                  {.kind = "intent"}});
  EXPECT_EQ(of(report, Change::Outside), 2u);
  EXPECT_EQ(report.judged, 2u) << "listing is no call that a policy decides about, an intent is no second call";
  EXPECT_EQ(report.outside.at("schema.arguments"), 1u);
}

constexpr std::string_view kLimited = R"(
version: "1"
default: allow
tools:
  refund:
    limits:
      - {counter: refunds, window: hour, max: 100, scope: grant, increment_from: args.amount}
)";

TEST(Replay, LimitsCountInTheOrderOfTheRecordedTimes) {
  // Written in the order in which calls ended: the one of 9:00 comes last.
  Report report = replay(kLimited, {{.arguments = R"({"amount":60})", .time = kNine + 20min},
                                    {.arguments = R"({"amount":60})", .time = kNine + 70min},
                                    {.arguments = R"({"amount":60})", .grant = "grt_2", .time = kNine + 21min},
                                    {.arguments = R"({"amount":60})", .time = kNine}});
  EXPECT_EQ(of(report, Change::NewlyDenied), 1u);
  ASSERT_EQ(report.differences.size(), 1u);
  const Difference& refused = report.differences[0];
  EXPECT_EQ(refused.sequence, 1u) << "the later of the two in one hour, though its record comes first";
  EXPECT_EQ(refused.now_reason, "limits.exceeded");
  EXPECT_EQ(refused.now_rule, "/tools/refund/limits/0");
  EXPECT_EQ(refused.why, "refunds: 60 of 100 would have been used, 60 more asked for");
  EXPECT_EQ(report.late, 0u);
}

TEST(Replay, CallsThatWouldNotHavePassedDoNotCount) {
  Report report = replay(kLimited, {{.arguments = R"({"amount":101})"},
                                    {.arguments = R"({"amount":100})", .reason = "upstream.connect", .time = kNine + 1min},
                                    {.arguments = R"({"amount":100})", .time = kNine + 2min}});
  EXPECT_EQ(of(report, Change::NewlyDenied), 1u);
  EXPECT_EQ(of(report, Change::Unchanged), 2u);
}

TEST(Replay, AnAmountThatWasNotKeptLeavesLaterCallsUndecided) {
  Report report = replay(kLimited, {{.arguments = R"({"amount":"<number>"})"},
                                    {.arguments = R"({"amount":1})", .time = kNine + 1min},
                                    {.arguments = R"({"amount":101})", .time = kNine + 1min}});
  EXPECT_EQ(of(report, Change::Undecided), 2u);
  EXPECT_EQ(of(report, Change::NewlyDenied), 1u) << "what could never fit is refused for certain";
}

TEST(Replay, CallsBeforeTheTimeAskedForOnlyCount) {
  std::vector<Told> calls{{.arguments = R"({"amount":60})"}, {.arguments = R"({"amount":60})", .time = kNine + 5min}};
  Report report = replay(kLimited, calls, {.since = kNine + 1min});
  EXPECT_EQ(report.judged, 1u);
  EXPECT_EQ(of(report, Change::NewlyDenied), 1u);
  report = replay(kLimited, calls, {.tool = "other"});
  EXPECT_EQ(report.judged, 0u);
}

TEST(Replay, CountsByCallerToolAndRule) {
  Report report = replay(kDraft, {{.arguments = R"({"amount":101})"}, {.arguments = R"({"amount":102})", .principal = "eve"}, {}});
  EXPECT_EQ(report.by_principal.at("eve")[0], 1u);
  EXPECT_EQ(report.by_grant.at("laptop (grt_1)")[0], 2u);
  EXPECT_EQ(report.by_tool.at("pay/refund")[0], 2u);
  EXPECT_EQ(report.by_rule.at("/tools/refund/deny_if/0")[0], 2u);
  EXPECT_EQ(report.by_tool.at("pay/refund")[static_cast<std::size_t>(Change::Unchanged)], 1u);
}

TEST(Replay, ADraftInShadowChangesNothingAndSaysWhatItWouldDo) {
  std::string shadow = "mode: shadow" + std::string(kDraft);
  Report report = replay(shadow, {{.arguments = R"({"amount":101})"}, {.tool = "wipe"}});
  EXPECT_EQ(of(report, Change::Unchanged), 2u);
  EXPECT_EQ(report.shadow.at("/tools/refund/deny_if/0"), 1u);
  EXPECT_EQ(report.shadow.at("/hide/0"), 1u);
}

TEST(Replay, KeepsSoManyDifferencesOfEachKindAndCountsTheRest) {
  std::vector<Told> calls(20, Told{.arguments = R"({"amount":101})"});
  calls.push_back({.tool = "wipe"});
  Report report = replay(kDraft, calls, {.kept = 5});
  EXPECT_EQ(report.differences.size(), 6u);
  EXPECT_EQ(report.not_kept, 15u);
  EXPECT_EQ(of(report, Change::NewlyDenied), 20u);
}

TEST(Replay, ManyNamesShareOneLine) {
  std::vector<Told> calls;
  for (std::size_t i = 0; i < kNamesMax + 10; ++i) calls.push_back({.principal = "p" + std::to_string(i)});
  Report report = replay(kDraft, calls);
  EXPECT_EQ(report.by_principal.size(), kNamesMax + 1);
  EXPECT_EQ(report.by_principal.at("(others)")[static_cast<std::size_t>(Change::Unchanged)], 10u);
}

TEST(Replay, RecordsThatAreNoneAreCountedAndPassedOver) {
  Replay run(draft_of(kDraft), {}, [](const RecordedCall&) { return Today{}; });
  for (std::string_view text :
       {"", "{", "[]", "{}", R"({"time":"x","kind":"call","method":"tools/call"})", "\xff", R"({"kind":"call","kind":"call"})"})
    run.add(1, text);
  run.finish();
  EXPECT_EQ(run.report().unreadable, 7u);
  EXPECT_EQ(run.report().judged, 0u);
}

TEST(Replay, WhatIsNotKnownTodayIsADoubtWhereARuleReadsIt) {
  auto text = R"({version: "1", default: allow, all_tools: {deny_if: [{conditions: [{path: tool.risk, op: eq, value: write}]}]}})";
  Replay run(draft_of(text), {}, [](const RecordedCall&) { return Today{}; });
  run.add(1, record({}));
  run.finish();
  EXPECT_EQ(run.report().undecided.begin()->first, "/all_tools/deny_if/0 needs tool.risk");
}

TEST(Replay, WhatASessionHadSeenIsNotInTheRecordAndNotGuessed) {
  constexpr std::string_view flows = R"(
version: "1"
default: allow
tools:
  read_mail: {labels: [untrusted]}
  send: {labels: [sink]}
flows:
  - {name: no-leak, after: {labels: [untrusted]}, then: {labels: [sink]}}
)";
  EXPECT_EQ(change(flows, {.tool = "read_mail"}), "unchanged") << "no rule speaks of it";
  EXPECT_EQ(change(flows, {.tool = "send"}), "undecided");
  constexpr std::string_view wanted = R"({version: "1", default: allow, tools: {send: {
    require: [{conditions: [{path: session.labels, op: contains, value: reviewed}]}]}}})";
  EXPECT_EQ(change(wanted, {.tool = "send"}), "undecided");
}

TEST(Replay, InspectionIsMadeOfArgumentsThatWereKeptWhole) {
  constexpr std::string_view inspecting = R"({version: "1", default: allow, inspect: {arguments: {secrets: deny}}})";
  EXPECT_EQ(change(inspecting, {.arguments = R"({"text":"nothing"})"}), "unchanged");
  EXPECT_EQ(change(inspecting, {.arguments = R"({"text":"<string, 40 bytes>"})"}), "undecided");
  EXPECT_EQ(change(inspecting, {.arguments = R"({"n":5})"}), "unchanged");
}

}  // namespace
}  // namespace callgate::backtest
