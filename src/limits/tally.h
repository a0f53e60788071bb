#pragma once
// Counting in memory what calls of the past would have taken, for the back-test: the windows of Counters, without ledger and locks. What
// may have counted is kept apart from what surely did, so that every answer is sure or says that it is not. Not thread-safe.

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "limits/limits.h"
#include "limits/window.h"

namespace callgate::limits {

class Tally {
 public:
  explicit Tally(std::size_t counters_max = 200'000) : counters_max_(counters_max) {}

  enum class Fit : std::uint8_t { Fits, Full, Unsure };
  enum class Taking : std::uint8_t { Surely, Maybe, Never };  // Never: it was given back, as nothing was sent
  struct Outcome {
    Fit fit = Fit::Fits;
    std::size_t claim = 0;  // index of what is full, or unsure
    Decimal used;           // Full: at least
    std::vector<std::size_t> shadow_exceeded;
  };
  // Would the claims have fitted? Then they are taken. `now` may step back; that never reopens a window. A claim whose counter is
  // among `amounts_unknown` may have taken anything.
  Outcome take(std::span<const policy::Claim> claims, WallTime now, Taking taking, std::span<const std::string_view> amounts_unknown = {});

 private:
  struct Counter {
    Meter surely, maybe;             // what was counted at least, and at most
    std::int64_t open_until_us = 0;  // nothing is known of the most before then
  };
  Counter* find(const policy::Claim& claim, std::int64_t now_us);
  void sweep(std::int64_t now_us);
  std::unordered_map<std::string, Counter> counters_;
  std::size_t counters_max_;
  std::int64_t swept_us_ = 0;
};

}  // namespace callgate::limits
