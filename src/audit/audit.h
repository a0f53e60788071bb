#pragma once
// The record of everything (A-20, D-05 to D-07; T-69). A hash-chained, append-only journal of segment files is the truth;
// a SQLite index behind it can be deleted and rebuilt. If a record cannot be written, the caller must refuse.

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "json/document.h"
#include "model/entities.h"
#include "model/record.h"
#include "store/database.h"

namespace callgate::audit {

std::string_view kind_name(Record::Kind kind);  // call | intent | refusal | session | admin | probe | system | approval

// Records of one thread, serialised but not yet part of the chain. No allocation once warm. Not thread-safe.
class Batch {
 public:
  void add(const Record& record);  // one JSON object, control characters escaped, no raw secrets expected
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  void clear() {
    last_size_ = items_.size();
    used_ = seen_count_ = 0;
    items_.clear();
    results_.clear();
  }

 private:
  friend class Journal;
  friend class RecordWriter;
  struct Item {
    std::uint32_t payload_bytes;
  };
  struct Result {  // to be hashed at commit
    std::string_view bytes;
    std::size_t hex_at;  // in bytes_
  };
  static constexpr std::size_t kContextTexts = 18, kContextNumbers = 2, kSeenMax = 8;
  struct Context {  // who called what, by which policy, and what came of it
    std::array<std::string_view, kContextTexts> texts;
    std::array<std::int64_t, kContextNumbers> numbers;
  };
  struct Seen {  // one of them, in a record of this batch
    std::array<std::uint32_t, kContextTexts> sizes;
    std::array<std::int64_t, kContextNumbers> numbers;
    std::string texts;
    std::size_t frame_at;  // in bytes_
    std::uint32_t bytes;   // as it was written there
  };
  static Context context_of(const Record& record);
  const Seen* seen(const Context& context) const;
  Seen& remember(const Context& context);
  bool hashes_later(const Record& record) const;
  void hash_results();
  void hash_payloads();            // may be repeated
  std::unique_ptr<char[]> bytes_;  // frames with open headers: commit fills them in place
  std::size_t used_ = 0, capacity_ = 0;
  std::vector<Item> items_;
  std::vector<Result> results_;
  std::array<Seen, kSeenMax> seen_;
  std::size_t seen_count_ = 0;              // ever since it was empty: the oldest gives way
  std::size_t last_size_ = 0;               // of what was committed before: so many records come at a time
  std::vector<std::string_view> messages_;  // being hashed
  std::vector<Digest> digests_;             // of them; in the end of the payloads, as
  std::vector<std::uint32_t> sums_;         // these
  std::int64_t second_ = -1;                // the time that `second_text_` says
  char second_text_[20] = {};
};

enum class Sync : std::uint8_t {
  Process,
  Power
};  // Process: write(), survives kill -9, fdatasync every 200 ms behind; Power: fdatasync before commit returns

struct JournalOptions {
  std::string directory;
  Sync sync = Sync::Process;
  std::size_t segment_bytes_max = 64 * 1024 * 1024;
  std::uint64_t free_bytes_min = 64 * 1024 * 1024;  // below this on the file system: commits are refused before the disk is full
};

class Journal {
 public:
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options, const Clock& clock);
  // Chains and writes the batch with one write(); clears it on success. Any thread. After an error the journal stays
  // closed for commits until a retry of the pending bytes succeeds; nothing is half visible in the chain.
  Result<void> commit(Batch& batch);
  struct Head {
    std::uint64_t sequence = 0;
    Digest hash{};
  };
  Head head() const;
  // Makes the n-th disk step (write, sync, new segment) fail half way, for anomaly loops: 0 = never.
  void fail_write_at(int n);
  ~Journal();

 private:
  Journal();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// Reads records back in order. `payload` is the JSON text of one record.
struct Entry {
  std::uint64_t sequence = 0;
  Digest hash{};
  std::string payload;
};
Result<void> read_journal(const std::string& directory, std::uint64_t from_sequence, const std::function<bool(const Entry&)>& each);

struct Verification {
  bool ok = false;
  std::uint64_t records = 0, first = 0, last = 0;
  Digest head{};
  std::string problem;  // what is wrong, where (segment, offset, sequence), and what that means; empty when ok
};
// Walks the whole chain. expected_head: an anchor published earlier; finds a cut tail.
Verification verify(const std::string& directory, const std::optional<Journal::Head>& expected_head);

struct Query {
  std::optional<WallTime> since, until;
  std::string principal, grant, server, tool, method, effect, reason, kind, policy, decision_id,
      text;             // empty: any; text: substring of the record
  std::string finding;  // of an inspection: a rule (`secrets.github-pat`), or the pack before its dot; only filters
  std::optional<std::uint64_t> before_sequence;  // page: the last sequence of the page before; with oldest_first, records after it
  std::size_t limit = 50;
  bool oldest_first = false;
};

// The searchable index behind the journal. Own SQLite file, so that a long query never holds up configuration.
class Index {
 public:
  static Result<std::unique_ptr<Index>> open(const std::string& database_path, const std::string& journal_directory);
  // Indexes what is new, in large batches; returns how many records that were. With `rows_max` it ends after so many: call again.
  Result<std::uint64_t> catch_up(std::uint64_t rows_max = std::numeric_limits<std::uint64_t>::max());
  std::uint64_t newest() const;                          // sequence of the newest record indexed; any thread
  Result<std::vector<Entry>> query(const Query& query);  // newest first; at most 10,000
  // Everything that matches, page by page, until `fn` says no; query.limit is not looked at.
  Result<void> each(const Query& query, const std::function<bool(const Entry&)>& fn);
  Result<std::optional<Entry>> find(std::string_view decision_id_or_sequence);
  Result<void> rebuild();
  ~Index();

 private:
  Index();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// Streams all matching records (query.limit is not looked at) as JSON lines or CSV (cells that a spreadsheet would run as formulas are
// defused, T-64).
enum class Format : std::uint8_t { Jsonl, Csv };
Result<std::uint64_t> export_records(Index& index, const Query& query, Format format, const std::function<bool(std::string_view)>& write);
// Drops whole segments older than `keep`; the first kept segment names the hash it continues from, so the chain still verifies.
// Returns how many records went; the index drops their rows with its next catch_up().
Result<std::uint64_t> apply_retention(const std::string& directory, WallTime now, std::chrono::seconds keep);

// Reduces arguments to a capture level. Redacted: keys, numbers, booleans and short enums stay; other strings become "<string, N bytes>",
// and anything that looks like a credential is masked at every level but Full, where known secret shapes are still masked.
void capture_arguments(std::string& out, const json::Value& arguments, Capture level);

}  // namespace callgate::audit
