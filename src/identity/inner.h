#pragma once
// What IdentityStore holds. Only this room's .cc files include it.

#include <array>
#include <mutex>

#include "identity/access.h"
#include "identity/identity.h"
#include "identity/rows.h"

namespace callgate::identity {

// The last use of each grant since the last flush. Many loops note, one flushes: sixteen locks, held for one map access each.
class Uses {
 public:
  using Map = std::unordered_map<std::string, WallTime, TextHash, std::equal_to<>>;
  void note(std::string_view grant_id, WallTime when);
  Map take();

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    Map map;  // guarded by mutex
  };
  std::array<Shard, 16> shards_;
};

struct GrantTotals {  // over all rows
  std::int64_t count = 0, versions = 0;
  bool operator==(const GrantTotals&) const = default;
};

// What the newest directory was made of, and what has changed since. Every write below says so once it is committed: a note made earlier
// could be taken by a reader that still saw the old rows.
class Kept {
 public:
  void changed(std::string_view grant_id) {
    const std::lock_guard lock(mutex_);
    grants_.emplace(grant_id);
  }
  void all_changed() {
    const std::lock_guard lock(mutex_);
    all_ = true;
  }

 private:
  friend class IdentityStore;
  std::mutex mutex_;  // of the two below
  bool all_ = true;   // principals, roles, or not known what
  TextSet grants_;
  std::mutex building_;  // of all below: one directory at a time, each from the one before
  std::shared_ptr<const Directory> directory_;
  std::unordered_map<std::string, PrincipalRow> principals_;
  std::unordered_map<std::string, std::shared_ptr<const Role>> roles_;
  GrantTotals totals_;
  WallTime read_at_{};
};

struct IdentityStore::Inner {
  Inner(store::Database& db, const Clock& time, Secret key) : database(db), clock(time), token_key(std::move(key)) {}
  Digest hmac_of(std::string_view token) const { return hmac_sha256(token_key.reveal(), token); }
  // A write that changes principals or roles. Noted whatever it answers: one that failed late may have changed something.
  template <class Fn> Result<void> write_all(Fn&& fn) {
    auto done = database.write(std::forward<Fn>(fn));
    kept.all_changed();
    return done;
  }
  // A write that changes one grant, whose id it leaves in `id`.
  template <class Fn> Result<void> write_grant(const std::string& id, Fn&& fn) {
    auto done = database.write(std::forward<Fn>(fn));
    if (done) kept.changed(id);
    else kept.all_changed();
    return done;
  }

  store::Database& database;
  const Clock& clock;
  const Secret token_key;  // raw bytes
  Uses uses;
  Kept kept;
};

}  // namespace callgate::identity
