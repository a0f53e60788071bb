// RFC 7693, written over vectors of 64-bit words. The instruction set is chosen per function, so that the rest stays plain x86-64.

#include "base/blake2b_each.h"

#include <array>
#include <cstring>

#include "base/assert.h"

namespace callgate {
namespace {

#if defined(__x86_64__)

constexpr std::size_t kBlock = 128;
constexpr std::uint64_t kIv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
constexpr std::uint64_t kParameters = 0x01010020;  // 32 bytes of digest, no key, a single leaf
constexpr std::uint8_t kSigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

template <unsigned lanes> struct Words { using Type [[gnu::vector_size(lanes * 8)]] = std::uint64_t; };

// What each lane works on, kept as rows of words so that one load fills a vector.
template <unsigned lanes> struct Lanes {
  alignas(64) std::uint64_t state[8][lanes];
  alignas(64) std::uint64_t block[16][lanes];
  alignas(64) std::uint64_t counter[lanes], last[lanes];
};

template <class Word> [[gnu::always_inline]] inline void mix(Word& a, Word& b, Word& c, Word& d, const Word& x, const Word& y) {
  a = a + b + x;
  d ^= a;
  d = d >> 32 | d << 32;
  c = c + d;
  b ^= c;
  b = b >> 24 | b << 40;
  a = a + b + y;
  d ^= a;
  d = d >> 16 | d << 48;
  c = c + d;
  b ^= c;
  b = b >> 63 | b << 1;
}

template <unsigned lanes> [[gnu::always_inline]] inline void compress(Lanes<lanes>& all) {
  using Word = typename Words<lanes>::Type;
  Word v[16], m[16], counter, last;
  std::memcpy(&m, all.block, sizeof m);
  std::memcpy(&v, all.state, sizeof all.state);
  std::memcpy(&counter, all.counter, sizeof counter);
  std::memcpy(&last, all.last, sizeof last);
  for (int i = 0; i < 8; ++i) v[8 + i] = Word{} + kIv[i];
  v[12] ^= counter;
  v[14] ^= last;
  for (const auto& s : kSigma) {
    mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
  for (int i = 0; i < 8; ++i) {
    Word state;
    std::memcpy(&state, all.state[i], sizeof state);
    state ^= v[i] ^ v[8 + i];
    std::memcpy(all.state[i], &state, sizeof state);
  }
}

// Gives every lane the next block of its message; a lane that is through takes the next message.
template <unsigned lanes, class Compress>
void run(std::span<const std::string_view> messages, std::span<Digest> digests, Compress compress_all) {
  constexpr std::size_t kNone = ~std::size_t{0};
  Lanes<lanes> all{};
  std::size_t taken = 0, message_of[lanes], done[lanes];
  const auto take = [&](unsigned lane) {
    message_of[lane] = taken < messages.size() ? taken++ : kNone;
    done[lane] = 0;
    for (unsigned i = 0; i < 8; ++i) all.state[i][lane] = kIv[i] ^ (i == 0 ? kParameters : 0);
  };
  for (unsigned lane = 0; lane < lanes; ++lane) take(lane);
  for (bool any = true; any;) {
    for (unsigned lane = 0; lane < lanes; ++lane) {
      if (message_of[lane] == kNone) continue;
      const std::string_view rest = messages[message_of[lane]].substr(done[lane]);
      const bool final = rest.size() <= kBlock;
      std::uint64_t padded[16];
      const char* from = rest.data();
      if (rest.size() < kBlock) {
        std::memset(padded, 0, sizeof padded);
        if (!rest.empty()) std::memcpy(padded, rest.data(), rest.size());
        from = reinterpret_cast<const char*>(padded);
      }
      for (unsigned i = 0; i < 16; ++i) std::memcpy(&all.block[i][lane], from + 8 * i, 8);
      done[lane] += final ? rest.size() : kBlock;
      all.counter[lane] = done[lane];
      all.last[lane] = final ? ~std::uint64_t{0} : 0;
    }
    compress_all(all);
    any = false;
    for (unsigned lane = 0; lane < lanes; ++lane) {
      if (message_of[lane] == kNone) continue;
      if (all.last[lane] != 0) {
        for (unsigned i = 0; i < 4; ++i) std::memcpy(digests[message_of[lane]].data() + 8 * i, &all.state[i][lane], 8);
        take(lane);
      }
      any = any || message_of[lane] != kNone;
    }
  }
}

[[gnu::target("avx512f")]] void compress_eight(Lanes<8>& all) { compress<8>(all); }
[[gnu::target("avx2")]] void compress_four(Lanes<4>& all) { compress<4>(all); }
void compress_one(Lanes<1>& all) { compress<1>(all); }

unsigned lanes_here() {
  static const unsigned lanes = __builtin_cpu_supports("avx512f") ? 8 : __builtin_cpu_supports("avx2") ? 4 : 1;
  return lanes;
}

#endif

}  // namespace

unsigned blake2b_lanes() {
#if defined(__x86_64__)
  return lanes_here();
#else
  return 1;
#endif
}

void blake2b_each(std::span<const std::string_view> messages, std::span<Digest> digests) {
#if defined(__x86_64__)
  if (blake2b_each_on(messages.size() == 1 ? 1 : lanes_here(), messages, digests)) return;
#endif
  CG_ASSERT(messages.size() == digests.size());
  for (std::size_t i = 0; i < messages.size(); ++i) digests[i] = blake2b(messages[i]);
}

bool blake2b_each_on(unsigned lanes, std::span<const std::string_view> messages, std::span<Digest> digests) {
  CG_ASSERT(messages.size() == digests.size());
  if (messages.empty()) return true;
#if defined(__x86_64__)
  if (lanes == 1) return run<1>(messages, digests, compress_one), true;
  if (lanes == 4 && lanes_here() >= 4) return run<4>(messages, digests, compress_four), true;
  if (lanes == 8 && lanes_here() == 8) return run<8>(messages, digests, compress_eight), true;
#else
  (void)lanes;
#endif
  return false;
}

}  // namespace callgate
