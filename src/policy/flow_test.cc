// Labels and rules over sequences, as far as a policy goes. T05, T06, T07 of the threat catalogue.

#include <gtest/gtest.h>

#include "policy/suppose.h"
#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::Call;
using testing::compiled;
using testing::problems_of;

constexpr std::string_view kTrifecta = R"(
version: "1"
default: allow
tools:
  read_issue: {labels: [untrusted]}
  read_file:
    labels:
      - {label: private, conditions: [{path: args.repo, op: neq, value: public}]}
  create_pull_request: {labels: [sink]}
flows:
  - {name: no-leak, after: {labels: [private, untrusted]}, then: {labels: [sink]}, on_deny: "not after that"}
)";

class Session {
 public:
  explicit Session(std::string_view text) : policy_(compiled(text)) {}
  Decision judge(std::string_view tool, std::string_view arguments = "{}", std::string_view server = "github") {
    call_.emplace(tool, arguments);
    call_->server.slug = server;
    call_->input.flow = &state;
    call_->input.now = now;
    return policy_->decide(call_->input, scratch_);
  }
  Decision send(std::string_view tool, std::string_view arguments = "{}", std::string_view server = "github") {
    Decision decision = judge(tool, arguments, server);
    if (decision.effect != Effect::Deny) state.add(decision.flow, now);
    return decision;
  }
  FlowState state;
  WallTime now{std::chrono::seconds(1'800'000'000)};

 private:
  std::shared_ptr<const Policy> policy_;
  std::optional<Call> call_;
  Scratch scratch_;
};

TEST(Flow, ClosesTheSinkOncePrivateAndUntrustedDataWereSeen) {  // T07
  Session session(kTrifecta);
  EXPECT_EQ(session.send("create_pull_request").effect, Effect::Allow);
  session.send("read_issue");
  EXPECT_EQ(session.send("create_pull_request").effect, Effect::Allow);
  session.send("read_file", R"({"repo":"secret"})");
  Decision decision = session.judge("create_pull_request");
  EXPECT_EQ(decision.effect, Effect::Deny);
  EXPECT_EQ(decision.reason, "policy.flow");
  EXPECT_EQ(decision.rule, "/flows/0");
  EXPECT_EQ(decision.message, "not after that");
  EXPECT_TRUE(decision.flow.labels.empty());
  EXPECT_EQ(session.judge("read_issue").effect, Effect::Allow);
}

TEST(Flow, ALabelWithConditionsIsOnlyOffWhenTheyFail) {
  for (auto [arguments, on] :
       {std::pair(R"({"repo":"public"})", false), {R"({"repo":"secret"})", true}, {"{}", true}, {R"({"repo":[1]})", true}}) {
    Session session(kTrifecta);
    session.send("read_file", arguments);
    EXPECT_EQ(session.state.label("private") != nullptr, on) << arguments;
  }
}

TEST(Flow, LabelsOfTheServerHoldForItsToolsUnderAnyPolicy) {
  auto policy = compiled("version: \"1\"\ndefault: allow\n");
  Call call("anything");
  Scratch scratch;
  EXPECT_FALSE(policy->decide(call.input, scratch).flow.noted);
  call.server.labels = {"private"};
  Decision decision = policy->decide(call.input, scratch);
  ASSERT_TRUE(decision.flow.noted);
  ASSERT_EQ(decision.flow.labels.size(), 1U);
  EXPECT_EQ(decision.flow.labels[0], "private");
  call.input.method = "resources/list";  // fetched by clients on their own
  EXPECT_TRUE(policy->decide(call.input, scratch).flow.labels.empty());
}

TEST(Flow, LabelsOfMethodsCount) {
  Session session(R"(
version: "1"
methods: {resources/read: {labels: [untrusted]}, prompts/get: {labels: [sink]}}
flows: [{name: x, after: {labels: [untrusted]}, then: {labels: [sink]}}]
)");
  auto policy = compiled(R"(
version: "1"
methods: {resources/read: {labels: [untrusted]}, prompts/get: {labels: [sink]}}
flows: [{name: x, after: {labels: [untrusted]}, then: {labels: [sink]}}]
)");
  Call call("file:///a");
  Scratch scratch;
  FlowState state;
  call.input.flow = &state;
  call.input.method = "resources/read";
  Decision read = policy->decide(call.input, scratch);
  ASSERT_EQ(read.effect, Effect::Allow);
  state.add(read.flow, call.input.now);
  call.input.method = "prompts/get";
  EXPECT_EQ(policy->decide(call.input, scratch).rule, "/flows/0");
}

TEST(Flow, ToolsThatWereCalledCountWithinTheirTime) {
  Session session(R"(
version: "1"
default: allow
flows:
  - name: calm
    after: {tools: ["delete_*", "crm/export"], within: 10m}
    then: {tools: [send_mail]}
    action: ask
    approvers: {role: finance}
)");
  EXPECT_EQ(session.judge("send_mail").effect, Effect::Allow);
  session.send("export", "{}", "files");
  EXPECT_EQ(session.judge("send_mail").effect, Effect::Allow);
  session.send("export", "{}", "crm");
  Decision decision = session.judge("send_mail");
  EXPECT_EQ(decision.effect, Effect::Ask);
  ASSERT_EQ(decision.ask.roles.size(), 1U);
  EXPECT_EQ(decision.ask.roles[0], "finance");
  EXPECT_EQ(decision.rule, "/flows/0");
  session.now += std::chrono::minutes(11);
  EXPECT_EQ(session.judge("send_mail").effect, Effect::Allow);
  session.now -= std::chrono::minutes(30);  // a clock that steps back opens nothing
  EXPECT_EQ(session.judge("send_mail").effect, Effect::Ask);
}

TEST(Flow, TheFirstValueOfASessionBindsIt) {  // T07
  Session session(R"(
version: "1"
default: allow
flows: [{name: one-repository, same: [args.owner, args.repo], tools: ["repo_*"]}]
)");
  EXPECT_EQ(session.judge("repo_read", R"({"owner":"acme"})").rule, "/flows/0");
  EXPECT_EQ(session.judge("repo_read", R"({"owner":"acme","repo":["x"]})").rule, "/flows/0");
  EXPECT_EQ(session.judge("repo_read", R"({"owner":"acme","repo":null})").rule, "/flows/0");
  EXPECT_EQ(session.send("repo_read", R"({"owner":"acme","repo":"a"})").effect, Effect::Allow);
  EXPECT_EQ(session.send("repo_write", R"({"owner":"acme","repo":"a"})").effect, Effect::Allow);
  EXPECT_EQ(session.send("repo_write", R"({"owner":"acme","repo":"b"})").rule, "/flows/0");
  EXPECT_EQ(session.send("repo_write", R"({"owner":"acmea","repo":""})").rule, "/flows/0");
  EXPECT_EQ(session.send("other", R"({"owner":"x","repo":"b"})").effect, Effect::Allow);
  for (const FlowBinding& one : session.state.bound) EXPECT_EQ(one.value.find("acme"), std::string::npos);
}

TEST(Flow, ASessionHasSoManyCalls) {
  Session session(R"(
version: "1"
default: allow
flows:
  - {name: short, calls_max: 3}
  - {name: one-mail, calls_max: 1, tools: [send_mail]}
)");
  EXPECT_EQ(session.send("send_mail").effect, Effect::Allow);
  EXPECT_EQ(session.send("send_mail").rule, "/flows/1");
  EXPECT_EQ(session.send("a").effect, Effect::Allow);
  EXPECT_EQ(session.send("a").effect, Effect::Allow);
  EXPECT_EQ(session.send("a").rule, "/flows/0");
}

TEST(Flow, WhatCannotBeToldIsTakenForTheWorst) {
  Session session(R"(
version: "1"
default: allow
tools:
  a: {deny_if: [{conditions: [{path: session.labels, op: contains, value: never-set}]}]}
  b: {require: [{conditions: [{path: session.labels, op: contains, value: never-set}]}]}
flows:
  - {name: after, after: {labels: [never-set]}, then: {tools: [c]}}
  - {name: same, same: [args.x], tools: [d]}
  - {name: count, calls_max: 100, tools: [e]}
)");
  for (auto tool : {"a", "c", "e"}) EXPECT_EQ(session.judge(tool).effect, Effect::Allow) << tool;
  EXPECT_EQ(session.judge("d", R"({"x":1})").effect, Effect::Allow);
  session.state.unknown = true;
  for (auto tool : {"a", "b", "c", "e"}) EXPECT_EQ(session.judge(tool).effect, Effect::Deny) << tool;
  EXPECT_EQ(session.judge("d", R"({"x":1})").effect, Effect::Deny);
}

TEST(Flow, AStateThatIsFullBecomesUnknown) {
  FlowState state;
  for (std::size_t i = 0; i <= FlowState::kToolsMax; ++i) {
    EXPECT_FALSE(state.unknown);
    state.add({{}, "srv/tool" + std::to_string(i), {}, true}, {});
  }
  EXPECT_TRUE(state.unknown);
}

TEST(Flow, ShadowRulesOnlyTell) {
  Session session(R"(
version: "1"
default: allow
tools: {read: {labels: [private]}}
flows: [{name: x, after: {labels: [private]}, then: {tools: [post]}, mode: shadow}]
)");
  session.send("read");
  Decision decision = session.judge("post");
  EXPECT_EQ(decision.effect, Effect::Allow);
  ASSERT_EQ(decision.shadow.size(), 1U);
  EXPECT_EQ(decision.shadow[0].rule, "/flows/0");
}

TEST(Flow, OrdinaryConditionsReadTheSession) {
  Session session(R"(
version: "1"
default: allow
tools:
  read: {labels: [private]}
  a: {deny_if: [{conditions: [{path: session.labels, op: contains, value: private}]}]}
  b: {require: [{conditions: [{path: session.tools, op: contains, value: read}]}]}
  c: {deny_if: [{conditions: [{path: session.calls, op: gte, value: 2}]}]}
)");
  EXPECT_EQ(session.judge("a").effect, Effect::Allow);
  EXPECT_EQ(session.judge("b").effect, Effect::Deny);
  EXPECT_EQ(session.judge("c").effect, Effect::Allow);
  session.send("read");
  session.send("read");
  EXPECT_EQ(session.judge("a").effect, Effect::Deny);
  EXPECT_EQ(session.judge("b").effect, Effect::Allow);
  EXPECT_EQ(session.judge("c").effect, Effect::Deny);
}

TEST(Flow, ProblemsNamePlaceAndFix) {
  auto with = [](std::string_view flow) { return problems_of("version: \"1\"\nflows:\n  - " + std::string(flow) + "\n"); };
  EXPECT_NE(with("{after: {tools: [a]}}").find("needs a `name`"), std::string::npos);
  EXPECT_NE(with("{name: x}").find("holds one of `after`"), std::string::npos);
  EXPECT_NE(with("{name: x, after: {tools: [a]}, same: [args.a]}").find("only one"), std::string::npos);
  EXPECT_NE(with("{name: x, after: {}}").find("names no labels and no tools"), std::string::npos);
  EXPECT_NE(with("{name: x, after: {tools: [a], within: soon}}").find("/flows/0/after/within"), std::string::npos);
  EXPECT_NE(with("{name: x, same: [grant.id]}").find("compares arguments"), std::string::npos);
  EXPECT_NE(with("{name: x, calls_max: -1}").find("whole number"), std::string::npos);
  EXPECT_NE(with("{name: x, calls_max: 1, approvers: {min: 2}}").find("`action: ask`"), std::string::npos);
  EXPECT_NE(with("{name: x, after: {labels: [Sink]}}").find("a label is named"), std::string::npos);
  EXPECT_NE(with("{name: x, calls_max: 1}\n  - {name: x, calls_max: 2}").find("two rules"), std::string::npos);
  EXPECT_NE(problems_of("version: \"1\"\nflow_session: agent\n").find("grant, session, client, trace"), std::string::npos);
  EXPECT_NE(
      problems_of("version: \"1\"\ntools: {t: {deny_if: [{conditions: [{path: session.labels, op: eq, value: x}]}]}}\n").find("is a list"),
      std::string::npos);
}

TEST(Flow, ALabelThatNothingSetsIsPointedOut) {
  std::string text =
      "version: \"1\"\ntools: {t: {labels: [private]}}\nflows:\n  - {name: x, after: {labels: [privat]}, then: {tools: [t]}}\n";
  auto problems = Policy::compile("p", 1, text).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].warning);
  EXPECT_EQ(problems[0].pointer, "/flows/0/after/labels/0");
  EXPECT_EQ(problems[0].line, 4U);
  EXPECT_NE(problems[0].message.find("did you mean `private`?"), std::string::npos);
}

