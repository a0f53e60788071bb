#pragma once
// How a record shows a value it does not hold (docs/reference/audit.md, "Capture levels"), read back. audit/ writes it; whoever judges a
// recorded call must know what it cannot see. A client may send text that looks like this: it is then taken for unknown, never for known.

#include <cstdint>
#include <string_view>

#include "json/document.h"

namespace callgate {

struct Captured {
  enum class Kind : std::uint8_t { Value, Anything, Text, Number, Boolean, List };
  static constexpr std::uint64_t kUnknownSize = ~std::uint64_t{0};
  Kind kind = Kind::Value;            // Value: it stands there as it was
  std::uint64_t size = kUnknownSize;  // Text: bytes; List: elements
  bool known() const { return kind == Kind::Value; }
};

Captured read_captured(std::string_view text);  // of one JSON text
bool captured_whole(json::Value value);         // nothing in it, names included, was left out
bool hides_names(json::Value object);           // a member's name was masked: any member may be there
bool left_out(json::Value arguments);           // all of them: too large or full of secrets

}  // namespace callgate
