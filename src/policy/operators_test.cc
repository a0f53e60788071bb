#include "policy/operators.h"

#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::compiled;
using testing::document_with;
using testing::effect_of;

// How one condition comes out on one argument `v`: require passes on True only, deny_if denies on anything but False,
// and with on_missing: ignore lets Missing pass. Together they tell the four outcomes apart.
std::string outcome(std::string_view condition, std::string_view arguments) {
  auto require = compiled(document_with("require", condition));
  auto deny = compiled(document_with("deny_if", condition));
  auto ignore = compiled(document_with("deny_if", condition, "on_missing: ignore"));
  if (!require || !deny || !ignore) return "refused";
  bool passes = effect_of(*require, "t", arguments) == Effect::Allow;
  bool denied = effect_of(*deny, "t", arguments) == Effect::Deny;
  bool denied_unless_missing = effect_of(*ignore, "t", arguments) == Effect::Deny;
  if (passes) return denied && denied_unless_missing ? "true" : "broken";
  if (!denied) return denied_unless_missing ? "broken" : "false";
  return denied_unless_missing ? "mistyped" : "missing";
}

struct Case {
  std::string_view condition, arguments, outcome;
};

void expect_all(std::initializer_list<Case> cases) {
  for (const auto& one : cases) EXPECT_EQ(outcome(one.condition, one.arguments), one.outcome) << one.condition << " on " << one.arguments;
}

// T-24
TEST(PolicyOperators, CompareByTypeNeverByText) {
  expect_all({
      {"{path: args.v, op: neq, value: main}", R"({"v":["main"]})", "mistyped"},
      {"{path: args.v, op: neq, value: main}", R"({"v":"dev"})", "true"},
      {"{path: args.v, op: eq, value: true}", R"({"v":"TRUE"})", "mistyped"},
      {"{path: args.v, op: eq, value: true}", R"({"v":"true"})", "mistyped"},
      {"{path: args.v, op: eq, value: true}", R"({"v":true})", "true"},
      {"{path: args.v, op: eq, value: true}", R"({"v":false})", "false"},
      {"{path: args.v, op: eq, value: true}", R"({"v":1})", "mistyped"},
      {"{path: args.v, op: eq, value: 1000}", R"({"v":"1e3"})", "mistyped"},
      {"{path: args.v, op: eq, value: 1000}", R"({"v":1e3})", "true"},
      {"{path: args.v, op: eq, value: 1000}", "{\"v\":\"\xef\xbc\x91\xef\xbc\x90\xef\xbc\x90\xef\xbc\x90\"}", "mistyped"},
      {"{path: args.v, op: gt, value: 1000}", R"({"v":"5000"})", "mistyped"},
      {"{path: args.v, op: eq, value: \"1000\"}", R"({"v":1000})", "mistyped"},
      {"{path: args.v, op: eq, value: USD}", R"({"v":"usd"})", "false"},
      {"{path: args.v, op: eq, value: usd}", R"({"v":null})", "mistyped"},
      {"{path: args.v, op: eq, value: null}", R"({"v":null})", "true"},
      {"{path: args.v, op: eq, value: null}", R"({"v":0})", "false"},
      {"{path: args.v, op: neq, value: null}", R"({"v":""})", "true"},
      {"{path: args.v, op: in, value: [usd, 1]}", R"({"v":1.0})", "true"},
      {"{path: args.v, op: in, value: [usd, eur]}", R"({"v":"eur"})", "true"},
      {"{path: args.v, op: in, value: [usd, eur]}", R"({"v":"gbp"})", "false"},
      {"{path: args.v, op: in, value: [usd, eur]}", R"({"v":["usd"]})", "mistyped"},
      {"{path: args.v, op: not_in, value: [usd, eur]}", R"({"v":"gbp"})", "true"},
      {"{path: args.v, op: not_in, value: [usd, eur]}", R"({"v":3})", "mistyped"},
  });
}

