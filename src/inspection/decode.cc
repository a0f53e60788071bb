// What hides in a text: base64, base32, hex, percent, escapes, character references, compressed bytes, folded lines, reversed and rotated
// letters. Each is undone and looked at as a text of its own, within the budgets of the scan.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "inspection/detectors.h"
#include "inspection/secret_checks.h"

namespace callgate::inspection {
namespace {

constexpr std::size_t kRunMin = 20, kGuessMax = 64 * 1024;

const std::array<bool, 256>& run_chars() {
  static const auto made = [] {
    auto set = char_class('e');
    set['='] = false;
    return set;
  }();
  return made;
}

int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1; }

std::string inflate_text(std::string_view bytes, std::size_t most) {
  bool gzip = bytes.size() > 18 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
  bool deflate = bytes.size() > 8 && bytes[0] == '\x78' &&
                 (static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1])) % 31 == 0;
  if (!gzip && !deflate) return {};
  z_stream stream{};
  if (inflateInit2(&stream, gzip ? 16 + MAX_WBITS : MAX_WBITS) != Z_OK) return {};
  std::string out(std::min<std::size_t>(most, bytes.size() * 8 + 4096), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + stream.total_out);
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    status = inflate(&stream, Z_NO_FLUSH);
    if (stream.avail_out > 0 || out.size() >= most) break;
    out.resize(std::min(most, out.size() * 2));
  }
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

// One escape at text[at]: \u0041, \x41, \n, \". Its size, 0 when there is none.
std::size_t read_escape(std::string_view text, std::size_t at, char32_t& code) {
  if (at + 1 >= text.size()) return 0;
  char letter = text[at + 1];
  std::size_t digits = letter == 'u' ? 4 : letter == 'x' ? 2 : 0;
  if (digits == 0) {
    auto plain = std::string_view("ntr\"'\\/").find(letter);
    if (plain == std::string_view::npos) return 0;
    code = static_cast<char32_t>("\n\t\r\"'\\/"[plain]);
    return 2;
  }
  if (at + 2 + digits > text.size()) return 0;
  code = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    int digit = hex_digit(text[at + 2 + i]);
    if (digit < 0) return 0;
    code = code << 4 | static_cast<char32_t>(digit);
  }
  return 2 + digits;
}

