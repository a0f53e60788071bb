#include "audit/escape.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace callgate::audit {

namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}
constexpr auto kPlain = make_plain();

// Characters that a terminal or a reader does not show as what they are.
bool deceptive(char32_t point) {
  if (point < 0xa0) return point >= 0x7f;
  if (point < 0x600) return point == 0xad;
  return point == 0x61c || point == 0x180e || (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff);
}

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr char hex[] = "0123456789abcdef";
  const char text[6] = {'\\', 'u', hex[(unit >> 12) & 15], hex[(unit >> 8) & 15], hex[(unit >> 4) & 15], hex[unit & 15]};
  out.append(text, 6);
}

void append_escaped(std::string& out, char32_t point) {
  if (point < 0x10000) return append_unit(out, point);
  append_unit(out, 0xd800 + ((point - 0x10000) >> 10));
  append_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
}

// One character that is not plain ASCII; returns how many bytes it took.
std::size_t append_multibyte(std::string& out, std::string_view text) {
  char32_t point = 0;
  std::size_t length = decode_utf8(text, point);
  if (length == 0) {
    out.append("\xef\xbf\xbd", 3);
    return 1;
  }
  if (deceptive(point)) append_escaped(out, point);
  else out.append(text.data(), length);
  return length;
}

void append_special(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out.append("\\\"", 2); break;
    case '\\': out.append("\\\\", 2); break;
    case '\n': out.append("\\n", 2); break;
    case '\t': out.append("\\t", 2); break;
    case '\r': out.append("\\r", 2); break;
    default: append_unit(out, c);
  }
}

void append_body(std::string& out, std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t start = i;
    while (i < text.size() && kPlain[static_cast<unsigned char>(text[i])]) ++i;
    out.append(text.data() + start, i - start);
    if (i == text.size()) break;
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      append_special(out, c);
      ++i;
    } else {
      i += append_multibyte(out, text.substr(i));
    }
  }
}

}  // namespace

std::size_t decode_utf8(std::string_view text, char32_t& point) {
  if (text.empty()) return 0;
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  char32_t value = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  constexpr char32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
  point = value;
  return length;
}

void append_text(std::string& out, std::string_view text, std::size_t bytes_max) {
  out += '"';
  if (text.size() <= bytes_max) {
    append_body(out, text);
  } else {
    std::size_t keep = bytes_max;
    while (keep > 0 && keep > bytes_max - 4 && (static_cast<unsigned char>(text[keep]) & 0xc0) == 0x80) --keep;
    append_body(out, text.substr(0, keep));
    char digits[20];
    auto end = std::to_chars(digits, digits + sizeof digits, text.size()).ptr;
    out.append(" [cut, ").append(digits, end).append(" bytes]");
  }
  out += '"';
}

void append_json(std::string& out, std::string_view json) {
  const std::size_t before = out.size();
  std::size_t i = 0;
  while (i < json.size() && out.size() - before <= kJsonBytesMax) {
    std::size_t start = i;
    while (i < json.size() && (kPlain[static_cast<unsigned char>(json[i])] || json[i] == '"' || json[i] == '\\')) ++i;
    out.append(json.data() + start, i - start);
    if (i == json.size()) break;
    auto c = static_cast<unsigned char>(json[i]);
    if (c < 0x20) {
      out += ' ';  // in valid JSON a bare control character is white space between tokens
      ++i;
    } else if (c == 0x7f) {
      append_unit(out, c);
      ++i;
    } else {
      i += append_multibyte(out, json.substr(i));
    }
  }
  if (out.size() - before <= kJsonBytesMax) return;
  out.resize(before);
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, json.size()).ptr;
  out.append("{\"cut_bytes\":").append(digits, end).append("}");
}

}  // namespace callgate::audit