TEST(Flow, TestsOfADocumentSayWhatWentBefore) {
  auto policy = compiled(std::string(kTrifecta) + R"(
  - {name: one-repository, same: [args.repo], tools: [read_file]}
tests:
  - {call: create_pull_request, expect: allow}
  - {after: [read_issue, {call: read_file, args: {repo: a}}], call: create_pull_request, expect: deny, rule: /flows/0}
  - {session: {labels: [private, untrusted]}, call: create_pull_request, expect: deny, rule: /flows/0}
  - {after: [{call: read_file, args: {repo: a}}], call: read_file, args: {repo: b}, expect: deny, rule: /flows/1}
  - {after: [{call: read_issue, server: {slug: x, labels: [private]}}], call: create_pull_request, expect: deny}
  - {after: [read_file], call: read_issue, expect: allow}
)");
  auto results = policy->run_tests();
  ASSERT_EQ(results.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(results[i].passed) << results[i].message;
  EXPECT_FALSE(results[5].passed);
  EXPECT_NE(results[5].message.find("the call before, read_file, is refused: deny by /flows/1"), std::string::npos);
}

TEST(Flow, WhatWentBeforeARecordedCallIsNotGuessed) {
  auto policy = compiled(std::string(kTrifecta) + R"(
  - {name: few, calls_max: 3, tools: [list], action: ask}
all_tools: {deny_if: [{conditions: [{path: session.labels, op: contains, value: private}], mode: shadow}]}
)");
  Scratch scratch;
  Supposition supposed;
  EXPECT_EQ(policy->suppose(Call("create_pull_request").input, supposed, scratch).effect, Effect::Allow);
  ASSERT_EQ(supposed.doubts.size(), 1U);
  EXPECT_EQ(supposed.doubts[0].rule, "/flows/0");
  EXPECT_EQ(supposed.doubts[0].layer, Doubt::Layer::DenyIf);
  (void)policy->suppose(Call("list").input, supposed, scratch);
  ASSERT_EQ(supposed.doubts.size(), 1U);
  EXPECT_EQ(supposed.doubts[0].layer, Doubt::Layer::Ask);
  (void)policy->suppose(Call("read_issue").input, supposed, scratch);
  EXPECT_TRUE(supposed.doubts.empty());
}

TEST(Flow, ExplainShowsTheRulesAndLabels) {
  auto policy = compiled(kTrifecta);
  Call call("create_pull_request");
  FlowState state;
  std::string_view labels[] = {"private", "untrusted"};
  state.add({labels, {}, {}, true}, call.input.now);
  call.input.flow = &state;
  Explanation explanation = policy->explain(call.input);
  EXPECT_EQ(explanation.effect, Effect::Deny);
  bool seen = false;
  for (const Step& step : explanation.steps)
    seen = seen || (step.layer == "flows" && step.outcome == "matched" &&
                    step.condition == "no-leak: after labels private, untrusted, calls of label sink");
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace callgate::policy
