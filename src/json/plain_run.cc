#include "json/plain_run.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "json/plain_block.h"

namespace callgate::json {
namespace {

std::size_t by_stretches(const std::uint8_t* at, std::size_t size, std::uint8_t* out) {
  constexpr auto stretch = static_cast<std::size_t>(kStretch);
  std::size_t done = 0;
  while (size - done >= stretch && plain_stretch<StringRole::Value>(at + done, out != nullptr ? out + done : nullptr)) done += stretch;
  return done;
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] std::size_t by_avx2(const std::uint8_t* at, std::size_t size, std::uint8_t* out) {
  const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), space = _mm256_set1_epi8(0x20);
  std::size_t done = 0;
  for (; size - done >= 64; done += 64) {
    const auto* from = reinterpret_cast<const __m256i*>(at + done);
    const __m256i a = _mm256_loadu_si256(from), b = _mm256_loadu_si256(from + 1);
    if (out != nullptr) {
      auto* to = reinterpret_cast<__m256i*>(out + done);
      _mm256_storeu_si256(to, a);
      _mm256_storeu_si256(to + 1, b);
    }
    // Signed comparison: bytes from 0x80 up are negative, so one test finds control characters and non-ASCII.
    const __m256i control = _mm256_or_si256(_mm256_cmpgt_epi8(space, a), _mm256_cmpgt_epi8(space, b));
    const __m256i quotes = _mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
    const __m256i escapes = _mm256_or_si256(_mm256_cmpeq_epi8(a, backslash), _mm256_cmpeq_epi8(b, backslash));
    const __m256i special = _mm256_or_si256(control, _mm256_or_si256(quotes, escapes));
    if (_mm256_testz_si256(special, special) == 0) break;
  }
  return done;
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2");

#endif

}  // namespace

std::size_t plain_run(const std::uint8_t* at, std::size_t size, std::uint8_t* out) {
#if defined(__x86_64__)
  if (kHasAvx2) return by_avx2(at, size, out);
#endif
  return by_stretches(at, size, out);
}

}  // namespace callgate::json
