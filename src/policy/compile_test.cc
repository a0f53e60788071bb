#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using testing::document_with;
using testing::problems_of;

struct Bad {
  std::string_view text;
  std::string_view part;  // of the formatted problems
};

// T-29
TEST(PolicyCompile, RefusesWhatIsWrongWithPointerAndLine) {
  const Bad kCases[] = {
      {"version: \"2\"\n", "p:1:10: error: version `2` is not known: write `version: \"1\"` (/version)"},
      {"default: deny\n", "p:1:1: error: the document has no `version`"},
      {"version: \"1\"\ndefualt: deny\n", "p:2:1: error: unknown field `defualt` in the document; did you mean `default`? (/defualt)"},
      {"version: \"1\"\ndefault: maybe\n", "p:2:10: error: `default` is `maybe`: write one of allow, deny (/default)"},
      {"version: \"1\"\ndefault: deny\ndefault: allow\n", "p:3:1: error: the key `default` is given twice"},
      {"{\"version\":\"1\",\n\"tools\":{\"a\":{},\"\\u0061\":{}}}", "the key `a` is given twice: keep one of them (/tools/a)"},
      {"version: \"1\"\nhide: [a, a]\n", "p:2:11: error: `a` is listed twice: keep one of them (/hide/1)"},
      {"version: \"1\"\nhide: x\n", "`hide` takes a list"},
      {"version: \"1\"\nhide: [\"a \"]\n", "`hide` takes tool names"},
      {"version: \"1\"\nrequire_reason: yes\n", "`require_reason` takes true or false"},
      {"version: \"1\"\nmode: dry\n", "`mode` is `dry`: write one of enforce, shadow"},
      {"version: \"1\"\nmethods: {tools/call: deny}\n", "`tools/call` is judged by `tools`"},
      {"version: \"1\"\nmethods: {ping: deny}\n", "`ping` always passes"},
      {"version: \"1\"\nmethods: {\"prompts/*\": denied}\n", "write one of allow, deny (/methods/prompts~1*)"},
      {"version: \"1\"\ntools: {t: {alow: true}}\n", "unknown field `alow` in a tool; did you mean `allow`? (/tools/t/alow)"},
      {"version: \"1\"\ntools: {t: }\n", "write `{}` for a tool without rules"},
      {"version: \"1\"\ntools: {\"r\xc3\xa9"
       "fund\": {}}\n",
       "can never be called"},
      {"version: \"1\"\nall_tools: {allow: false}\n", "unknown field `allow` in all_tools"},
      {"version: \"1\"\ntools: {t: {require: [{path: args.a, op: eq, value: 1}]}}\n", "a rule holds its conditions in a list"},
      {"version: \"1\"\ntools: {t: {require: [{}]}}\n", "the rule has no `conditions`"},
      {"version: \"1\"\ntools: {t: {deny_if: [{conditions: []}]}}\n", "the list of conditions is empty"},
      {"version: \"1\"\ntools: {t: {require: [{conditions: [{path: args.a, op: exists}], on_missing: deny}]}}\n",
       "unknown field `on_missing` in a require rule"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: -1}]}}\n",
       "p:2:53: error: `max` must not be negative (/tools/t/limits/0/max)"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: \"5\"}]}}\n", "`max` takes a number"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: .inf}]}}\n", "`max` takes a number"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: week, max: 1}]}}\n", "write one of minute, hour, day"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: \"a:b\", window: day, max: 1}]}}\n", "a counter is named with letters"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, max: 1}]}}\n", "the limit has no `window`"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: 1, increment: -2}]}}\n", "`increment` must not be negative"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: 1, increment: 0}]}}\n", "never counts"},
      {"version: \"1\"\ntools: {t: {limits: [{counter: c, window: day, max: 1, increment_from: principal.id}]}}\n",
       "`increment_from` reads a number from the arguments"},
      {"version: \"1\"\ntests: [{call: t, expect: deny, repeat: 0}]\n", "`repeat` takes a whole number"},
      {"version: \"1\"\ntests: [{call: t, expect: allow, rule: /x}]\n", "expect deny"},
      {"version: \"1\"\ntests: [{call: t}]\n", "the test has no `expect`"},
      {"version: \"1\"\ntests: [{call: t, expect: deny, args: {a: 010}}]\n", "put it in quotes"},
      {"version: \"1\"\ntests: [{call: t, expect: deny, args: {a: 1, A: 2}}]\n", "no client could send these arguments"},
      {"version: \"1\"\ntests: [{call: t, expect: deny, at: noon}]\n", "`at` takes a time"},
      {"- version\n", "the document is a map of fields, not a list"},
  };
  for (const auto& bad : kCases) {
    auto made = Policy::compile("p", 1, bad.text);
    EXPECT_FALSE(made.policy) << bad.text;
    auto shown = format_problems(made.problems, "p");
    EXPECT_NE(shown.find(bad.part), std::string::npos) << bad.text << "\n" << shown;
  }
}

