#pragma once
// What IdentityStore holds. Only this room's .cc files include it.

#include <array>
#include <mutex>

#include "identity/access.h"
#include "identity/identity.h"

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

struct IdentityStore::Inner {
  Inner(store::Database& db, const Clock& time, Secret key) : database(db), clock(time), token_key(std::move(key)) {}
  Digest hmac_of(std::string_view token) const { return hmac_sha256(token_key.reveal(), token); }

  store::Database& database;
  const Clock& clock;
  const Secret token_key;  // raw bytes
  Uses uses;
};

}  // namespace callgate::identity
