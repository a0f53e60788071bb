#pragma once
// Between rows and approvals. Only this room's .cc files include it.

#include <span>
#include <string>
#include <vector>

#include "approvals/approvals.h"

namespace callgate::approvals {

std::span<const store::Migration> migrations();

inline std::int64_t to_row(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_from_row(std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); }

// `where`: what follows FROM approvals, of our own making. Votes are filled in.
Result<std::vector<Approval>> read(store::Transaction& tx, std::string_view where, std::span<const store::Value> values);
Result<void> insert(store::Transaction& tx, const Approval& approval);
Result<void> insert_vote(store::Transaction& tx, const std::string& id, const Vote& vote);
// State, times, what it covers. False: it was not in state `from` any more.
Result<bool> advance(store::Transaction& tx, const Approval& approval, State from);

}  // namespace callgate::approvals
