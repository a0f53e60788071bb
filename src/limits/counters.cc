#include <bit>
#include <new>

#include <fmt/core.h>

#include "limits/inner.h"

namespace callgate::limits {

namespace {

constexpr std::size_t kClaimsMax = 64;

// A claim with the place of its counter.
struct Target {
  const policy::Claim* claim;
  KeyView key;
  std::size_t shard = 0;
  Counter* counter = nullptr;
  std::uint32_t slot = 0;
};

// The targets of one call, on its stack: room for all is not touched before it is used.
class Targets {
 public:
  void add(const policy::Claim& claim) {
    auto* target =
        new (storage_ + count_++ * sizeof(Target)) Target{&claim, {claim.key, Shape{claim.window, claim.kind, claim.shadow}.tag()}};
    target->shard = Table::shard_of(target->key);
  }
  std::span<Target> all() { return {std::launder(reinterpret_cast<Target*>(storage_)), count_}; }

 private:
  static_assert(std::is_trivially_destructible_v<Target>);
  alignas(Target) std::byte storage_[kClaimsMax * sizeof(Target)];
  std::size_t count_ = 0;
};

// Locks the shards of one call in ascending order, so that two calls never wait for each other.
class Locks {
 public:
  Locks(Table& table, std::uint64_t shards) : table_(table), shards_(shards) {
    for (std::uint64_t left = shards_; left != 0; left &= left - 1)
      table_.shard(static_cast<std::size_t>(std::countr_zero(left))).mutex.lock();
  }
  ~Locks() {
    for (std::uint64_t left = shards_; left != 0; left &= left - 1)
      table_.shard(static_cast<std::size_t>(std::countr_zero(left))).mutex.unlock();
  }
  Locks(const Locks&) = delete;

 private:
  Table& table_;
  std::uint64_t shards_;
};

Result<void> check(const policy::Claim& claim) {
  if (claim.amount.negative()) {
    return fail(Code::InvalidArgument, "limits.amount",
                fmt::format("the amount for limit `{}` is negative; send zero or more", claim.counter));
  }
  if (!claim.amount.zero() && claim.amount.exponent() < -kDecimalsMax) {
    return fail(Code::InvalidArgument, "limits.amount",
                fmt::format("the amount for limit `{}` has more than {} decimals; send fewer", claim.counter, kDecimalsMax));
  }
  if (claim.max.negative())
    return fail(Code::Internal, "limits.max", fmt::format("limit `{}` has a negative maximum; correct the policy", claim.counter));
  if (claim.key.empty() || claim.key.size() > kKeyBytesMax) {
    return fail(Code::InvalidArgument, "limits.key",
                fmt::format("limit `{}` has a key of {} bytes; at most {} are counted", claim.counter, claim.key.size(), kKeyBytesMax));
  }
  return {};
}

// One call's walk over its claims; the shards are locked.
class Attempt {
 public:
  Attempt(Table& table, std::span<Target> targets, WallTime now) : table_(table), targets_(targets), now_(now) {}

