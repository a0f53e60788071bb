#include "audit/record_fields.h"

#include <charconv>
#include <cstdint>

#include "json/plain_block.h"

namespace callgate::audit {

namespace {

// Index behind the string that starts at `at` (a quote), npos when it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    while (text.size() - i >= static_cast<std::size_t>(json::kBlock)) {  // plain bytes cannot end it
      const unsigned plain = json::plain_block<json::StringRole::Value>(reinterpret_cast<const std::uint8_t*>(text.data() + i));
      i += plain;
      if (plain < json::kBlock) break;
    }
    if (i == text.size()) break;
    if (text[i] == '\\') ++i;
    else if (text[i] == '"') return i + 1;
  }
  return std::string_view::npos;
}

std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size();) {
    char c = text[i];
    if (c == '"') {
      i = end_of_string(text, i);
      if (i == std::string_view::npos) return i;
    } else if (c == '{' || c == '[') {
      ++depth;
      ++i;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
      ++i;
    } else if (c == ',' && depth == 0) {
      return i;
    } else {
      ++i;
      continue;
    }
    if (depth == 0) return i;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 63));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 63));
    out += static_cast<char>(0x80 | (point & 63));
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 63));
    out += static_cast<char>(0x80 | ((point >> 6) & 63));
    out += static_cast<char>(0x80 | (point & 63));
  }
}

bool unit_at(std::string_view text, std::size_t at, std::uint32_t& unit) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return false;
  auto parsed = std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  return parsed.ptr == text.data() + at + 6;
}

// \uXXXX at `at`, surrogate pairs included; returns how many characters it took, 0 when it is none.
std::size_t append_unicode(std::string& out, std::string_view text, std::size_t at) {
  std::uint32_t unit = 0, low = 0;
  if (!unit_at(text, at, unit)) return 0;
  if (unit >= 0xd800 && unit < 0xdc00 && unit_at(text, at + 6, low) && low >= 0xdc00 && low < 0xe000) {
    append_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
    return 12;
  }
  append_utf8(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
  return 6;
}

}  // namespace

bool for_each_field(std::string_view record, const std::function<void(std::string_view, std::string_view)>& fn) {
  if (record.empty() || record[0] != '{') return false;
  std::size_t at = 1;
  while (at < record.size() && record[at] == '"') {
    std::size_t key_end = end_of_string(record, at);
    if (key_end == std::string_view::npos || key_end >= record.size() || record[key_end] != ':') return false;
    std::size_t value_end = end_of_value(record, key_end + 1);
    if (value_end == std::string_view::npos || value_end >= record.size()) return false;
    fn(record.substr(at + 1, key_end - at - 2), record.substr(key_end + 1, value_end - key_end - 1));
    if (record[value_end] != ',') return record[value_end] == '}';
    at = value_end + 1;
  }
  return at < record.size() && record[at] == '}';
}

std::string field_text(std::string_view value, bool keep_escapes) {
  if (value.size() < 2 || value[0] != '"') return std::string(value);
  value = value.substr(1, value.size() - 2);
  if (value.find('\\') == std::string_view::npos) return std::string(value);
  std::string text;
  text.reserve(value.size());
  for (std::size_t i = 0; i < value.size();) {
    if (value[i] != '\\' || i + 1 >= value.size()) {
      text += value[i++];
      continue;
    }
    char c = value[i + 1];
    if (c == '"' || c == '\\' || c == '/') {
      text += c;
    } else if (keep_escapes) {
      text += '\\';
      text += c;
    } else if (c == 'u') {
      std::size_t took = append_unicode(text, value, i);
      i += took == 0 ? 2 : took;
      continue;
    } else {
      text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
    }
    i += 2;
  }
  return text;
}

}  // namespace callgate::audit
