#pragma once
// What Approvals holds. Only this room's .cc files include it.

#include <map>
#include <mutex>

#include "approvals/approvals.h"

namespace callgate::approvals {

struct Approvals::Inner {
  using Pointer = std::shared_ptr<const Approval>;
  Inner(store::Database& db, const Clock& time, const Options& chosen) : database(db), clock(time), options(chosen) {}

  void keep(Approval approval);  // in memory, as it was just written; what is closed is dropped
  Pointer get(std::string_view id) const;
  Pointer standing(const Proposal& proposal) const;
  Result<void> room_for(const Proposal& proposal) const;
  Approval as_of_now(Approval approval) const;
  static bool covers(const Approval& approval, const Proposal& proposal);

  store::Database& database;
  const Clock& clock;
  const Options options;
  std::mutex writing;        // one change at a time: look, write, remember; held over the database
  mutable std::mutex mutex;  // of `live`; never held over the database, so that a network loop may take it
  std::map<std::string, Pointer, std::less<>> live;
};

}  // namespace callgate::approvals
