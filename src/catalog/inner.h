#pragma once
// What CatalogStore holds. Only this room's .cc files include it.

#include <map>
#include <mutex>

#include "catalog/catalog.h"
#include "risk/change.h"

namespace callgate::catalog {

struct CatalogStore::Inner {
  Inner(store::Database& db, vault::Vault& secrets, const Clock& time) : database(db), vault(secrets), clock(time) {}

  store::Database& database;
  vault::Vault& vault;
  const Clock& clock;
  std::function<Result<bool>(std::string_view)> policy_in_use;
  PinRules pin_rules;
  Pin effective(Pin pin) const { return pin == Pin::Default ? pin_rules.pin : pin; }
  Result<std::shared_ptr<const risk::ChangeRanker>> ranker();  // made when first needed
  // Null where no rule of pin_rules accepts anything.
  std::shared_ptr<const risk::ChangeRanker> ranker_for_rules() {
    return pin_rules.accept_annotations || pin_rules.accept_wording_below > 0 ? ranker().value_or(nullptr) : nullptr;
  }

  using Version = std::pair<std::string, std::int64_t>;
  std::mutex mutex;
  std::map<Version, std::shared_ptr<const policy::Policy>> compiled;  // guarded by mutex; null: does not compile
  struct Known {                                                      // what is made of a definition once
    std::shared_ptr<const schema::Schema> schema;
    std::shared_ptr<const ToolText> text;
    risk::Class risk = risk::Class::Financial;
  };
  std::unordered_map<std::string, Known> known_tools;       // guarded by mutex; by tool fingerprint
  std::shared_ptr<const risk::ChangeRanker> change_ranker;  // guarded by mutex
};

}  // namespace callgate::catalog
