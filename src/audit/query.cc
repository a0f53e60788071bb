// Asking the index. One condition drives, by how few rows it is likely to leave; the others only filter (`+column` keeps SQLite from
// walking a wide index instead). Pages go by sequence, so that a page costs the same wherever it lies.

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "audit/escape.h"
#include "audit/index_inner.h"

namespace callgate::audit {

namespace {

constexpr std::size_t kRowsPerPageMin = 16, kRowsPerPageMax = 512;
constexpr std::size_t kEntriesMax = 10'000;

struct Range {
  std::uint64_t low = 0, high = 0;
};  // of sequences, both included

struct Condition {
  std::string column, extra;         // extra: the words of the partial index, so that SQLite may use it
  std::vector<store::Value> values;  // one of these
};

class Plan {
 public:
  explicit Plan(const Query& query) : query_(query) {}

  // False: nothing can match.
  Result<bool> prepare(store::Transaction& tx) {
    text("decision_id", query_.decision_id, "decision_id <> ''");
    CG_TRY(bool grants, name(tx, 2, "granted", query_.grant));
    CG_TRY(bool principals, name(tx, 1, "principal", query_.principal));
    if (!grants || !principals) return false;
    if (query_.reason != "ok") text("reason", query_.reason, "reason <> 'ok'");
    if (query_.kind != "call") text("kind", query_.kind, "kind <> 'call'");
    if (query_.method != "tools/call") text("method", query_.method, "method <> 'tools/call'");
    text("tool", query_.tool, "tool <> ''");
    if (query_.effect == "ask") text("reason", "approval.proposed", "reason <> 'ok'");  // the one record with this effect
    if (query_.effect == "deny") conditions_.push_back({"denied", "denied = 1", {std::int64_t{1}}});
    CG_TRY(bool servers, name(tx, 3, "server", query_.server));
    if (!servers) return false;
    driven_ = conditions_.size();
    if (query_.reason == "ok") text("reason", query_.reason, "");
    if (query_.kind == "call") text("kind", query_.kind, "");
    if (query_.method == "tools/call") text("method", query_.method, "");
    if (query_.effect == "allow") conditions_.push_back({"denied", "", {std::int64_t{0}}});
    text("policy", query_.policy, "");
    build();
    return true;
  }

  Result<store::Rows> page(store::Transaction& tx, const Range& range, std::size_t rows) const {
    std::vector<store::Value> values = values_;
    values.emplace_back(static_cast<std::int64_t>(range.low));
    values.emplace_back(static_cast<std::int64_t>(range.high));
    values.emplace_back(static_cast<std::int64_t>(rows));
    return tx.query(sql_, std::span<const store::Value>(values));
  }

 private:
  void text(const char* column, const std::string& wanted, const char* extra) {
    if (!wanted.empty()) conditions_.push_back({column, extra, {wanted.substr(0, 200)}});
  }

  // By id or by name; a name may have stood for several ids.
  Result<bool> name(store::Transaction& tx, std::int64_t kind, const char* column, const std::string& wanted) {
    if (wanted.empty()) return true;
    CG_TRY(auto rows,
           tx.query("SELECT n FROM audit_names WHERE kind = ? AND id = ? UNION SELECT n FROM audit_names WHERE kind = ? AND name = ?",
                    {kind, wanted, kind, wanted}));
    Condition condition{column, fmt::format("{} <> 0", column), {}};
    for (const store::Row& row : rows)
      if (condition.values.size() < 100) condition.values.emplace_back(row.integer(0));
    if (condition.values.empty()) return false;
    conditions_.push_back(std::move(condition));
    return true;
  }

  void build() {
    sql_ = "SELECT sequence, segment, position FROM audit_records WHERE ";
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const Condition& condition = conditions_[i];
      const bool drives = i == 0 && driven_ > 0;
      sql_ += fmt::format("{}{}", drives ? "" : "+", condition.column);
      sql_ += condition.values.size() == 1 ? " = ?" : " IN (?";
      for (std::size_t k = 1; k < condition.values.size(); ++k) sql_ += ", ?";
      if (condition.values.size() > 1) sql_ += ")";
      if (drives && !condition.extra.empty()) sql_ += " AND " + condition.extra;
      sql_ += " AND ";
      values_.insert(values_.end(), condition.values.begin(), condition.values.end());
    }
    if (query_.since) bound("+time_us >= ? AND ", *query_.since);
    if (query_.until) bound("+time_us <= ? AND ", *query_.until);
    sql_ += fmt::format("sequence BETWEEN ? AND ? ORDER BY sequence {} LIMIT ?", query_.oldest_first ? "ASC" : "DESC");
  }

  void bound(const char* words, WallTime time) {
    sql_ += words;
    values_.emplace_back(std::int64_t{time.time_since_epoch().count()});
  }

