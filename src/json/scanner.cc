#include "json/scanner.h"

#include <algorithm>
#include <cstring>

#include "json/fold.h"
#include "json/number.h"
#include "json/plain_run.h"
#include "json/utf8.h"

namespace callgate::json {
namespace {

constexpr std::size_t kPadding = 32;  // blocks are stored whole and keys are hashed in words
constexpr std::size_t kCopy = 16;
constexpr std::ptrdiff_t kWord = 8;
constexpr std::size_t kBytesHardMax = 0x7fff0000;  // spans are 32 bits wide

bool is_digit(std::uint8_t c) { return c >= '0' && c <= '9'; }

std::string show_byte(std::uint8_t byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  if (byte > 0x20 && byte < 0x7f && byte != '`') return std::string("`") + static_cast<char>(byte) + "`";
  return std::string("byte 0x") + hex[byte >> 4] + hex[byte & 15];
}

}  // namespace

Scanner::Scanner(Document& document, Document::Workspace& work, std::string_view bytes, const Caps& caps)
    : document_(document),
      work_(work),
      caps_(caps),
      begin_(reinterpret_cast<const std::uint8_t*>(bytes.data())),
      at_(begin_),
      end_(begin_ + bytes.size()),
      seed_(hash_seed()) {}

Result<void> Scanner::run() {
  auto size = static_cast<std::size_t>(end_ - begin_);
  bool done = size > std::min(caps_.bytes_max, kBytesHardMax)
                  ? refuse("json.too_large", "the document is larger than " + std::to_string(caps_.bytes_max) + " bytes; send less")
                  : scan_document();
  if (done) {
    document_.canonical_size_ = written();
    return {};
  }
  document_.clear();
  return tl::unexpected<Error>(std::move(error_));
}

bool Scanner::scan_document() {
  auto size = static_cast<std::size_t>(end_ - begin_);
  if (document_.canonical_room_ < size + kPadding) {
    const std::size_t room = std::max(size + kPadding, document_.canonical_room_ + document_.canonical_room_ / 2);
    document_.canonical_.reset(new char[room]);
    document_.canonical_room_ = room;
  }
  out_begin_ = out_ = reinterpret_cast<std::uint8_t*>(document_.canonical_.get());
  bool utf8_mark = size >= 3 && begin_[0] == 0xef && begin_[1] == 0xbb && begin_[2] == 0xbf;
  bool utf16_mark = size >= 2 && ((begin_[0] == 0xfe && begin_[1] == 0xff) || (begin_[0] == 0xff && begin_[1] == 0xfe));
  if (utf8_mark || utf16_mark) return refuse("json.bom", "byte order mark; send plain UTF-8 without one");
  skip_space();
  if (!scan_value() || !scan_containers()) return false;
  skip_space();
  return at_ == end_ || refuse("json.trailing", "data after the document; send one document per message");
}

// Members, elements and closing brackets until the root is closed. Where input and output stand is kept in two local variables: bytes
// are stored all the time, and after a store to memory of any type a member would have to be read again.
bool Scanner::scan_containers() {
  const std::uint8_t* at = at_;
  std::uint8_t* out = out_;
  const auto slowly = [&](auto step) {
    at_ = at;
    out_ = out;
    const bool fine = step();
    at = at_;
    out = out_;
    return fine;
  };
  while (container_ != kNoContainer) {
    at = behind_space(at);
    Document::Node& container = document_.nodes_[container_];
    const bool object = container.kind == Kind::Object;
    if (at < end_ && *at == (object ? '}' : ']')) {
      if (container.size > kPairwiseKeysMax) {
        if (!slowly([&] { return close(); })) return false;
      } else {
        *out++ = *at++;
        leave(container, static_cast<std::uint32_t>(out - out_begin_));
      }
      continue;
    }
    if (container.size > 0) {
      if (at == end_ || *at != ',') return slowly([&] { return refuse_byte(object ? "`,` or `}`" : "`,` or `]`"); });
      ++at;
      *out++ = ',';
      at = behind_space(at);
    }
    ++container.size;
    if (object && !plain_key(at, out, container.size) && !slowly([&] { return scan_member_key(); })) return false;
    if (!plain_value(at, out) && !slowly([&] { return scan_value(); })) return false;
  }
  at_ = at;
  out_ = out;
  return true;
}

// The two steps below take what most documents consist of. On anything else, and on anything that might have to be refused, they return
// false and have changed nothing: then the thorough step reads the same bytes.

// Copies a string without escapes up to its closing quote; 0: it is none, or too close to the end to be read in blocks.
template <StringRole role> inline std::ptrdiff_t Scanner::plain_text(const std::uint8_t* at, std::uint8_t* out) const {
  const std::uint8_t* const quote = at++;
  *out++ = '"';
  if (end_ - at < kBlock + kWord) return 0;
  unsigned plain = plain_block<role>(at, out);
  at += plain;
  out += plain;
  if (plain == kBlock) {
    if constexpr (role == StringRole::Value) {
      if (end_ - at >= kStretch + kWord && plain_stretch<role>(at, out)) {
        const std::size_t run = kStretch + plain_run(at + kStretch, static_cast<std::size_t>(end_ - at - kStretch - kWord), out + kStretch);
        at += run;
        out += run;
      }
    }
    for (; plain == kBlock; at += plain, out += plain) {
      if (end_ - at < kBlock + kWord) return 0;
      plain = plain_block<role>(at, out);
    }
  }
  if (*at != '"') return 0;
  *out = '"';
  return at + 1 - quote;
}

inline bool Scanner::plain_key(const std::uint8_t*& at, std::uint8_t*& out, std::uint32_t members) {
  if (at == end_ || *at != '"' || members > caps_.members_max) return false;
  const std::ptrdiff_t size = plain_text<StringRole::Key>(at, out);
  if (size == 0) return false;
  const std::uint8_t* const colon = behind_space(at + size);
  if (colon == end_ || *colon != ':') return false;
  auto& keys = work_.keys;
  const std::uint64_t hash = lower_ascii_hash(seed_, reinterpret_cast<const char*>(at + 1), static_cast<std::size_t>(size - 2));
  if (keys.size() - keys_base_ < kPairwiseKeysMax) {
    for (std::size_t i = keys_base_; i < keys.size(); ++i)
      if (keys[i].hash == hash) return false;
  }
  Document::OpenKey& entry = keys.emplace_back();
  entry.hash = hash;
  entry.node = static_cast<std::uint32_t>(document_.nodes_.size());
  key_begin_ = static_cast<std::uint32_t>(out - out_begin_) + 1;
  key_end_ = key_begin_ + static_cast<std::uint32_t>(size - 2);
  key_escaped_ = false;
  out[size] = ':';
  out += size + 1;
  at = behind_space(colon + 1);
  return true;
}

inline bool Scanner::plain_value(const std::uint8_t*& at, std::uint8_t*& out) {
  if (end_ - at < static_cast<std::ptrdiff_t>(kCopy) || document_.nodes_.size() >= caps_.values_max) return false;
  const auto begin = static_cast<std::uint32_t>(out - out_begin_);
  if (*at == '"') {
    const std::ptrdiff_t size = plain_text<StringRole::Value>(at, out);
    if (size == 0) return false;
    at += size;
    out += size;
    add_node(Kind::String, begin + 1, begin + static_cast<std::uint32_t>(size) - 1);
    return true;
  }
  if (*at == '{' || *at == '[') {
    if (depth_ == caps_.depth_max) return false;
    enter(*at == '{' ? Kind::Object : Kind::Array, begin);
    *out++ = *at++;
    return true;
  }
  if (*at >= 'f') return plain_word(at, out);
  // A whole number of up to ten digits; what follows it is looked at here, for 01, 1.5 and 1e3 are read thoroughly.
  if (*at == '0' || !is_digit(*at)) return false;
  std::ptrdiff_t digits = 1;
  while (digits < 10 && is_digit(at[digits])) ++digits;
  const std::uint8_t next = at[digits];
  if ((next != ',' && next != '}' && next != ']') || digits > static_cast<std::ptrdiff_t>(caps_.number_chars_max)) return false;
  std::memcpy(out, at, kCopy);
  at += digits;
  out += digits;
  add_node(Kind::Number, begin, begin + static_cast<std::uint32_t>(digits));
  return true;
}

inline bool Scanner::plain_word(const std::uint8_t*& at, std::uint8_t*& out) {
  const auto take = [&](const char* word, std::ptrdiff_t size, Kind kind) {
    if (std::memcmp(at, word, 4) != 0 || (size == 5 && at[4] != 'e')) return false;
    const auto begin = static_cast<std::uint32_t>(out - out_begin_);
    std::memcpy(out, at, kWord);  // the output is padded
    at += size;
    out += size;
    add_node(kind, begin, begin + static_cast<std::uint32_t>(size));
    return true;
  };
  return take("true", 4, Kind::True) || take("false", 5, Kind::False) || take("null", 4, Kind::Null);
}

template <std::size_t size> bool Scanner::scan_literal(const char (&word)[size], Kind kind) {
  constexpr std::size_t length = size - 1;
  if (static_cast<std::size_t>(end_ - at_) < length || std::memcmp(at_, word, length) != 0)
    return refuse("json.syntax", "unknown word; only true, false and null are written without quotes");
  std::uint32_t begin = written();
  std::memcpy(out_, word, length);
  out_ += length;
  at_ += length;
  return push(kind, begin, written());
}

bool Scanner::scan_value() {
  if (at_ == end_) return refuse_byte("a value");
  switch (*at_) {
    case '"': {
      ++at_;
      std::uint32_t begin = written() + 1;
      Text text;
      if (!scan_text<StringRole::Value>(text) || !push(Kind::String, begin, text.end)) return false;
      if (!text.escaped) return true;
      Document::Node& node = document_.nodes_.back();
      node.escaped = true;
      node.size = unescape(begin, text.end, node.text_size);
      return true;
    }
    case '{': return open(Kind::Object);
    case '[': return open(Kind::Array);
    case 't': return scan_literal("true", Kind::True);
    case 'f': return scan_literal("false", Kind::False);
    case 'n': return scan_literal("null", Kind::Null);
    case 'N':
    case 'I': return refuse("json.number", "NaN and Infinity are not JSON; send a finite number or null");
    default:
      if (is_digit(*at_) || *at_ == '-' || *at_ == '+' || *at_ == '.') return scan_number();
      return refuse_byte("a value");
  }
}

bool Scanner::scan_member_key() {
  const std::uint8_t* start = at_;
  if (at_ == end_ || *at_ != '"') return refuse_byte("a key in double quotes");
  ++at_;
  std::uint32_t begin = written() + 1;
  Text text;
  if (!scan_text<StringRole::Key>(text)) return false;
  key_begin_ = begin;
  key_end_ = text.end;
  key_escaped_ = text.escaped;
  if (text.escaped) {
    std::uint32_t length = 0;
    key_begin_ = unescape(begin, text.end, length);
    key_end_ = key_begin_ + length;
  }
  if (document_.nodes_[container_].size > caps_.members_max)
    return refuse_at(start, "json.too_large", "more than " + std::to_string(caps_.members_max) + " members in one object; send fewer");
  if (!note_key(text, start)) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') return refuse_byte("`:`");
  ++at_;
  put(':');
  skip_space();
  return true;
}

bool Scanner::scan_number() {
  const std::uint8_t* at = at_;
  auto digits = [&] {
    const std::uint8_t* first = at;
    while (at < end_ && is_digit(*at)) ++at;
    return at != first;
  };
  if (*at == '-') ++at;
  const std::uint8_t* first = at;
  if (!digits()) return refuse_at(at, "json.number", "a number needs a digit here; write it as in RFC 8259");
  if (*first == '0' && at - first > 1) return refuse_at(first, "json.number", "leading zero; write the number without it");
  bool plain = true;
  if (at < end_ && *at == '.') {
    ++at;
    if (!digits()) return refuse_at(at, "json.number", "no digit after the decimal point");
  }
  if (at < end_ && (*at == 'e' || *at == 'E')) {
    plain = false;
    ++at;
    if (at < end_ && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return refuse_at(at, "json.number", "no digit in the exponent");
  }
  auto size = static_cast<std::size_t>(at - at_);
  if (size > caps_.number_chars_max)
    return refuse("json.number", "the number is longer than " + std::to_string(caps_.number_chars_max) + " characters; shorten it");
  if ((!plain || size > 300) && !magnitude_fits({reinterpret_cast<const char*>(at_), size}))
    return refuse("json.number", "the number is out of range; send one that fits a double");
  std::uint32_t begin = written();
  if (size <= kCopy && static_cast<std::size_t>(end_ - at_) >= kCopy) {
    std::memcpy(out_, at_, kCopy);  // a fixed size needs no call; the output is padded
  } else {
    std::memcpy(out_, at_, size);
  }
  out_ += size;
  at_ = at;
  return push(Kind::Number, begin, written());
}

bool Scanner::open(Kind kind) {
  if (depth_ == caps_.depth_max)
    return refuse("json.depth", "nested deeper than " + std::to_string(caps_.depth_max) + " levels; flatten the document");
  if (!room_for_value()) return false;
  enter(kind, written());
  put(*at_++);
  return true;
}

// While a container is open, its node holds in `next` its parent and in `end` where the keys of that one begin.
inline void Scanner::enter(Kind kind, std::uint32_t begin) {
  ++depth_;
  const auto node = static_cast<std::uint32_t>(document_.nodes_.size());
  add_node(kind, begin, static_cast<std::uint32_t>(keys_base_));
  document_.nodes_[node].next = container_;
  container_ = node;
  keys_base_ = work_.keys.size();
}

inline void Scanner::leave(Document::Node& node, std::uint32_t end) {
  if (node.kind == Kind::Object) work_.keys.resize(keys_base_);
  keys_base_ = node.end;
  container_ = node.next;
  node.end = end;
  node.next = static_cast<std::uint32_t>(document_.nodes_.size());
  --depth_;
}

bool Scanner::close() {
  Document::Node& node = document_.nodes_[container_];
  if (node.kind == Kind::Object && node.size > kPairwiseKeysMax && !check_many_keys()) return false;
  put(*at_++);
  leave(node, written());
  return true;
}

bool Scanner::room_for_value() {
  if (document_.nodes_.size() < caps_.values_max) return true;
  return refuse("json.too_large", "more than " + std::to_string(caps_.values_max) + " values in one document; send fewer");
}

bool Scanner::push(Kind kind, std::uint32_t begin, std::uint32_t end) {
  if (!room_for_value()) return false;
  add_node(kind, begin, end);
  return true;
}

inline void Scanner::add_node(Kind kind, std::uint32_t begin, std::uint32_t end) {
  auto& nodes = document_.nodes_;
  Document::Node& node = nodes.emplace_back();  // filled in place: copying what was just written in pieces stalls
  node.begin = begin;
  node.end = end;
  node.key_begin = key_begin_;
  node.key_end = key_end_;
  node.next = static_cast<std::uint32_t>(nodes.size());
  node.size = node.text_size = 0;
  node.kind = kind;
  node.escaped = false;
  node.key_escaped = key_escaped_;
  key_begin_ = key_end_ = 0;
  key_escaped_ = false;
}

bool Scanner::refuse_at(const std::uint8_t* at, std::string_view reason, std::string_view what) {
  error_.code = reason == "json.too_large" ? Code::TooLarge : Code::InvalidRequest;
  error_.reason = reason;
  error_.message = std::string(what) + " (byte " + std::to_string(at - begin_) + ")";
  return false;
}

bool Scanner::refuse_byte(std::string_view expected) {
  std::string what = "expected " + std::string(expected);
  if (at_ == end_) return refuse("json.syntax", what + ", but the document ends here; send all of it");
  return refuse("json.syntax", what + ", found " + show_byte(*at_) + "; send strict JSON");
}

}  // namespace callgate::json
