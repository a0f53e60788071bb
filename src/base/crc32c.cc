#include "base/crc32c.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace callgate {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = value;
  }
  return table;
}
constexpr auto kTable = make_table();

#if defined(__x86_64__)
// A plain x86-64 build: the instruction is chosen at run time.
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t so_far, std::string_view bytes) {
  std::uint64_t value = ~so_far;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    value = __builtin_ia32_crc32di(value, word);
  }
  auto narrow = static_cast<std::uint32_t>(value);
  for (; left > 0; --left, ++at) narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
__attribute__((target("sse4.2"))) void three_by_instruction(const std::string_view* texts, std::uint32_t* sums) {
  const char *first = texts[0].data(), *second = texts[1].data(), *third = texts[2].data();
  const std::size_t together = std::min({texts[0].size(), texts[1].size(), texts[2].size()}) / 8 * 8;
  std::uint64_t sum[3] = {0xffffffffU, 0xffffffffU, 0xffffffffU};
  for (std::size_t at = 0; at < together; at += 8) {
    std::uint64_t word[3];
    std::memcpy(&word[0], first + at, 8);
    std::memcpy(&word[1], second + at, 8);
    std::memcpy(&word[2], third + at, 8);
    sum[0] = __builtin_ia32_crc32di(sum[0], word[0]);
    sum[1] = __builtin_ia32_crc32di(sum[1], word[1]);
    sum[2] = __builtin_ia32_crc32di(sum[2], word[2]);
  }
  for (std::size_t i = 0; i < 3; ++i) sums[i] = by_instruction(~static_cast<std::uint32_t>(sum[i]), texts[i].substr(together));
}
const bool kHasInstruction = __builtin_cpu_supports("sse4.2");
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::uint32_t so_far, std::string_view bytes) {
  std::uint32_t value = ~so_far;
  for (char c : bytes) value = (value >> 8) ^ kTable[(value ^ static_cast<unsigned char>(c)) & 0xff];
  return ~value;
}

std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes) {
#if defined(__x86_64__)
  if (kHasInstruction) return by_instruction(so_far, bytes);
#endif
  return crc32c_by_table(so_far, bytes);
}

void crc32c_each(std::span<const std::string_view> texts, std::span<std::uint32_t> sums) {
  std::size_t at = 0;
#if defined(__x86_64__)
  if (kHasInstruction)
    for (; at + 3 <= texts.size(); at += 3) three_by_instruction(&texts[at], &sums[at]);
#endif
  for (; at < texts.size(); ++at) sums[at] = crc32c(0, texts[at]);
}

}  // namespace callgate
