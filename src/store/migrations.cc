#include "store/migrations.h"

#include <fmt/core.h>

#include <map>

#include "base/crypto.h"
#include "base/encoding.h"

namespace callgate::store {

std::string migration_hash(const Migration& migration) { return hex_encode(sha256(migration.sql)); }

namespace {

Result<std::map<std::string_view, int>> newest_known(std::span<const Migration> known) {
  std::map<std::string_view, int> newest;
  for (const Migration& migration : known) {
    int& last = newest[migration.room];
    if (migration.number != last + 1)
      return fail(Code::Internal, "store.migrations", fmt::format("migrations of `{}` are not numbered 1, 2, 3 in order", migration.room));
    last = migration.number;
  }
  return newest;
}

}  // namespace

Result<std::vector<const Migration*>> plan_migrations(std::span<const AppliedMigration> applied, std::span<const Migration> known) {
  CG_TRY(auto newest, newest_known(known));
  std::map<std::pair<std::string_view, std::int64_t>, std::string_view> done;
  for (const AppliedMigration& row : applied) {
    done[{row.room, row.number}] = row.hash;
    auto room = newest.find(row.room);  // rooms migrate one by one: what others did is not judged here
    if (room != newest.end() && row.number > room->second)
      return fail(
          Code::Conflict, "store.newer_file",
          fmt::format(
              "the database was written by a newer version ({} {}, this version knows {}): run that version or restore an older backup",
              row.room, row.number, room->second));
  }
  std::vector<const Migration*> todo;
  for (const Migration& migration : known) {
    auto found = done.find({migration.room, migration.number});
    if (found == done.end()) {
      todo.push_back(&migration);
    } else if (found->second != migration_hash(migration)) {
      return fail(
          Code::Conflict, "store.migration_changed",
          fmt::format("migration {} {} differs from the one that made this database: run the version that made it, or restore a backup",
                      migration.room, migration.number));
    } else if (!todo.empty() && todo.back()->room == migration.room) {
      return fail(Code::Conflict, "store.migrations",
                  fmt::format("the database has {} {} but lacks an earlier one: restore a backup", migration.room, migration.number));
    }
  }
  return todo;
}

}  // namespace callgate::store
