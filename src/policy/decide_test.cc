#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::Call;
using testing::compiled;
using testing::effect_of;
using testing::rule_of;

constexpr std::string_view kSeed = R"({"version":"1","default":"deny","hide":["delete_customer"],
 "all_tools":{"limits":[{"counter":"burst","window":"minute","max":30,"scope":"grant"}]},
 "tools":{"list_customers":{},"refund_payment":{
  "require":[{"conditions":[{"path":"args.currency","op":"in","value":["usd","eur"]}]}],
  "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":1000}],"on_deny":"Refund blocked: Amount exceeds developer limit."}],
  "limits":[{"counter":"daily_refunds","window":"day","max":5000,"scope":"grant","increment_from":"args.amount"}]}}})";

TEST(PolicyDecide, AllowsTheSmallRefundAndRefusesTheLargeOneInTheAuthorsWords) {
  auto policy = compiled(testing::read_file(std::string(CALLGATE_SOURCE_DIR) + "/examples/policies/payments.yaml"));
  ASSERT_TRUE(policy);
  Scratch scratch;
  Call small("refund_payment", R"({"charge_id": "ch_105", "amount": 50})");
  auto allowed = policy->decide(small.input, scratch);
  EXPECT_EQ(allowed.effect, Effect::Allow);
  EXPECT_EQ(allowed.reason, "ok");
  ASSERT_EQ(allowed.claims.size(), 2u);
  EXPECT_EQ(allowed.claims[0].key, "grant:grt_1:burst:minute:calendar");
  EXPECT_EQ(allowed.claims[1].key, "grant:grt_1:daily_refunds:day:calendar");
  EXPECT_EQ(allowed.claims[1].amount, Decimal(50));
  EXPECT_EQ(allowed.claims[1].max, Decimal(5000));

  Call large("refund_payment", R"({"charge_id": "ch_105", "amount": 5000})");
  auto refused = policy->decide(large.input, scratch);
  EXPECT_EQ(refused.effect, Effect::Deny);
  EXPECT_EQ(refused.message, "Refund blocked: Amount exceeds developer limit.");
  EXPECT_EQ(refused.reason, "policy.deny_if");
  EXPECT_EQ(refused.rule, "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(refused.line, 20u);
  EXPECT_TRUE(refused.claims.empty());
}

TEST(PolicyDecide, TakesTheFoundingFormatAsOneLineOfJson) {
  auto policy = compiled(kSeed);
  ASSERT_TRUE(policy);
  EXPECT_EQ(rule_of(*policy, "refund_payment", R"({"amount":50,"currency":"usd"})"), "allowed");
  EXPECT_EQ(rule_of(*policy, "refund_payment", R"({"amount":50,"currency":"gbp"})"), "/tools/refund_payment/require/0");
  EXPECT_EQ(rule_of(*policy, "refund_payment", R"({"amount":1000.01,"currency":"usd"})"), "/tools/refund_payment/deny_if/0");
  EXPECT_EQ(rule_of(*policy, "list_customers", "{}"), "allowed");
  EXPECT_EQ(rule_of(*policy, "delete_customer", "{}"), "/hide/0");
  EXPECT_EQ(rule_of(*policy, "other", "{}"), "/default");
}

TEST(PolicyDecide, AsksTheLayersInTheirOrder) {
  auto policy = compiled(R"(
version: "1"
default: deny
hide: [a]
all_tools:
  require: [{conditions: [{path: args.r, op: exists}]}]
  deny_if: [{conditions: [{path: args.d, op: exists}]}]
tools:
  t*:
    require: [{conditions: [{path: args.q, op: exists}]}]
  tx:
    deny_if: [{conditions: [{path: args.e, op: exists}]}]
    limits: [{counter: c, window: day, max: 5, increment_from: args.n}]
)");
  ASSERT_TRUE(policy);
  EXPECT_EQ(rule_of(*policy, "a", "{}"), "/hide/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"d":1})"), "/all_tools/require/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"r":1,"d":1})"), "/tools/t*/require/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"r":1,"q":1,"d":1,"e":1})"), "/all_tools/deny_if/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"r":1,"q":1,"e":1})"), "/tools/tx/deny_if/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"r":1,"q":1})"), "/tools/tx/limits/0");
  EXPECT_EQ(rule_of(*policy, "tx", R"({"r":1,"q":1,"n":1})"), "allowed");
  EXPECT_EQ(rule_of(*policy, "zz", R"({"r":1})"), "/default");
}

