#pragma once
// One counter's arithmetic, without locks, clocks or storage: what a window holds now, what fits, when there is room again.
// Every rounding is against the caller, so that no path can count past a maximum. Definitions: docs/reference/limits.md.

#include <cstdint>
#include <string>
#include <vector>

#include "base/decimal.h"
#include "policy/policy.h"

namespace callgate::limits {

constexpr std::int64_t kSlidingParts = 60;     // a sliding window covers the current part and the 60 before it
constexpr std::int64_t kBucketSteps = 10'000;  // a token bucket refills in 10,000 equal steps per window: exact in decimals
constexpr std::int32_t kDecimalsMax = 18;      // of an amount; so that sums below 10^19 are always exact

std::int64_t window_us(policy::Window window);
std::string_view window_noun(policy::Window window);  // minute | hour | day

// What kind of counter it is: two counters of one key but another window, kind or mode are different counters.
struct Shape {
  policy::Window window{};
  policy::WindowKind kind{};
  bool shadow = false;
  bool operator==(const Shape&) const = default;
  std::uint8_t tag() const;  // 0..17, stored in files
  static bool from_tag(std::uint8_t tag, Shape& shape);
};
constexpr std::size_t kShapes = 18;

struct Part {
  std::int64_t start_us = 0;
  Decimal used;
  bool dirty = false;
};  // of a sliding window

struct Meter {
  Shape shape;
  std::int64_t start_us = 0;  // calendar: window; sliding: newest part; token bucket: last refill
  Decimal used;               // as of start_us; sliding: sum of parts
  Decimal max;                // of the latest claim
  std::vector<Part> parts;    // sliding only, oldest first

  void start_at(std::int64_t now_us, std::int64_t floor_us);  // first use; never before floor_us
  void roll(std::int64_t now_us);                             // forgets what has passed; a clock that steps back changes nothing
  bool fits(const Decimal& amount, const Decimal& limit) const;
  bool add(const Decimal& amount);  // false: the sum cannot be held exactly; nothing changed
  // fits() and add() in one: Full is what fits() refuses.
  enum class Taken : std::uint8_t { Yes, Full, Inexact };
  Taken take(const Decimal& amount, const Decimal& limit);
  void undo(const Decimal& amount);  // takes back the add() just made
  // Gives back what was added in the window (part, refill) that began at part_start_us; nothing when that has passed.
  void give_back(const Decimal& amount, std::int64_t part_start_us);
  void clear();
  bool expired(std::int64_t now_us) const;  // holds nothing that could still count
  std::int64_t end_us() const;              // no earlier window may begin again once this one is forgotten
  std::int64_t room_at_us(const Decimal& amount, const Decimal& limit) const;  // when `amount` would fit

 private:
  bool count(const Decimal& amount, const Decimal& sum);  // sum: what `used` becomes
};

}  // namespace callgate::limits