// T-29
TEST(PolicyCompile, RefusesBadConditions) {
  const Bad kCases[] = {
      {"{path: args.a, op: equals, value: 1}", "unknown operator `equals`"},
      {"{path: args.a, op: grt, value: 1}", "did you mean `gt`?"},
      {"{path: args.a, op: matches, value: \"(\"}", "not a valid RE2 pattern"},
      {"{path: args.a, op: matches, value: \"(?!x)y\"}", "look-around"},
      {"{path: args.a, op: matches, value: \"((a{1000}){1000}){9}\"}", "not a valid RE2 pattern"},
      {"{path: args.a, op: gt, value: \"1000\"}", "`gt` takes a number without quotes, not text"},
      {"{path: args.a, op: eq, value: [1]}", "use `in` or `not_in` for a list"},
      {"{path: args.a, op: eq, value: yes}", "put it in quotes"},
      {"{path: args.a, op: eq, value: 0x10}", "put it in quotes"},
      {"{path: args.a, op: eq, value: True}", "put it in quotes"},
      {"{path: args.a, op: in, value: usd}", "`in` takes a list"},
      {"{path: args.a, op: in, value: []}", "is empty"},
      {"{path: args.a, op: eq}", "`eq` needs a `value`"},
      {"{path: args.a, op: exists, value: 1}", "`exists` takes true or false"},
      {"{path: args.a, op: length_lte, value: -1}", "whole number"},
      {"{path: args.a, op: path_within, value: workspace}", "no plain absolute path"},
      {"{path: args.a, op: path_within, value: /w, base: w}", "`base` takes the plain absolute path"},
      {"{path: args.a, op: eq, value: /w, base: /w}", "`base` goes with `path_within` only"},
      {"{path: args.a, op: path_within, value: \"~/x\"}", "no plain absolute path"},
      {"{path: args.a, op: path_within, value: [/w, 'C:\\w']}", "belongs to another system"},
      {"{path: args.a, op: path_within, value: 'C:\\w', base: /w}", "`base` takes the plain absolute path"},
      {"{path: args.a, op: path_within, value: /w, home: ~}", "`home` takes the plain absolute path"},
      {"{path: args.a, op: eq, value: /w, home: /w}", "`home` goes with `path_within` only"},
      {"{path: args.a, op: path_within, value: /w, opener: shell}", "`opener` takes file_server"},
      {"{path: args.a, op: eq, value: /w, opener: file_server}", "`opener` goes with `path_within` only"},
      {"{path: args.a, op: path_within, value: /w, ignore_case: 1}", "`ignore_case` takes true or false"},
      {"{path: args.a, op: eq, value: /w, ignore_case: true}", "`ignore_case` goes with `path_within` only"},
      {"{path: args.a, op: url_host_in, value: \"https://x.org\"}", "no host name"},
      {"{path: args.a, op: cidr_in, value: 10.0.0.0/33}", "no address range"},
      {"{path: args.a, op: email_domain_in, value: \"@x.org\"}", "no host name"},
      {"{path: args.a, op: command_is, value: \"git; ls\"}", "no plain command"},
      {"{path: args.a, op: sql_is, value: selekt}", "no kind of SQL statement; did you mean `select`?"},
      {"{path: args.a, op: sql_is, value: [read_only, select]}", "stands alone"},
      {"{path: args.a, op: sql_is, value: select, dialect: db2}", "no dialect"},
      {"{path: args.a, op: eq, value: select, dialect: mysql}", "`dialect` goes with `sql_is` only"},
      {"{op: eq, value: 1}", "the condition has no `path`"},
      {"{path: args.a, value: 1}", "the condition has no `op`"},
      {"{path: amount, op: eq, value: 1}", "an argument is written `args.amount`"},
      {"{path: principal.nam, op: eq, value: x}", "nothing is readable at `principal.nam`; did you mean `principal.name`?"},
      {"{path: env.HOME, op: eq, value: x}", "nothing is readable"},
      {"{path: args..a, op: eq, value: x}", "is no path"},
      {"{path: /args/~2, op: eq, value: x}", "no JSON pointer"},
      {"{path: principal.id, op: gt, value: 1}", "can never hold"},
      {"{path: time.hour, op: eq, value: \"9\"}", "can never hold"},
      {"{path: time.weekday, op: eq, value: Monday}", "no weekday"},
      {"{path: principal.kind, op: eq, value: bot}", "no kind of principal"},
      {"{any_of: []}", "the list of conditions is empty"},
      {"{any_of: [{path: args.a, op: exists}], all_of: [{path: args.a, op: exists}]}", "holds both"},
      {"{not: {path: args.a, op: exists}, op: eq}", "`op` does not go with `not`"},
      {"{any: {path: x, op: exists}}", "the condition has no `path`"},
      {"{path: principal.id, any: {path: x, op: exists}}", "looks through a list in the arguments"},
      {"{path: args.a, op: eq, value: 1, negate: true}", "unknown field `negate` in a condition"},
      {"{path: args.a, op: eq, value: 1e999}", "too large an exponent"},
      {"5", "a condition is a map of fields, not a number"},
  };
  for (const auto& bad : kCases) {
    auto made = Policy::compile("p", 1, document_with("deny_if", bad.text));
    EXPECT_FALSE(made.policy) << bad.text;
    auto shown = format_problems(made.problems, "p");
    EXPECT_NE(shown.find(bad.part), std::string::npos) << bad.text << "\n" << shown;
    EXPECT_NE(shown.find("(/tools/t/deny_if/0/conditions"), std::string::npos) << shown;
  }
}

