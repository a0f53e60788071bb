#pragma once
// All counters in memory: shards with a lock each, found by key and shape, addressed by id. Used by Counters only.

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/same_bytes.h"
#include "limits/window.h"

namespace callgate::limits {

constexpr std::size_t kShards = 64;  // one bit each in a word

struct Counter {
  std::string key;
  Meter meter;
  std::uint32_t generation = 0;  // reservations of an earlier owner of the slot, or from before a reset, settle nothing
  bool live = false;
  bool dirty = false;  // listed in Shard::dirty
};

struct KeyView {
  std::string_view key;
  std::uint8_t tag = 0;
  std::size_t hash = 0;  // of both, made once
  KeyView(std::string_view key_in, std::uint8_t tag_in)
      : key(key_in), tag(tag_in), hash(std::hash<std::string_view>()(key) ^ (static_cast<std::size_t>(tag + 1) * 0x9e3779b97f4a7c15ULL)) {}
  bool operator==(const KeyView& other) const { return hash == other.hash && tag == other.tag && same_text(key, other.key); }
};
struct KeyHash {
  std::size_t operator()(const KeyView& view) const { return view.hash; }
};

struct Shard {
  std::mutex mutex;
  std::deque<Counter> slots;                                   // addresses stay
  std::unordered_map<KeyView, std::uint32_t, KeyHash> by_key;  // views into Counter::key
  std::vector<std::uint32_t> free, dirty;
  std::size_t hand = 0;                          // where sweeping goes on
  std::array<std::int64_t, kShapes> floor_us{};  // no window may begin before; rises when a counter is forgotten

  void forget(std::uint32_t slot);
  // Looks at a few slots and forgets those whose time is over; returns how many.
  std::size_t sweep(std::int64_t now_us, std::size_t slots_max);
};

class Table {
 public:
  explicit Table(std::size_t counters_max) : counters_max_(counters_max) {}

  static std::size_t shard_of(const KeyView& view) { return view.hash >> 58; }
  Shard& shard(std::size_t index) { return shards_[index]; }
  // With the shard's lock held. Null: too many counters.
  Counter* find_or_add(Shard& shard, const KeyView& view, std::int64_t now_us, std::uint32_t& slot);
  Counter* find(Shard& shard, const KeyView& view, std::uint32_t& slot);
  // Adds without looking at the cap or at what has passed: for what was counted before a restart.
  Counter* add(Shard& shard, const KeyView& view, std::int64_t now_us, std::uint32_t& slot);
  void mark_dirty(std::size_t shard_index, std::uint32_t slot);
  std::uint64_t take_dirty() { return dirty_shards_.exchange(0, std::memory_order_acq_rel); }
  void set_dirty(std::uint64_t shards) { dirty_shards_.fetch_or(shards, std::memory_order_release); }
  void forgotten(std::size_t count) { count_.fetch_sub(count, std::memory_order_relaxed); }

  static std::uint64_t id(std::size_t shard_index, std::uint32_t slot, std::uint32_t generation) {
    return (static_cast<std::uint64_t>(generation) << 32) | (static_cast<std::uint64_t>(slot) << 6) | shard_index;
  }
  static std::size_t shard_in(std::uint64_t id) { return id & 63; }
  static std::uint32_t slot_in(std::uint64_t id) { return static_cast<std::uint32_t>(id >> 6) & 0x3ffffffU; }
  static std::uint32_t generation_in(std::uint64_t id) { return static_cast<std::uint32_t>(id >> 32); }

 private:
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> dirty_shards_{0};
  std::atomic<std::size_t> count_{0};
  std::size_t counters_max_;
};

}  // namespace callgate::limits