// T-28
TEST(PolicyDecide, AppliesEveryMatchingEntryAndLetsDenialsWin) {
  auto policy = compiled(R"(
version: "1"
default: allow
tools:
  "get_*": {require: [{conditions: [{path: args.a, op: exists}]}]}
  get_x: {allow: true, require: [{conditions: [{path: args.b, op: exists}]}]}
  "*_secret": {allow: false}
  get_secret: {}
  "get_?": {deny_if: [{conditions: [{path: args.c, op: exists}]}]}
)");
  ASSERT_TRUE(policy);
  EXPECT_EQ(rule_of(*policy, "get_x", R"({"b":1})"), "/tools/get_*/require/0");
  EXPECT_EQ(rule_of(*policy, "get_x", R"({"a":1})"), "/tools/get_x/require/0");
  EXPECT_EQ(rule_of(*policy, "get_x", R"({"a":1,"b":1,"c":1})"), "/tools/get_?/deny_if/0");
  EXPECT_EQ(rule_of(*policy, "get_x", R"({"a":1,"b":1})"), "allowed");
  EXPECT_EQ(rule_of(*policy, "get_secret", R"({"a":1})"), "/tools/*_secret/allow");
  EXPECT_EQ(rule_of(*policy, "put_secret", "{}"), "/tools/*_secret/allow");
  EXPECT_EQ(rule_of(*policy, "unlisted", "{}"), "allowed");
}

// T-28
TEST(PolicyDecide, NamesTheFirstRuleInDocumentOrder) {
  auto exact_first = compiled("version: \"1\"\ntools: {get_x: {allow: false}, \"get_*\": {allow: false}}\n");
  auto glob_first = compiled("version: \"1\"\ntools: {\"get_*\": {allow: false}, get_x: {allow: false}}\n");
  EXPECT_EQ(rule_of(*exact_first, "get_x", "{}"), "/tools/get_x/allow");
  EXPECT_EQ(rule_of(*glob_first, "get_x", "{}"), "/tools/get_*/allow");
}

TEST(PolicyDecide, ClaimsNothingForACallItRefuses) {
  auto policy = compiled(R"(
version: "1"
all_tools: {limits: [{counter: burst, window: minute, max: 5}]}
tools: {pay: {limits: [{counter: spend, window: day, max: 5, increment_from: args.amount}]}}
)");
  Scratch scratch;
  Call unlisted("other"), unusable("pay", R"({"amount":-1})");
  for (const Call* call : {&unlisted, &unusable}) {
    auto decision = policy->decide(call->input, scratch);
    EXPECT_EQ(decision.effect, Effect::Deny);
    EXPECT_TRUE(decision.claims.empty()) << call->input.tool;
  }
}

// T-28: a decision names the version it was made under
TEST(PolicyDecide, KeepsItsVersionWhileAnotherIsCompiled) {
  auto first = Policy::compile("p", 1, "version: \"1\"\ndefault: allow\n").policy;
  auto broken = Policy::compile("p", 2, "version: \"1\"\ndefault: alow\n");
  EXPECT_FALSE(broken.policy);
  EXPECT_EQ(first->version(), 1);
  EXPECT_EQ(first->default_effect(), Effect::Allow);
  EXPECT_EQ(rule_of(*first, "t", "{}"), "allowed");
}

