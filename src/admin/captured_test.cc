// What the record keeps of arguments and what is read back from it belong to two rooms: here they are held against each other. Whatever a
// back-test says for certain about reduced arguments must be what the gate said about the arguments themselves.
#include <gtest/gtest.h>

#include <random>

#include "audit/audit.h"
#include "model/captured.h"
#include "policy/policy.h"
#include "policy/suppose.h"

namespace callgate::admin {
namespace {

constexpr std::string_view kConditions[] = {
    "{path: args.a, op: eq, value: usd}",
    "{path: args.a, op: neq, value: usd}",
    "{path: args.a, op: eq, value: /etc/passwd}",
    "{path: args.a, op: in, value: [usd, Anna Bell, 5]}",
    "{path: args.a, op: not_in, value: [usd, secretly]}",
    "{path: args.a, op: eq, value: 5}",
    "{path: args.a, op: eq, value: true}",
    "{path: args.a, op: eq, value: null}",
    "{path: args.a, op: gt, value: 4}",
    "{path: args.a, op: lte, value: 4}",
    "{path: args.a, op: exists, value: true}",
    "{path: args.a, op: exists, value: false}",
    "{path: args.a, op: contains, value: e}",
    "{path: args.a, op: contains, value: 5}",
    "{path: args.a, op: contains, value: a text that is rather long}",
    "{path: args.a, op: starts_with, value: Anna}",
    "{path: args.a, op: ends_with, value: passwd}",
    "{path: args.a, op: matches, value: '[a-z]+'}",
    "{path: args.a, op: glob, value: 'A*'}",
    "{path: args.a, op: length_lte, value: 3}",
    "{path: args.a, op: length_gte, value: 4}",
    "{path: args.a, op: path_within, value: /etc}",
    "{path: args.a, op: url_host_in, value: example.com}",
    "{path: args.a, op: cidr_in, value: 10.0.0.0/8}",
    "{path: args.a, op: email_domain_in, value: example.com}",
    "{path: args.a, op: sql_is, value: read_only}",
    "{path: args.a, op: command_is, value: [ls]}",
    "{path: args.a.b, op: eq, value: usd}",
    "{path: args.a.0, op: eq, value: usd}",
    "{path: args.a.b.c, op: exists, value: true}",
    "{path: args.password, op: eq, value: usd}",
    "{path: args.password.b, op: exists, value: false}",
    "{path: args.a, any: [{path: ., op: eq, value: usd}]}",
    "{path: args.a, all: [{path: ., op: length_gte, value: 2}]}",
    "{path: args.a, none: [{path: b, op: eq, value: 5}]}",
    "{not: [{path: args.a, op: contains, value: e}]}",
    "{any_of: [{path: args.a, op: eq, value: usd}, {path: args.c, op: gt, value: 4}]}",
    "{all_of: [{path: args.a, op: exists, value: true}, {path: args.c, op: matches, value: '.*e.*'}]}",
};

constexpr std::string_view kScalars[] = {"\"usd\"",
                                         "\"Anna Bell\"",
                                         "\"/etc/passwd\"",
                                         "\"\"",
                                         "\"e\"",
                                         "\"ls -l\"",
                                         "\"select 1\"",
                                         "\"10.1.2.3\"",
                                         "\"https://example.com/\"",
                                         "\"ada@example.com\"",
                                         "\"<secret>\"",
                                         "\"<number>\"",
                                         "\"<string, 3 bytes>\"",
                                         "\"Bearer abcdefghijklmnopqrstuvwx0123456789\"",
                                         "\"h\u00e9llo w\u00f6rld\"",
                                         "5",
                                         "4.5",
                                         "4111111111111111",
                                         "true",
                                         "false",
                                         "null"};

class Arguments {
 public:
  std::string make() {
    std::string out = "{";
    for (std::string_view name : {"a", "c", "password", "AKIAIOSFODNN7EXAMPLE"}) {
      if (pick(4) == 0) continue;
      ((out += out.size() > 1 ? ",\"" : "\"") += name) += "\":";
      out += value(2);
    }
    return out + "}";
  }

