#pragma once
// The storage seam for configuration and indexes. Synchronous: called on the worker pool and by commands, never on a network loop.
// Rooms own their SQL and their migrations; the text keeps to what SQLite and PostgreSQL share (ON CONFLICT, RETURNING).

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace callgate::store {

using Value = std::variant<std::nullptr_t, std::int64_t, std::string>;

class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  std::int64_t integer(std::size_t column) const;     // 0 when null
  const std::string& text(std::size_t column) const;  // "" when null
  bool null(std::size_t column) const { return std::holds_alternative<std::nullptr_t>(values_[column]); }

 private:
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> values = {}) = 0;            // ? placeholders
  virtual Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values = {}) = 0;  // rows changed
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> values) {
    return query(sql, std::span<const Value>(values.begin(), values.size()));
  }
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values) {
    return execute(sql, std::span<const Value>(values.begin(), values.size()));
  }
};

struct Migration {
  std::string_view room;  // "identity"
  int number;             // 1, 2, ... within the room
  std::string_view sql;   // may hold several statements
};

class Database {
 public:
  using Work = std::function<Result<void>(Transaction&)>;
  virtual ~Database() = default;
  virtual Result<void> read(const Work& work) = 0;
  virtual Result<void> write(const Work& work) = 0;                         // all or nothing; an error from `work` rolls back
  virtual Result<void> migrate(std::span<const Migration> migrations) = 0;  // runs what is new, in order; refuses a newer file
};

// WAL, busy_timeout, foreign keys, file mode 0600. path ":memory:" for tests.
struct SqliteOptions {
  std::chrono::milliseconds busy_timeout{5'000};  // how long one statement waits for another process
};
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, const SqliteOptions& options = {});

// Fails the n-th statement with `store.injected`, for anomaly loops: 0 = never.
std::unique_ptr<Database> failing_database(Database& inner, int fail_at);

}  // namespace callgate::store