// T-28: one policy behind two grants counts apart by grant, together by global
TEST(PolicyDecide, PutsTheScopeIntoTheCounterKey) {
  auto policy = compiled(R"(
version: "1"
tools:
  t:
    limits:
      - {counter: c, window: minute, max: 1, scope: global}
      - {counter: c, window: minute, max: 1, scope: server}
      - {counter: c, window: hour, max: 1, scope: policy}
      - {counter: c, window: hour, max: 1, scope: grant, kind: sliding}
      - {counter: c, window: day, max: 1, scope: principal, kind: token_bucket}
      - {counter: c, window: day, max: 1, scope: tool}
      - {counter: c, window: day, max: 1, scope: session, mode: shadow}
)");
  ASSERT_TRUE(policy);
  Call call("t");
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  ASSERT_EQ(decision.claims.size(), 7u);
  EXPECT_EQ(decision.claims[0].key, "global:*:c:minute:calendar");
  EXPECT_EQ(decision.claims[1].key, "server:0b0e:c:minute:calendar");
  EXPECT_EQ(decision.claims[2].key, "policy:test:c:hour:calendar");
  EXPECT_EQ(decision.claims[3].key, "grant:grt_1:c:hour:sliding");
  EXPECT_EQ(decision.claims[4].key, "principal:usr_anna:c:day:token_bucket");
  EXPECT_EQ(decision.claims[5].key, "tool:0b0e/t:c:day:calendar");
  EXPECT_TRUE(decision.claims[6].key.starts_with("session:") && decision.claims[6].key.ends_with(":c:day:calendar:shadow"))
      << decision.claims[6].key;
  EXPECT_EQ(decision.claims[6].key.find("s-1"), std::string_view::npos) << "the session id is a credential";
  EXPECT_TRUE(decision.claims[6].shadow);
  EXPECT_FALSE(decision.claims[0].shadow);
}

TEST(PolicyDecide, RefusesWhenALimitHasNothingToCountBy) {
  for (std::string scope : {"server", "grant", "principal", "tool", "session"}) {
    auto policy = compiled("version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: 1, scope: " + scope + "}]}}\n");
    Call call("t");
    call.input.server = nullptr;
    call.input.grant = nullptr;
    call.input.principal = nullptr;
    call.input.session_id = {};
    Scratch scratch;
    auto decision = policy->decide(call.input, scratch);
    EXPECT_EQ(decision.effect, Effect::Deny) << scope;
    EXPECT_EQ(decision.reason, "policy.error") << scope;
    EXPECT_TRUE(decision.claims.empty()) << scope;
  }
}

// T-21
TEST(PolicyDecide, RefusesIncrementsThatAreNotPlainAmounts) {
  auto policy =
      compiled("version: \"1\"\ntools: {pay: {limits: [{counter: spend, window: day, max: 5000, increment_from: args.amount}]}}\n");
  ASSERT_TRUE(policy);
  for (std::string_view bad : {R"({"amount":-1})", R"({"amount":-0.0001})", R"({"amount":"5000"})", R"({"amount":null})",
                               R"({"amount":[5]})", R"({"amount":true})", R"({"Amount":5})", "{}", R"({"amount":{"value":5}})",
                               R"({"amount":1.00000000000000000000000000000000000000000001})"}) {
    Call call("pay", bad);
    Scratch scratch;
    auto decision = policy->decide(call.input, scratch);
    EXPECT_EQ(decision.effect, Effect::Deny) << bad;
    EXPECT_EQ(decision.reason, "policy.limit_amount") << bad;
    EXPECT_EQ(decision.rule, "/tools/pay/limits/0");
    EXPECT_EQ(decision.message,
              "Blocked by policy: args.amount must be a number that is not negative. Do not retry with the same arguments.");
  }
  Call fraction("pay", R"({"amount":0.9})"), zero("pay", R"({"amount":0})"), huge("pay", R"({"amount":1e300})");
  Scratch scratch;
  EXPECT_EQ(policy->decide(fraction.input, scratch).claims[0].amount, Decimal::parse("0.9"));  // not rounded away
  EXPECT_EQ(policy->decide(zero.input, scratch).claims[0].amount, Decimal(0));
  EXPECT_EQ(policy->decide(huge.input, scratch).claims[0].amount, Decimal::parse("1e300"));  // exact, so it can never fit
  EXPECT_GT(policy->decide(huge.input, scratch).claims[0].amount, policy->decide(huge.input, scratch).claims[0].max);
}