// T-05
TEST(PolicyOperators, CompareNumbersExactly) {
  expect_all({
      {"{path: args.v, op: gt, value: 9007199254740992}", R"({"v":9007199254740993})", "true"},
      {"{path: args.v, op: eq, value: 9007199254740992}", R"({"v":9007199254740993})", "false"},
      {"{path: args.v, op: lte, value: 0.3}", R"({"v":0.30000000000000001})", "false"},
      {"{path: args.v, op: lte, value: 0.3}", R"({"v":3e-1})", "true"},
      {"{path: args.v, op: lt, value: 0}", R"({"v":-0})", "false"},
      {"{path: args.v, op: gte, value: 18446744073709551666}", R"({"v":18446744073709551666})", "true"},
      {"{path: args.v, op: gt, value: 1000}", R"({"v":1000.0000000000000000000000000000000000000000001})", "mistyped"},
      {"{path: args.v, op: gt, value: 1000}", R"({"v":1e300})", "true"},
  });
}

// T-23
TEST(PolicyOperators, TellMissingFromMistyped) {
  expect_all({
      {"{path: args.v, op: gt, value: 1}", "{}", "missing"},
      {"{path: args.v, op: gt, value: 1}", R"({"v":null})", "mistyped"},
      {"{path: args.v.w, op: gt, value: 1}", R"({"v":{}})", "missing"},
      {"{path: args.v.w, op: gt, value: 1}", R"({"v":5})", "mistyped"},
      {"{path: args.v.w, op: gt, value: 1}", R"({"v":[{"w":5}]})", "mistyped"},
      {"{path: args.v.0.w, op: gt, value: 1}", R"({"v":[{"w":5}]})", "true"},
      {"{path: args.v.1.w, op: gt, value: 1}", R"({"v":[{"w":5}]})", "missing"},
      {"{path: args.v.0, op: gt, value: 1}", R"({"v":{"0":5}})", "true"},
      {"{path: args.v, op: exists}", "{}", "false"},
      {"{path: args.v, op: exists}", R"({"v":null})", "true"},
      {"{path: args.v, op: exists, value: false}", "{}", "true"},
      {"{path: args.v.w, op: exists, value: false}", R"({"v":1})", "true"},
      {"{path: /args/a.b, op: eq, value: x}", R"({"a.b":"x","a":{"b":"y"}})", "true"},
      {"{path: /args/a~1b, op: eq, value: x}", R"({"a/b":"x"})", "true"},
      {"{path: /args/a~0b, op: eq, value: x}", R"({"a~b":"x"})", "true"},
      {"{path: /args/, op: eq, value: x}", R"({"":"x"})", "true"},
      {"{path: args.v, op: eq, value: x}", R"({"V":"x"})", "missing"},
      {"{path: /args/\xc3\xa9, op: eq, value: x}", R"({"\u00e9":"x"})", "true"},
      {"{path: args.v.01, op: eq, value: x}", R"({"v":["a","x"]})", "mistyped"},
  });
}

TEST(PolicyOperators, CombineInKleeneLogic) {
  expect_all({
      {"{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}", R"({"a":2})", "false"},
      {"{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}", R"({"a":1})", "missing"},
      {"{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}", R"({"b":"1"})", "mistyped"},
      {"{any_of: [{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}]}", R"({"b":1})", "true"},
      {"{any_of: [{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}]}", R"({"b":2})", "missing"},
      {"{any_of: [{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}]}", R"({"a":2,"b":2})", "false"},
      {"{not: {path: args.a, op: eq, value: 1}}", R"({"a":2})", "true"},
      {"{not: {path: args.a, op: eq, value: 1}}", R"({"a":1})", "false"},
      {"{not: {path: args.a, op: eq, value: 1}}", R"({"a":"1"})", "mistyped"},
      {"{not: {path: args.a, op: eq, value: 1}}", "{}", "missing"},
      {"{not: [{path: args.a, op: eq, value: 1}, {path: args.b, op: eq, value: 1}]}", R"({"a":1,"b":2})", "true"},
      {"{all_of: [{not: {path: args.a, op: exists}}, {any_of: [{path: args.b, op: exists}]}]}", R"({"b":1})", "true"},
  });
}

