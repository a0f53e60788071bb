#include <gtest/gtest.h>

#include "inspection/inspection.h"
#include "inspection/testing/samples.h"

namespace callgate::inspection {
namespace {

using testing::checked_token;

std::shared_ptr<const Scanner> make(ScannerOptions options) { return *Scanner::create(std::move(options)); }

TEST(Scanner, RulesAreSortedUniqueAndDescribed) {
  std::string_view last;
  for (const Rule* rule : rules()) {
    EXPECT_LT(last, rule->id);
    EXPECT_FALSE(rule->description.empty()) << rule->id;
    EXPECT_FALSE(rule->suggestion.empty()) << rule->id;
    EXPECT_EQ(rule, find_rule(rule->id));
    last = rule->id;
  }
  EXPECT_EQ(nullptr, find_rule("secrets.none"));
}

// T-44
TEST(Scanner, FindsWhatLiesAcrossPiecesOfAStream) {
  auto scanner = make({});
  std::string token = checked_token("ghp_"),
              text = std::string(5000, 'x') + " token " + token + " and " + std::string(300, 'y') + " mail a@b.acme.io .";
  for (std::size_t size : {1u, 7u, 64u, 1000u, 4096u}) {
    TextStream stream(*scanner);
    Findings findings;
    std::size_t begin = size == 1 ? 4900 : 0;  // one byte at a time is slow
    for (std::size_t at = begin; at < text.size(); at += size) stream.add(std::string_view(text).substr(at, size), findings);
    stream.finish(findings);
    std::size_t tokens = 0, mails = 0;
    for (const auto& finding : findings.all()) {
      tokens += finding.rule == "secrets.github-pat";
      mails += finding.rule == "personal.email";
      if (finding.rule == "secrets.github-pat") {
        EXPECT_EQ(5007u - begin, finding.begin);
      }
    }
    EXPECT_EQ(1u, tokens) << size;
    EXPECT_EQ(1u, mails) << size;
  }
}

// T-45
TEST(Scanner, WhatIsTooMuchIsAFinding) {
  Caps caps;
  caps.text_bytes_max = 100;
  auto scanner = make({.packs = {Pack::Secrets}, .caps = caps});
  Findings findings;
  scanner->scan(std::string(101, 'a'), findings);
  EXPECT_TRUE(findings.has("inspection.cap"));
  EXPECT_TRUE(findings.capped());
  findings.clear();
  EXPECT_FALSE(findings.capped());
  scanner->scan(std::string(100, 'a'), findings);
  EXPECT_TRUE(findings.empty());

  caps = {};
  caps.findings_max = 3;
  std::string many;
  for (unsigned i = 0; i < 5; ++i) many += checked_token("ghp_", i) + " ";
  scanner = make({.packs = {Pack::Secrets}, .caps = caps});
  scanner->scan(many, findings);
  EXPECT_TRUE(findings.has("inspection.cap"));
}

TEST(Scanner, WorkIsBoundedOnTextMadeToCostMuch) {
  auto scanner = make({});
  for (std::string unit : {"ignore ", "sk-", "password=", "AKIA", "://a:b", "<!--", "before using ", "\xe2\x80\x8b", "%41", "\\u0041",
                           "eyJa.", "-----BEGIN A PRIVATE KEY-----", "1 ", "AB12 ", "@", "do not tell the the the the ",
                           "send to to to to ", "aaaaaaaaaaaaaaaaaaaaaaaa="}) {
    std::string text;
    while (text.size() < 200'000) text += unit;
    Findings findings;
    scanner->scan(text, findings);  // ends; the time is a matter of the bench
    EXPECT_LE(findings.all().size(), 257u) << unit;
  }
}

TEST(Scanner, RedactionKeepsTextValid) {
  auto scanner = make({});
  std::string token = checked_token("ghp_", 8), text = "h\xc3\xa9 " + token + "\xc3\xa9 end";
  Findings findings;
  scanner->scan(text, findings);
  EXPECT_EQ("h\xc3\xa9 [redacted:secrets.github-pat]\xc3\xa9 end", redact_text(text, findings));
  EXPECT_EQ(text, redact_text(text, findings, [](const Finding&) { return false; }));
}

}  // namespace
}  // namespace callgate::inspection
