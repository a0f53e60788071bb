#include "limits/tally.h"

#include <algorithm>

namespace callgate::limits {
namespace {

constexpr std::int64_t kSweepEveryUs = 60'000'000;

std::int64_t microseconds(WallTime time) { return time.time_since_epoch().count(); }

void roll(Meter& meter, const policy::Claim& claim, std::int64_t now_us) {
  meter.max = std::min(meter.max, claim.max);  // as Counters: a bucket shared by two maxima refills at the slower rate
  meter.roll(now_us);
  meter.max = claim.max;
}

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Tally::Counter* Tally::find(const policy::Claim& claim, std::int64_t now_us) {
  Shape shape{claim.window, claim.kind, claim.shadow};
  std::string key(claim.key);
  key += static_cast<char>('a' + shape.tag());
  auto found = counters_.find(key);
  if (found == counters_.end()) {
    if (counters_.size() >= counters_max_) sweep(now_us);
    if (counters_.size() >= counters_max_) return nullptr;
    Counter fresh;
    for (Meter* meter : {&fresh.surely, &fresh.maybe}) {
      meter->shape = shape;
      meter->max = claim.max;
      meter->start_at(now_us, 0);
    }
    found = counters_.emplace(std::move(key), std::move(fresh)).first;
  }
  roll(found->second.surely, claim, now_us);
  roll(found->second.maybe, claim, now_us);
  return &found->second;
}

void Tally::sweep(std::int64_t now_us) {
  if (now_us < swept_us_ + kSweepEveryUs) return;
  swept_us_ = now_us;
  std::erase_if(counters_, [&](const auto& item) {
    const Counter& counter = item.second;
    return counter.surely.expired(now_us) && counter.maybe.expired(now_us) && counter.open_until_us <= now_us;
  });
}

Tally::Outcome Tally::take(std::span<const policy::Claim> claims, WallTime now, Taking taking,
                           std::span<const std::string_view> amounts_unknown) {
  Outcome out;
  const std::int64_t now_us = microseconds(now);
  std::vector<Counter*> counters(claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const policy::Claim& claim = claims[i];
    Counter* counter = counters[i] = find(claim, now_us);
    bool open = counter == nullptr || among(amounts_unknown, claim.counter) || now_us < counter->open_until_us;
    bool full = counter != nullptr && !counter->surely.fits(claim.amount, claim.max);
    bool fits = !open && counter->maybe.fits(claim.amount, claim.max);
    if (claim.shadow) {
      if (full) out.shadow_exceeded.push_back(i);
    } else if (full && out.fit != Fit::Full) {
      out.fit = Fit::Full;
      out.claim = i;
      out.used = counter->surely.used;
    } else if (!fits && out.fit == Fit::Fits) {
      out.fit = Fit::Unsure;
      out.claim = i;
    }
  }
  if (out.fit == Fit::Full || taking == Taking::Never) return out;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (counters[i] == nullptr) continue;
    Counter& counter = *counters[i];
    if (among(amounts_unknown, claims[i].counter) || !counter.maybe.add(claims[i].amount))
      counter.open_until_us = std::max(counter.open_until_us, now_us + 2 * window_us(claims[i].window));
    if (taking == Taking::Surely && out.fit == Fit::Fits) (void)counter.surely.add(claims[i].amount);
  }
  return out;
}

}  // namespace callgate::limits
