#include "audit/escape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "json/plain_block.h"

namespace callgate::audit {

namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}
constexpr auto kPlain = make_plain();

using json::kBlock;
constexpr auto kText = json::StringRole::Key;  // printable ASCII but quote and backslash

// Characters that a terminal or a reader does not show as what they are.
bool deceptive(char32_t point) {
  if (point < 0xa0) return point >= 0x7f;
  if (point < 0x600) return point == 0xad;
  return point == 0x61c || point == 0x180e || (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff);
}

char* put_unit(char* at, std::uint32_t unit) {
  constexpr char hex[] = "0123456789abcdef";
  const char text[6] = {'\\', 'u', hex[(unit >> 12) & 15], hex[(unit >> 8) & 15], hex[(unit >> 4) & 15], hex[unit & 15]};
  std::memcpy(at, text, 6);
  return at + 6;
}

char* put_escaped(char* at, char32_t point) {
  if (point < 0x10000) return put_unit(at, point);
  at = put_unit(at, 0xd800 + ((point - 0x10000) >> 10));
  return put_unit(at, 0xdc00 + ((point - 0x10000) & 0x3ff));
}

// One character that is not plain ASCII; `text` moves behind it.
char* put_multibyte(char* at, const char*& text, const char* end) {
  char32_t point = 0;
  const std::size_t length = decode_utf8({text, static_cast<std::size_t>(end - text)}, point);
  if (length == 0) {
    std::memcpy(at, "\xef\xbf\xbd", 3);
    ++text;
    return at + 3;
  }
  if (deceptive(point)) {
    at = put_escaped(at, point);
  } else {
    std::memcpy(at, text, length);
    at += length;
  }
  text += length;
  return at;
}

char* put_special(char* at, unsigned char c) {
  const char letter = c == '"' ? '"' : c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : '\0';
  if (letter == '\0') return put_unit(at, c);
  at[0] = '\\';
  at[1] = letter;
  return at + 2;
}

// Eight bytes that need no escape. A borrow marks only bytes above one that is marked already: the answer is exact.
bool plain_word(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x; };
  return ((word | (word - ones * 0x20) | zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\') | zero_bytes(word ^ ones * 0x7f)) &
          ones * 0x80) == 0;
}

