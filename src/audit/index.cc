// Fills the index from the journal, in large batches. The journal is the truth: whenever the two do not fit, the index starts anew.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "audit/index_inner.h"
#include "audit/record_fields.h"
#include "base/encoding.h"

namespace callgate::audit {

namespace {

// Integer names keep the secondary indexes small; a (kind, id, name) lives once. Blocks: see kBlockShift.
constexpr store::Migration kMigrations[] = {
    {"audit", 1,
     "CREATE TABLE audit_names (n INTEGER PRIMARY KEY, kind BIGINT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, id, "
     "name));"
     "CREATE INDEX audit_names_by_name ON audit_names (kind, name);"
     "CREATE TABLE audit_records (sequence INTEGER PRIMARY KEY, time_us BIGINT NOT NULL, kind TEXT NOT NULL, denied BIGINT NOT NULL,"
     " principal BIGINT NOT NULL, granted BIGINT NOT NULL, server BIGINT NOT NULL, tool TEXT NOT NULL, method TEXT NOT NULL,"
     " reason TEXT NOT NULL, policy TEXT NOT NULL, decision_id TEXT NOT NULL, segment BIGINT NOT NULL, position BIGINT NOT NULL);"
     "CREATE INDEX audit_by_principal ON audit_records (principal) WHERE principal <> 0;"
     "CREATE INDEX audit_by_grant ON audit_records (granted) WHERE granted <> 0;"
     "CREATE INDEX audit_by_server ON audit_records (server) WHERE server <> 0;"
     "CREATE INDEX audit_by_tool ON audit_records (tool) WHERE tool <> '';"
     "CREATE INDEX audit_by_denied ON audit_records (denied) WHERE denied = 1;"
     "CREATE INDEX audit_by_reason ON audit_records (reason) WHERE reason <> 'ok';"
     "CREATE INDEX audit_by_kind ON audit_records (kind) WHERE kind <> 'call';"
     "CREATE INDEX audit_by_method ON audit_records (method) WHERE method <> 'tools/call';"
     "CREATE INDEX audit_by_decision ON audit_records (decision_id) WHERE decision_id <> '';"
     "CREATE TABLE audit_blocks (block INTEGER PRIMARY KEY, min_us BIGINT NOT NULL, max_us BIGINT NOT NULL);"
     "CREATE TABLE audit_state (id INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, segment BIGINT NOT NULL, position BIGINT NOT NULL,"
     " hash TEXT NOT NULL);"},
};

constexpr std::size_t kColumns = 14;
constexpr std::size_t kRowsPerInsert = 50;
constexpr std::size_t kRowsPerTransaction = 50'000;
// Every row touches a page of each secondary index: they must stay in memory while many rows come in, and need not afterwards.
constexpr std::string_view kFillingCache = "PRAGMA cache_size = -32768", kReleaseCache = "PRAGMA shrink_memory";
constexpr std::size_t kTextBytesMax = 200;  // of an indexed text; the record holds it all
enum NameKind : std::int64_t { Principal = 1, Grant = 2, Server = 3 };

struct Fields {
  std::string principal_id, principal, grant, grant_label, server_id, server, tool, method, reason, policy, decision, kind;
  std::int64_t time_us = 0;
  bool denied = false;

  void take(std::string_view key, std::string_view value) {
    if (key == "time") {
      if (auto time = parse_time(field_text(value))) time_us = time->time_since_epoch().count();
      return;
    }
    if (key == "effect") {
      denied = value == "\"deny\"";
      return;
    }
    std::string* const into = text_of(key);
    if (into == nullptr) return;
    *into = field_text(value);
    if (into->size() > kTextBytesMax) into->resize(kTextBytesMax);
  }

