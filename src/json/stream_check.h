#pragma once
// The same boundary for bodies too large to hold: checks JSON text that arrives in pieces (grammar, UTF-8, surrogates, depth,
// numbers, caps) with constant memory. Duplicate keys are refused at the top level only, and that level may hold 64 members.
// A broken piece means: cut the stream. Depth is at most 64 and numbers at most 400 characters, whatever the caps say.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"

namespace callgate::json {

class StreamCheck {
 public:
  explicit StreamCheck(const Caps& caps = {});
  Result<void> add(std::string_view piece);  // any split, also inside a code point or an escape; refuses for good once it has refused
  Result<void> finish();                     // one complete document was seen
  // Canonical bytes of a top-level scalar member "id", once seen complete (of a JSON-RPC answer); empty before, without, or past 256 bytes.
  std::string_view top_level_id() const;

 private:
  struct State;
  State& state();
  const State& state() const;
  alignas(16) std::array<std::uint8_t, 2304> state_;  // holds State; its size is asserted in the .cc
};

}  // namespace callgate::json
