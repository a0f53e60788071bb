#include "base/token_sealer.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace callgate {
namespace {

TEST(TokenSealer, OpensOnlyWhatItSealedForTheSameBinding) {
  TokenSealer sealer, other;
  std::string sealed = sealer.seal("call 7", "ann");
  EXPECT_EQ(sealer.open(sealed, "ann"), "call 7");
  EXPECT_FALSE(sealer.open(sealed, "ben"));
  EXPECT_FALSE(other.open(sealed, "ann"));
  EXPECT_NE(sealed, sealer.seal("call 7", "ann")) << "two texts of the same say nothing of it";
  EXPECT_EQ(sealer.open(sealer.seal("", ""), ""), "");
}

// T-11
TEST(TokenSealer, RefusesEveryChangedByteAndEveryCut) {
  TokenSealer sealer;
  std::string sealed = sealer.seal("call 7", "ann");
  std::string raw = *base64_decode(sealed);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    std::string changed = raw;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(sealer.open(base64_encode(changed), "ann")) << i;
    EXPECT_FALSE(sealer.open(base64_encode(raw.substr(0, i)), "ann")) << i;
  }
  EXPECT_FALSE(sealer.open("", "ann"));
  EXPECT_FALSE(sealer.open("not base64!", "ann"));
  EXPECT_FALSE(sealer.open(std::string(8192, 'A'), "ann"));
}

}  // namespace
}  // namespace callgate
