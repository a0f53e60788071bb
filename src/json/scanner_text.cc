// Strings and keys: escapes, UTF-8, and the search for keys that another reader could confuse.

#include <algorithm>
#include <cstring>

#include "json/canonical_escape.h"
#include "json/fold.h"
#include "json/plain_run.h"
#include "json/scanner.h"
#include "json/utf8.h"

namespace callgate::json {
namespace {

constexpr std::size_t kPadding = 16;

// For messages: at most 40 bytes, never half a code point.
std::string quoted_part(std::string_view text) {
  constexpr std::size_t most = 36;
  if (text.size() <= most) return "`" + std::string(text) + "`";
  std::size_t size = most;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return "`" + std::string(text.substr(0, size)) + "...`";
}

}  // namespace

template <StringRole role> bool Scanner::scan_text(Text& text) {
  const std::uint8_t* at = at_;
  std::uint8_t* out = out_;
  *out++ = '"';
  for (;;) {
    // The output never runs ahead of the input and is padded, so a whole block may be stored.
    if (role == StringRole::Value) {
      const std::size_t run = plain_run(at, static_cast<std::size_t>(end_ - at), out);
      at += run;
      out += run;
    }
    while (end_ - at >= kBlock) {
      unsigned plain = plain_block<role>(at, out);
      at += plain;
      out += plain;
      if (plain < kBlock) break;
    }
    while (at < end_ && is_plain<role>(*at)) *out++ = *at++;
    if (at == end_) return refuse_at(at, "json.syntax", "the document ends inside a string; send all of it");
    if (*at == '"') break;
    if (*at >= 0x80) {
      text.ascii = false;
      if (!scan_wide<role>(at, out)) return false;
    } else if (*at == '\\') {
      const std::uint8_t* before = out;
      if (!scan_escape<role>(at, out, text.escaped)) return false;
      text.ascii &= *before < 0x80;
    } else {
      return refuse_at(at, "json.control",
                       *at == 0x7f ? "control character in a key; use printable keys" : "raw control character in a string; escape it");
    }
  }
  text.end = static_cast<std::uint32_t>(out - out_begin_);
  *out++ = '"';
  out_ = out;
  at_ = at + 1;
  return true;
}
template bool Scanner::scan_text<StringRole::Value>(Text&);
template bool Scanner::scan_text<StringRole::Key>(Text&);

template <StringRole role> bool Scanner::scan_wide(const std::uint8_t*& at, std::uint8_t*& out) {
  do {
    char32_t code_point = 0;
    unsigned length = decode_utf8(at, end_, code_point);
    if (length == 0) return refuse_at(at, "json.utf8", "invalid UTF-8; send the text as UTF-8");
    if (role == StringRole::Key && is_control(code_point))
      return refuse_at(at, "json.control", "control character in a key; use printable keys");
    for (unsigned i = 0; i < length; ++i) *out++ = *at++;
  } while (at < end_ && *at >= 0x80);
  return true;
}

template <StringRole role> bool Scanner::scan_escape(const std::uint8_t*& at, std::uint8_t*& out, bool& escaped) {
  const std::uint8_t* start = at;
  if (end_ - at < 2) return refuse_at(at, "json.syntax", "the document ends inside an escape; send all of it");
  char32_t code_point = short_escape(at[1]);
  if (at[1] == 'u') {
    if (!scan_unicode_escape(at, code_point)) return false;
  } else if (code_point != 0) {
    at += 2;
  } else {
    return refuse_at(at, "json.syntax", "unknown escape; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
  }
  if (role == StringRole::Key && is_control(code_point))
    return refuse_at(start, "json.control", "control character in a key; use printable keys");
  if (code_point >= 0x80) {
    out = encode_utf8(code_point, out);
  } else if (put_canonical(code_point, out)) {
    escaped = true;
  }
  return true;
}

bool Scanner::scan_unicode_escape(const std::uint8_t*& at, char32_t& code_point) {
  auto read_unit = [&](const std::uint8_t* from, char32_t& unit) {
    if (end_ - from < 6 || from[0] != '\\' || from[1] != 'u') return false;
    int value = 0;
    for (int i = 2; i < 6; ++i) {
      int digit = hex_value(from[i]);
      if (digit < 0) return false;
      value = value * 16 + digit;
    }
    unit = static_cast<char32_t>(value);
    return true;
  };
  if (!read_unit(at, code_point)) return refuse_at(at, "json.syntax", "broken \\u escape; it takes four hex digits");
  if (!high_surrogate(code_point) && !low_surrogate(code_point)) {
    at += 6;
    return true;
  }
  char32_t low = 0;
  if (low_surrogate(code_point) || !read_unit(at + 6, low) || !low_surrogate(low))
    return refuse_at(at, "json.surrogate", "lone surrogate escape; send the whole pair");
  code_point = join_surrogates(code_point, low);
  at += 12;
  return true;
}

std::uint32_t Scanner::unescape(std::uint32_t begin, std::uint32_t end, std::uint32_t& size) {
  std::string& store = document_.unescaped_;
  std::size_t most = unescaped_size_ + (end - begin) + kPadding;
  if (store.size() < most) store.resize(std::max(most, store.size() * 2));
  auto* first = reinterpret_cast<std::uint8_t*>(store.data()) + unescaped_size_;
  auto* out = first;
  const std::uint8_t* at = out_begin_ + begin;
  const std::uint8_t* last = out_begin_ + end;
  while (at < last) {
    const void* found = std::memchr(at, '\\', static_cast<std::size_t>(last - at));
    const auto* stop = found ? static_cast<const std::uint8_t*>(found) : last;
    std::memcpy(out, at, static_cast<std::size_t>(stop - at));
    out += stop - at;
    at = stop;
    if (at == last) break;
    if (at[1] == 'u') {
      *out++ = static_cast<std::uint8_t>(hex_value(at[4]) * 16 + hex_value(at[5]));
      at += 6;
    } else {
      *out++ = short_escape(at[1]);
      at += 2;
    }
  }
  size = static_cast<std::uint32_t>(out - first);
  auto where = static_cast<std::uint32_t>(unescaped_size_);
  unescaped_size_ += size;
  return where;
}

std::string_view Scanner::stored_key(std::uint32_t begin, std::uint32_t end, bool escaped) const {
  const char* const from = escaped ? document_.unescaped_.data() : document_.canonical_.get();
  return {from + begin, end - begin};
}

bool Scanner::note_key(const Text& text, const std::uint8_t* start) {
  std::string_view key = stored_key(key_begin_, key_end_, key_escaped_);
  std::uint64_t hash = 0;
  if (text.ascii) {
    // From the input when that is the same text: loading what was just stored in pieces stalls the processor.
    bool same = start + key.size() + 2 == at_ && end_ - at_ >= 8;
    hash = lower_ascii_hash(seed_, same ? reinterpret_cast<const char*>(start + 1) : key.data(), key.size());
  } else {
    fold_key(key, work_.folded);
    hash = lower_ascii_hash(seed_, work_.folded.data(), work_.folded.size());
  }
  auto& keys = work_.keys;
  if (keys.size() - keys_base_ < kPairwiseKeysMax) {
    for (std::size_t i = keys_base_; i < keys.size(); ++i)
      if (keys[i].hash == hash && !tell_apart(key_of(document_.nodes_[keys[i].node]), key, start)) return false;
  }
  Document::OpenKey& entry = keys.emplace_back();
  entry.hash = hash;
  entry.node = static_cast<std::uint32_t>(document_.nodes_.size());
  return true;
}

// Past a handful of keys, sorting once beats comparing each with each: n log n for any input.
bool Scanner::check_many_keys() {
  auto first = work_.keys.begin() + static_cast<std::ptrdiff_t>(keys_base_), last = work_.keys.end();
  std::sort(first, last,
            [](const Document::OpenKey& a, const Document::OpenKey& b) { return a.hash != b.hash ? a.hash < b.hash : a.node < b.node; });
  for (; first != last; ++first)
    for (auto other = first + 1; other != last && other->hash == first->hash; ++other)
      if (!tell_apart(key_of(document_.nodes_[first->node]), key_of(document_.nodes_[other->node]), at_)) return false;
  return true;
}

bool Scanner::tell_apart(std::string_view earlier, std::string_view later, const std::uint8_t* where) {
  if (earlier == later)
    return refuse_at(where, "json.duplicate_key", "key " + quoted_part(later) + " appears twice in one object; send each key once");
  if (!equal_folded(earlier, later)) return true;
  return refuse_at(
      where, "json.folded_key",
      "key " + quoted_part(later) + " repeats another key of its object when case is ignored; send keys that differ in more than case");
}

}  // namespace callgate::json
