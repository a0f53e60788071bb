#pragma once
// Parts of the index shared by filling (index.cc) and asking (query.cc). A row holds what is searched for and where the record
// lies in the journal; the record itself is always read from there.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

#include "audit/audit.h"
#include "audit/segment.h"

namespace callgate::audit {

constexpr unsigned kBlockShift = 12;  // 4096 records per time block: a time range becomes a few ranges of sequences

struct Location {
  std::uint64_t sequence = 0;
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
};

// Reads records at known places; keeps a few segments open.
class RecordReader {
 public:
  explicit RecordReader(const std::string& directory) : directory_(directory) {}
  bool read(const Location& location, Entry& entry);  // false: no longer there, or not that record

 private:
  const std::string& directory_;
  std::map<std::uint32_t, SegmentReader> open_;
};

struct Index::Inner {
  std::unique_ptr<store::Database> database;
  std::string directory;

  std::mutex filling;
  struct Last {
    Location location;
    Digest hash{};
  } last;                                               // of the newest record indexed; sequence 0: none
  std::atomic<std::uint64_t> newest{0};                 // its sequence, for others
  std::unordered_map<std::string, std::int64_t> names;  // known rows of audit_names
  std::uint64_t filled = 0;                             // rows since the database gave its memory back

  Result<void> load_state();
  Result<void> check_same_journal();
  Result<std::uint64_t> fill(std::uint64_t rows_max);
  void move_to(const Last& now) {
    last = now;
    newest.store(now.location.sequence, std::memory_order_relaxed);
  }
  Result<void> drop_removed();
  Result<void> clear();
};

}  // namespace callgate::audit
