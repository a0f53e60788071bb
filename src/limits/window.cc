#include "limits/window.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace callgate::limits {

using policy::Window;
using policy::WindowKind;

namespace {

std::int64_t floor_to(std::int64_t value, std::int64_t width) {
  std::int64_t rest = value % width;
  return value - (rest < 0 ? rest + width : rest);
}

std::int64_t part_width(const Shape& shape) { return window_us(shape.window) / kSlidingParts; }
std::int64_t step_width(const Shape& shape) { return window_us(shape.window) / kBucketSteps; }

// What a bucket of this size regains in `steps` steps. Exact; when the maximum has too many digits, a little less.
Decimal refill(const Decimal& max, std::int64_t steps) {
  __int128 coefficient = max.coefficient();
  std::int32_t exponent = max.exponent();
  constexpr __int128 kRoom = static_cast<__int128>(1'000'000'000'000'000'000) * 1'000'000'000'000'000;  // 10^33
  while (coefficient >= kRoom) {
    coefficient /= 10;
    ++exponent;
  }
  return Decimal::from_parts(coefficient * steps, exponent - 4);
}

double approximate(const Decimal& value) {
  return static_cast<double>(static_cast<long double>(value.coefficient()) * std::pow(10.0L, static_cast<long double>(value.exponent())));
}

// Never below zero; unchanged when the difference cannot be held exactly, for too much counted is the safe side.
Decimal lowered(const Decimal& value, const Decimal& by) {
  auto left = value.minus(by);
  if (!left) return value;
  return left->negative() ? Decimal() : *left;
}

}  // namespace

std::int64_t window_us(Window window) {
  constexpr std::int64_t second = 1'000'000;
  return window == Window::Minute ? 60 * second : window == Window::Hour ? 3600 * second : 86'400 * second;
}

std::string_view window_noun(Window window) { return window == Window::Minute ? "minute" : window == Window::Hour ? "hour" : "day"; }

std::uint8_t Shape::tag() const {
  return static_cast<std::uint8_t>(static_cast<unsigned>(window) * 6 + static_cast<unsigned>(kind) * 2 + (shadow ? 1U : 0U));
}

bool Shape::from_tag(std::uint8_t tag, Shape& shape) {
  if (tag >= kShapes) return false;
  shape = {static_cast<Window>(tag / 6), static_cast<WindowKind>(tag / 2 % 3), tag % 2 != 0};
  return true;
}

void Meter::start_at(std::int64_t now_us, std::int64_t floor_us) {
  std::int64_t width = shape.kind == WindowKind::Calendar  ? window_us(shape.window)
                       : shape.kind == WindowKind::Sliding ? part_width(shape)
                                                           : 1;
  start_us = std::max(floor_to(now_us, width), floor_us);
}

void Meter::roll(std::int64_t now_us) {
  switch (shape.kind) {
    case WindowKind::Calendar: {
      std::int64_t begins = floor_to(now_us, window_us(shape.window));
      if (begins <= start_us) return;
      start_us = begins;
      used = Decimal();
      return;
    }
    case WindowKind::Sliding: {
      const std::int64_t width = part_width(shape);
      start_us = std::max(start_us, floor_to(now_us, width));
      auto kept =
          std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.start_us >= start_us - kSlidingParts * width; });
      if (kept == parts.begin()) return;
      parts.erase(parts.begin(), kept);
      std::optional<Decimal> sum = Decimal();
      for (const Part& part : parts) sum = sum ? sum->plus(part.used) : sum;
      if (sum) used = *sum;
      return;
    }
    case WindowKind::TokenBucket: {
      if (now_us <= start_us) return;
      std::int64_t steps = (now_us - start_us) / step_width(shape);
      if (steps >= kBucketSteps || used.zero()) {
        used = Decimal();
        start_us = now_us;
        return;
      }
      if (steps == 0) return;
      used = lowered(used, refill(max, steps));
      start_us = used.zero() ? now_us : start_us + steps * step_width(shape);
      return;
    }
  }
}

bool Meter::fits(const Decimal& amount, const Decimal& limit) const {
  auto sum = used.plus(amount);
  return sum && *sum <= limit;
}

bool Meter::add(const Decimal& amount) {
  auto sum = used.plus(amount);
  return sum && count(amount, *sum);
}

Meter::Taken Meter::take(const Decimal& amount, const Decimal& limit) {
  auto sum = used.plus(amount);
  if (!sum || *sum > limit) return Taken::Full;
  return count(amount, *sum) ? Taken::Yes : Taken::Inexact;
}

bool Meter::count(const Decimal& amount, const Decimal& sum) {
  if (shape.kind == WindowKind::Sliding) {
    if (parts.empty() || parts.back().start_us != start_us) parts.push_back({start_us, Decimal(), false});
    auto part = parts.back().used.plus(amount);
    if (!part) return false;
    parts.back().used = *part;
    parts.back().dirty = true;
  }
  used = sum;
  return true;
}

void Meter::undo(const Decimal& amount) {
  used = lowered(used, amount);
  if (shape.kind == WindowKind::Sliding && !parts.empty()) parts.back().used = lowered(parts.back().used, amount);
}

void Meter::give_back(const Decimal& amount, std::int64_t part_start_us) {
  switch (shape.kind) {
    case WindowKind::Calendar:
      if (part_start_us == start_us) used = lowered(used, amount);
      return;
    case WindowKind::Sliding:
      for (Part& part : parts) {
        if (part.start_us != part_start_us) continue;
        Decimal back = std::min(amount, part.used);
        part.used = lowered(part.used, back);
        part.dirty = true;
        used = lowered(used, back);
      }
      return;
    case WindowKind::TokenBucket: {
      // What was refilled since then is not given a second time: the rate would be passed.
      const std::int64_t width = step_width(shape);
      std::int64_t steps = (start_us - part_start_us + width - 1) / width;
      if (steps < 0 || steps >= kBucketSteps) return;
      auto left = amount.minus(refill(max, steps));
      if (left && !left->negative()) used = lowered(used, *left);
      return;
    }
  }
}

void Meter::clear() {
  used = Decimal();
  for (Part& part : parts) {
    part.used = Decimal();
    part.dirty = true;
  }
}

std::int64_t Meter::end_us() const {
  switch (shape.kind) {
    case WindowKind::Calendar: return start_us + window_us(shape.window);
    case WindowKind::Sliding: return start_us + (kSlidingParts + 1) * part_width(shape);
    case WindowKind::TokenBucket: break;
  }
  return start_us + window_us(shape.window);
}

bool Meter::expired(std::int64_t now_us) const { return now_us >= end_us(); }

std::int64_t Meter::room_at_us(const Decimal& amount, const Decimal& limit) const {
  if (shape.kind == WindowKind::Calendar) return end_us();
  if (shape.kind == WindowKind::Sliding) {
    Decimal rest = used;
    for (const Part& part : parts) {
      rest = lowered(rest, part.used);
      auto sum = rest.plus(amount);
      if (sum && *sum <= limit) return part.start_us + (kSlidingParts + 1) * part_width(shape);
    }
    return end_us();
  }
  double excess = approximate(used) + approximate(amount) - approximate(limit);
  double steps = std::ceil(excess / (approximate(limit) / static_cast<double>(kBucketSteps)));
  return start_us + static_cast<std::int64_t>(std::clamp(steps, 1.0, static_cast<double>(kBucketSteps))) * step_width(shape);
}

}  // namespace callgate::limits
