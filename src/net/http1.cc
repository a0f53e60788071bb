#include "net/http1.h"

#include <algorithm>
#include <bit>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace callgate::net {
namespace {

// Left to right, one decision per byte: what was decided about a prefix is what is decided about the whole (the fuzz targets check it).
enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4, kHost = 8, kDigit = 16, kHexDigit = 32 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    std::uint8_t bits = 0;
    if (digit || alpha) bits |= kToken | kHost;
    if (digit) bits |= kDigit | kHexDigit;
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHexDigit;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kValue;  // obs-text passes: it is never forwarded
    if (c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\') bits |= kTarget;
    classes[c] = bits;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<unsigned char>(c)] |= kToken;
  for (const char c : std::string_view("-._[]:")) classes[static_cast<unsigned char>(c)] |= kHost;
  return classes;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool is(char c, std::uint8_t kind) { return (kClasses[static_cast<unsigned char>(c)] & kind) != 0; }
bool all(std::string_view text, std::uint8_t kind) {
  return std::all_of(text.begin(), text.end(), [kind](char c) { return is(c, kind); });
}
// Eight bytes with A-Z made small; all others, those outside ASCII too, stay.
std::uint64_t lower_word(const char* text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  const std::uint64_t seven = word & ones * 0x7f;
  const std::uint64_t from_a = seven + ones * (0x80 - 'A'), after_z = seven + ones * (0x7f - 'Z');
  return word | ((from_a ^ after_z) & ~word & ones * 0x80) >> 2;
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
unsigned hex_value(char c) {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>(lower(c) - 'a') + 10;
}

tl::unexpected<Error> syntax(const char* message) { return fail(Code::InvalidRequest, "http.syntax", message); }
tl::unexpected<Error> framing(const char* message) { return fail(Code::InvalidRequest, "http.framing", message); }
tl::unexpected<Error> bad_header(const char* message) { return fail(Code::InvalidRequest, "http.header", message); }
tl::unexpected<Error> bad_host(const char* message) { return fail(Code::InvalidRequest, "http.host", message); }
tl::unexpected<Error> bad_version() {
  return fail(Code::InvalidRequest, "http.version", "this HTTP version is not spoken here; use HTTP/1.1");
}

#if defined(__SSE2__)
// One bit for each byte that is a letter, a digit or a dash: what names mostly consist of, and all tokens.
unsigned usual_in_names(__m128i bytes) {
  const auto between = [](__m128i value, char low, char high) {
    return _mm_and_si128(_mm_cmpgt_epi8(value, _mm_set1_epi8(static_cast<char>(low - 1))),
                         _mm_cmplt_epi8(value, _mm_set1_epi8(static_cast<char>(high + 1))));
  };
  const __m128i letters = between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
  const __m128i others = _mm_or_si128(between(bytes, '0', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letters, others)));
}
#endif

struct Cursor {
  const char* at;
  const char* end;
  bool done() const { return at == end; }
  std::string_view take_while(std::uint8_t kind) {
    const char* const from = at;
    while (at != end && is(*at, kind)) ++at;
    return {from, static_cast<std::size_t>(at - from)};
  }
  // take_while(kToken) for what a colon ends, as names of headers do: first where it ends, then its bytes four at a time.
  std::string_view take_name() {
#if defined(__SSE2__)
    const char* const from = at;
    for (const char* block = from; end - block >= 16 && block - from < 32; block += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
      const auto colons = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':'))));
      if (colons == 0) continue;
      const char* const colon = block + std::countr_zero(colons);
      const unsigned before = (1U << std::countr_zero(colons)) - 1;
      if (block == from && (usual_in_names(bytes) & before) == before) {
        at = colon;
        return {from, static_cast<std::size_t>(colon - from)};
      }
      const auto class_of = [](char c) { return kClasses[static_cast<unsigned char>(c)]; };
      std::uint8_t common = kToken;
      const char* left = from;
      for (; colon - left >= 4; left += 4) common &= class_of(left[0]) & class_of(left[1]) & class_of(left[2]) & class_of(left[3]);
      for (; left != colon; ++left) common &= class_of(*left);
      if (common == 0) break;
      at = colon;
      return {from, static_cast<std::size_t>(colon - from)};
    }
#endif
    return take_while(kToken);
  }
  // take_while(kValue), sixteen bytes at a time: most of a head is values.
  std::string_view take_value() {
    const char* const from = at;
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i printable = _mm_cmpeq_epi8(_mm_max_epu8(block, _mm_set1_epi8(0x20)), block);
      const __m128i good =
          _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)), printable), _mm_cmpeq_epi8(block, _mm_set1_epi8('\t')));
      const auto stops = static_cast<unsigned>(_mm_movemask_epi8(good)) ^ 0xffffU;
      if (stops == 0) continue;
      at += std::countr_zero(stops);
      return {from, static_cast<std::size_t>(at - from)};
    }