TEST(PolicyCompile, RefusesWhatThisVersionDoesNotHaveYet) {
  for (std::string_view text : {"version: \"1\"\nall_tools: {redact: []}\n", "version: \"1\"\nredact: {}\n"}) {
    auto made = Policy::compile("p", 1, text);
    EXPECT_FALSE(made.policy) << text;
    ASSERT_FALSE(made.problems.empty());
    EXPECT_NE(made.problems[0].message.find("does not exist in this version yet"), std::string::npos) << made.problems[0].message;
  }
}

// T-29: all at once, nothing half applied
TEST(PolicyCompile, ReportsEveryProblemInOnePass) {
  auto made = Policy::compile("p", 1, R"(version: "3"
defalt: deny
hide: [a, a]
tools:
  t:
    require:
      - conditions: [{path: args.a, op: eqq, value: 1}]
    limits:
      - {counter: c, window: day, max: -5}
)");
  EXPECT_FALSE(made.policy);
  ASSERT_EQ(made.problems.size(), 5u) << format_problems(made.problems, "p");
  std::uint32_t lines[] = {1, 2, 3, 7, 9};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(made.problems[i].line, lines[i]) << made.problems[i].message;
  EXPECT_EQ(made.problems[3].pointer, "/tools/t/require/0/conditions/0/op");
  EXPECT_EQ(made.problems[3].column, 41u);
}

// T-28
TEST(PolicyCompile, WarnsAboutCombinationsThatCancelEachOther) {
  auto made = Policy::compile("p", 1, R"(version: "1"
hide: ["del_*"]
tools:
  del_x: {require: [{conditions: [{path: args.a, op: exists}]}]}
  get_x: {allow: true}
  "get_*": {allow: false}
methods: {"resources/*": deny, resources/read: allow}
)");
  EXPECT_TRUE(made.policy);
  auto shown = format_problems(made.problems, "p");
  EXPECT_NE(shown.find("warning: the tool is hidden by /hide/0"), std::string::npos) << shown;
  EXPECT_NE(shown.find("warning: `get_*` denies this tool"), std::string::npos) << shown;
  EXPECT_NE(shown.find("warning: `resources/*` denies this method"), std::string::npos) << shown;
  EXPECT_EQ(made.problems.size(), 3u);
}

TEST(PolicyCompile, WarnsWhenOneCounterAddsUpDifferentThings) {
  auto made = Policy::compile("p", 1,
                              "version: \"1\"\ntools: {a: {limits: [{counter: c, window: day, max: 5}]}, b: {limits: [{counter: c, window: "
                              "day, max: 5, increment_from: args.n}]}}\n");
  ASSERT_TRUE(made.policy);
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_TRUE(made.problems[0].warning);
}

// T-25: what patterns cost is bounded for the document, not only for each
TEST(PolicyCompile, RefusesPatternsThatAreTooLargeTogether) {
  std::string conditions, small;
  for (int i = 0; i < 400; ++i)
    conditions += "{path: args.a, op: matches, value: \"((a{1,30}){1,30}\\\\pL{20}" + std::to_string(i) + ")\"},";
  for (int i = 0; i < 1001; ++i) small += "{path: args.a, op: glob, value: \"x*\"},";
  for (const auto& text : {conditions, small}) {
    auto made = Policy::compile("p", 1, document_with("deny_if", text));
    EXPECT_FALSE(made.policy);
    ASSERT_EQ(made.problems.size(), 1u);
    EXPECT_NE(made.problems[0].message.find("too large together"), std::string::npos) << made.problems[0].message;
  }
  std::string refused;
  for (int i = 0; i < 400; ++i) refused += "{path: args.a, op: matches, value: \"((a{1000}){1000}){" + std::to_string(i) + "}\"},";
  EXPECT_LE(Policy::compile("p", 1, document_with("deny_if", refused)).problems.size(), 60u);
}

TEST(PolicyCompile, StopsListingProblemsBeforeNobodyReadsThem) {
  std::string text = "version: \"1\"\ntools:\n";
  for (int i = 0; i < 5000; ++i) text += "  t" + std::to_string(i) + ": {x: 1}\n";
  EXPECT_LE(Policy::compile("p", 1, text).problems.size(), 200u);
}

}  // namespace
}  // namespace callgate::policy