  Result<void> run(Counters::Outcome& outcome) {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i].claim->shadow) continue;
      Target& target = targets_[i];
      if (auto ready = prepare(target); !ready) return give_up(i, std::move(ready).error());
      Meter& meter = target.counter->meter;
      const Meter::Taken taken = meter.take(target.claim->amount, target.claim->max);
      if (taken == Meter::Taken::Yes) continue;
      if (taken == Meter::Taken::Full) {
        // A sum that cannot be held exactly does not fit either: a call beyond 38 digits is no call to let through.
        outcome.refusal = refuse(i, *target.claim, meter, now_);
        undo(i);
        return {};
      }
      return give_up(i, Error{Code::InvalidArgument,
                              "limits.amount",
                              fmt::format("the amount for limit `{}` cannot be counted exactly; send fewer digits", target.claim->counter),
                              {}});
    }
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (targets_[i].claim->shadow) shadow(i, outcome);
    outcome.reserved = true;
    return {};
  }

 private:
  Result<void> prepare(Target& target) {
    const policy::Claim& claim = *target.claim;
    target.counter = table_.find_or_add(table_.shard(target.shard), target.key, since_epoch(now_), target.slot);
    if (target.counter == nullptr) {
      return fail(Code::Unavailable, "limits.full",
                  "too many counters are in use; wait until old windows end, or use wider scopes in the policy");
    }
    Meter& meter = target.counter->meter;
    meter.max = std::min(meter.max, claim.max);  // a bucket shared by two maxima refills at the slower rate
    meter.roll(since_epoch(now_));
    meter.max = claim.max;
    return {};
  }

  // A shadow rule never stops a call, whatever happens while it is counted.
  void shadow(std::size_t i, Counters::Outcome& outcome) {
    Target& target = targets_[i];
    if (!prepare(target)) return;
    Meter& meter = target.counter->meter;
    if (!meter.fits(target.claim->amount, target.claim->max)) outcome.shadow_exceeded.push_back(i);
    if (!meter.add(target.claim->amount)) target.counter = nullptr;
  }

  void undo(std::size_t before) {
    for (std::size_t i = before; i-- > 0;)
      if (!targets_[i].claim->shadow) targets_[i].counter->meter.undo(targets_[i].claim->amount);
  }

  tl::unexpected<Error> give_up(std::size_t at, Error error) {
    undo(at);
    return tl::unexpected<Error>(std::move(error));
  }

  Table& table_;
  std::span<Target> targets_;
  WallTime now_;
};

}  // namespace

std::int64_t since_epoch(WallTime time) { return time.time_since_epoch().count(); }

Result<Counters::Outcome> Counters::reserve(std::span<const policy::Claim> claims, WallTime now, Reservation& into) {
  into.parts_.clear();
  if (claims.empty()) return Outcome{.reserved = true, .refusal = {}, .shadow_exceeded = {}};
  if (claims.size() > kClaimsMax) {
    return fail(Code::InvalidArgument, "limits.claims",
                fmt::format("a call may use at most {} limits; merge some in the policy", kClaimsMax));
  }
  Targets storage;
  for (const policy::Claim& claim : claims) {
    CG_CHECK(check(claim));
    storage.add(claim);
  }
  const std::span<Target> targets = storage.all();
  std::uint64_t shards = 0;
  for (const Target& target : targets) shards |= std::uint64_t{1} << target.shard;
  into.parts_.reserve(claims.size());
  Locks held(inner_->table, shards);
  Result<Outcome> answer;
  Outcome& outcome = *answer;
  if (auto ran = Attempt(inner_->table, targets, now).run(outcome); !ran) return tl::unexpected<Error>(std::move(ran).error());
  if (!outcome.reserved) return answer;
  for (const Target& target : targets) {
    if (target.counter == nullptr) continue;
    inner_->table.mark_dirty(target.shard, target.slot);
    Reservation::Part& part = into.parts_.emplace_back();
    part.counter = Table::id(target.shard, target.slot, target.counter->generation);
    part.window_start_us = target.counter->meter.start_us;
    part.amount = target.claim->amount;
    part.shadow = target.claim->shadow;
  }
  return answer;
}

void Counters::settle(Reservation& reservation, Settle how) {
  if (how == Settle::Refund) {
    for (const Reservation::Part& part : reservation.parts_) {
      Shard& shard = inner_->table.shard(Table::shard_in(part.counter));
      std::scoped_lock held(shard.mutex);
      Counter& counter = shard.slots[Table::slot_in(part.counter)];
      if (!counter.live || counter.generation != Table::generation_in(part.counter)) continue;
      counter.meter.give_back(part.amount, part.window_start_us);
      inner_->table.mark_dirty(Table::shard_in(part.counter), Table::slot_in(part.counter));
    }
  }
  reservation.parts_.clear();
}

