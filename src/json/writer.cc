#include "json/writer.h"

#include <charconv>

#include "json/canonical_escape.h"
#include "json/plain_block.h"
#include "json/utf8.h"

namespace callgate::json {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto* end = at + text.size();
  out += '"';
  while (at < end) {
    const auto* run = at;
    while (end - at >= kBlock) {
      unsigned plain = plain_block<StringRole::Value>(at);
      at += plain;
      if (plain < kBlock) break;
    }
    while (at < end && is_plain<StringRole::Value>(*at)) ++at;
    out.append(reinterpret_cast<const char*>(run), static_cast<std::size_t>(at - run));
    if (at == end) break;
    if (*at < 0x80) {
      std::uint8_t escape[8];
      std::uint8_t* to = escape;
      put_canonical(*at++, to);
      out.append(reinterpret_cast<const char*>(escape), static_cast<std::size_t>(to - escape));
      continue;
    }
    char32_t code_point = 0;
    unsigned length = decode_utf8(at, end, code_point);
    out.append(length == 0 ? kReplacement : std::string_view(reinterpret_cast<const char*>(at), length));
    at += length == 0 ? 1 : length;
  }
  out += '"';
}

void Writer::separate() {
  if (!fresh_) out_ += ',';
  fresh_ = false;
}

Writer& Writer::begin_object() {
  separate();
  out_ += '{';
  fresh_ = true;
  return *this;
}

Writer& Writer::end_object() {
  out_ += '}';
  fresh_ = false;
  return *this;
}

Writer& Writer::begin_array() {
  separate();
  out_ += '[';
  fresh_ = true;
  return *this;
}

Writer& Writer::end_array() {
  out_ += ']';
  fresh_ = false;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  fresh_ = true;  // its value follows without a comma
  return *this;
}

Writer& Writer::string(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  separate();
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out_.append(digits, static_cast<std::size_t>(end - digits));
  return *this;
}

Writer& Writer::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

Writer& Writer::null() {
  separate();
  out_ += "null";
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

}  // namespace callgate::json