#endif
    while (at != end && is(*at, kValue)) ++at;
    return {from, static_cast<std::size_t>(at - from)};
  }
};

// Matches `text` as far as the bytes go. NeedMore: they ran out first.
enum class Match { Yes, No, NeedMore };
Match match(Cursor& cursor, std::string_view text) {
  for (const char c : text) {
    if (cursor.done()) return Match::NeedMore;
    if (*cursor.at != c) return Match::No;
    ++cursor.at;
  }
  return Match::Yes;
}

// CR LF, nothing else: a bare CR or LF ends lines for some and not for others.
Result<Progress> read_line_end(Cursor& cursor) {
  switch (match(cursor, "\r\n")) {
    case Match::Yes: return Progress::Done;
    case Match::NeedMore: return Progress::NeedMore;
    case Match::No: break;
  }
  return syntax("a line does not end in CR LF or holds a control character");
}

// "HTTP/1.0" or "HTTP/1.1".
Result<Progress> read_version(Cursor& cursor, Head& head) {
  switch (match(cursor, "HTTP/")) {
    case Match::NeedMore: return Progress::NeedMore;
    case Match::No: return syntax("the first line is not one of HTTP");
    case Match::Yes: break;
  }
  switch (match(cursor, "1.")) {
    case Match::NeedMore: return Progress::NeedMore;
    case Match::No: return bad_version();
    case Match::Yes: break;
  }
  if (cursor.done()) return Progress::NeedMore;
  if (*cursor.at != '0' && *cursor.at != '1') return bad_version();
  head.version_minor = *cursor.at++ - '0';
  return Progress::Done;
}

#define NET_STEP(expression)                        \
  do {                                              \
    const Result<Progress> step_ = (expression);    \
    if (!step_) return step_;                       \
    if (*step_ == Progress::NeedMore) return step_; \
  } while (false)

// Percent escapes must be whole; an escaped control character in the path, or NUL anywhere, is an attack on whoever decodes later.
bool good_escapes(std::string_view target) {
  if (target.find('%') == std::string_view::npos) return true;
  bool in_query = false;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == '?') in_query = true;
    if (target[i] != '%') continue;
    if (i + 2 >= target.size() || !is(target[i + 1], kHexDigit) || !is(target[i + 2], kHexDigit)) return false;
    const unsigned value = hex_value(target[i + 1]) * 16 + hex_value(target[i + 2]);
    if (value == 0 || (!in_query && (value < 0x20 || value == 0x7f))) return false;
    i += 2;
  }
  return true;
}

Result<Progress> read_request_line(Cursor& cursor, Head& head) {
  head.method = cursor.take_while(kToken);
  if (head.method.size() > 32) return syntax("the method is too long");
  if (cursor.done()) return Progress::NeedMore;
  if (head.method.empty() || *cursor.at != ' ') return syntax("the first line does not start with a method and one space");
  ++cursor.at;
  head.target = cursor.take_while(kTarget);
  if (cursor.done()) return Progress::NeedMore;
  if (head.target.empty() || *cursor.at != ' ') return syntax("the request target is missing or holds a character that must be escaped");
  if (!good_escapes(head.target)) return syntax("the request target holds a broken or forbidden percent escape");
  ++cursor.at;
  NET_STEP(read_version(cursor, head));
  return read_line_end(cursor);
}

Result<Progress> read_status_line(Cursor& cursor, Head& head) {
  NET_STEP(read_version(cursor, head));
  switch (match(cursor, " ")) {
    case Match::NeedMore: return Progress::NeedMore;
    case Match::No: return syntax("the status line has no space behind the version");
    case Match::Yes: break;
  }
  for (int i = 0; i < 3; ++i) {
    if (cursor.done()) return Progress::NeedMore;
    if (!is(*cursor.at, kDigit)) return syntax("the status is not three digits");
    head.status = head.status * 10 + (*cursor.at++ - '0');
  }
  if (head.status < 100 || head.status > 599) return syntax("the status is not between 100 and 599");
  if (cursor.done()) return Progress::NeedMore;
  if (*cursor.at == ' ') cursor.take_value();
  return read_line_end(cursor);
}

// Facts gathered over the header lines, judged when the head is whole.
struct Facts {
  std::size_t hosts = 0, lengths = 0, codings = 0;
  std::string_view host;
  bool says_close = false, says_keep_alive = false;
};

