#include "base/content_hash.h"

#include <gtest/gtest.h>

namespace callgate {
namespace {

TEST(ContentHash, NamesTheFunctionItUses) {
  init_crypto();
  Digest expected = content_digest_name() == "sha256" ? sha256("a text") : blake2b("a text");
  EXPECT_EQ(content_digest("a text"), expected);
}

TEST(ContentHash, PiecesGiveTheDigestOfTheWhole) {
  init_crypto();
  ContentHash hash;
  hash.add("a ");
  hash.add("");
  hash.add("text");
  EXPECT_EQ(hash.finish(), content_digest("a text"));
}

}  // namespace
}  // namespace callgate
