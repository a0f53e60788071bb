#include <charconv>

#include "net/http1.h"

namespace callgate::net {
namespace {

enum Step : std::uint8_t {
  kFirstDigit,
  kDigits,
  kExtension,
  kSizeLf,
  kData,
  kDataCr,
  kDataLf,
  kTrailer,
  kTrailerName,
  kTrailerValue,
  kTrailerLf,
  kLastLf
};

constexpr std::uint32_t kExtensionMax = 256;         // per chunk
constexpr std::uint32_t kExtensionsMax = 16 * 1024;  // per body: tiny chunks with long extensions are an amplifier
constexpr std::uint32_t kTrailersMax = 4 * 1024;
constexpr std::uint32_t kSizeDigitsMax = 15;

tl::unexpected<Error> framing(const char* message) { return fail(Code::InvalidRequest, "http.framing", message); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool is_text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }
bool is_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

void BodyReader::start(Mode mode, std::uint64_t length) {
  mode_ = mode;
  remaining_ = mode == Mode::Length ? length : 0;
  done_ = mode == Mode::None || (mode == Mode::Length && length == 0);
  step_ = kFirstDigit;
  line_bytes_ = extension_bytes_ = 0;
}

Result<std::string_view> BodyReader::next(std::string_view& bytes) {
  if (done_) return std::string_view();
  if (mode_ == Mode::Chunked) return next_chunk(bytes);
  std::string_view piece = bytes;
  if (mode_ == Mode::Length) {
    piece = bytes.substr(0, remaining_);
    remaining_ -= piece.size();
    done_ = remaining_ == 0;
  }
  bytes.remove_prefix(piece.size());
  return piece;
}

Result<std::string_view> BodyReader::next_chunk(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (step_ == kData) {
      const std::string_view piece = bytes.substr(0, remaining_);
      bytes.remove_prefix(piece.size());
      remaining_ -= piece.size();
      if (remaining_ == 0) step_ = kDataCr;
      return piece;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    CG_CHECK(step_ < kTrailer ? take_size_byte(c) : take_trailer_byte(c));
    if (done_) break;
  }
  return std::string_view();
}

Result<void> BodyReader::take_size_byte(char c) {
  switch (step_) {
    case kFirstDigit:
    case kDigits: {
      const int digit = hex_digit(c);
      if (digit >= 0) {
        if (++line_bytes_ > kSizeDigitsMax) return framing("a chunk size is too long");
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
        step_ = kDigits;
        return {};
      }
      if (step_ == kFirstDigit || (c != ';' && c != '\r')) return framing("a chunk size is not a plain hexadecimal number");
      line_bytes_ = 0;
      step_ = c == ';' ? kExtension : kSizeLf;
      return {};
    }
    case kExtension:
      if (c == '\r' && line_bytes_ > 0) {
        step_ = kSizeLf;
        return {};
      }
      // Narrower than the grammar (no spaces, no quoted text beyond these): nobody needs more, and readers differ here.
      if (!is_name(c) && (line_bytes_ == 0 || (c != '=' && c != ';' && c != '"'))) return framing("a chunk extension is malformed");
      if (++line_bytes_ > kExtensionMax || ++extension_bytes_ > kExtensionsMax) return framing("chunk extensions are too long");
      return {};
    case kSizeLf:
      if (c != '\n') return framing("a chunk size does not end in CR LF");
      line_bytes_ = 0;
      step_ = remaining_ == 0 ? kTrailer : kData;
      return {};
    case kDataCr:
      if (c != '\r') return framing("a chunk is longer than its size");
      step_ = kDataLf;
      return {};
    default:
      if (c != '\n') return framing("a chunk does not end in CR LF");
      step_ = kFirstDigit;
      return {};
  }
}

// Trailers are checked for their form, then dropped: nothing of them is ever used.
Result<void> BodyReader::take_trailer_byte(char c) {
  if (++line_bytes_ > kTrailersMax) return framing("the trailers are too long");
  switch (step_) {
    case kTrailer:
      if (c == '\r') step_ = kLastLf;
      else if (is_name(c)) step_ = kTrailerName;
      else return framing("a trailer has no name");
      return {};
    case kTrailerName:
      if (c == ':') step_ = kTrailerValue;
      else if (!is_name(c)) return framing("a trailer name holds a character that names cannot hold");
      return {};
    case kTrailerValue:
      if (c == '\r') step_ = kTrailerLf;
      else if (!is_text(c)) return framing("a trailer holds a control character");
      return {};
    case kTrailerLf:
      if (c != '\n') return framing("a trailer does not end in CR LF");
      step_ = kTrailer;
      return {};
    default:
      if (c != '\n') return framing("the body does not end in CR LF");
      done_ = true;
      return {};
  }
}

Result<void> BodyReader::on_close() {
  if (mode_ == Mode::UntilClose) done_ = true;
  if (!done_) return fail(Code::InvalidRequest, "http.truncated", "the connection closed before the body was complete");
  return {};
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  std::array<char, 20> size;
  char* end = std::to_chars(size.data(), size.data() + size.size(), data.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(size.data(), static_cast<std::size_t>(end - size.data()));
  out.append(data);
  out.append("\r\n");
}

}  // namespace callgate::net