void read_connection(std::string_view value, Facts& facts) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    std::string_view word = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    while (!word.empty() && (word.front() == ' ' || word.front() == '\t')) word.remove_prefix(1);
    while (!word.empty() && (word.back() == ' ' || word.back() == '\t')) word.remove_suffix(1);
    if (equals_ignoring_case(word, "close")) facts.says_close = true;
    if (equals_ignoring_case(word, "keep-alive")) facts.says_keep_alive = true;
  }
}

Result<void> read_length(std::string_view value, Head& head) {
  if (value.empty() || value.size() > 18 || !all(value, kDigit) || (value.size() > 1 && value[0] == '0')) {
    return framing("the content length is not one plain number");
  }
  std::uint64_t length = 0;
  for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  head.content_length = length;
  return {};
}

// NameKey::of() of a name with bytes behind it.
NameKey key_of(std::string_view name, const char* end) {
  if (std::endian::native != std::endian::little || end - name.data() < 16) return NameKey::of(name);
  const auto kept = [](std::uint64_t word, std::size_t bytes) { return bytes >= 8 ? word : word & ((std::uint64_t{1} << bytes * 8) - 1); };
  return {kept(lower_word(name.data()), name.size()), name.size() > 8 ? kept(lower_word(name.data() + 8), name.size() - 8) : 0};
}

// The sizes of the names below.
bool is_noted(std::size_t size) { return size <= 17 && (0x24450U >> size & 1) != 0; }
static_assert(0x24450U == (1U << 4 | 1U << 6 | 1U << 10 | 1U << 14 | 1U << 17));

Result<void> note_header(const Header& header, Head& head, Facts& facts) {
  const std::string_view name = header.name;
  switch (name.size()) {
    case 4:
      if (header.is("host")) {
        ++facts.hosts;
        facts.host = header.value;
      }
      break;
    case 6:
      if (header.is("expect")) {
        if (!equals_ignoring_case(header.value, "100-continue")) return bad_header("the only expectation known is 100-continue");
        head.expect_continue = true;
      }
      break;
    case 10:
      if (header.is("connection")) read_connection(header.value, facts);
      break;
    case 14:
      if (header.is("content-length")) {
        if (++facts.lengths > 1) return framing("the content length is given more than once");
        return read_length(header.value, head);
      }
      break;
    case 17:
      if (header.is("transfer-encoding")) {
        if (++facts.codings > 1) return framing("the transfer encoding is given more than once");
        head.chunked = equals_ignoring_case(header.value, "chunked");
        if (!head.chunked) {
          return fail(Code::InvalidRequest, "http.transfer_coding", "the only transfer encoding known is `chunked`");
        }
      }
      break;
    default: break;
  }
  return {};
}

Result<Progress> read_headers(Cursor& cursor, const HeadCaps& caps, Head& head, Facts& facts) {
  const std::size_t headers_max = std::min(caps.headers_max, Head::kHeadersMax);
  while (true) {
    if (cursor.done()) return Progress::NeedMore;
    if (*cursor.at == '\r') return read_line_end(cursor);
    if (head.headers().size() == headers_max) return fail(Code::TooLarge, "http.head_too_large", "the message has too many headers");
    Header& header = head.place();
    header.name = cursor.take_name();
    if (cursor.done()) return Progress::NeedMore;
    if (header.name.empty() || *cursor.at != ':') {
      if (header.name.empty() && *cursor.at == '\n') return syntax("a line does not end in CR LF");
      return bad_header("a header name is empty, folded, or holds a character that names cannot hold");
    }
    ++cursor.at;
    std::string_view value = cursor.take_value();
    if (cursor.end - cursor.at >= 2 && cursor.at[0] == '\r' && cursor.at[1] == '\n') cursor.at += 2;
    else NET_STEP(read_line_end(cursor));
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    header.value = value;
    header.key = key_of(header.name, cursor.end);
    head.keep();
    if (is_noted(header.name.size())) CG_CHECK(note_header(header, head, facts));
  }
}

Result<void> check_framing(const Head& head) {
  if (head.chunked && head.content_length) return framing("content length and transfer encoding exclude each other");
  if (head.chunked && head.version_minor == 0) return framing("HTTP/1.0 has no transfer encoding");
  return {};
}