 private:
  // By length first: a record has twice as many fields as are searched for.
  std::string* text_of(std::string_view key) {
    switch (key.size()) {
      case 4: return key == "kind" ? &kind : key == "tool" ? &tool : nullptr;
      case 5: return key == "grant" ? &grant : nullptr;
      case 6:
        return key == "reason" ? &reason : key == "server" ? &server : key == "method" ? &method : key == "policy" ? &policy : nullptr;
      case 8: return key == "decision" ? &decision : nullptr;
      case 9: return key == "principal" ? &principal : key == "server_id" ? &server_id : nullptr;
      case 11: return key == "grant_label" ? &grant_label : nullptr;
      case 12: return key == "principal_id" ? &principal_id : nullptr;
      default: return nullptr;
    }
  }
};

// Collects rows and writes them fifty at a time.
class Filler {
 public:
  Filler(store::Transaction& tx, std::unordered_map<std::string, std::int64_t>& names) : tx_(tx), names_(names) {
    values_.reserve(kRowsPerInsert * kColumns);
  }

  Result<void> add(const Frame& frame, std::uint32_t segment) {
    Fields fields;
    for_each_field(frame.record, [&](std::string_view key, std::string_view value) { fields.take(key, value); });
    CG_TRY(std::int64_t principal, number_of(Principal, fields.principal_id, fields.principal));
    CG_TRY(std::int64_t grant, number_of(Grant, fields.grant, fields.grant_label));
    CG_TRY(std::int64_t server, number_of(Server, fields.server_id, fields.server));
    auto integer = [this](std::int64_t value) { values_.emplace_back(value); };
    auto text = [this](std::string& value) { values_.emplace_back(std::move(value)); };
    integer(static_cast<std::int64_t>(frame.sequence));
    integer(fields.time_us);
    text(fields.kind);
    integer(fields.denied ? 1 : 0);
    integer(principal);
    integer(grant);
    integer(server);
    text(fields.tool);
    text(fields.method);
    text(fields.reason);
    text(fields.policy);
    text(fields.decision);
    integer(segment);
    integer(static_cast<std::int64_t>(frame.offset));
    auto& block = blocks_.try_emplace(frame.sequence >> kBlockShift, fields.time_us, fields.time_us).first->second;
    block.first = std::min(block.first, fields.time_us);
    block.second = std::max(block.second, fields.time_us);
    if (values_.size() == kRowsPerInsert * kColumns) return write(kRowsPerInsert);
    return {};
  }

  Result<void> finish() {
    if (!values_.empty()) {  // the rest one by one: two statements in all, both stay prepared
      std::vector<store::Value> rest = std::move(values_);
      for (std::size_t at = 0; at < rest.size(); at += kColumns) {
        CG_CHECK(tx_.execute(sql(1), std::span<const store::Value>(rest).subspan(at, kColumns)));
      }
    }
    for (const auto& [block, times] : blocks_) {
      CG_CHECK(
          tx_.execute("INSERT INTO audit_blocks (block, min_us, max_us) VALUES (?, ?, ?) ON CONFLICT (block) DO UPDATE SET "
                      "min_us = MIN(min_us, excluded.min_us), max_us = MAX(max_us, excluded.max_us)",
                      {static_cast<std::int64_t>(block), times.first, times.second}));
    }
    return {};
  }

 private:
  static const std::string& sql(std::size_t rows) {
    static const auto make = [](std::size_t count) {
      std::string text =
          "INSERT INTO audit_records (sequence, time_us, kind, denied, principal, granted, server, tool, method, reason, policy, "
          "decision_id, segment, position) VALUES ";
      for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)" : ",(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
      return text;
    };
    static const std::string one = make(1), many = make(kRowsPerInsert);
    return rows == 1 ? one : many;
  }

  Result<void> write(std::size_t rows) {
    auto done = tx_.execute(sql(rows), std::span<const store::Value>(values_));
    values_.clear();
    if (!done) return tl::unexpected<Error>(std::move(done).error());
    return {};
  }