TEST(PolicyDecide, TakesFromOneCounterOnceWhenSeveralLimitsNameIt) {
  auto policy = compiled(R"(
version: "1"
all_tools: {limits: [{counter: burst, window: minute, max: 30}]}
tools:
  "*": {limits: [{counter: burst, window: minute, max: 20}]}
  t: {limits: [{counter: burst, window: minute, max: 25}, {counter: burst, window: minute, max: 1, mode: shadow}]}
)");
  ASSERT_TRUE(policy);
  Call call("t");
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  ASSERT_EQ(decision.claims.size(), 2u);
  EXPECT_EQ(decision.claims[0].max, Decimal(20));
  EXPECT_EQ(decision.claims[0].amount, Decimal(1));
  EXPECT_EQ(decision.claims[0].rule, "/tools/*/limits/0");
  EXPECT_TRUE(decision.claims[1].shadow);
  EXPECT_NE(decision.claims[0].key, decision.claims[1].key);
}

// T-20
TEST(PolicyDecide, MatchesToolNamesByExactBytesOnly) {
  auto policy = compiled("version: \"1\"\ndefault: allow\nhide: [drop_table]\ntools: {refund: {allow: false}}\n");
  ASSERT_TRUE(policy);
  EXPECT_EQ(rule_of(*policy, "refund", "{}"), "/tools/refund/allow");
  for (std::string_view name : {"refund ", " refund", "refund\t", "refund\xc2\xa0",
                                "re\xe2\x80\x8b"
                                "fund",
                                "r\xd0\xb5"
                                "fund",
                                "\xef\xbd\x92"
                                "efund",
                                "caf\xc3\xa9", "cafe\xcc\x81", "drop_table\n", "", "a\x7f", "drop_table\r"}) {
    Call call(name);
    Scratch scratch;
    auto decision = policy->decide(call.input, scratch);
    EXPECT_EQ(decision.effect, Effect::Deny) << name;
    EXPECT_EQ(decision.reason, "policy.tool_name") << name;
  }
  EXPECT_EQ(rule_of(*policy, std::string("refund\0", 7), "{}"), "");
  EXPECT_EQ(rule_of(*policy, std::string(257, 'a'), "{}"), "");
  // another case is another tool: it is not the one the rule names, and the catalog's pins decide whether it exists
  EXPECT_EQ(rule_of(*policy, "Refund", "{}"), "allowed");
  EXPECT_FALSE(policy->hides("Drop_table"));
  EXPECT_TRUE(policy->hides("drop_table"));
}

TEST(PolicyDecide, RefusesBadNamesEvenInShadow) {
  auto policy = compiled("version: \"1\"\nmode: shadow\n");
  EXPECT_EQ(effect_of(*policy, "refund\xc2\xa0", "{}"), Effect::Deny);
  EXPECT_EQ(effect_of(*policy, "refund", "{}"), Effect::Allow);
}

TEST(PolicyDecide, RefusesArgumentsThatAreNoObject) {
  auto policy = compiled("version: \"1\"\ndefault: allow\n");
  for (std::string_view args : {"[]", "\"{}\"", "1", "null"}) {
    Call call("t", args);
    Scratch scratch;
    EXPECT_EQ(policy->decide(call.input, scratch).reason, "policy.error") << args;
  }
  Call call("t");
  call.input.arguments = {};
  Scratch scratch;
  EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Allow);
}

