#include "limits/table.h"

#include <algorithm>

namespace callgate::limits {

void Shard::forget(std::uint32_t slot) {
  Counter& counter = slots[slot];
  std::int64_t& floor = floor_us[counter.meter.shape.tag()];
  floor = std::max(floor, counter.meter.end_us());
  by_key.erase({counter.key, counter.meter.shape.tag()});
  ++counter.generation;
  counter.live = false;
  counter.key = std::string();
  counter.meter = Meter();
  free.push_back(slot);
}

std::size_t Shard::sweep(std::int64_t now_us, std::size_t slots_max) {
  std::size_t forgotten = 0;
  for (std::size_t i = 0; i < slots_max && i < slots.size(); ++i) {
    hand = hand + 1 < slots.size() ? hand + 1 : 0;
    Counter& counter = slots[hand];
    if (!counter.live || counter.dirty || !counter.meter.expired(now_us)) continue;
    forget(static_cast<std::uint32_t>(hand));
    ++forgotten;
  }
  return forgotten;
}

Counter* Table::find(Shard& shard, const KeyView& view, std::uint32_t& slot) {
  auto found = shard.by_key.find(view);
  if (found == shard.by_key.end()) return nullptr;
  slot = found->second;
  return &shard.slots[slot];
}

Counter* Table::find_or_add(Shard& shard, const KeyView& view, std::int64_t now_us, std::uint32_t& slot) {
  if (Counter* counter = find(shard, view, slot)) return counter;
  forgotten(shard.sweep(now_us, 4));
  if (count_.load(std::memory_order_relaxed) >= counters_max_) {
    forgotten(shard.sweep(now_us, 1024));
    if (count_.load(std::memory_order_relaxed) >= counters_max_) return nullptr;
  }
  return add(shard, view, now_us, slot);
}

Counter* Table::add(Shard& shard, const KeyView& view, std::int64_t now_us, std::uint32_t& slot) {
  if (shard.free.empty()) {
    slot = static_cast<std::uint32_t>(shard.slots.size());
    shard.slots.emplace_back();
  } else {
    slot = shard.free.back();
    shard.free.pop_back();
  }
  Counter& counter = shard.slots[slot];
  counter.key = view.key;
  counter.live = true;
  Shape::from_tag(view.tag, counter.meter.shape);
  counter.meter.start_at(now_us, shard.floor_us[view.tag]);
  shard.by_key.emplace(KeyView{counter.key, view.tag}, slot);
  count_.fetch_add(1, std::memory_order_relaxed);
  return &counter;
}

void Table::mark_dirty(std::size_t shard_index, std::uint32_t slot) {
  Shard& shard = shards_[shard_index];
  Counter& counter = shard.slots[slot];
  if (counter.dirty) return;
  counter.dirty = true;
  shard.dirty.push_back(slot);
  set_dirty(std::uint64_t{1} << shard_index);
}

}  // namespace callgate::limits
