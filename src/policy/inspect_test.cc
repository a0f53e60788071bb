#include "policy/inspect.h"

#include <gtest/gtest.h>

#include "inspection/scanners.h"
#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using inspection::mask_of;
using inspection::Pack;

constexpr std::string_view kToken = "AKIAIOSFODNN7EXAMPL3";

class PolicyInspect : public ::testing::Test {
 protected:
  static inspection::Scanners& scanners() {
    static inspection::Scanners made;
    return made;
  }
  InspectVerdict judge(const Policy& policy, std::string_view tool, std::string_view value, Direction way = Direction::Arguments) {
    EXPECT_TRUE(document_.parse(value));
    findings_.clear();
    constexpr inspection::PackMask kAll = 0x7f;
    scanners().get(kAll & static_cast<inspection::PackMask>(~mask_of(Pack::SeedSecrets))).value()->scan_value(document_.root(), findings_);
    return policy.judge("tools/call", tool, way, findings_);
  }
  json::Document document_;
  inspection::Findings findings_;
};

TEST_F(PolicyInspect, NothingIsInspectedUnlessTheDocumentSaysSo) {
  auto policy = testing::compiled("version: \"1\"\ndefault: allow\n");
  EXPECT_EQ(policy->inspects("tools/call", "t", Direction::Arguments), 0);
  EXPECT_EQ(policy->inspected_packs(), 0);
}

TEST_F(PolicyInspect, TheNearestLineForAPackWins) {
  auto policy = testing::compiled(R"(version: "1"
default: allow
inspect:
  arguments: {secrets: deny, personal_data: flag}
  results: {poisoning: flag}
all_tools:
  inspect: {arguments: {personal_data: "off"}}
tools:
  open: {inspect: {arguments: {secrets: "off"}}}
  careful: {inspect: {arguments: {personal_data: deny}}}
)");
  auto secrets = static_cast<inspection::PackMask>(mask_of(Pack::Secrets) | mask_of(Pack::Vault));
  EXPECT_EQ(policy->inspects("tools/call", "other", Direction::Arguments), secrets);
  EXPECT_EQ(policy->inspects("tools/call", "open", Direction::Arguments), 0);
  EXPECT_EQ(policy->inspects("tools/call", "careful", Direction::Arguments), secrets | mask_of(Pack::PersonalData));
  EXPECT_EQ(policy->inspects("tools/call", "careful", Direction::Results), mask_of(Pack::Poisoning));
  // Other methods have nothing of the tools' lines.
  EXPECT_EQ(policy->inspects("prompts/get", "x", Direction::Arguments), secrets | mask_of(Pack::PersonalData));
}

TEST_F(PolicyInspect, ADeniedFindingNamesItsRuleAndTheLineThatDenies) {
  auto policy = testing::compiled("version: \"1\"\ndefault: allow\ninspect:\n  arguments: {secrets: deny}\n");
  auto verdict = judge(*policy, "t", "{\"note\":\"key " + std::string(kToken) + "\"}");
  EXPECT_EQ(verdict.action, InspectAction::Deny);
  EXPECT_TRUE(verdict.rule.starts_with("secrets.")) << verdict.rule;
  EXPECT_EQ(verdict.pointer, "/inspect/arguments/secrets");
  EXPECT_EQ(verdict.line, 4U);
  EXPECT_NE(verdict.message.find("/note"), std::string::npos) << verdict.message;
  EXPECT_NE(verdict.message.find(verdict.rule), std::string::npos);
  EXPECT_EQ(verdict.message.find(kToken), std::string::npos) << "the message holds the secret";
}

TEST_F(PolicyInspect, ALineForARuleWinsOverItsPack) {
  auto policy = testing::compiled(R"(version: "1"
default: allow
inspect:
  arguments: {personal_data: deny}
  rules: {personal.email: flag}
tools:
  strict: {inspect: {arguments: {personal.email: redact}}}
)");
  EXPECT_EQ(judge(*policy, "t", R"({"to":"anna.berg@berg-und-sohn.de"})").action, InspectAction::Flag);
  EXPECT_EQ(judge(*policy, "strict", R"({"to":"anna.berg@berg-und-sohn.de"})").action, InspectAction::Redact);
  EXPECT_EQ(judge(*policy, "t", R"({"card":"4111 1111 1111 1111"})").action, InspectAction::Deny);
  EXPECT_EQ(judge(*policy, "t", R"({"card":"none"})").action, InspectAction::Off);
}

TEST_F(PolicyInspect, OfSeveralEntriesTheStrictestCounts) {
  auto policy = testing::compiled(R"(version: "1"
default: allow
tools:
  "a*": {inspect: {arguments: {secrets: deny}}}
  "*b": {inspect: {arguments: {secrets: flag}}}
)");
  std::string value = "{\"k\":\"" + std::string(kToken) + "\"}";
  EXPECT_EQ(judge(*policy, "ab", value).action, InspectAction::Deny);
  EXPECT_EQ(judge(*policy, "bb", value).action, InspectAction::Flag);
  EXPECT_EQ(judge(*policy, "c", value).action, InspectAction::Off);
}

TEST_F(PolicyInspect, AskSaysThatAPersonMustApprove) {
  auto policy = testing::compiled("version: \"1\"\ndefault: allow\ninspect: {arguments: {secrets: ask}}\n");
  auto verdict = judge(*policy, "t", "{\"k\":\"" + std::string(kToken) + "\"}");
  EXPECT_EQ(verdict.action, InspectAction::Ask);
  EXPECT_TRUE(verdict.refuses());
  EXPECT_NE(verdict.message.find("person must approve"), std::string::npos);
}

