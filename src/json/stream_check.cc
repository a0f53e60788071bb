#include "json/stream_check.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>

#include "json/number.h"
#include "json/stream_state.h"

namespace callgate::json {
namespace {

constexpr std::string_view kWords[] = {"true", "false", "null"};

bool is_digit(std::uint8_t c) { return c >= '0' && c <= '9'; }
bool is_space(std::uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

StreamCheck::StreamCheck(const Caps& caps) {
  static_assert(sizeof(State) <= sizeof(state_) && alignof(State) <= 16);
  static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_destructible_v<State>);
  auto* fresh = new (state_.data()) State;
  fresh->caps = caps;
  fresh->caps.depth_max = std::min(caps.depth_max, State::kDepthMax);
  fresh->caps.number_chars_max = std::min(caps.number_chars_max, State::kNumberMax);
}

StreamCheck::State& StreamCheck::state() { return *std::launder(reinterpret_cast<State*>(state_.data())); }
const StreamCheck::State& StreamCheck::state() const { return *std::launder(reinterpret_cast<const State*>(state_.data())); }

Result<void> StreamCheck::add(std::string_view piece) {
  State& s = state();
  const auto* begin = reinterpret_cast<const std::uint8_t*>(piece.data());
  const auto* at = begin;
  const auto* end = begin + piece.size();
  if (s.mode != State::Mode::Refused && s.offset + piece.size() > s.caps.bytes_max)
    s.refuse("json.too_large", "the document has too many bytes; send less");
  while (at < end && s.mode != State::Mode::Refused) at = s.read(at, end);
  s.offset += static_cast<std::uint64_t>(at - begin);
  if (s.mode != State::Mode::Refused) return {};
  Code code = s.reason == "json.too_large" ? Code::TooLarge : Code::InvalidRequest;
  return fail(code, s.reason, std::string(s.what) + " (byte " + std::to_string(s.offset) + ")");
}

Result<void> StreamCheck::finish() {
  State& s = state();
  if (s.mode == State::Mode::Number && s.number_ends()) s.end_number();
  if (s.mode == State::Mode::Done) return {};
  if (s.mode != State::Mode::Refused) s.refuse("json.syntax", "the document ends too early; send all of it");
  return add({});
}

std::string_view StreamCheck::top_level_id() const {
  const State& s = state();
  if (!s.id_done || s.id_size > State::kIdMax || s.mode == State::Mode::Refused) return {};
  return {s.id.data(), s.id_size};
}

// Reads at least one byte. Stays on the byte that was refused.
const std::uint8_t* StreamCheck::State::read(const std::uint8_t* at, const std::uint8_t* end) {
  bool taken = true;
  bool fine = true;
  switch (mode) {
    case Mode::String: return key ? read_string<StringRole::Key>(at, end) : read_string<StringRole::Value>(at, end);
    case Mode::Wide: fine = more_wide(*at); break;
    case Mode::Escape: fine = escape(*at); break;
    case Mode::Hex: fine = hex(*at); break;
    case Mode::LowBackslash:
    case Mode::LowU:
      if (*at != (mode == Mode::LowU ? 'u' : '\\')) {
        fine = refuse("json.surrogate", "lone surrogate escape; send the whole pair");
      } else if (mode == Mode::LowBackslash) {
        mode = Mode::LowU;
      } else {
        mode = Mode::Hex;
        hex_left = 4;
        code_point = 0;
      }
      break;
    case Mode::Number: fine = number_byte(*at, taken); break;
    case Mode::Word: fine = word_byte(*at); break;
    case Mode::Refused: return at;
    default:
      while (at < end && is_space(*at)) ++at;
      if (at == end) return at;
      fine = between(*at);
  }
  return fine && taken ? at + 1 : at;
}

bool StreamCheck::State::between(std::uint8_t byte) {
  switch (mode) {
    case Mode::Value: return start_value(byte);
    case Mode::FirstElement: return byte == ']' ? close(false) : start_value(byte);
    case Mode::FirstMember:
      if (byte == '}') return close(true);
      [[fallthrough]];
    case Mode::Member: return byte == '"' ? start_string(true) : refuse("json.syntax", "expected a key in double quotes; send strict JSON");
    case Mode::Colon: mode = Mode::Value; return byte == ':' || refuse("json.syntax", "expected `:`; send strict JSON");
    case Mode::AfterValue:
      if (byte == '}' || byte == ']') return close(byte == '}');
      mode = in_object() ? Mode::Member : Mode::Value;
      return byte == ',' || refuse("json.syntax", "expected `,` or the end of the container; send strict JSON");
    default: return refuse("json.trailing", "data after the document; send one document per message");
  }
}

bool StreamCheck::State::start_value(std::uint8_t byte) {
  if (values == 0 && depth == 0 && (byte == 0xef || byte >= 0xfe))
    return refuse("json.bom", "byte order mark; send plain UTF-8 without one");
  if (++values > caps.values_max) return refuse("json.too_large", "too many values in one document; send fewer");
  if (byte == '{' || byte == '[') return open(byte == '{');
  id_open = id_value();
  if (byte == '"') return start_string(false);
  if (is_digit(byte) || byte == '-') {
    mode = Mode::Number;
    part = byte == '-' ? NumberPart::Sign : byte == '0' ? NumberPart::Zero : NumberPart::Whole;
    number[0] = static_cast<char>(byte);
    number_size = 1;
    return caps.number_chars_max > 0 || refuse("json.number", "the number is too long; shorten it");
  }
  if (byte == 't' || byte == 'f' || byte == 'n') {
    mode = Mode::Word;
    word = byte == 't' ? 0 : byte == 'f' ? 1 : 2;
    word_at = 1;
    return true;
  }
  if (byte == '+' || byte == '.' || byte == 'N' || byte == 'I') return refuse("json.number", "not a JSON number; write it as in RFC 8259");
  return refuse("json.syntax", "expected a value; send strict JSON");
}

bool StreamCheck::State::open(bool object) {
  if (depth >= caps.depth_max) return refuse("json.depth", "nested too deeply; flatten the document");
  levels[depth++] = {object, 0};
  mode = object ? Mode::FirstMember : Mode::FirstElement;
  return true;
}

bool StreamCheck::State::close(bool object) {
  if (depth == 0 || in_object() != object) return refuse("json.syntax", "mismatched bracket; send strict JSON");
  --depth;
  return value_done();
}

bool StreamCheck::State::value_done() {
  mode = depth == 0 ? Mode::Done : Mode::AfterValue;
  if (id_open) id_done = true;
  id_open = false;
  return true;
}

bool StreamCheck::State::word_byte(std::uint8_t byte) {
  if (static_cast<std::uint8_t>(kWords[word][word_at]) != byte)
    return refuse("json.syntax", "unknown word; only true, false and null are written without quotes");
  if (++word_at < kWords[word].size()) return true;
  keep_id(kWords[word]);
  return value_done();
}

bool StreamCheck::State::number_ends() const {
  return part == NumberPart::Zero || part == NumberPart::Whole || part == NumberPart::Fraction || part == NumberPart::ExponentDigits;
}

bool StreamCheck::State::number_byte(std::uint8_t byte, bool& taken) {
  bool digit = is_digit(byte), mark = byte == 'e' || byte == 'E', whole = part == NumberPart::Zero || part == NumberPart::Whole;
  if (part == NumberPart::Sign && digit) {
    part = byte == '0' ? NumberPart::Zero : NumberPart::Whole;
  } else if (part == NumberPart::Zero && digit) {
    return refuse("json.number", "leading zero; write the number without it");
  } else if (whole && byte == '.') {
    part = NumberPart::Point;
  } else if ((whole || part == NumberPart::Fraction) && mark) {
    part = NumberPart::Exponent;
  } else if (part == NumberPart::Exponent && (byte == '+' || byte == '-')) {
    part = NumberPart::ExponentSign;
  } else if ((part == NumberPart::Exponent || part == NumberPart::ExponentSign) && digit) {
    part = NumberPart::ExponentDigits;
  } else if (part == NumberPart::Point && digit) {
    part = NumberPart::Fraction;
  } else if (!digit) {
    taken = false;
    return number_ends() ? end_number() : refuse("json.number", "a number needs a digit here; write it as in RFC 8259");
  }
  if (number_size >= caps.number_chars_max) return refuse("json.number", "the number is too long; shorten it");
  number[number_size++] = static_cast<char>(byte);
  return true;
}

bool StreamCheck::State::end_number() {
  std::string_view literal(number.data(), number_size);
  if (!magnitude_fits(literal)) return refuse("json.number", "the number is out of range; send one that fits a double");
  keep_id(literal);
  return value_done();
}

void StreamCheck::State::keep_id(std::string_view bytes) {
  if (!id_open || id_size > kIdMax) return;
  if (id_size + bytes.size() > kIdMax) {
    id_size = kIdMax + 1;
    return;
  }
  std::memcpy(id.data() + id_size, bytes.data(), bytes.size());
  id_size += static_cast<std::uint32_t>(bytes.size());
}

}  // namespace callgate::json
