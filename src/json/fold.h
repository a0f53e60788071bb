#pragma once
// Which keys a case-insensitive reader would take for one another (T-01, T-03): Unicode case folding, widened by every
// one-to-one upper, lower and title mapping, the dotted and dotless i included. Used to refuse, never to rewrite.

#include <cstdint>
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

// Keyed per process, so that nobody can craft collisions. `lower_ascii_hash` folds ASCII itself and equals the hash of the
// folded text. Both read up to 8 bytes past the end of the text: give them padded storage.
std::uint64_t lower_ascii_hash(const char* text, std::size_t size);

// One 64-bit step for those who hash as they go.
std::uint64_t hash_seed();
inline std::uint64_t hash_step(std::uint64_t hash, std::uint64_t word) {
  auto product = static_cast<unsigned __int128>(hash ^ word) * 0x9e3779b97f4a7c15u;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ (hash << 1 | hash >> 63);
}

}  // namespace callgate::json