TEST_F(PolicyInspect, WhatIsLessSureThanWantedOnlyFlags) {
  auto policy = testing::compiled("version: \"1\"\ndefault: allow\ninspect: {confidence: high, arguments: {personal_data: deny}}\n");
  auto verdict = judge(*policy, "t", R"({"phone":"call 030 1234567 or 030 7654321"})");
  for (std::size_t i = 0; i < findings_.all().size(); ++i)
    if (findings_.all()[i].confidence < inspection::Confidence::High) {
      EXPECT_LE(verdict.actions[i], InspectAction::Flag);
    }
}

TEST_F(PolicyInspect, ShadowModeOnlyTells) {
  for (std::string_view text : {"version: \"1\"\ndefault: allow\nmode: shadow\ninspect: {arguments: {secrets: deny}}\n",
                                "version: \"1\"\ndefault: allow\ninspect: {mode: shadow, arguments: {secrets: deny}}\n"}) {
    auto policy = testing::compiled(text);
    auto verdict = judge(*policy, "t", "{\"k\":\"" + std::string(kToken) + "\"}");
    EXPECT_EQ(verdict.action, InspectAction::Flag) << text;
    ASSERT_FALSE(verdict.shadow.empty());
    EXPECT_EQ(verdict.shadow[0].rule, "/inspect/arguments/secrets");
  }
}

// T-45: what was not looked at is no clean bill.
TEST_F(PolicyInspect, WhatCouldNotBeLookedAtIsRefusedWhereFindingsWouldBe) {
  std::string deep;
  for (int i = 0; i < 40'000; ++i) deep += "password=\\\"aB3$" + std::to_string(i) + "xYz!\\\" ";
  std::string value = "{\"k\":\"" + deep + "\"}";
  for (auto [word, wanted] : {std::pair("redact", InspectAction::Deny), {"deny", InspectAction::Deny}, {"flag", InspectAction::Flag}}) {
    auto policy = testing::compiled(
        "version: \"1\"\ndefault: allow\ninspect: {confidence: high, arguments: {poisoning: " + std::string(word) + "}}\n");
    auto verdict = judge(*policy, "t", value);
    ASSERT_TRUE(findings_.capped());
    EXPECT_EQ(verdict.action, wanted) << word;
  }
}

TEST_F(PolicyInspect, ProblemsComeWithPlaceAndFix) {
  struct Case {
    std::string_view block, pointer, part;
  };
  for (const Case& c :
       {Case{"{arguments: {secret: deny}}", "/inspect/arguments/secret", "did you mean `secrets`?"},
        Case{"{arguments: {secrets: block}}", "/inspect/arguments/secrets", "one of off, flag, redact, ask, deny"},
        Case{"{arguments: [secrets]}", "/inspect/arguments", "write a map"},
        Case{"{rules: {secrets: deny}}", "/inspect/rules/secrets", "name it below `arguments` or `results`"},
        Case{"{rules: {secrets.github-pta: deny}}", "/inspect/rules/secrets.github-pta", "did you mean `secrets.github-pat`?"},
        Case{"{confidence: sure}", "/inspect/confidence", "low, medium, high"},
        Case{"{argument: {}}", "/inspect/argument", "did you mean `arguments`?"}}) {
    auto shown = testing::problems_of("version: \"1\"\ninspect: " + std::string(c.block) + "\n");
    EXPECT_NE(shown.find(c.part), std::string::npos) << c.block << "\n" << shown;
    EXPECT_NE(shown.find("(" + std::string(c.pointer) + ")"), std::string::npos) << shown;
    EXPECT_NE(shown.find("p:2:"), std::string::npos) << shown;
  }
}

TEST_F(PolicyInspect, ADocumentCanTestItsOwnInspection) {
  auto policy = testing::compiled(R"(version: "1"
default: deny
inspect: {arguments: {secrets: deny, personal_data: flag}}
tools: {send: {}}
tests:
  - {call: send, args: {text: hello}, expect: allow}
  - {call: send, args: {text: "AKIAIOSFODNN7EXAMPL3"}, expect: deny, rule: secrets.aws-access-key-id}
  - {call: send, args: {text: "anna.berg@berg-und-sohn.de"}, expect: allow, finding: personal.email}
  - {call: send, args: {text: hello}, expect: allow, finding: personal.email}
)");
  auto results = policy->run_tests();
  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(results[0].passed) << results[0].message;
  EXPECT_TRUE(results[1].passed) << results[1].message;
  EXPECT_TRUE(results[2].passed) << results[2].message;
  EXPECT_FALSE(results[3].passed);
}

TEST_F(PolicyInspect, ExplainShowsWhatWasFoundAndNeverTheValue) {
  auto policy = testing::compiled("version: \"1\"\ndefault: allow\ninspect:\n  arguments: {secrets: deny}\n");
  testing::Call call("t", "{\"k\":\"" + std::string(kToken) + "\"}");
  auto explained = policy->explain(call.input);
  EXPECT_EQ(explained.effect, Effect::Deny);
  EXPECT_EQ(explained.reason, "inspection.denied");
  bool shown = false;
  for (const Step& step : explained.steps) {
    shown = shown || (step.layer == "inspect" && step.outcome == "deny" && step.pointer == "/inspect/arguments/secrets");
    EXPECT_EQ((step.input + step.condition).find(kToken), std::string::npos);
  }
  EXPECT_TRUE(shown);
}

}  // namespace
}  // namespace callgate::policy