TEST(PolicyOperators, LookThroughArrays) {
  expect_all({
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[{"p":1},{"p":11}]})", "true"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[{"p":1}]})", "false"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[]})", "false"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[{"q":1}]})", "missing"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[{"p":"11"}]})", "mistyped"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":[7]})", "mistyped"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", R"({"v":{"p":11}})", "mistyped"},
      {"{path: args.v, any: {path: p, op: gt, value: 10}}", "{}", "missing"},
      {"{path: args.v, all: {path: \".\", op: in, value: [a, b]}}", R"({"v":["a","b"]})", "true"},
      {"{path: args.v, all: {path: \"\", op: in, value: [a, b]}}", R"({"v":["a","c"]})", "false"},
      {"{path: args.v, all: {path: \".\", op: in, value: [a, b]}}", R"({"v":["a",1]})", "mistyped"},
      {"{path: args.v, none: {path: \".\", op: starts_with, value: x}}", R"({"v":["a","xb"]})", "false"},
      {"{path: args.v, none: {path: \".\", op: starts_with, value: x}}", R"({"v":["a"]})", "true"},
      {"{path: args.v, any: [{path: p, op: gt, value: 10}, {path: q, op: eq, value: 1}]}", R"({"v":[{"p":11,"q":2},{"p":1,"q":1}]})",
       "false"},
      {"{path: args.v, any: {path: w, all: {path: \".\", op: gt, value: 1}}}", R"({"v":[{"w":[1,2]},{"w":[2,3]}]})", "true"},
      {"{path: args.v, op: contains, value: b}", R"({"v":["a","b"]})", "true"},
      {"{path: args.v, op: contains, value: b}", R"({"v":["a"]})", "false"},
      {"{path: args.v, op: contains, value: b}", R"({"v":["a",["b"]]})", "mistyped"},
      {"{path: args.v, op: contains, value: b}", R"({"v":"abc"})", "true"},
      {"{path: args.v, op: contains, value: 2}", R"({"v":[1,2.0]})", "true"},
      {"{path: args.v, op: contains, value: 2}", R"({"v":"2"})", "mistyped"},
  });
}

TEST(PolicyOperators, MeasureTextInCharactersAndListsInElements) {
  expect_all({
      {"{path: args.v, op: length_lte, value: 3}", R"({"v":"\u00e9\u00e9\u00e9"})", "true"},
      {"{path: args.v, op: length_lte, value: 3}", R"({"v":"abcd"})", "false"},
      {"{path: args.v, op: length_gte, value: 2}", R"({"v":[1,2]})", "true"},
      {"{path: args.v, op: length_gte, value: 2}", R"({"v":{"a":1,"b":2}})", "mistyped"},
      {"{path: args.v, op: length_lte, value: 3}", R"({"v":12})", "mistyped"},
  });
}

// T-25
TEST(PolicyOperators, MatchTheWholeTextOnly) {
  expect_all({
      {"{path: args.v, op: matches, value: \"SELECT [a-z ]+\"}", R"({"v":"SELECT a"})", "true"},
      {"{path: args.v, op: matches, value: \"^SELECT\"}", R"({"v":"SELECT 1; DROP TABLE x"})", "false"},
      {"{path: args.v, op: matches, value: \"^SELECT$\"}", R"({"v":"SELECT\n"})", "false"},
      {"{path: args.v, op: matches, value: \"(?m)^SELECT$\"}", R"({"v":"SELECT\nDROP"})", "false"},
      {"{path: args.v, op: matches, value: \"a|b\"}", R"({"v":"ab"})", "false"},
      {"{path: args.v, op: matches, value: \".*DROP.*\"}", R"({"v":"SELECT 1;\nDROP TABLE x"})", "true"},  // a line break hides nothing
      {"{path: args.v, op: matches, value: \".*DROP.*\"}", R"({"v":"SELECT 1;\u2028DROP TABLE x"})", "true"},
      {"{path: args.v, op: matches, value: \".*drop.*\"}", R"({"v":"DROP"})", "false"},
      {"{path: args.v, op: matches, value: \"(?i).*drop.*\"}", R"({"v":"x DrOp y"})", "true"},
      {"{path: args.v, op: matches, value: \"[0-9]+\"}", R"({"v":12})", "mistyped"},
      {"{path: args.v, op: glob, value: \"report_*\"}", R"({"v":"report_a\nb"})", "true"},
      {"{path: args.v, op: glob, value: \"report_*\"}", R"({"v":"a report_"})", "false"},
      {"{path: args.v, op: glob, value: \"a.b\"}", R"({"v":"axb"})", "false"},
      {"{path: args.v, op: glob, value: \"a[b]?\"}", R"({"v":"a[b]c"})", "true"},
      {"{path: args.v, op: starts_with, value: ab}", R"({"v":"abc"})", "true"},
      {"{path: args.v, op: ends_with, value: bc}", R"({"v":"abc"})", "true"},
      {"{path: args.v, op: ends_with, value: bc}", R"({"v":5})", "mistyped"},
  });
}

