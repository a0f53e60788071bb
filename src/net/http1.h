#pragma once
// Strict HTTP/1.1 heads and bodies (RFC 9112), requests and responses. Refuses what others argue about: CL with TE, repeated or
// listed CL, any TE but exactly `chunked`, obs-fold, bare CR or LF, empty or spaced names, non-token bytes, two Hosts, HTTP/1.0 with TE,
// absolute-form targets to other hosts, control characters anywhere. Views point into the caller's buffer. No allocation.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace callgate::net {

struct HeadCaps {
  std::size_t bytes_max = 16 * 1024;
  std::size_t headers_max = 64;
};

// The first sixteen bytes of a name in lower case, zeros behind its end: a name is looked up by comparing two numbers.
struct NameKey {
  std::uint64_t first = 0, second = 0;
  bool operator==(const NameKey&) const = default;
  static constexpr NameKey of(std::string_view name) {
    NameKey key;
    for (std::size_t i = 0; i < name.size() && i < 16; ++i) {
      const bool capital = name[i] >= 'A' && name[i] <= 'Z';
      const std::uint64_t byte = static_cast<unsigned char>(name[i]) + (capital ? 0x20U : 0U);
      (i < 8 ? key.first : key.second) |= byte << (i % 8 * 8);
    }
    return key;
  }
  // One of 64, by which most names differ.
  constexpr std::uint64_t bit() const { return std::uint64_t{1} << ((first ^ second) * 0x9e3779b97f4a7c15U >> 58); }
};

// What a header is asked for by. Of a literal all is made while compiling.
class HeaderName {
 public:
  template <std::size_t size>
  consteval HeaderName(const char (&name)[size]) : text_(name, size - 1), key_(NameKey::of(text_)), bit_(key_.bit()) {}
  HeaderName(std::string_view name) : text_(name), key_(NameKey::of(name)), bit_(key_.bit()) {}
  HeaderName(const std::string& name) : HeaderName(std::string_view(name)) {}
  std::string_view text() const { return text_; }
  const NameKey& key() const { return key_; }
  std::uint64_t bit() const { return bit_; }

 private:
  std::string_view text_;
  NameKey key_;
  std::uint64_t bit_;
};

struct Header {
  Header() = default;
  Header(std::string_view name_in, std::string_view value_in) : name(name_in), value(value_in), key(NameKey::of(name_in)) {}
  std::string_view name;   // as sent; compare with is() or equals_ignoring_case()
  std::string_view value;  // surrounding whitespace removed
  NameKey key;             // of the name
  bool is(const HeaderName& wanted) const {
    return key == wanted.key() && name.size() == wanted.text().size() && (name.size() <= 16 || is_long(wanted));
  }

 private:
  bool is_long(const HeaderName& wanted) const;
};

bool equals_ignoring_case_same_size(std::string_view a, std::string_view b);
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {  // ASCII
  if (a.size() != b.size()) return false;
  return a.empty() || (((a[0] ^ b[0]) & ~0x20) == 0 && equals_ignoring_case_same_size(a, b));  // most differ in the first byte already
}

class Head {
 public:
  // request
  std::string_view method, target;
  // response
  int status = 0;
  // both
  int version_minor = 1;
  bool keep_alive = true;
  bool chunked = false;
  bool expect_continue = false;
  std::optional<std::uint64_t> content_length;
  std::size_t bytes = 0;  // size of the head, CRLFCRLF included

  static constexpr std::size_t kHeadersMax = 64;
  std::span<const Header> headers() const { return {headers_.data(), count_}; }
  void add(const Header& header) {
    place() = header;
    keep();
  }
  Header& place() { return headers_[count_]; }  // of the next one, to be filled where it stays; it counts once it is kept
  void keep() {
    const std::uint64_t bit = headers_[count_++].key.bit();
    repeated_ |= names_ & bit;
    names_ |= bit;
  }
  void clear_headers() {
    count_ = 0;
    names_ = repeated_ = 0;
  }

  // The value of the first one; empty when absent.
  std::string_view header(const HeaderName& name) const { return (names_ & name.bit()) == 0 ? std::string_view() : first(name); }
  std::size_t count(const HeaderName& name) const { return find(name).count; }
  struct Found {
    std::string_view value;  // of the first
    std::size_t count = 0;
  };
  Found find(const HeaderName& name) const { return (names_ & name.bit()) == 0 ? Found() : found(name); }  // both in one pass

 private:
  std::string_view first(const HeaderName& name) const;
  Found found(const HeaderName& name) const;
  std::array<Header, kHeadersMax> headers_;
  std::size_t count_ = 0;
  std::uint64_t names_ = 0, repeated_ = 0;  // bits of the names that are here, and of those that may be here twice
};

enum class Progress { NeedMore, Done };
// `bytes` is everything since the start of the message; call again with more of it on NeedMore. What is decided about a prefix holds
// for the whole. Errors: InvalidRequest http.{syntax, framing, transfer_coding, host, version, header}, TooLarge http.head_too_large.
// Requests: an absolute target that agrees with Host is cut down to its path. No body length means no body.
Result<Progress> read_request_head(std::string_view bytes, const HeadCaps& caps, Head& head);
// Responses: those that cannot have a body (1xx, 204, 304, to HEAD) get content_length 0 and chunked false; neither set means: until the
// connection closes. 101 is refused; the caller skips other 1xx heads.
Result<Progress> read_response_head(std::string_view bytes, const HeadCaps& caps, bool to_head_request, Head& head);

// Decodes a body incrementally, by length, chunked (strict sizes, extensions of at most 256 bytes, trailers dropped), or until close.
class BodyReader {
 public:
  enum class Mode { None, Length, Chunked, UntilClose };
  void start(Mode mode, std::uint64_t length = 0);
  // Consumes from the front of `bytes` (advanced past what was used) and returns the next piece of body as a view into it;
  // an empty piece with done() false means: need more.
  Result<std::string_view> next(std::string_view& bytes);
  bool done() const { return done_; }
  Result<void> on_close();  // the peer closed: done for UntilClose, else http.truncated

 private:
  Result<std::string_view> next_chunk(std::string_view& bytes);
  Result<void> take_size_byte(char c);
  Result<void> take_trailer_byte(char c);
  Mode mode_ = Mode::None;
  bool done_ = true;
  std::uint64_t remaining_ = 0;
  std::uint8_t step_ = 0;
  std::uint32_t line_bytes_ = 0;
  std::uint32_t extension_bytes_ = 0;
};

void append_chunk(std::string& out, std::string_view data);  // one chunk; nothing for empty data
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string_view reason_phrase(int status);

}  // namespace callgate::net
