// Strings: the fast path, code points split between pieces, escapes, and what is kept of top-level keys.

#include "json/canonical_escape.h"
#include "json/plain_run.h"
#include "json/stream_state.h"
#include "json/utf8.h"

namespace callgate::json {

bool StreamCheck::State::start_string(bool is_key) {
  mode = Mode::String;
  key = is_key;
  high = 0;
  watched = key ? depth == 1 : id_open;
  if (!key) {
    keep_id("\"");
    return true;
  }
  if (++levels[depth - 1].members > caps.members_max) return refuse("json.too_large", "too many members in one object; send fewer");
  top_key = {hash_seed(), hash_seed()};
  top_key_size = 0;
  key_is_id = true;
  folder = {};
  return true;
}

template <StringRole role> const std::uint8_t* StreamCheck::State::read_string(const std::uint8_t* at, const std::uint8_t* end) {
  for (;;) {
    if (!watched) {
      if (role == StringRole::Value) at += plain_run(at, static_cast<std::size_t>(end - at), nullptr);
      while (end - at >= kBlock) {
        unsigned plain = plain_block<role>(at);
        at += plain;
        if (plain < kBlock) break;
      }
      while (at < end && is_plain<role>(*at)) ++at;
    } else {
      while (at < end && is_plain<role>(*at)) emit(*at++);
    }
    if (at == end) return at;
    if (*at == '"') return end_string() ? at + 1 : at;
    if (*at == '\\') {
      mode = Mode::Escape;
      return at + 1;
    }
    if (*at < 0x80) {
      refuse("json.control",
             *at == 0x7f ? "control character in a key; use printable keys" : "raw control character in a string; escape it");
      return at;
    }
    char32_t whole = 0;
    unsigned length = decode_utf8(at, end, whole);
    if (length == 0) return start_wide(*at) ? at + 1 : at;  // invalid, or split between pieces
    if (!emit(whole)) return at;
    at += length;
  }
}
template const std::uint8_t* StreamCheck::State::read_string<StringRole::Value>(const std::uint8_t*, const std::uint8_t*);
template const std::uint8_t* StreamCheck::State::read_string<StringRole::Key>(const std::uint8_t*, const std::uint8_t*);

bool StreamCheck::State::start_wide(std::uint8_t lead) {
  if (lead < 0xc2 || lead > 0xf4) return refuse("json.utf8", "invalid UTF-8; send the text as UTF-8");
  wide_left = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  wide_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  wide_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  code_point = lead & (0x3f >> wide_left);
  mode = Mode::Wide;
  return true;
}

bool StreamCheck::State::more_wide(std::uint8_t byte) {
  if (byte < wide_low || byte > wide_high) return refuse("json.utf8", "invalid UTF-8; send the text as UTF-8");
  wide_low = 0x80;
  wide_high = 0xbf;
  code_point = code_point << 6 | (byte & 0x3fu);
  if (--wide_left > 0) return true;
  mode = Mode::String;
  return emit(code_point);
}

bool StreamCheck::State::escape(std::uint8_t byte) {
  if (byte == 'u') {
    mode = Mode::Hex;
    hex_left = 4;
    code_point = 0;
    return true;
  }
  std::uint8_t meant = short_escape(byte);
  if (meant == 0) return refuse("json.syntax", "unknown escape; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
  mode = Mode::String;
  return emit(meant);
}

bool StreamCheck::State::hex(std::uint8_t byte) {
  int digit = hex_value(byte);
  if (digit < 0) return refuse("json.syntax", "broken \\u escape; it takes four hex digits");
  code_point = code_point << 4 | static_cast<char32_t>(digit);
  if (--hex_left > 0) return true;
  if (high != 0) {
    if (!low_surrogate(code_point)) return refuse("json.surrogate", "lone surrogate escape; send the whole pair");
    code_point = join_surrogates(high, code_point);
    high = 0;
  } else if (high_surrogate(code_point)) {
    high = code_point;
    mode = Mode::LowBackslash;
    return true;
  } else if (low_surrogate(code_point)) {
    return refuse("json.surrogate", "lone surrogate escape; send the whole pair");
  }
  mode = Mode::String;
  return emit(code_point);
}

// One code point of the text; plain bytes nobody watches never come here.
bool StreamCheck::State::emit(char32_t c) {
  if (key && is_control(c)) return refuse("json.control", "control character in a key; use printable keys");
  if (!watched) return true;
  if (!key) {
    std::uint8_t bytes[8];
    std::uint8_t* out = bytes;
    if (c < 0x80) {
      put_canonical(c, out);
    } else {
      out = encode_utf8(c, out);
    }
    keep_id({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(out - bytes)});
    return true;
  }
  if (top_key_size >= 2 || c != static_cast<char32_t>("id"[top_key_size])) key_is_id = false;
  if (top_key_size < 2) ++top_key_size;
  top_key.exact = hash_step(top_key.exact, c);
  Folded folded = folder.next(c);
  for (unsigned i = 0; i < folded.count; ++i) top_key.folded = hash_step(top_key.folded, folded.code_points[i]);
  return true;
}

bool StreamCheck::State::end_string() {
  if (key) return end_key();
  keep_id("\"");
  return value_done();
}

bool StreamCheck::State::end_key() {
  mode = Mode::Colon;
  if (depth != 1) return true;
  key_is_id = key_is_id && top_key_size == 2;
  for (std::uint32_t i = 0; i < top_keys; ++i) {
    if (seen[i].exact == top_key.exact) return refuse("json.duplicate_key", "a key appears twice in one object; send each key once");
    if (seen[i].folded == top_key.folded)
      return refuse("json.folded_key", "a key repeats another when case is ignored; send keys that differ in more than case");
  }
  if (top_keys == kTopMembersMax) return refuse("json.too_large", "more than 64 members at the top level; send fewer");
  seen[top_keys++] = top_key;
  return true;
}

}  // namespace callgate::json
