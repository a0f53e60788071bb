#pragma once
// What every engine decides alike about migrations: which are new, and whether this program may touch the file at all.

#include <span>
#include <string>
#include <vector>

#include "store/database.h"

namespace callgate::store {

// One row of the table below, as found in the file.
struct AppliedMigration {
  std::string room;
  std::int64_t number = 0;
  std::string hash;
};

inline constexpr std::string_view kMigrationsTable =
    "CREATE TABLE IF NOT EXISTS callgate_migrations (room TEXT NOT NULL, number BIGINT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (room, "
    "number))";

std::string migration_hash(const Migration& migration);

// The migrations still to run, in the order given. Refuses: a file with a migration this program does not know (store.newer_file),
// a text that changed after it ran (store.migration_changed), and lists that are not 1, 2, 3 ... within each room (store.migrations).
Result<std::vector<const Migration*>> plan_migrations(std::span<const AppliedMigration> applied, std::span<const Migration> known);

}  // namespace callgate::store
