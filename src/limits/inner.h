#pragma once
// The parts of Counters, shared by counters.cc (reserving) and checkpoint.cc (keeping).

#include <mutex>
#include <string>

#include "limits/ledger.h"
#include "limits/limits.h"
#include "limits/table.h"

namespace callgate::limits {

struct Counters::Inner {
  Inner(store::Database& database_in, const Clock& clock_in, std::string directory_in, const Options& options)
      : database(database_in), clock(clock_in), directory(std::move(directory_in)), table(options.counters_max) {}
  ~Inner();

  store::Database& database;
  const Clock& clock;
  std::string directory;
  int lock_fd = -1;
  Table table;

  std::mutex flushing;  // taken before any shard's lock
  Ledger ledger;
  std::string entries;                                         // of the flush under way
  std::vector<std::pair<std::size_t, std::uint32_t>> written;  // shard and slot of those entries
  std::mutex checkpointing;                                    // one at a time; taken before `flushing`

  Result<void> flush_held();  // `flushing` is held
  void collect(std::size_t shard_index);
  void mark_again();
  void restore(const LedgerEntry& entry);
  Result<void> load();  // checkpoint.cc: database, then ledgers
  Result<void> load_checkpoint(std::uint64_t& epoch);
  Result<void> load_ledgers(std::uint64_t epoch);
  Result<void> save(std::uint64_t epoch);
};

std::int64_t since_epoch(WallTime time);

// What a caller is told when a counter is full.
Refusal refuse(std::size_t position, const policy::Claim& claim, const Meter& meter, WallTime now);

}  // namespace callgate::limits