TEST(PolicyDecide, AsksForAReasonWhenTheDocumentDoes) {
  auto policy = compiled("version: \"1\"\ndefault: allow\nrequire_reason: true\n");
  EXPECT_TRUE(policy->requires_reason());
  Call call("t");
  Scratch scratch;
  EXPECT_EQ(policy->decide(call.input, scratch).reason, "policy.reason_required");
  EXPECT_EQ(policy->decide(call.input, scratch).rule, "/require_reason");
  EXPECT_EQ(policy->decide(call.input, scratch).line, 3u);
  call.input.stated_reason = " \n";
  EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Deny);
  call.input.stated_reason = "ticket 42";
  EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Allow);
}

TEST(PolicyDecide, ReportsShadowRulesWithoutBlocking) {
  auto policy = compiled(R"(
version: "1"
tools:
  t:
    require: [{mode: shadow, conditions: [{path: args.a, op: exists}], on_deny: "a is needed"}]
    deny_if: [{mode: shadow, conditions: [{path: args.n, op: gt, value: 5}]}]
    limits: [{mode: shadow, counter: c, window: day, max: 5, increment_from: args.n}]
)");
  ASSERT_TRUE(policy);
  Call call("t", R"({"n":"9"})");
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.effect, Effect::Allow);
  ASSERT_EQ(decision.shadow.size(), 3u);
  EXPECT_EQ(decision.shadow[0].rule, "/tools/t/require/0");
  EXPECT_EQ(decision.shadow[0].message, "a is needed");
  EXPECT_EQ(decision.shadow[1].rule, "/tools/t/deny_if/0");
  EXPECT_EQ(decision.shadow[1].message, "Blocked by policy: args.n must be given as a number. Do not retry with the same arguments.");
  EXPECT_EQ(decision.shadow[2].rule, "/tools/t/limits/0");
  EXPECT_TRUE(decision.claims.empty());
  Call fine("t", R"({"n":1,"a":1})");
  decision = policy->decide(fine.input, scratch);
  EXPECT_TRUE(decision.shadow.empty());
  ASSERT_EQ(decision.claims.size(), 1u);
  EXPECT_TRUE(decision.claims[0].shadow);
}

TEST(PolicyDecide, RunsAWholeDocumentInShadow) {
  auto policy = compiled(R"(
version: "1"
mode: shadow
require_reason: true
hide: [t]
methods: {"prompts/*": deny}
tools: {x: {}, t: {allow: false, limits: [{counter: c, window: day, max: 5}]}}
)");
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->shadow());
  EXPECT_FALSE(policy->hides("t"));
  EXPECT_TRUE(policy->allows_method("prompts/get"));
  Call call("t");
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.effect, Effect::Allow);
  ASSERT_EQ(decision.shadow.size(), 3u);
  EXPECT_EQ(decision.shadow[0].rule, "/hide/0");
  EXPECT_EQ(decision.shadow[1].rule, "/require_reason");
  EXPECT_EQ(decision.shadow[2].rule, "/tools/t/allow");
  ASSERT_EQ(decision.claims.size(), 1u);
  EXPECT_TRUE(decision.claims[0].shadow);
  call.input.method = "prompts/get";
  decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.effect, Effect::Allow);
  ASSERT_EQ(decision.shadow.size(), 1u);
  EXPECT_EQ(decision.shadow[0].rule, "/methods/prompts~1*");
}

// T-30, T-50
TEST(PolicyDecide, LetsServersAskClientsNothingUnlessALineSaysSo) {
  for (auto text : {"version: \"1\"\ndefault: allow\n", "version: \"1\"\ndefault: allow\nmode: shadow\n"}) {
    auto policy = compiled(text);
    ASSERT_TRUE(policy);
    for (std::string_view method : {"elicitation/create", "sampling/createMessage", "roots/list"}) {
      EXPECT_FALSE(policy->allows_method(method)) << method;
      Call call("");
      call.input.method = method;
      Scratch scratch;
      EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Deny) << method;
    }
  }
  auto policy = compiled("version: \"1\"\nmethods: {elicitation/create: allow}\n");
  EXPECT_TRUE(policy->allows_method("elicitation/create"));
  EXPECT_FALSE(policy->allows_method("sampling/createMessage"));
}