  Result<std::int64_t> number_of(NameKind kind, const std::string& id, const std::string& name) {
    if (id.empty() && name.empty()) return 0;
    key_.assign(1, static_cast<char>('0' + kind)).append(id).append(1, '\0').append(name);
    if (auto known = names_.find(key_); known != names_.end()) return known->second;
    CG_TRY(
        auto rows,
        tx_.query("INSERT INTO audit_names (kind, id, name) VALUES (?, ?, ?) ON CONFLICT (kind, id, name) DO UPDATE SET id = excluded.id "
                  "RETURNING n",
                  {std::int64_t{kind}, id, name}));
    if (names_.size() > 100'000) names_.clear();
    return names_[key_] = rows[0].integer(0);
  }

  store::Transaction& tx_;
  std::unordered_map<std::string, std::int64_t>& names_;
  std::vector<store::Value> values_;
  std::map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> blocks_;
  std::string key_;
};

Result<std::unique_ptr<store::Database>> open_database(const std::string& path) {
  auto database = store::open_sqlite(path);
  if (!database) return database;
  if (auto ready = (*database)->migrate(kMigrations); !ready) return tl::unexpected<Error>(std::move(ready).error());
  return database;
}

std::uint64_t first_sequence(const std::string& directory, std::uint32_t segment) {
  auto reader = open_segment(directory, segment);
  SegmentHeader header;
  return reader && reader->header(header) ? header.first_sequence : 0;
}

}  // namespace

bool RecordReader::read(const Location& location, Entry& entry) {
  auto found = open_.find(location.segment);
  if (found == open_.end()) {
    if (open_.size() >= 8) open_.clear();
    auto reader = open_segment(directory_, location.segment, 16 * 1024);
    if (!reader) return false;
    found = open_.emplace(location.segment, std::move(*reader)).first;
  }
  found->second.seek(location.offset);
  Frame frame;
  if (found->second.next(frame) != SegmentReader::State::Frame || frame.sequence != location.sequence) return false;
  entry.sequence = frame.sequence;
  entry.hash = frame.hash;
  entry.payload.assign(frame.record);
  return true;
}

Result<void> Index::Inner::load_state() {
  move_to({});
  return database->read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT sequence, segment, position, hash FROM audit_state WHERE id = 1"));
    if (rows.empty()) return {};
    Last stored;
    stored.location = {static_cast<std::uint64_t>(rows[0].integer(0)), static_cast<std::uint32_t>(rows[0].integer(1)),
                       static_cast<std::uint64_t>(rows[0].integer(2))};
    auto hash = hex_decode(rows[0].text(3));
    if (hash && hash->size() == stored.hash.size()) std::copy(hash->begin(), hash->end(), reinterpret_cast<char*>(stored.hash.data()));
    move_to(stored);
    return {};
  });
}

Result<void> Index::Inner::clear() {
  names.clear();
  move_to({});
  return database->write([](store::Transaction& tx) -> Result<void> {
    for (const char* table : {"audit_records", "audit_names", "audit_blocks", "audit_state"})
      CG_CHECK(tx.execute(fmt::format("DELETE FROM {}", table)));
    return {};
  });
}

// The newest record indexed must still be the same in the journal; else this is another journal's index, or one that was put back.
Result<void> Index::Inner::check_same_journal() {
  if (last.location.sequence == 0) return {};
  RecordReader reader(directory);
  Entry entry;
  if (reader.read(last.location, entry) && entry.hash == last.hash) return {};
  // Retention may have removed its segment; then the first one kept says which hash it continues from.
  CG_TRY(auto numbers, list_segments(directory));
  if (!numbers.empty() && numbers.front() > last.location.segment) {
    CG_TRY(auto first, open_segment(directory, numbers.front()));
    SegmentHeader header;
    if (first.header(header) && header.first_sequence == last.location.sequence + 1 && header.continues_from == last.hash) return {};
  }
  return clear();
}

// Rows whose records retention has removed.
Result<void> Index::Inner::drop_removed() {
  CG_TRY(auto numbers, list_segments(directory));
  std::uint64_t first = numbers.empty() ? 0 : first_sequence(directory, numbers.front());
  if (first <= 1) return {};
  for (std::int64_t removed = 1; removed > 0;) {
    CG_CHECK(database->write([&](store::Transaction& tx) -> Result<void> {
      CG_TRY(removed, tx.execute("DELETE FROM audit_records WHERE sequence IN (SELECT sequence FROM audit_records WHERE sequence < ? "
                                 "ORDER BY sequence LIMIT 20000)",
                                 {static_cast<std::int64_t>(first)}));
      CG_CHECK(tx.execute("DELETE FROM audit_blocks WHERE block < ?", {static_cast<std::int64_t>(first >> kBlockShift)}));
      return {};
    }));
  }
  return {};
}

