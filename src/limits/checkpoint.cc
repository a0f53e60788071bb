// Keeping counts across restarts. The database holds a snapshot and the epoch of the first ledger that is not part of it;
// every ledger from that epoch on is replayed over it. A stop between any two steps leaves a state from which nothing is lost.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "limits/inner.h"

namespace callgate::limits {

namespace {

constexpr store::Migration kMigrations[] = {
    {"limits", 1,
     "CREATE TABLE limits_counters (key TEXT NOT NULL, tag BIGINT NOT NULL, start_us BIGINT NOT NULL, used TEXT NOT NULL, max TEXT NOT "
     "NULL,"
     " PRIMARY KEY (key, tag, start_us));"
     "CREATE TABLE limits_floors (tag BIGINT PRIMARY KEY, floor_us BIGINT NOT NULL);"
     "CREATE TABLE limits_epoch (id BIGINT PRIMARY KEY, epoch BIGINT NOT NULL);"},
};

constexpr std::size_t kRowsPerInsert = 100;

struct SavedRow {
  std::string key;
  std::uint8_t tag = 0;
  std::int64_t start_us = 0;
  Decimal used, max;
};

Result<void> insert_rows(store::Transaction& tx, std::span<const SavedRow> rows) {
  std::string sql = "INSERT INTO limits_counters (key, tag, start_us, used, max) VALUES ";
  std::vector<store::Value> values;
  values.reserve(rows.size() * 5);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sql += i == 0 ? "(?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?)";
    const SavedRow& row = rows[i];
    values.insert(values.end(), {store::Value(row.key), store::Value(std::int64_t{row.tag}), store::Value(row.start_us),
                                 store::Value(row.used.text()), store::Value(row.max.text())});
  }
  CG_CHECK(tx.execute(sql, std::span<const store::Value>(values)));
  return {};
}

void add_rows(std::vector<SavedRow>& rows, const Counter& counter) {
  const Meter& meter = counter.meter;
  if (meter.shape.kind != policy::WindowKind::Sliding) {
    rows.push_back({counter.key, meter.shape.tag(), meter.start_us, meter.used, meter.max});
    return;
  }
  for (const Part& part : meter.parts) rows.push_back({counter.key, meter.shape.tag(), part.start_us, part.used, meter.max});
}

}  // namespace

Counters::Inner::~Inner() {
  if (lock_fd >= 0) ::close(lock_fd);
}

// Takes over what a file says a counter held. Later entries replace earlier ones.
void Counters::Inner::restore(const LedgerEntry& entry) {
  Shape shape;
  if (!Shape::from_tag(entry.tag, shape)) return;
  Shard& shard = table.shard(Table::shard_of({entry.key, entry.tag}));
  std::uint32_t slot = 0;
  Counter* counter = table.find(shard, {entry.key, entry.tag}, slot);
  if (counter == nullptr) counter = table.add(shard, {entry.key, entry.tag}, entry.start_us, slot);
  Meter& meter = counter->meter;
  meter.max = entry.max;
  if (shape.kind != policy::WindowKind::Sliding) {
    meter.start_us = entry.start_us;
    meter.used = entry.used;
    return;
  }
  auto at = std::lower_bound(meter.parts.begin(), meter.parts.end(), entry.start_us,
                             [](const Part& part, std::int64_t us) { return part.start_us < us; });
  if (at == meter.parts.end() || at->start_us != entry.start_us) at = meter.parts.insert(at, {entry.start_us, Decimal(), false});
  at->used = entry.used;
  meter.start_us = std::max(meter.start_us, entry.start_us);
  meter.roll(meter.start_us);
  std::optional<Decimal> sum = Decimal();
  for (const Part& part : meter.parts) sum = sum ? sum->plus(part.used) : sum;
  meter.used = sum ? *sum : entry.max;  // cannot be held exactly: full
}

Result<void> Counters::Inner::load_checkpoint(std::uint64_t& epoch) {
  auto read_decimal = [](const std::string& text) -> Result<Decimal> {
    auto value = Decimal::parse(text);
    if (value && !value->negative()) return *value;
    return fail(Code::Unavailable, "limits.damaged",
                "table limits_counters holds a value that is no number; restore the database from a backup");
  };
  return database.read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(auto found, tx.query("SELECT epoch FROM limits_epoch WHERE id = 1"));
    epoch = found.empty() ? 0 : static_cast<std::uint64_t>(found[0].integer(0));
    CG_TRY(auto rows, tx.query("SELECT key, tag, start_us, used, max FROM limits_counters ORDER BY key, tag, start_us"));
    for (const store::Row& row : rows) {
      CG_TRY(Decimal used, read_decimal(row.text(3)));
      CG_TRY(Decimal max, read_decimal(row.text(4)));
      restore({static_cast<std::uint8_t>(row.integer(1)), row.integer(2), used, max, row.text(0)});
    }
    CG_TRY(auto floors, tx.query("SELECT tag, floor_us FROM limits_floors"));
    for (const store::Row& row : floors) {
      auto tag = static_cast<std::size_t>(row.integer(0));
      for (std::size_t i = 0; i < kShards && tag < kShapes; ++i)
        table.shard(i).floor_us[tag] = std::max(table.shard(i).floor_us[tag], row.integer(1));
    }
    return {};
  });
}