 private:
  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }
  std::string value(int depth) {
    std::size_t shape = depth > 0 ? pick(8) : 0;
    if (shape < 5) return std::string(kScalars[pick(std::size(kScalars))]);
    std::string out = shape == 5 ? "{" : "[";
    for (std::size_t i = 0, count = pick(3); i < count; ++i) {
      if (i > 0) out += ',';
      if (shape == 5) out += i == 0 ? "\"b\":" : "\"token\":";
      out += value(depth - 1);
    }
    return out + (shape == 5 ? "}" : "]");
  }
  std::mt19937_64 random_{20260728};
};

std::shared_ptr<const policy::Policy> policy_of(std::string_view layer, std::string_view condition, std::string_view more) {
  std::string text = "version: \"1\"\ndefault: allow\ntools: {t: {" + std::string(layer) + ": [{conditions: [" + std::string(condition) +
                     "]" + std::string(more) + "}]}}\n";
  auto compiled = policy::Policy::compile("p", 1, text);
  EXPECT_TRUE(compiled.policy) << text << policy::format_problems(compiled.problems, "p");
  return compiled.policy;
}

policy::Input input_of(json::Value arguments) {
  policy::Input input;
  input.method = "tools/call";
  input.tool = "t";
  input.arguments = arguments;
  return input;
}

TEST(Captured, WhatIsSaidForCertainOfReducedArgumentsIsWhatWasTrueOfThem) {
  std::vector<std::shared_ptr<const policy::Policy>> policies;
  for (std::string_view condition : kConditions) {
    policies.push_back(policy_of("deny_if", condition, ""));
    policies.push_back(policy_of("deny_if", condition, ", on_missing: ignore"));
    policies.push_back(policy_of("require", condition, ""));
    policies.push_back(policy_of("ask", condition, ""));
  }
  Arguments arguments;
  policy::Scratch scratch, other;
  std::size_t sure = 0, open = 0;
  for (int round = 0; round < 400; ++round) {
    json::Document given, kept;
    if (!given.parse(arguments.make())) continue;
    for (Capture level : {Capture::Keys, Capture::Redacted, Capture::Full, Capture::None}) {
      std::string captured;
      audit::capture_arguments(captured, given.root(), level);
      bool known = !captured.empty() && kept.parse(captured).has_value();
      for (const auto& policy : policies) {
        policy::Supposition supposed;
        supposed.unknown.arguments = !known;
        Effect told = policy->suppose(input_of(known ? kept.root() : json::Value()), supposed, scratch).effect;
        Effect was = policy->decide(input_of(given.root()), other).effect;
        if (told != Effect::Deny && !supposed.doubts.empty()) {
          ++open;
          continue;
        }
        ++sure;
        ASSERT_EQ(static_cast<int>(told), static_cast<int>(was)) << given.canonical() << "\n"
                                                                 << captured << "\nlevel " << static_cast<int>(level);
      }
    }
  }
  EXPECT_GT(sure, 50'000U);
  EXPECT_GT(open, 10'000U);
}

TEST(Captured, EveryMarkOfTheRecordIsReadAsWhatItIs) {
  auto kind = [](std::string_view json, Capture level) {
    json::Document given, kept;
    std::string captured;
    EXPECT_TRUE(given.parse(json));
    audit::capture_arguments(captured, given.root(), level);
    EXPECT_TRUE(kept.parse(captured)) << captured;
    return read_captured(kept.root()["x"].string());
  };
  EXPECT_EQ(kind(R"({"x":"Anna Bell"})", Capture::Redacted).kind, Captured::Kind::Text);
  EXPECT_EQ(kind(R"({"x":"Anna Bell"})", Capture::Redacted).size, 9U);
  EXPECT_EQ(kind(R"({"x":"usd"})", Capture::Redacted).kind, Captured::Kind::Value);
  EXPECT_EQ(kind(R"({"x":5})", Capture::Keys).kind, Captured::Kind::Number);
  EXPECT_EQ(kind(R"({"x":4111111111111111})", Capture::Redacted).kind, Captured::Kind::Number);
  EXPECT_EQ(kind(R"({"x":true})", Capture::Keys).kind, Captured::Kind::Boolean);
  EXPECT_EQ(kind(R"({"x":null})", Capture::Keys).kind, Captured::Kind::Anything);
  EXPECT_EQ(kind(R"({"x":[1,2]})", Capture::Keys).kind, Captured::Kind::List);
  EXPECT_EQ(kind(R"({"x":[1,2]})", Capture::Keys).size, 2U);
  EXPECT_EQ(kind(R"({"x":"Bearer abcdefghijklmnopqrstuvwx0123456789"})", Capture::Full).kind, Captured::Kind::Text);
}

}  // namespace
}  // namespace callgate::admin