// Capitals and 2 to 7, five bits each; nothing when another sign is among them.
std::string decode_base32(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0, count = 0;
  for (char c : text) {
    bool letter = c >= 'A' && c <= 'Z';
    if (!letter && !(c >= '2' && c <= '7')) return {};
    bits = (bits << 5 | static_cast<std::uint32_t>(letter ? c - 'A' : c - '2' + 26)) & 0xfff;
    if ((count += 5) < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

// One character reference at text[at]: &#65; or &#x41;, with as many zeros in front as one likes and without the `;`, as browsers read it
// (HTML 13.2.5.80). Its size, 0 when there is none, or none in ASCII.
std::size_t read_reference(std::string_view text, std::size_t at, char& made) {
  std::size_t i = at + 2, code = 0;
  bool hex = i < text.size() && (text[i] == 'x' || text[i] == 'X');
  std::size_t begin = i += hex;
  for (; i < text.size() && hex_digit(text[i]) >= 0 && (hex || hex_digit(text[i]) < 10); ++i)
    code = std::min<std::size_t>(code * (hex ? 16 : 10) + static_cast<std::size_t>(hex_digit(text[i])), 0x110000);
  if (i == begin || code < 0x20 || code > 0x7e) return 0;
  made = static_cast<char>(code);
  return i + (i < text.size() && text[i] == ';') - at;
}

struct Mapped {
  std::string text;
  std::vector<std::uint32_t> origin;
  void reserve(std::size_t size) {
    text.reserve(size);
    origin.reserve(size + 1);
  }
  void put(std::string_view piece, std::size_t from) {
    text += piece;
    std::size_t at = origin.size();
    origin.resize(at + piece.size());
    std::iota(origin.begin() + static_cast<std::ptrdiff_t>(at), origin.end(), static_cast<std::uint32_t>(from));
  }
  void put(char c, std::size_t from) {
    text.push_back(c);
    origin.push_back(static_cast<std::uint32_t>(from));
  }
  void end(std::size_t at) { origin.push_back(static_cast<std::uint32_t>(at)); }
};

}  // namespace

class Decoder {
 public:
  explicit Decoder(Workspace& work) : work_(work), text_(work.text()) {}
  void runs();
  void percent();
  void escapes();
  void references();
  void folds();
  void guesses();

 private:
  void run(std::size_t begin, std::size_t end);
  bool bytes(std::string_view bytes, Extent whole, std::string_view way);
  Workspace& work_;
  std::string_view text_;
};

// Every run of 20 or more base64 characters covers a multiple of 16: only these are looked at, and grown both ways.
void Decoder::runs() {
  const auto& chars = run_chars();
  auto in = [&](std::size_t at) { return chars[static_cast<unsigned char>(text_[at])]; };
  std::size_t done = 0;
  for (std::size_t probe = 15; probe < text_.size(); probe += 16) {
    if (probe < done || !in(probe)) continue;
    std::size_t begin = probe, end = probe;
    while (begin > done && in(begin - 1)) --begin;
    while (end < text_.size() && in(end)) ++end;
    done = end;
    if (end - begin >= kRunMin) run(begin, end);
  }
}

void Decoder::run(std::size_t begin, std::size_t end) {
  auto piece = text_.substr(begin, end - begin);
  std::size_t padded = end;
  while (padded < text_.size() && padded < end + 2 && text_[padded] == '=') ++padded;
  bool all_hex = std::all_of(piece.begin(), piece.end(), [](char c) { return hex_digit(c) >= 0; });
  if (all_hex) {
    std::string made;
    for (std::size_t i = 0; i + 1 < piece.size(); i += 2)
      made.push_back(static_cast<char>(hex_digit(piece[i]) << 4 | hex_digit(piece[i + 1])));
    if (bytes(made, {begin, end}, "hex")) return;
  }
  if (auto made = decode_base32(piece); looks_like_text(made) && work_.below(made, nullptr, {begin, end}, "base32", false)) return;
  for (std::size_t skip = 0; skip < 4 && piece.size() > skip + kRunMin; ++skip) {
    auto tried = piece.substr(skip);
    auto peek = decode_base64(tried.substr(0, std::min<std::size_t>(24, tried.size() / 4 * 4)), 64);
    bool packed = peek && peek->size() > 4 && ((*peek)[0] == '\x1f' || (*peek)[0] == '\x78');
    if (!peek || (!packed && !looks_like_text(*peek))) continue;
    if (tried.size() % 4 == 1) tried.remove_suffix(1);
    auto made = decode_base64(tried, work_.decoded_left_);
    if (made && bytes(*made, {begin + skip, padded}, "base64")) return;
  }
}

bool Decoder::bytes(std::string_view bytes, Extent whole, std::string_view way) {
  if (looks_like_text(bytes)) return work_.below(bytes, nullptr, whole, way, false);
  auto unpacked = inflate_text(bytes, work_.decoded_left_);
  if (!looks_like_text(unpacked)) return false;
  return work_.below(unpacked, nullptr, whole, way == "hex" ? "hex>gzip" : "base64>gzip", false);
}

void Decoder::percent() {
  auto first = text_.find('%');
  if (first == std::string_view::npos) return;
  std::size_t found = 0;
  Mapped made;
  for (std::size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] == '%' && at + 2 < text_.size() && hex_digit(text_[at + 1]) >= 0 && hex_digit(text_[at + 2]) >= 0) {
      made.put(static_cast<char>(hex_digit(text_[at + 1]) << 4 | hex_digit(text_[at + 2])), at);
      at += 2;
      ++found;
    } else {
      made.put(text_[at], at);
    }
  }
  made.end(text_.size());
  if (found > 0 && looks_like_text(made.text)) work_.below(made.text, &made.origin, {}, "percent", false);
}

