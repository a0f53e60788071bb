#pragma once
// The fast path of every string: how many bytes at the front of a block can be copied as they are (printable ASCII,
// no quote, no backslash). One block is 16 bytes with SSE2, else 8.

#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace callgate::json {

// In keys DEL is not plain: control characters are refused there. Outside: text that is JSON already, where quotes and backslashes stand.
enum class StringRole : std::uint8_t { Value, Key, Outside };

#if defined(__SSE2__)

constexpr std::ptrdiff_t kBlock = 16;

// Reads kBlock bytes at `at`; with `out` also copies all of them there, whatever they are.
template <StringRole role> inline unsigned plain_block(const std::uint8_t* at, std::uint8_t* out = nullptr) {
  __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  if (out) _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
  // Signed comparison: bytes from 0x80 up are negative, so one test finds control characters and non-ASCII.
  __m128i special = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));
  if constexpr (role != StringRole::Outside)
    special = _mm_or_si128(special, _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
  if constexpr (role != StringRole::Value) special = _mm_or_si128(special, _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
  auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
  return mask == 0 ? 16 : static_cast<unsigned>(std::countr_zero(mask));
}

// Four blocks at a stretch: whether all of them are plain. Copies them in any case when there is an `out`.
constexpr std::ptrdiff_t kStretch = 64;
template <StringRole role> inline bool plain_stretch(const std::uint8_t* at, std::uint8_t* out = nullptr) {
  __m128i special = _mm_setzero_si128();
  for (int i = 0; i < 4; ++i) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    if (out) _mm_storeu_si128(reinterpret_cast<__m128i*>(out) + i, block);
    if constexpr (role != StringRole::Outside)
      special = _mm_or_si128(special, _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    special = _mm_or_si128(special, _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)));
    if constexpr (role != StringRole::Value) special = _mm_or_si128(special, _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
  }
  return _mm_movemask_epi8(special) == 0;
}

#else

constexpr std::ptrdiff_t kStretch = 8;
template <StringRole role> inline bool plain_stretch(const std::uint8_t* at, std::uint8_t* out = nullptr);
constexpr std::ptrdiff_t kBlock = 8;

template <StringRole role> inline unsigned plain_block(const std::uint8_t* at, std::uint8_t* out = nullptr) {
  constexpr std::uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
  std::uint64_t block;
  std::memcpy(&block, at, sizeof block);
  if (out) std::memcpy(out, &block, sizeof block);
  if constexpr (std::endian::native == std::endian::big) block = __builtin_bswap64(block);
  // The lowest marked byte is exact; borrows may only mark bytes above it.
  auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x; };
  std::uint64_t special = block | (block - ones * 0x20);
  if constexpr (role != StringRole::Outside) special |= zero_bytes(block ^ ones * '"') | zero_bytes(block ^ ones * '\\');
  if constexpr (role != StringRole::Value) special |= zero_bytes(block ^ ones * 0x7f);
  special &= tops;
  return special == 0 ? 8 : static_cast<unsigned>(std::countr_zero(special)) / 8;
}

template <StringRole role> inline bool plain_stretch(const std::uint8_t* at, std::uint8_t* out) { return plain_block<role>(at, out) == 8; }

#endif

template <StringRole role> inline bool is_plain(std::uint8_t byte) {
  return byte >= 0x20 && byte < 0x80 && (role == StringRole::Outside || (byte != '"' && byte != '\\')) &&
         (role == StringRole::Value || byte != 0x7f);
}

}  // namespace callgate::json
