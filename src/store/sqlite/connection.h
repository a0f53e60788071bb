#pragma once
// One SQLite connection with its cache of prepared statements. One thread at a time; database.cc hands it out.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace callgate::store::sqlite {

class Connection {
 public:
  enum class Mode { Writer, Reader };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode, const SqliteOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Rows> query(std::string_view sql, std::span<const Value> values);
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values);
  Result<void> run(std::string_view sql);     // one statement of our own, no values, not cached
  Result<void> script(std::string_view sql);  // several statements; none may end the transaction
  bool in_transaction() const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Connection() = default;
  Result<void> configure(Mode mode, bool memory);
  Result<void> claim_file();
  Result<Statement> prepare(std::string_view& sql);
  Result<sqlite3_stmt*> cached(std::string_view sql);
  Result<void> bind(sqlite3_stmt* statement, std::span<const Value> values);
  tl::unexpected<Error> error() const;

  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> statements_;
};

}  // namespace callgate::store::sqlite