// T-25: what makes backtracking engines stand still must stay linear here, and ten megabytes must pass
TEST(PolicyOperators, StayLinearOnHostilePatternsAndHugeSubjects) {
  std::string many = "{\"v\":\"" + std::string(10'000'000, 'a') + "b\"}";
  testing::Call call("t", many);
  for (std::string_view pattern : {"(a+)+", "(a|aa)+", "(a*)*c", "(.*)*(.*)*x", "((a{0,30}){0,30})*"}) {
    auto policy = compiled(document_with("require", "{path: args.v, op: matches, value: \"" + std::string(pattern) + "\"}"));
    ASSERT_TRUE(policy) << pattern;
    Scratch scratch;
    EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Deny) << pattern;
  }
  auto allowing = compiled(document_with("require", "{path: args.v, op: matches, value: \"(a|b)+\"}"));
  Scratch scratch;
  EXPECT_EQ(allowing->decide(call.input, scratch).effect, Effect::Allow);
  std::string needle(500, 'a');
  auto contains = compiled(document_with("deny_if", "{path: args.v, op: contains, value: " + needle + "c}"));
  EXPECT_EQ(contains->decide(call.input, scratch).effect, Effect::Allow);
  std::string stars;
  for (int i = 0; i < 60; ++i) stars += "*a";
  auto glob = compiled(document_with("deny_if", "{path: args.v, op: glob, value: \"" + stars + "c\"}"));
  EXPECT_EQ(glob->decide(call.input, scratch).effect, Effect::Allow);
}

TEST(PolicyOperators, ReadWhoCallsAndWhen) {
  auto policy = compiled(R"(
version: "1"
tools:
  t:
    require:
      - conditions:
          - {path: principal.id, op: eq, value: usr_anna}
          - {path: principal.name, op: eq, value: anna}
          - {path: principal.kind, op: eq, value: user}
          - {path: grant.id, op: eq, value: grt_1}
          - {path: grant.label, op: eq, value: dev-laptop}
          - {path: server.id, op: eq, value: "0b0e"}
          - {path: server.slug, op: eq, value: payments}
          - {path: server.name, op: eq, value: Payments}
          - {path: tool.name, op: eq, value: t}
          - {path: session.id, op: eq, value: s-1}
          - {path: session.client, op: glob, value: "claude-code*"}
          - {path: time.hour, op: eq, value: 9}
          - {path: time.minute, op: eq, value: 0}
          - {path: time.weekday, op: in, value: [mon, tue]}
          - {path: time.date, op: eq, value: "2026-07-28"}
          - {path: time.iso, op: eq, value: "2026-07-28T09:00:00Z"}
    deny_if:
      - conditions: [{path: principal.owner, op: exists}]
      - conditions: [{path: grant.role, op: exists}]
      - conditions: [{path: tool.risk, op: exists}]
      - conditions: [{path: reason, op: exists}]
)");
  ASSERT_TRUE(policy);
  EXPECT_EQ(testing::rule_of(*policy, "t", "{}"), "allowed");
  testing::Call stranger("t");
  stranger.input.principal = nullptr;
  stranger.input.grant = nullptr;
  Scratch scratch;
  EXPECT_EQ(policy->decide(stranger.input, scratch).effect, Effect::Deny);
}

TEST(PolicyOperators, MatchGlobsWithoutSurprises) {
  EXPECT_TRUE(glob_match("a*c*e", "abcde"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("**", "x"));
  EXPECT_FALSE(glob_match("a*c", "abd"));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_TRUE(glob_match("?", "a"));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_FALSE(glob_match("[a]", "a"));
}

}  // namespace
}  // namespace callgate::policy
