#pragma once
// The two tables of escapes, shared by everything in this room that reads or writes strings.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace callgate::json {

inline int hex_value(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The letter of a two-character escape as the byte it stands for; 0 when there is none.
inline std::uint8_t short_escape(std::uint8_t letter) {
  switch (letter) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

// Writes an ASCII code point the canonical way, at most 6 bytes; true when that took an escape.
inline bool put_canonical(char32_t code_point, std::uint8_t*& out) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view letters("btn\0fr", 6);  // from 0x08 up; 0x0b has no letter
  if (code_point >= 0x20 && code_point != '"' && code_point != '\\') {
    *out++ = static_cast<std::uint8_t>(code_point);
    return false;
  }
  *out++ = '\\';
  if (code_point >= 0x20) {
    *out++ = static_cast<std::uint8_t>(code_point);
  } else if (code_point >= 8 && code_point <= 13 && code_point != 11) {
    *out++ = static_cast<std::uint8_t>(letters[code_point - 8]);
  } else {
    std::memcpy(out, "u00", 3);
    out[3] = static_cast<std::uint8_t>(hex[code_point >> 4]);
    out[4] = static_cast<std::uint8_t>(hex[code_point & 15]);
    out += 5;
  }
  return true;
}

}  // namespace callgate::json
