#pragma once
// UTF-8, one code point at a time, for this room. Strict: no overlong forms, no surrogates, nothing above U+10FFFF.

#include <cstddef>
#include <cstdint>

namespace callgate::json {

// Length of the code point that starts at `at` (2 to 4), 0 when it is not valid. `*at` is not ASCII and at < end.
inline unsigned decode_utf8(const std::uint8_t* at, const std::uint8_t* end, char32_t& code_point) {
  auto follows = [&](std::ptrdiff_t i) { return (at[i] & 0xc0) == 0x80; };
  unsigned lead = at[0];
  if (lead < 0xe0) {
    if (lead < 0xc2 || end - at < 2 || !follows(1)) return 0;
    code_point = (lead & 0x1f) << 6 | (at[1] & 0x3fu);
    return 2;
  }
  if (lead < 0xf0) {
    if (end - at < 3 || !follows(1) || !follows(2)) return 0;
    code_point = (lead & 0x0f) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
    return code_point < 0x800 || (code_point >= 0xd800 && code_point <= 0xdfff) ? 0 : 3;
  }
  if (lead > 0xf4 || end - at < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  code_point = (lead & 0x07) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
  return code_point < 0x10000 || code_point > 0x10ffff ? 0 : 4;
}

// Writes a valid code point (1 to 4 bytes) and returns where the next one goes.
inline std::uint8_t* encode_utf8(char32_t code_point, std::uint8_t* out) {
  auto byte = [](char32_t bits) { return static_cast<std::uint8_t>(bits); };
  if (code_point < 0x80) {
    *out++ = byte(code_point);
    return out;
  }
  if (code_point < 0x800) {
    *out++ = byte(0xc0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      *out++ = byte(0xe0 | code_point >> 12);
    } else {
      *out++ = byte(0xf0 | code_point >> 18);
      *out++ = byte(0x80 | (code_point >> 12 & 0x3f));
    }
    *out++ = byte(0x80 | (code_point >> 6 & 0x3f));
  }
  *out++ = byte(0x80 | (code_point & 0x3f));
  return out;
}

inline bool high_surrogate(char32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
inline bool low_surrogate(char32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }
inline char32_t join_surrogates(char32_t high, char32_t low) { return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00); }

// Control characters that no member key may carry: C0, DEL and C1.
inline bool is_control(char32_t code_point) { return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f); }

}  // namespace callgate::json
