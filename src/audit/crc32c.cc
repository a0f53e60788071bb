#include "audit/crc32c.h"

#include <array>
#include <cstring>

namespace callgate::audit {

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

}  // namespace callgate::audit