template <class Word> Word load(const char* text) {
  Word word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// Nearly all text needs no escape: it is copied in blocks and words, the last of which overlaps the one before. False: it is not plain.
template <json::StringRole role> bool put_blocks(char* at, std::string_view body) {
  constexpr auto block = static_cast<std::size_t>(kBlock);
  const auto put_block = [&](std::size_t from) {
    return json::plain_block<role>(reinterpret_cast<const std::uint8_t*>(body.data() + from), reinterpret_cast<std::uint8_t*>(at + from)) ==
           kBlock;
  };
  std::size_t done = 0;
  for (; done + block <= body.size(); done += block)
    if (!put_block(done)) return false;
  return done == body.size() || put_block(body.size() - block);
}

bool put_plain(char* at, std::string_view body) {
  const char* const text = body.data();
  const std::size_t size = body.size();
  if (size >= static_cast<std::size_t>(kBlock)) return put_blocks<kText>(at, body);
  if (size >= 8) {
    const auto first = load<std::uint64_t>(text), last = load<std::uint64_t>(text + size - 8);
    std::memcpy(at, &first, 8);
    std::memcpy(at + size - 8, &last, 8);
    return plain_word(first) && plain_word(last);
  }
  if (size >= 4) {
    const auto first = load<std::uint32_t>(text), last = load<std::uint32_t>(text + size - 4);
    std::memcpy(at, &first, 4);
    std::memcpy(at + size - 4, &last, 4);
    return plain_word(first | std::uint64_t{last} << 32);
  }
  bool plain = true;
  for (std::size_t i = 0; i < size; ++i) plain = plain && kPlain[static_cast<unsigned char>(text[i])], at[i] = text[i];
  return plain;
}

char* put_body(char* at, std::string_view body) {
  if (put_plain(at, body)) return at + body.size();
  const char* text = body.data();
  const char* const end = text + body.size();
  while (text < end) {
    if (end - text >= kBlock) {  // stored whole: the room is there, and what is not plain is written over
      const unsigned plain = json::plain_block<kText>(reinterpret_cast<const std::uint8_t*>(text), reinterpret_cast<std::uint8_t*>(at));
      text += plain;
      at += plain;
      if (plain == kBlock) continue;
    } else {
      if (end - text >= 8 && plain_word(load<std::uint64_t>(text))) {
        std::memcpy(at, text, 8);
        text += 8;
        at += 8;
      }
      while (text < end && kPlain[static_cast<unsigned char>(*text)]) *at++ = *text++;
      if (text == end) break;
    }
    const auto c = static_cast<unsigned char>(*text);
    if (c < 0x80) {
      at = put_special(at, c);
      ++text;
    } else {
      at = put_multibyte(at, text, end);
    }
  }
  return at;
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

char* put_text(char* at, std::string_view text, std::size_t bytes_max) {
  *at++ = '"';
  if (text.size() <= bytes_max) {
    at = put_body(at, text);
  } else {
    std::size_t keep = bytes_max;
    while (keep > 0 && keep > bytes_max - 4 && (static_cast<unsigned char>(text[keep]) & 0xc0) == 0x80) --keep;
    at = put_body(at, text.substr(0, keep));
    constexpr std::string_view before = " [cut, ", behind = " bytes]";
    at = std::copy(before.begin(), before.end(), at);
    at = std::to_chars(at, at + 20, text.size()).ptr;
    at = std::copy(behind.begin(), behind.end(), at);
  }
  *at++ = '"';
  return at;
}

char* put_json(char* at, std::string_view json) {
  if (json.size() >= static_cast<std::size_t>(kBlock) && json.size() <= kJsonBytesMax && put_blocks<json::StringRole::Outside>(at, json))
    return at + json.size();
  char* const before = at;
  const char* text = json.data();
  const char* const end = text + json.size();
  const auto too_large = [&] { return static_cast<std::size_t>(at - before) > kJsonBytesMax; };
  while (text < end && !too_large()) {
    if (end - text >= kBlock) {
      const unsigned plain = json::plain_block<kText>(reinterpret_cast<const std::uint8_t*>(text), reinterpret_cast<std::uint8_t*>(at));
      text += plain;
      at += plain;
      if (plain == kBlock) continue;
    }
    const auto c = static_cast<unsigned char>(*text);
    if (kPlain[c] || c == '"' || c == '\\') {
      *at++ = *text++;
    } else if (c < 0x20) {
      *at++ = ' ';  // in valid JSON a bare control character is white space between tokens
      ++text;
    } else if (c == 0x7f) {
      at = put_unit(at, c);
      ++text;
    } else {
      at = put_multibyte(at, text, end);
    }
  }
  if (!too_large()) return at;
  constexpr std::string_view open = "{\"cut_bytes\":";
  at = std::copy(open.begin(), open.end(), before);
  at = std::to_chars(at, at + 20, json.size()).ptr;
  *at++ = '}';
  return at;
}

void append_text(std::string& out, std::string_view text, std::size_t bytes_max) {
  char small[130];
  if (text.size() <= std::min(bytes_max, sizeof small - 2) && put_plain(small + 1, text)) {
    small[0] = small[1 + text.size()] = '"';
    out.append(small, text.size() + 2);
    return;
  }
  const std::size_t before = out.size();
  out.resize(before + text_room(text.size(), bytes_max));
  char* const begin = out.data() + before;
  out.resize(before + static_cast<std::size_t>(put_text(begin, text, bytes_max) - begin));
}

}  // namespace callgate::audit
