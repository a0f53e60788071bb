#pragma once
// Inside of Flows.

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "flows/flows.h"

namespace callgate::flows {

inline constexpr std::size_t kShards = 16;

struct Slot {
  State state;
  bool changed = false;     // since the last save
  std::uint64_t saved = 0;  // calls that were in the copy when it was loaded: records of those are not replayed
};

// All trails of one grant; the own one has no name.
using Parts = std::map<std::string, Slot, std::less<>>;

struct Shard {
  mutable std::mutex mutex;
  std::map<std::string, Parts, std::less<>> grants;
  std::set<std::pair<std::string, std::string>> gone;  // since the last save
  std::set<std::string> cleared;                       // by an operator, since then: whatever the copy holds of them
};

struct Flows::Inner {
  explicit Inner(const Options& wanted) : options(wanted) {}
  Options options;
  std::array<Shard, kShards> shards;
  std::atomic<std::size_t> trails{0}, bytes{0};
  std::atomic<std::int64_t> distrust_until_us{0};

  Shard& shard(std::string_view grant) { return shards[std::hash<std::string_view>()(grant) % kShards]; }
  bool ended(const policy::FlowState& state, WallTime now) const { return now - state.last > options.idle; }
  State standing(const Slot* slot, WallTime now) const;
  void drop_ended(Shard& shard, WallTime now);
  Result<void> make_room(Shard& shard, std::string_view grant, std::size_t bytes_more, WallTime now);
  State put(Shard& shard, const Trail& trail, policy::FlowState next);
};

std::size_t bytes_of(const policy::FlowState& state);
std::string to_text(const policy::FlowState& state);
std::optional<policy::FlowState> from_text(const std::string& text);

}  // namespace callgate::flows
