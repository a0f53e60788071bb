#pragma once
// The only way to know the time. Rooms that decide take time as a value; tests move a ManualClock by hand.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace callgate {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  MonoTime mono() const override;
};

// For tests: stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(std::chrono::seconds(1'800'000'000))) : wall_(start) {}
  WallTime now() const override { return wall_; }
  MonoTime mono() const override { return mono_; }
  void advance(std::chrono::microseconds by) {
    wall_ += by;
    mono_ += by;
  }
  void set_wall(WallTime wall) { wall_ = wall; }  // clock steps, backwards too

 private:
  WallTime wall_;
  MonoTime mono_{std::chrono::seconds(1'000)};
};

// RFC 3339 in UTC with milliseconds: 2026-07-28T09:00:00.000Z
std::string format_time(WallTime time);
// Accepts RFC 3339 with Z or an offset; empty optional on anything else.
std::optional<WallTime> parse_time(std::string_view text);
// 90s, 15m, 12h, 30d, and sums such as 1h30m. Whole numbers only.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace callgate
