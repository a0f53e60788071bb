#include "base/crypto.h"

#include <gtest/gtest.h>

#include <set>

#include "base/encoding.h"

namespace callgate {
namespace {

TEST(Crypto, HashesMatchPublishedVectors) {
  EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(blake2b("")), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  // RFC 4231 test case 2.
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Crypto, IncrementalHashEqualsTheHashOfTheWhole) {
  std::string text(1000, 'x');
  for (std::size_t split : {0u, 1u, 127u, 128u, 129u, 999u, 1000u}) {
    Blake2b hash;
    hash.add(std::string_view(text).substr(0, split));
    hash.add(std::string_view(text).substr(split));
    EXPECT_EQ(hash.finish(), blake2b(text)) << split;
  }
}

TEST(Crypto, ComparesInConstantTimeByValue) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  for (std::size_t size = 1; size < 40; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      std::string other(size, 'x');
      other[at] = 'y';
      EXPECT_FALSE(equal_constant_time(std::string(size, 'x'), other));
    }
  EXPECT_FALSE(equal_constant_time("secret", "secret0"));
}

TEST(Crypto, TokensCarryEnoughBitsAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    std::string token = random_token(16);
    EXPECT_EQ(token.size(), 22u);  // 22 x log2(62) >= 128 bits
    for (char c : token) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << token;
    EXPECT_TRUE(seen.insert(token).second);
  }
}

TEST(Crypto, IdsHaveTheirPrefixAndShape) {
  std::string id = new_id("call");
  ASSERT_EQ(id.size(), 25u);
  EXPECT_EQ(id.substr(0, 5), "call_");
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz", 5), std::string::npos) << id;
  EXPECT_NE(id, new_id("call"));
}

TEST(Crypto, UuidsAreVersionFour) {
  std::string id = new_uuid();
  ASSERT_EQ(id.size(), 36u);
  for (std::size_t at : {8u, 13u, 18u, 23u}) EXPECT_EQ(id[at], '-');
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(Crypto, PreparedHmacKeyGivesTheSameDigest) {
  for (std::size_t size : {0u, 1u, 32u, 64u, 65u, 200u}) {
    std::string key(size, 'k'), text(size * 3, 't');
    HmacSha256Key prepared(key);
    EXPECT_EQ(prepared.sign(text), hmac_sha256(key, text)) << size;
    EXPECT_EQ(prepared.sign("again"), hmac_sha256(key, "again")) << "the key is good for any number of texts";
  }
}

}  // namespace
}  // namespace callgate
