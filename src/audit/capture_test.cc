#include <gtest/gtest.h>

#include "audit/audit.h"
#include "audit/masking.h"

using namespace callgate;
using namespace callgate::audit;

namespace {

std::string capture(std::string_view json, Capture level) {
  json::Document document;
  auto parsed = document.parse(json);
  EXPECT_TRUE(parsed.has_value()) << parsed.error().message;
  std::string out;
  capture_arguments(out, document.root(), level);
  return out;
}

std::string masked(std::string_view text) {
  std::string out;
  append_masked(out, text);
  return out;
}

constexpr std::string_view kArguments =
    R"({"amount":12.50,"currency":"usd","mode":"READ_ONLY","dry":true,"note":null,"email":"ann@example.com","api_key":"x","tags":["a","B 1"],)"
    R"("nested":{"Password":{"deep":1},"id":"ch_105"}})";

TEST(Capture, KeepsNothingAtNone) { EXPECT_EQ(capture(kArguments, Capture::None), ""); }

TEST(Capture, KeepsOnlyKeysAndKindsAtKeys) {
  EXPECT_EQ(capture(kArguments, Capture::Keys),
            R"({"amount":"<number>","currency":"<string, 3 bytes>","mode":"<string, 9 bytes>","dry":"<boolean>","note":"<null>",)"
            R"("email":"<string, 15 bytes>","api_key":"<secret>","tags":"<array, 2 elements>",)"
            R"("nested":{"Password":"<secret>","id":"<string, 6 bytes>"}})");
}

TEST(Capture, KeepsNumbersBooleansAndShortEnumsAtRedacted) {
  EXPECT_EQ(
      capture(kArguments, Capture::Redacted),
      R"({"amount":12.50,"currency":"usd","mode":"READ_ONLY","dry":true,"note":null,"email":"<string, 15 bytes>","api_key":"<secret>",)"
      R"("tags":["a","<string, 3 bytes>"],"nested":{"Password":"<secret>","id":"<string, 6 bytes>"}})");
}

TEST(Capture, KeepsEverythingButKnownSecretShapesAtFull) {
  EXPECT_EQ(capture(kArguments, Capture::Full), kArguments);
  EXPECT_EQ(capture(R"({"password":"hunter2","header":"Bearer abcdefghijklmnop"})", Capture::Full),
            R"({"password":"hunter2","header":"Bearer <secret>"})");
}

TEST(Capture, MasksCardNumbersAtRedacted) {
  EXPECT_EQ(capture(R"([4111111111111111,4111111111111112,1785000000])", Capture::Redacted),
            R"(["<number, 16 digits>",4111111111111112,1785000000])");
}

TEST(Capture, MasksSecretsThatStandInKeys) {
  EXPECT_EQ(capture(R"({"ghp_abcdefghijklmnopqrstuvwxyz0123456789":1})", Capture::Redacted), R"({"<secret>":1})");
}

TEST(Capture, SurvivesTheDeepestAndWidestArguments) {
  std::string deep = std::string(60, '[') + "\"x y\"" + std::string(60, ']');
  EXPECT_NE(capture(deep, Capture::Redacted).find("<string, 3 bytes>"), std::string::npos);
}

TEST(Masking, FindsKnownShapesWhereverTheyStand) {
  const char* secrets[] = {"sk-proj-abcdefghijklmnop",
                           "sk-ant-api03-abcdefghijklmnop",
                           "sk_live_abcdefghijklmnop",
                           "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
                           "gho_abcdefghijklmnopqrstuvwxyz0123456789",
                           "github_pat_11ABCDEFG0abcdefghijkl_mnop",
                           "AKIAIOSFODNN7EXAMPLE",
                           "xoxb-1234567890-abcdef",
                           "glpat-abcdefghijklmnopqrst",
                           "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
                           "npm_abcdefghijklmnopqrstuvwxyz0123456789",
                           "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123",
                           "cg_0123456789abcdefghijABCDEFGHIJ0123456789abcXYZ012",
                           "cga_0123456789abcdefghijABCDEFGHIJ0123456789abcXYZ012"};
  for (std::string secret : secrets) {
    EXPECT_EQ(masked(secret), "<secret>") << secret;
    EXPECT_EQ(masked("key=" + secret + ", next"), "key=<secret>, next") << secret;
    EXPECT_EQ(masked("\"" + secret + "\"\n" + secret), "\"<secret>\"\n<secret>") << secret;
  }
  EXPECT_EQ(masked("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb"), "a\n<secret>\nb");
  EXPECT_EQ(masked("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb"), "<secret>");
  EXPECT_EQ(masked("curl -H 'Authorization: bearer abcdefghijklmnop'"), "curl -H 'Authorization: bearer <secret>'");
  EXPECT_EQ(masked("postgres://app:s3cr3t@db:5432/x"), "postgres://app:<secret>@db:5432/x");
}

// T-72: a text made to be slow to search; quadratic work would not end within the test run.
TEST(Masking, StaysLinearOnHostileText) {
  for (std::string_view piece : {"eyJ-", "eyJ.", "sk-", "://", "-----BEGIN ", "bearer ", "://a:"}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    std::string out;
    append_masked(out, text);
    EXPECT_LE(out.size(), text.size() + 8);
  }
}

TEST(Masking, LeavesOrdinaryTextAlone) {
  for (const char* text : {"", "task-list-of-things-to-do-today", "disk-usage-report-for-monday", "risk-assessment", "sk-short", "AKIA",
                           "eyJ.a.b", "https://example.com:8080/path?user=a@b", "http://user@host/", "basic facts",
                           "-----BEGIN CERTIFICATE-----\nMIIE", "a bearer of news", "cg_short"}) {
    EXPECT_EQ(masked(text), text);
  }
}

TEST(Masking, KnowsSensitiveKeysHoweverTheyAreWritten) {
  for (const char* key : {"password",     "PASSWORD",  "user_password", "dbPasswd",      "api_key",
                          "apiKey",       "X-API-Key", "client_secret", "Authorization", "proxy-authorization",
                          "access_token", "token",     "refreshToken",  "tokenValue",    "Set-Cookie",
                          "private_key",  "pin",       "cvv",           "pwd",           "MFA-Code",
                          "totp"}) {
    EXPECT_TRUE(sensitive_key(key)) << key;
  }
  for (const char* key :
       {"max_tokens", "tokens", "tokenizer", "token_count", "amount", "author", "pinned", "key", "passage", "", "keyboard"})
    EXPECT_FALSE(sensitive_key(key)) << key;
}

TEST(Masking, TellsKeysApartThatAreAskedAboutInTurn) {
  for (int turn = 0; turn < 3; ++turn) {  // verdicts are kept; these begin, end and measure alike
    EXPECT_TRUE(sensitive_key("password")) << turn;
    EXPECT_FALSE(sensitive_key("playyard")) << turn;
    EXPECT_TRUE(sensitive_key("api_token_of_the_account_owner")) << turn;   // as long as one that is kept can be
    EXPECT_TRUE(sensitive_key("api_token_of_the_account_owners")) << turn;  // longer
    EXPECT_FALSE(sensitive_key("")) << turn;
  }
}

}  // namespace