std::vector<CounterState> Counters::list(std::string_view prefix, std::size_t limit) {
  std::vector<CounterState> states;
  const std::int64_t now = since_epoch(inner_->clock.now());
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = inner_->table.shard(i);
    std::scoped_lock held(shard.mutex);
    for (const Counter& counter : shard.slots) {
      if (!counter.live || !std::string_view(counter.key).starts_with(prefix)) continue;
      Meter meter = counter.meter;
      meter.roll(now);
      if (meter.used.zero() && meter.expired(now)) continue;
      states.push_back({counter.key, meter.shape.window, meter.shape.kind, WallTime(std::chrono::microseconds(meter.start_us)), meter.used,
                        meter.max, meter.shape.shadow});
    }
  }
  std::sort(states.begin(), states.end(), [](const CounterState& a, const CounterState& b) {
    return std::tie(a.key, a.window, a.kind, a.shadow) < std::tie(b.key, b.window, b.kind, b.shadow);
  });
  if (states.size() > limit) states.resize(limit);
  return states;
}

Result<bool> Counters::reset(std::string_view key) {
  bool found = false;
  for (std::uint8_t tag = 0; tag < kShapes; ++tag) {
    std::size_t index = Table::shard_of({key, tag});
    Shard& shard = inner_->table.shard(index);
    std::scoped_lock held(shard.mutex);
    std::uint32_t slot = 0;
    Counter* counter = inner_->table.find(shard, {key, tag}, slot);
    if (counter == nullptr) continue;
    found = true;
    counter->meter.clear();
    ++counter->generation;  // calls under way counted in the old time; their refunds must not lower the new count
    inner_->table.mark_dirty(index, slot);
  }
  CG_CHECK(flush());
  return found;
}

// Writes one shard's changed counters into `entries`, as they stand now.
void Counters::Inner::collect(std::size_t shard_index) {
  Shard& shard = table.shard(shard_index);
  std::scoped_lock held(shard.mutex);
  for (std::uint32_t slot : shard.dirty) {
    Counter& counter = shard.slots[slot];
    Meter& meter = counter.meter;
    LedgerEntry entry{meter.shape.tag(), meter.start_us, meter.used, meter.max, counter.key};
    if (meter.shape.kind != policy::WindowKind::Sliding) append_entry(entries, entry);
    for (Part& part : meter.parts) {
      if (!std::exchange(part.dirty, false)) continue;
      entry.start_us = part.start_us;
      entry.used = part.used;
      append_entry(entries, entry);
    }
    counter.dirty = false;
    written.emplace_back(shard_index, slot);
  }
  shard.dirty.clear();
}

// After a failed write: what was collected is still owed.
void Counters::Inner::mark_again() {
  for (auto [shard_index, slot] : written) {
    Shard& shard = table.shard(shard_index);
    std::scoped_lock held(shard.mutex);
    if (!shard.slots[slot].live) continue;
    for (Part& part : shard.slots[slot].meter.parts) part.dirty = true;
    table.mark_dirty(shard_index, slot);
  }
}

Result<void> Counters::Inner::flush_held() {
  std::uint64_t shards = table.take_dirty();
  if (shards == 0) return {};
  entries.clear();
  written.clear();
  for (std::uint64_t left = shards; left != 0; left &= left - 1) collect(static_cast<std::size_t>(std::countr_zero(left)));
  if (entries.empty()) return {};
  auto done = ledger.append(entries);
  if (!done) mark_again();
  return done;
}

Result<void> Counters::flush() {
  std::scoped_lock held(inner_->flushing);
  return inner_->flush_held();
}

std::uint64_t Counters::ledger_bytes() const {
  std::scoped_lock held(inner_->flushing);
  return inner_->ledger.bytes();
}

void Counters::fail_write_at(int n) {
  std::scoped_lock held(inner_->flushing);
  inner_->ledger.fail_at(n);
}

Counters::Counters() = default;
Counters::~Counters() = default;

}  // namespace callgate::limits