Result<std::uint64_t> Index::Inner::fill(std::uint64_t rows_max) {
  const std::uint64_t rows_each = std::min<std::uint64_t>(kRowsPerTransaction, rows_max);
  CG_TRY(auto numbers, list_segments(directory));
  std::uint64_t total = 0;
  for (std::uint32_t number : numbers) {
    if (number < last.location.segment) continue;
    CG_TRY(auto reader, open_segment(directory, number));
    SegmentHeader header;
    if (!reader.header(header)) break;
    Frame frame;
    if (number == last.location.segment) {
      reader.seek(last.location.offset);
      if (reader.next(frame) != SegmentReader::State::Frame) break;
    }
    for (bool more = true; more;) {
      Last reached = last;
      std::uint64_t rows = 0;
      CG_CHECK(database->write([&](store::Transaction& tx) -> Result<void> {
        CG_CHECK(tx.query(kFillingCache));
        Filler filler(tx, names);
        more = false;
        while (reader.next(frame) == SegmentReader::State::Frame) {
          CG_CHECK(filler.add(frame, number));
          reached = {{frame.sequence, number, frame.offset}, frame.hash};
          more = ++rows == rows_each;
          if (more) break;
        }
        if (rows == 0) return {};
        CG_CHECK(filler.finish());
        CG_CHECK(tx.execute(
            "INSERT INTO audit_state (id, sequence, segment, position, hash) VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "sequence = excluded.sequence, segment = excluded.segment, position = excluded.position, hash = excluded.hash",
            {static_cast<std::int64_t>(reached.location.sequence), static_cast<std::int64_t>(number),
             static_cast<std::int64_t>(reached.location.offset), hex_encode(reached.hash)}));
        return {};
      }));
      move_to(reached);
      total += rows;
      filled += rows;
      reader.forget();
      if (total >= rows_max) return total;
    }
  }
  if (filled >= kRowsPerTransaction) {
    filled = 0;
    CG_CHECK(database->write([](store::Transaction& tx) -> Result<void> {
      CG_CHECK(tx.query(kReleaseCache));
      return {};
    }));
  }
  return total;
}

Index::Index() : inner_(std::make_unique<Inner>()) {}
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::open(const std::string& database_path, const std::string& journal_directory) {
  std::unique_ptr<Index> index(new Index());
  auto database = open_database(database_path);
  if (!database && (database.error().reason == "store.corrupt" || database.error().reason == "store.migration_changed")) {
    // Nothing is lost with it: the journal is the truth.
    for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((database_path + suffix).c_str());
    database = open_database(database_path);
  }
  if (!database) return tl::unexpected<Error>(std::move(database).error());
  index->inner_->database = std::move(*database);
  index->inner_->directory = journal_directory;
  CG_CHECK(index->inner_->load_state());
  return index;
}

std::uint64_t Index::newest() const { return inner_->newest.load(std::memory_order_relaxed); }

Result<std::uint64_t> Index::catch_up(std::uint64_t rows_max) {
  std::scoped_lock held(inner_->filling);
  CG_CHECK(inner_->check_same_journal());
  CG_CHECK(inner_->drop_removed());
  auto done = inner_->fill(rows_max);
  if (!done) {  // names given out by a transaction that was rolled back must not be remembered
    inner_->names.clear();
    (void)inner_->load_state();
  }
  return done;
}

Result<void> Index::rebuild() {
  std::scoped_lock held(inner_->filling);
  CG_CHECK(inner_->clear());
  CG_CHECK(inner_->fill(std::numeric_limits<std::uint64_t>::max()));
  return {};
}

}  // namespace callgate::audit
