#pragma once
// Which keys a case-insensitive reader would take for one another (T-01, T-03): Unicode case folding, widened by every
// one-to-one upper, lower and title mapping, the dotted and dotless i included. Used to refuse, never to rewrite.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace callgate::json {

struct Folded {
  char32_t code_points[3];
  unsigned count;
};
Folded fold(char32_t code_point);

// Folds one key code point by code point; remembers what the next one may combine with.
class KeyFolder {
 public:
  Folded next(char32_t code_point);

 private:
  bool after_i_ = false;  // a combining dot above after i says nothing a reader can rely on
};

// Folded UTF-8 of a valid UTF-8 key; at most 3 times as long.
void fold_key(std::string_view key, std::string& out);
bool equal_folded(std::string_view a, std::string_view b);

// Hashes are keyed per process, so that nobody can craft collisions.
std::uint64_t hash_seed();
inline std::uint64_t hash_step(std::uint64_t hash, std::uint64_t word, std::uint64_t factor = 0) {
  auto product = static_cast<unsigned __int128>(hash ^ word) * (factor ^ 0x9e3779b97f4a7c15u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ (hash << 1 | hash >> 63);
}

// Eight ASCII letters at once; bytes outside A-Z, and outside ASCII, stay.
inline std::uint64_t lower_ascii(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t seven = word & ones * 0x7f;
  std::uint64_t from_a = seven + ones * (0x80 - 'A'), after_z = seven + ones * (0x7f - 'Z');
  return word | ((from_a ^ after_z) & ~word & ones * 0x80) >> 2;
}

// Folds ASCII itself and equals the hash of the folded text. Reads up to 8 bytes past the end: the storage must reach that far.
// Two words a step: each waits for the multiplication before it. The second factor is secret too, or a word could be chosen to make it 0.
inline std::uint64_t lower_ascii_hash(std::uint64_t seed, const char* text, std::size_t size) {
  const auto word_at = [](const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
  };
  const auto first_bytes = [](std::uint64_t word, std::size_t count) { return word & ((std::uint64_t(1) << (count * 8)) - 1); };
  std::uint64_t hash = seed;  // the length need not go in: no key holds a NUL
  for (; size >= 16; text += 16, size -= 16) hash = hash_step(hash, lower_ascii(word_at(text)), seed ^ lower_ascii(word_at(text + 8)));
  if (size >= 8) {
    const std::uint64_t second = size == 8 ? 0 : first_bytes(word_at(text + 8), size - 8);
    return hash_step(hash, lower_ascii(word_at(text)), seed ^ lower_ascii(second));
  }
  return size == 0 ? hash : hash_step(hash, lower_ascii(first_bytes(word_at(text), size)), seed);
}

}  // namespace callgate::json
