#pragma once
// Reads UTF-8 one character at a time, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#include <cstdint>
#include <string_view>

namespace callgate::policy {

struct Rune {
  std::uint32_t value = 0;
  std::uint32_t size = 0;  // bytes read; 0: not valid
};

inline Rune next_rune(std::string_view text) {
  if (text.empty()) return {};
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  std::uint32_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  std::uint32_t value = first & (0xffu >> (size + 1));
  for (std::uint32_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {value, size};
}

}  // namespace callgate::policy