Result<void> Counters::Inner::load_ledgers(std::uint64_t epoch) {
  CG_TRY(auto epochs, list_ledgers(directory));
  std::uint64_t expected = epoch;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (epochs[i] < epoch) {  // part of the checkpoint; a stop came before it was removed
      ::unlink(ledger_path(directory, epochs[i]).c_str());
      continue;
    }
    if (epochs[i] != expected && expected != 0) {
      return fail(Code::Unavailable, "limits.damaged",
                  fmt::format("limits ledger `{}` is missing; restore it from a backup, or delete the later ones "
                              "to lose what they counted",
                              ledger_path(directory, expected)));
    }
    const bool last = i + 1 == epochs.size();
    CG_TRY(std::uint64_t end, replay_ledger(directory, epochs[i], last, [this](const LedgerEntry& entry) { restore(entry); }));
    expected = epochs[i] + 1;
    if (!last) continue;
    if (end > 0) return ledger.resume(directory, epochs[i], end);
    ::unlink(ledger_path(directory, epochs[i]).c_str());  // stopped before its header was complete
    expected = epochs[i];
  }
  return ledger.create(directory, std::max<std::uint64_t>(expected, 1));
}

Result<void> Counters::Inner::load() {
  std::string path = directory + "/limits.lock";
  lock_fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_fd < 0) {
    return fail(Code::Unavailable, "limits.unwritable",
                fmt::format("`{}` cannot be created: error {}; make the data directory writable", path, errno));
  }
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::Conflict, "limits.locked",
                fmt::format("data directory `{}` is in use by another process; stop that one or choose another data directory", directory));
  }
  CG_CHECK(database.migrate(kMigrations));
  std::uint64_t epoch = 0;
  CG_CHECK(load_checkpoint(epoch));
  return load_ledgers(epoch);
}

// Writes the snapshot and the epoch of the first ledger behind it, all or nothing.
Result<void> Counters::Inner::save(std::uint64_t epoch) {
  const std::int64_t now = since_epoch(clock.now());
  std::vector<SavedRow> rows;
  std::array<std::int64_t, kShapes> floors{};
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = table.shard(i);
    std::scoped_lock held(shard.mutex);
    table.forgotten(shard.sweep(now, shard.slots.size()));
    for (const Counter& counter : shard.slots)
      if (counter.live) add_rows(rows, counter);
    for (std::size_t tag = 0; tag < kShapes; ++tag) floors[tag] = std::max(floors[tag], shard.floor_us[tag]);
  }
  return database.write([&](store::Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("DELETE FROM limits_counters"));
    for (std::size_t at = 0; at < rows.size(); at += kRowsPerInsert) {
      CG_CHECK(insert_rows(tx, std::span(rows).subspan(at, std::min(kRowsPerInsert, rows.size() - at))));
    }
    for (std::size_t tag = 0; tag < kShapes; ++tag) {
      CG_CHECK(
          tx.execute("INSERT INTO limits_floors (tag, floor_us) VALUES (?, ?) ON CONFLICT (tag) DO UPDATE SET floor_us = excluded.floor_us",
                     {static_cast<std::int64_t>(tag), floors[tag]}));
    }
    CG_CHECK(tx.execute("INSERT INTO limits_epoch (id, epoch) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch",
                        {static_cast<std::int64_t>(epoch)}));
    return {};
  });
}

Result<std::unique_ptr<Counters>> Counters::open(store::Database& database, const Clock& clock, const std::string& directory,
                                                 const Options& options) {
  std::unique_ptr<Counters> counters(new Counters());
  counters->inner_ = std::make_unique<Inner>(database, clock, directory, options);
  CG_CHECK(counters->inner_->load());
  return counters;
}

Result<void> Counters::checkpoint() {
  std::scoped_lock one(inner_->checkpointing);
  std::uint64_t epoch = 0;
  {
    std::scoped_lock held(inner_->flushing);
    CG_CHECK(inner_->flush_held());
    CG_CHECK(inner_->ledger.advance());  // from here on both files count, until the snapshot has taken the first one in
    epoch = inner_->ledger.epoch();
  }
  CG_CHECK(inner_->save(epoch));
  CG_TRY(auto epochs, list_ledgers(inner_->directory));
  for (std::uint64_t each : epochs)
    if (each < epoch) ::unlink(ledger_path(inner_->directory, each).c_str());
  return {};
}

}  // namespace callgate::limits
