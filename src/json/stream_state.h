#pragma once
// What StreamCheck remembers between pieces, and its steps. Internal to this room; copied as plain bytes.

#include <array>
#include <cstdint>
#include <string_view>

#include "json/fold.h"
#include "json/plain_block.h"
#include "json/stream_check.h"

namespace callgate::json {

struct StreamCheck::State {
  static constexpr std::uint32_t kDepthMax = 64;
  static constexpr std::uint32_t kTopMembersMax = 64;
  static constexpr std::uint32_t kNumberMax = 400;
  static constexpr std::uint32_t kIdMax = 256;

  enum class Mode : std::uint8_t {
    Value,         // a value must follow
    FirstElement,  // after [
    FirstMember,   // after {
    Member,        // after a comma in an object
    Colon,
    AfterValue,
    Done,
    String,
    Wide,    // inside a code point
    Escape,  // after a backslash
    Hex,
    LowBackslash,  // the second half of a surrogate pair must follow
    LowU,
    Number,
    Word,
    Refused,
  };

  enum class NumberPart : std::uint8_t { Sign, Zero, Whole, Point, Fraction, Exponent, ExponentSign, ExponentDigits };

  struct TopKey {
    std::uint64_t exact, folded;
  };
  struct Level {
    std::uint32_t object : 1;
    std::uint32_t members : 31;
  };

  Caps caps;
  std::uint64_t offset = 0;  // of the piece being read
  std::uint32_t values = 0;
  std::uint32_t depth = 0;
  Mode mode = Mode::Value;

  // Strings.
  bool key = false;      // this string is a member key
  bool watched = false;  // each code point matters: a top-level key, or the id
  std::uint8_t wide_left = 0, wide_low = 0x80, wide_high = 0xbf;
  std::uint8_t hex_left = 0;
  char32_t code_point = 0;
  char32_t high = 0;  // first half of a surrogate pair

  // The top level.
  TopKey top_key{};
  std::uint32_t top_key_size = 0;  // code points
  bool key_is_id = false;
  KeyFolder folder;
  std::uint32_t top_keys = 0;

  NumberPart part = NumberPart::Sign;
  std::uint8_t word = 0, word_at = 0;
  std::uint32_t number_size = 0;
  bool id_open = false, id_done = false;
  std::uint32_t id_size = 0;  // kIdMax + 1: too long

  std::array<Level, kDepthMax> levels;
  std::array<TopKey, kTopMembersMax> seen;
  std::array<char, kNumberMax> number;
  std::array<char, kIdMax> id;

  std::string_view reason;  // of the refusal, with what was wrong
  std::string_view what;

  bool refuse(std::string_view why, std::string_view message) {
    reason = why;
    what = message;
    mode = Mode::Refused;
    return false;
  }

  bool in_object() const { return depth > 0 && levels[depth - 1].object; }
  bool id_value() const { return depth == 1 && in_object() && key_is_id; }

  const std::uint8_t* read(const std::uint8_t* at, const std::uint8_t* end);
  bool between(std::uint8_t byte);
  bool start_value(std::uint8_t byte);
  bool start_string(bool is_key);
  bool open(bool object);
  bool close(bool object);
  bool value_done();
  template <StringRole role> const std::uint8_t* read_string(const std::uint8_t* at, const std::uint8_t* end);
  bool end_string();
  bool end_key();
  bool start_wide(std::uint8_t byte);
  bool more_wide(std::uint8_t byte);
  bool escape(std::uint8_t byte);
  bool hex(std::uint8_t byte);
  bool emit(char32_t code_point);
  bool number_byte(std::uint8_t byte, bool& taken);
  bool number_ends() const;
  bool end_number();
  bool word_byte(std::uint8_t byte);
  void keep_id(std::string_view bytes);
};

}  // namespace callgate::json