TEST(PolicyDecide, AppliesTheRulesAndLimitsOfAMethod) {
  auto policy = compiled(R"(
version: "1"
methods:
  "resources/*": {deny_if: [{conditions: [{path: args.uri, op: starts_with, value: "file:///etc/"}], on_deny: "Not that one."}]}
  resources/read: {limits: [{counter: reads, window: hour, max: 3}]}
  prompts/get: {allow: false}
)");
  ASSERT_TRUE(policy);
  Call call("", R"({"uri":"file:///etc/passwd"})");
  call.input.method = "resources/read";
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.effect, Effect::Deny);
  EXPECT_EQ(decision.message, "Not that one.");
  EXPECT_EQ(decision.rule, "/methods/resources~1*/deny_if/0");
  EXPECT_TRUE(decision.claims.empty());
  Call other("", R"({"uri":"file:///srv/a"})");
  other.input.method = "resources/read";
  decision = policy->decide(other.input, scratch);
  EXPECT_EQ(decision.effect, Effect::Allow);
  ASSERT_EQ(decision.claims.size(), 1u);
  EXPECT_EQ(decision.claims[0].counter, "reads");
  EXPECT_FALSE(policy->allows_method("prompts/get"));
}

// T-30
TEST(PolicyDecide, JudgesEveryMethod) {
  auto policy = compiled("version: \"1\"\ndefault: deny\nmethods: {\"resources/*\": allow, resources/subscribe: deny}\n");
  ASSERT_TRUE(policy);
  for (auto method : {"initialize", "ping", "tools/list", "notifications/initialized", "notifications/cancelled", "server/discover",
                      "tools/call", "resources/read"})
    EXPECT_TRUE(policy->allows_method(method)) << method;
  for (auto method : {"prompts/get", "resources/subscribe", "completion/complete", "sampling/createMessage", "", "Tools/call",
                      "initialize ", "resourcesX"})
    EXPECT_FALSE(policy->allows_method(method)) << method;
  for (std::string_view method : {"prompts/get", "resources/subscribe", "resources/read", "ping", ""}) {
    Call call("file:///x");
    call.input.method = method;
    Scratch scratch;
    auto decision = policy->decide(call.input, scratch);
    EXPECT_EQ(decision.effect == Effect::Allow, policy->allows_method(method)) << method;
    if (decision.effect == Effect::Deny) {
      EXPECT_EQ(decision.reason, "policy.method");
    }
  }
  EXPECT_TRUE(compiled("version: \"1\"\ndefault: allow\n")->allows_method("prompts/get"));
}

TEST(PolicyDecide, HidesByNameAndGlob) {
  auto policy = compiled("version: \"1\"\ndefault: allow\nhide: [a, \"del_*\", \"*_raw\", \"x?z\"]\n");
  ASSERT_TRUE(policy);
  for (auto name : {"a", "del_", "del_x", "q_raw", "xyz"}) EXPECT_TRUE(policy->hides(name)) << name;
  for (auto name : {"b", "del", "q_rawx", "xz", "xyyz", "A"}) EXPECT_FALSE(policy->hides(name)) << name;
  Call call("del_x");
  Scratch scratch;
  auto decision = policy->decide(call.input, scratch);
  EXPECT_EQ(decision.reason, "policy.hidden");
  EXPECT_EQ(decision.rule, "/hide/1");
  EXPECT_EQ(decision.message.find("hid"), std::string_view::npos) << "the answer must read as for an unknown tool";
}

}  // namespace
}  // namespace callgate::policy
