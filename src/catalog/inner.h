#pragma once
// What CatalogStore holds. Only this room's .cc files include it.

#include <map>
#include <mutex>

#include "catalog/catalog.h"

namespace callgate::catalog {

struct CatalogStore::Inner {
  Inner(store::Database& db, vault::Vault& secrets, const Clock& time) : database(db), vault(secrets), clock(time) {}

  store::Database& database;
  vault::Vault& vault;
  const Clock& clock;
  std::function<Result<bool>(std::string_view)> policy_in_use;

  using Version = std::pair<std::string, std::int64_t>;
  std::mutex mutex;
  std::map<Version, std::shared_ptr<const policy::Policy>> compiled;               // guarded by mutex; null: does not compile
  std::unordered_map<std::string, std::shared_ptr<const schema::Schema>> schemas;  // guarded by mutex; by tool fingerprint
};

}  // namespace callgate::catalog
