#pragma once
// Equality of short texts without a call: names and keys are compared by the dozen for every message, and most are 4 to 40 bytes.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace callgate {

inline bool same_bytes(const char* left, const char* right, std::size_t size) {
  const auto same = [&](auto word, std::size_t at) {
    auto other = word;
    std::memcpy(&word, left + at, sizeof word);
    std::memcpy(&other, right + at, sizeof other);
    return word == other;
  };
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8)
      if (!same(std::uint64_t{}, at)) return false;
    return same(std::uint64_t{}, size - 8);  // overlaps what was compared
  }
  if (size >= 4) return same(std::uint32_t{}, 0) && same(std::uint32_t{}, size - 4);
  for (std::size_t at = 0; at < size; ++at)
    if (left[at] != right[at]) return false;
  return true;
}

inline bool same_text(std::string_view left, std::string_view right) {
  return left.size() == right.size() && same_bytes(left.data(), right.data(), left.size());
}

}  // namespace callgate
