#include "base/encoding.h"

#include <gtest/gtest.h>

#include <vector>

namespace callgate {
namespace {

TEST(Encoding, WritesAndReadsHex) {
  std::vector<std::uint8_t> bytes{0x00, 0x0f, 0xf0, 0xff};
  EXPECT_EQ(hex_encode(bytes), "000ff0ff");
  EXPECT_EQ(hex_decode("000fF0ff"), std::string("\x00\x0f\xf0\xff", 4));
  EXPECT_EQ(hex_decode(""), "");
  for (auto text : {"0", "0g", "0x", " 00", "00 "}) EXPECT_FALSE(hex_decode(text)) << text;
}

TEST(Encoding, WritesAndReadsBase64) {
  const std::pair<const char*, const char*> vectors[] = {
      // RFC 4648 section 10
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (auto [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(base64_decode(base64_encode(all)), all);
}

TEST(Encoding, RefusesLooseBase64) {
  for (auto text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v\n", "Zm9v ", "Zm-_", "Zm=v", "Z=9v", "Zh==", "Zm9="})
    EXPECT_FALSE(base64_decode(text)) << text;
}

}  // namespace
}  // namespace callgate
