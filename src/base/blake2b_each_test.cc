#include "base/blake2b_each.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace callgate {
namespace {

class EachLanes : public ::testing::TestWithParam<unsigned> {};

TEST_P(EachLanes, HashAsLibsodiumDoesWhateverTheLengths) {
  init_crypto();
  for (std::size_t count : {1u, 2u, 3u, 7u, 8u, 9u, 20u, 65u}) {
    std::vector<std::string> texts;
    std::uint32_t random = 1;
    for (std::size_t i = 0; i < count; ++i) {
      random = random * 1664525u + 1013904223u;
      constexpr std::size_t kEdges[] = {0, 1, 127, 128, 129, 255, 256, 257, 40, 900};
      std::string text(i < 10 ? kEdges[i] : random >> 20, '\0');
      for (char& c : text) c = static_cast<char>((random = random * 1664525u + 1013904223u) >> 24);
      texts.push_back(std::move(text));
    }
    const std::vector<std::string_view> messages(texts.begin(), texts.end());
    std::vector<Digest> digests(count);
    if (!blake2b_each_on(GetParam(), messages, digests)) GTEST_SKIP() << "this processor has fewer lanes";
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(digests[i], blake2b(texts[i])) << i << " of " << count;
    std::vector<Digest> chosen(count);
    blake2b_each(messages, chosen);
    EXPECT_EQ(chosen, digests);
  }
}

INSTANTIATE_TEST_SUITE_P(Blake2bEach, EachLanes, ::testing::Values(1u, 4u, 8u));

}  // namespace
}  // namespace callgate
