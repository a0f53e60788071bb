#pragma once
// How a credential looks, in a small language that a table can hold: `ghp_[b36]` is the literal ghp_ and 36 base62 characters.
// The longest literal is what is looked for; what stands before it (`[b14].atlasv1.[t60-70]`) is matched backwards.
// Greedy, without backtracking: linear. Internal to this room.

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::inspection {

// d digit, h lower hex, H hex, l lower base36, u upper base36, b base62, w base62 and _, t base62 and _-, z base62 and _-., s base64,
// e base64 and _-=, A base32, a lower letter, U upper letter, x base62 and _-.=+/~%, n anything but space, quotes, brackets and commas.
inline constexpr std::string_view kClassLetters = "dhHlubwtzseAaUxn";
constexpr bool class_holds(char letter, int c) {
  bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9', base62 = lower || upper || digit;
  switch (letter) {
    case 'd': return digit;
    case 'h': return digit || (c >= 'a' && c <= 'f');
    case 'H': return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    case 'l': return lower || digit;
    case 'u': return upper || digit;
    case 'b': return base62;
    case 'w': return base62 || c == '_';
    case 't': return base62 || c == '_' || c == '-';
    case 'z': return base62 || c == '_' || c == '-' || c == '.';
    case 's': return base62 || c == '+' || c == '/';
    case 'e': return base62 || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
    case 'A': return upper || (c >= '2' && c <= '7');
    case 'a': return lower;
    case 'U': return upper;
    case 'x': return base62 || c == '_' || c == '-' || c == '.' || c == '=' || c == '+' || c == '/' || c == '~' || c == '%';
    case 'n': return c > ' ' && c != '"' && c != '\'' && c != '`' && c != '<' && c != '>' && c != ',' && c != ')' && c != '(' && c < 0x7f;
    default: return false;
  }
}

constexpr std::array<std::uint64_t, 256> make_class_bits() {
  std::array<std::uint64_t, 256> made{};
  for (char letter : kClassLetters)
    for (int c = 0; c < 256; ++c)
      if (class_holds(letter, c)) made[static_cast<std::size_t>(c)] |= std::uint64_t{1} << (letter - 'A');
  return made;
}

const std::array<bool, 256>& char_class(char letter);
inline constexpr std::array<std::uint64_t, 256> kClassBits = make_class_bits();  // a bit for each class, by its letter
inline bool in_class(char letter, char byte) { return (kClassBits[static_cast<unsigned char>(byte)] >> (letter - 'A') & 1) != 0; }

struct Extent {
  std::size_t begin, end;
};

// Where a joined text was cut: there a credential may begin or end, whatever stands beside it.
struct Seams {
  const std::vector<std::uint32_t>* at = nullptr;
  bool has(std::size_t offset) const;
  bool within(std::size_t begin, std::size_t end) const;  // strictly inside
};

class Shape {
 public:
  static constexpr std::size_t kAny = 4096;  // `+` stops here

  explicit Shape(std::string_view text);
  std::string_view literal() const { return literal_; }
  // The literal ends at `literal_end`. False when the rest does not fit, or it goes on where it should end.
  bool match(std::string_view text, std::size_t literal_end, const Seams& seams, Extent& found) const;
  // As a value: the whole shape, literal and all, begins at `at`.
  bool match_at(std::string_view text, std::size_t at, const Seams& seams, Extent& found) const;
  bool caseless() const { return caseless_; }

 private:
  struct Part {
    std::string literal;                           // or
    const std::array<bool, 256>* chars = nullptr;  // a class
    std::size_t least = 0, most = 0;
  };
  bool forward(std::string_view text, std::size_t& at, const Seams& seams) const;
  std::vector<Part> before_, after_;
  std::string literal_;
  bool caseless_ = false;
};

}  // namespace callgate::inspection
