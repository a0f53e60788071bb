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
const std::array<bool, 256>& char_class(char letter);
inline bool in_class(char letter, char byte) { return char_class(letter)[static_cast<unsigned char>(byte)]; }

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