// `http://host/path` names its host twice: both must agree, then only the path is kept.
Result<void> check_target(Head& head, const Facts& facts) {
  if (head.target.front() == '/') return {};
  if (head.target == "*" && head.method == "OPTIONS") return {};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(head.target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = head.target.substr(scheme.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    if (facts.hosts != 1 || !equals_ignoring_case(rest.substr(0, end), facts.host)) {
      return bad_host("the target and the Host header name different hosts");
    }
    if (end < rest.size() && rest[end] == '?') return syntax("the request target has no path");
    head.target = end < rest.size() ? rest.substr(end) : std::string_view("/");
    return {};
  }
  return syntax("the request target must be a path");
}

Result<void> finish_request(Head& head, const Facts& facts) {
  CG_CHECK(check_framing(head));
  if (facts.hosts > 1) return bad_host("the Host header is given more than once");
  if (facts.hosts == 0 && head.version_minor == 1) return bad_host("the Host header is missing");
  if (facts.hosts == 1 && (facts.host.empty() || !all(facts.host, kHost))) return bad_host("the Host header is not a host and a port");
  CG_CHECK(check_target(head, facts));
  head.keep_alive = head.version_minor == 1 ? !facts.says_close : facts.says_keep_alive && !facts.says_close;
  if (head.version_minor == 0) head.expect_continue = false;
  return {};
}

Result<void> finish_response(Head& head, const Facts& facts, bool to_head_request) {
  CG_CHECK(check_framing(head));
  if (head.status == 101) return framing("the server switched protocols unasked");
  const bool informational = head.status < 200;
  if (informational || head.status == 204) {
    if (head.chunked || head.content_length.value_or(0) != 0) return framing("a response without a body announces one");
  }
  head.keep_alive = head.version_minor == 1 ? !facts.says_close : facts.says_keep_alive && !facts.says_close;
  if (informational || head.status == 204 || head.status == 304 || to_head_request) {
    head.chunked = false;
    head.content_length = 0;
  } else if (!head.chunked && !head.content_length) {
    head.keep_alive = false;  // the body ends when the connection does
  }
  return {};
}

enum class Kind { Request, Response };

Result<Progress> read_head(Kind kind, std::string_view bytes, const HeadCaps& caps, Head& head, Facts& facts) {
  head.method = {};
  head.target = {};
  head.status = 0;
  head.clear_headers();
  head.bytes = 0;
  head.keep_alive = true;
  head.chunked = head.expect_continue = false;
  head.content_length.reset();
  const std::string_view visible = bytes.substr(0, caps.bytes_max);
  Cursor cursor{visible.data(), visible.data() + visible.size()};
  Result<Progress> progress = kind == Kind::Request ? read_request_line(cursor, head) : read_status_line(cursor, head);
  if (progress && *progress == Progress::Done) progress = read_headers(cursor, caps, head, facts);
  if (!progress) return progress;
  if (*progress == Progress::NeedMore) {
    if (bytes.size() >= caps.bytes_max) return fail(Code::TooLarge, "http.head_too_large", "the head of the message is too large");
    return Progress::NeedMore;
  }
  head.bytes = static_cast<std::size_t>(cursor.at - visible.data());
  return Progress::Done;
}

}  // namespace

bool equals_ignoring_case_same_size(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size < 8) return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return x == y || lower(x) == lower(y); });
  for (std::size_t at = 0;; at += 8) {
    at = std::min(at, size - 8);  // the last word overlaps the one before
    if (lower_word(a.data() + at) != lower_word(b.data() + at)) return false;
    if (at == size - 8) return true;
  }
}

bool Header::is_long(const HeaderName& wanted) const { return equals_ignoring_case(name.substr(16), wanted.text().substr(16)); }

std::string_view Head::first(const HeaderName& name) const {
  for (const Header& header : headers())
    if (header.is(name)) return header.value;
  return {};
}

Head::Found Head::found(const HeaderName& name) const {
  Found found;
  for (const Header& header : headers()) {
    if (!header.is(name)) continue;
    if (found.count++ == 0) found.value = header.value;
    if ((repeated_ & name.bit()) == 0) break;  // there is no second one
  }
  return found;
}

Result<Progress> read_request_head(std::string_view bytes, const HeadCaps& caps, Head& head) {
  Facts facts;
  Result<Progress> progress = read_head(Kind::Request, bytes, caps, head, facts);
  if (!progress || *progress == Progress::NeedMore) return progress;
  CG_CHECK(finish_request(head, facts));
  return progress;
}

Result<Progress> read_response_head(std::string_view bytes, const HeadCaps& caps, bool to_head_request, Head& head) {
  Facts facts;
  Result<Progress> progress = read_head(Kind::Response, bytes, caps, head, facts);
  if (!progress || *progress == Progress::NeedMore) return progress;
  CG_CHECK(finish_response(head, facts, to_head_request));
  return progress;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return status < 400 ? "OK" : "Error";
  }
}

}  // namespace callgate::net
