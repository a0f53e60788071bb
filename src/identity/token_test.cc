#include "identity/token.h"

#include <gtest/gtest.h>

#include <set>

namespace callgate::identity {
namespace {

std::string text_of(const Secret& secret) { return std::string(secret.reveal()); }

TEST(Token, HasThePromisedShape) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    std::string token = text_of(make_token(kGrantPrefix));
    EXPECT_EQ(token.size(), 3u + 43u + 6u);
    EXPECT_TRUE(token.starts_with("cg_"));
    EXPECT_TRUE(check_token(token, kGrantPrefix));
    EXPECT_TRUE(seen.insert(token).second);
  }
  EXPECT_TRUE(check_token(text_of(make_token(kApiPrefix)), kApiPrefix));
}

// The expected values come from another implementation of CRC-32: leak scanners elsewhere rely on this form.
TEST(Token, ChecksWithCrc32InBase62) {
  EXPECT_TRUE(check_token("cg_00000000000000000000000000000000000000000002OzZZi", kGrantPrefix));
  EXPECT_TRUE(check_token("cg_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1V3nSL", kGrantPrefix));
  EXPECT_TRUE(check_token("cga_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz0aqLkh", kApiPrefix));
  EXPECT_FALSE(check_token("cg_0000000000000000000000000000000000000000000000000", kGrantPrefix));
}

// T-63
TEST(Token, TellsEverySingleTypoApart) {
  std::string token = text_of(make_token(kGrantPrefix));
  for (std::size_t i = 3; i < token.size(); ++i) {
    std::string typo = token;
    typo[i] = typo[i] == 'x' ? 'y' : 'x';
    auto checked = check_token(typo, kGrantPrefix);
    ASSERT_FALSE(checked) << i;
    EXPECT_EQ(checked.error().reason, "identity.malformed");
  }
  for (std::size_t i = 3; i + 1 < token.size(); ++i) {
    std::string swapped = token;
    std::swap(swapped[i], swapped[i + 1]);
    EXPECT_EQ(check_token(swapped, kGrantPrefix).has_value(), swapped == token);
  }
  EXPECT_FALSE(check_token(token.substr(0, token.size() - 1), kGrantPrefix));
  EXPECT_FALSE(check_token(token + "0", kGrantPrefix));
  EXPECT_FALSE(check_token("", kGrantPrefix));
}

TEST(Token, SaysWhenTheWrongKindOfTokenCame) {
  auto api = check_token(text_of(make_token(kApiPrefix)), kGrantPrefix);
  ASSERT_FALSE(api);
  EXPECT_NE(api.error().message.find("admin API"), std::string::npos);
  auto grant = check_token(text_of(make_token(kGrantPrefix)), kApiPrefix);
  ASSERT_FALSE(grant);
  EXPECT_NE(grant.error().message.find("grant's token"), std::string::npos);
}

// T-63
TEST(Authorization, IsReadInOneFormOnly) {
  for (auto fine : {"Bearer cg_abc", "bearer cg_abc", "BEARER cg_abc", "bEaReR cg_abc"}) {
    auto token = bearer_token(fine);
    ASSERT_TRUE(token) << fine;
    EXPECT_EQ(*token, "cg_abc");
  }
  for (auto bad : {"cg_abc",
                   "Bearer",
                   "Bearer ",
                   "Bearer  cg_abc",
                   " Bearer cg_abc",
                   "Bearer cg_abc ",
                   "Bearer\tcg_abc",
                   "Bearer cg_abc cg_def",
                   "Bearer cg_abc,cg_def",
                   "Bearer cg_abc, Bearer cg_def",
                   "Bearer \"cg_abc\"",
                   "Basic cg_abc",
                   "Bearer Bearer cg_abc",
                   "Bearer=cg_abc",
                   "Bearer: cg_abc",
                   "Bearer cg_abc\r\nX: y",
                   "Bearerx cg_abc",
                   "Digest cg_abc",
                   "Bear cg_abc",
                   "Be\xc1rer cg_abc",
                   "Bearer <cg_abc>",
                   "Bearer cg_a\xc3\xa4",
                   "Bearer c%67_abc"}) {
    auto token = bearer_token(bad);
    ASSERT_FALSE(token) << bad;
    EXPECT_EQ(token.error().code, Code::Unauthenticated);
    EXPECT_EQ(token.error().reason, "identity.malformed") << bad;
    EXPECT_EQ(token.error().message.find("cg_a"), std::string::npos) << "never repeats what was sent: " << bad;
  }
  auto missing = bearer_token("");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "identity.missing");
}

TEST(Authorization, RecognisesAVariableThatWasNotExpanded) {
  auto hint = bearer_token("Bearer ${GW_TOKEN}");
  ASSERT_FALSE(hint);
  EXPECT_EQ(hint.error().message,
            "the client sent the variable name `${GW_TOKEN}` instead of its value: export it before starting the client");
  for (auto literal : {"Bearer $GW_TOKEN", "Bearer ${env:GW_TOKEN}", "Bearer %GW_TOKEN%", "Bearer {{ GW_TOKEN }}", "Bearer {env:GW_TOKEN}",
                       "Bearer ${input:x}"})
    EXPECT_NE(bearer_token(literal).error().message.find("instead of its value"), std::string::npos) << literal;
  for (auto other : {"Bearer ${}", "Bearer $", "Bearer ${A\nB}", "Bearer ${<script>}"})
    EXPECT_EQ(bearer_token(other).error().message.find("instead of its value"), std::string::npos) << other;
}

}  // namespace
}  // namespace callgate::identity