  const Query& query_;
  std::vector<Condition> conditions_;
  std::size_t driven_ = 0;  // how many of them have an index
  std::string sql_;
  std::vector<store::Value> values_;
};

// The sequences a time range can lie in: runs of blocks that touch it, in the asked order.
Result<std::vector<Range>> ranges_of(store::Transaction& tx, const Query& query) {
  constexpr std::uint64_t newest = std::uint64_t{1} << 62;
  std::vector<Range> ranges;
  if (!query.since && !query.until) {
    ranges.push_back({0, newest});
  } else {
    auto since = query.since ? query.since->time_since_epoch().count() : std::numeric_limits<std::int64_t>::min();
    auto until = query.until ? query.until->time_since_epoch().count() : std::numeric_limits<std::int64_t>::max();
    CG_TRY(auto rows, tx.query("SELECT block FROM audit_blocks WHERE max_us >= ? AND min_us <= ? ORDER BY block",
                               {std::int64_t{since}, std::int64_t{until}}));
    for (const store::Row& row : rows) {
      auto block = static_cast<std::uint64_t>(row.integer(0));
      Range range{block << kBlockShift, ((block + 1) << kBlockShift) - 1};
      if (!ranges.empty() && ranges.back().high + 1 == range.low) ranges.back().high = range.high;
      else ranges.push_back(range);
    }
    if (!query.oldest_first) std::reverse(ranges.begin(), ranges.end());
  }
  std::vector<Range> kept;
  for (Range range : ranges) {
    if (query.before_sequence && !query.oldest_first) {
      if (*query.before_sequence == 0) continue;
      range.high = std::min(range.high, *query.before_sequence - 1);
    }
    if (query.before_sequence && query.oldest_first) range.low = std::max(range.low, std::min(*query.before_sequence, newest) + 1);
    if (range.low <= range.high) kept.push_back(range);
  }
  return kept;
}

// Substring search in a record as it is written; ASCII letters match in either case. The words may be given plain or as JSON.
class TextFilter {
 public:
  explicit TextFilter(const std::string& words) : plain_(words) {
    if (words.empty()) return;
    append_text(escaped_, words, words.size());
    escaped_ = escaped_.substr(1, escaped_.size() - 2);
  }
  bool matches(const std::string& record) const {
    return plain_.empty() || ::strcasestr(record.c_str(), plain_.c_str()) != nullptr ||
           (escaped_ != plain_ && ::strcasestr(record.c_str(), escaped_.c_str()) != nullptr);
  }

 private:
  std::string plain_, escaped_;
};

// Findings begin in a record as the gate writes them: {"rule":"pack.name","severity":...
class FindingFilter {
 public:
  explicit FindingFilter(const std::string& rule) {
    if (!rule.empty()) words_ = "{\"rule\":\"" + rule + (rule.find('.') == std::string::npos ? "." : "\",\"severity\":\"");
  }
  bool matches(const std::string& record) const {
    if (words_.empty()) return true;
    std::size_t list = record.rfind("\"findings\":[");
    return list != std::string::npos && record.find(words_, list) != std::string::npos;
  }

 private:
  std::string words_;
};

}  // namespace

Result<void> Index::each(const Query& query, const std::function<bool(const Entry&)>& fn) {
  Inner& index = *inner_;
  Plan plan(query);
  std::vector<Range> ranges;
  CG_CHECK(index.database->read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(bool possible, plan.prepare(tx));
    if (!possible) return {};
    CG_TRY(ranges, ranges_of(tx, query));
    return {};
  }));
  TextFilter filter(query.text);
  FindingFilter findings(query.finding);
  RecordReader reader(index.directory);
  Entry entry;
  std::size_t rows_wanted = std::clamp(query.limit, kRowsPerPageMin, kRowsPerPageMax);
  for (Range range : ranges) {
    for (bool full = true; full && range.low <= range.high;) {
      std::vector<Location> page;
      // Short transactions: a long one would keep SQLite from tidying up behind the writer.
      CG_CHECK(index.database->read([&](store::Transaction& tx) -> Result<void> {
        CG_TRY(auto rows, plan.page(tx, range, rows_wanted));
        for (const store::Row& row : rows)
          page.push_back({static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint32_t>(row.integer(1)),
                          static_cast<std::uint64_t>(row.integer(2))});
        return {};
      }));
      for (const Location& location : page) {
        if (!reader.read(location, entry)) continue;  // not there: retention was faster
        if (!filter.matches(entry.payload) || !findings.matches(entry.payload)) continue;
        if (!fn(entry)) return {};
      }
      full = page.size() == rows_wanted;
      rows_wanted = std::min(rows_wanted * 2, kRowsPerPageMax);
      if (full && query.oldest_first) range.low = page.back().sequence + 1;
      if (full && !query.oldest_first) {
        if (page.back().sequence == 0) break;
        range.high = page.back().sequence - 1;
      }
    }
  }
  return {};
}

Result<std::vector<Entry>> Index::query(const Query& query) {
  std::vector<Entry> entries;
  const std::size_t limit = std::min(query.limit, kEntriesMax);
  if (limit == 0) return entries;
  CG_CHECK(each(query, [&](const Entry& entry) {
    entries.push_back(entry);
    return entries.size() < limit;
  }));
  return entries;
}

Result<std::optional<Entry>> Index::find(std::string_view decision_id_or_sequence) {
  Query query;
  query.limit = 1;
  std::uint64_t sequence = 0;
  const char* end = decision_id_or_sequence.data() + decision_id_or_sequence.size();
  if (!decision_id_or_sequence.empty() && std::from_chars(decision_id_or_sequence.data(), end, sequence).ptr == end) {
    if (sequence == 0 || sequence >= std::uint64_t{1} << 62) return std::nullopt;
    query.before_sequence = sequence + 1;
  } else {
    query.decision_id = decision_id_or_sequence;
    if (query.decision_id.empty()) return std::nullopt;
  }
  CG_TRY(auto entries, this->query(query));
  if (entries.empty() || (sequence != 0 && entries[0].sequence != sequence)) return std::nullopt;
  return std::optional<Entry>(std::move(entries[0]));
}

}  // namespace callgate::audit