void Decoder::escapes() {
  auto first = text_.find('\\');
  if (first == std::string_view::npos) return;
  std::size_t found = 0;
  Mapped made;
  for (std::size_t at = 0; at < text_.size();) {
    char32_t code = 0;
    std::size_t size = text_[at] == '\\' ? read_escape(text_, at, code) : 0;
    if (size == 0) {
      made.put(text_[at], at);
      ++at;
      continue;
    }
    found += size > 2;
    if (code < 0x80) {
      made.put(static_cast<char>(code), at);
    } else if (code < 0x800) {
      made.put(static_cast<char>(0xc0 | code >> 6), at);
      made.put(static_cast<char>(0x80 | (code & 0x3f)), at);
    } else {
      made.put(static_cast<char>(0xe0 | code >> 12), at);
      made.put(static_cast<char>(0x80 | (code >> 6 & 0x3f)), at);
      made.put(static_cast<char>(0x80 | (code & 0x3f)), at);
    }
    at += size;
  }
  made.end(text_.size());
  if (found > 0) work_.below(made.text, &made.origin, {}, "escapes", false);
}

void Decoder::references() {
  auto first = text_.find("&#");
  if (first == std::string_view::npos) return;
  std::size_t found = 0;
  Mapped made;
  for (std::size_t at = 0; at < text_.size();) {
    char c = text_[at];
    std::size_t size = c == '&' && text_.substr(at).starts_with("&#") ? read_reference(text_, at, c) : 0;
    made.put(c, at);
    found += size > 0;
    at += std::max<std::size_t>(size, 1);
  }
  made.end(text_.size());
  if (found > 0) work_.below(made.text, &made.origin, {}, "references", false);
}

// A credential that was cut by line breaks: they go, and only what crosses one is new.
void Decoder::folds() {
  if (work_.level().seams.at || text_.find('\n') == std::string_view::npos || text_.size() > kGuessMax) return;
  Mapped made;
  made.reserve(text_.size());
  std::vector<std::uint32_t> seams;
  for (std::size_t at = 0; at < text_.size();) {
    std::size_t end = std::min(text_.find_first_of("\r\n", at), text_.size());
    made.put(text_.substr(at, end - at), at);
    at = end;
    if (at == text_.size()) break;
    seams.push_back(static_cast<std::uint32_t>(made.text.size()));
    while (at < text_.size() && (text_[at] == '\n' || text_[at] == '\r' || text_[at] == ' ' || text_[at] == '\t')) ++at;
  }
  made.end(text_.size());
  if (made.text.size() > work_.decoded_left_ || work_.level().depth >= work_.tables().options.caps.decode_depth_max) return;
  work_.decoded_left_ -= made.text.size();
  Level next;
  next.text = made.text;
  next.above = work_.level_;
  next.origin = &made.origin;
  next.way = "folded";
  next.depth = work_.level().depth + 1;
  next.marks_only = true;
  next.seams = {&seams};
  work_.scan_level(next);
}

void Decoder::guesses() {
  if (work_.level().depth > 0 || work_.level().seams.at || text_.size() > kGuessMax) return;
  std::vector<std::uint32_t> origin(text_.size() + 1);
  if (work_.guesses_[static_cast<std::size_t>(Guess::Reversed)]) {
    for (std::size_t i = 0; i <= text_.size(); ++i) origin[i] = static_cast<std::uint32_t>(text_.size() - i);
    work_.below(std::string(text_.rbegin(), text_.rend()), &origin, {}, "reversed", true);
  }
  if (work_.guesses_[static_cast<std::size_t>(Guess::Rot13)]) {
    std::iota(origin.begin(), origin.end(), 0U);
    work_.below(rot13(std::string(text_)), &origin, {}, "rot13", true);
  }
}

void Workspace::decode() {
  if (text().size() < kRunMin) return;
  Decoder decoder(*this);
  decoder.runs();
  decoder.percent();
  decoder.escapes();
  decoder.references();
  decoder.folds();
  if (guesses_[0] || guesses_[1]) decoder.guesses();
}

}  // namespace callgate::inspection
