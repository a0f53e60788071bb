#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace callgate {
namespace {

TEST(Crc32c, AgreesWithTheTableAndTheKnownAnswer) {
  EXPECT_EQ(crc32c(0, "123456789"), 0xe3069283U);
  std::string text;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(crc32c(0, text), crc32c_by_table(0, text));
    EXPECT_EQ(crc32c(crc32c(0, text), "tail"), crc32c(0, text + "tail"));
    text += static_cast<char>(i * 37);
  }
}

TEST(Crc32c, OfManyIsThatOfEach) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 20; ++i) texts.push_back(std::string(i * i * 7 % 90, static_cast<char>('a' + i)));
  for (std::size_t count = 0; count <= texts.size(); ++count) {
    const std::vector<std::string_view> some(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<std::uint32_t> sums(count);
    crc32c_each(some, sums);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(sums[i], crc32c_by_table(0, texts[i])) << i << " of " << count;
  }
}

}  // namespace
}  // namespace callgate
