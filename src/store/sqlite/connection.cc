#include "store/sqlite/connection.h"

#include <fmt/core.h>
#include <sqlite3.h>

namespace callgate::store::sqlite {
namespace {

constexpr std::size_t kStatementsMax = 256;
constexpr std::int64_t kApplicationId = 0x43474442;  // "CGDB": another program's file is refused instead of filled with our tables

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n;") == std::string_view::npos; }

std::string column_text(sqlite3_stmt* statement, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return bytes ? std::string(bytes, size) : std::string();
}

Row read_row(sqlite3_stmt* statement) {
  int count = sqlite3_column_count(statement);
  std::vector<Value> values;
  values.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    switch (sqlite3_column_type(statement, i)) {
      case SQLITE_NULL: values.emplace_back(nullptr); break;
      case SQLITE_INTEGER: values.emplace_back(std::int64_t{sqlite3_column_int64(statement, i)}); break;
      default: values.emplace_back(column_text(statement, i));
    }
  }
  return Row(std::move(values));
}

// A statement goes back to the cache without its values: they may be sealed credentials or token digests.
struct Reset {
  sqlite3_stmt* statement;
  ~Reset() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

}  // namespace

void Connection::Finalizer::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

// The texts are ours: SQLite's own may quote table and column names, so they go to the log only.
tl::unexpected<Error> Connection::error() const {
  int extended = sqlite3_extended_errcode(handle_);
  std::string detail = fmt::format("sqlite {}: {}", extended, sqlite3_errmsg(handle_));
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(Code::Unavailable, "store.busy", "the database is locked by another process: try again", std::move(detail));
    case SQLITE_FULL:
      return fail(Code::Unavailable, "store.full", "the disk that holds the database is full: free space", std::move(detail));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fail(Code::Unavailable, "store.io", "the database file cannot be read or written: look at the disk and the file's owner",
                  std::move(detail));
    case SQLITE_READONLY:
      return fail(Code::Unavailable, "store.read_only", "the database cannot be written here: look at the file's mode and mount",
                  std::move(detail));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(Code::Unavailable, "store.corrupt", "the database file is damaged: restore a backup", std::move(detail));
    case SQLITE_NOMEM: return fail(Code::Unavailable, "store.memory", "the database ran out of memory: try again", std::move(detail));
    case SQLITE_TOOBIG:
      return fail(Code::TooLarge, "store.too_large", "a value is too large for the database: send less", std::move(detail));
    case SQLITE_CONSTRAINT: break;
    default: return fail(Code::Internal, "store.sql", "the database refused a statement: report this", std::move(detail));
  }
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return fail(Code::Conflict, "store.duplicate", "an entry with this name exists already: choose another", std::move(detail));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return fail(Code::Conflict, "store.reference", "another entry refers to this one, or the one named does not exist",
                  std::move(detail));
    default: return fail(Code::InvalidArgument, "store.constraint", "the database refused a value: report this", std::move(detail));
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode, const SqliteOptions& options) {
  std::unique_ptr<Connection> connection(new Connection());
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  bool memory = path == ":memory:";
  if (memory) flags |= SQLITE_OPEN_MEMORY;
  int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags, nullptr);
  if (connection->handle_ == nullptr) return fail(Code::Unavailable, "store.memory", "the database ran out of memory: try again");
  if (code != SQLITE_OK) return connection->error();
  sqlite3_busy_timeout(connection->handle_, static_cast<int>(options.busy_timeout.count()));
  CG_CHECK(connection->configure(mode, memory));
  return connection;
}

Result<void> Connection::configure(Mode mode, bool memory) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);  // "x" is a name, as in PostgreSQL, never a string
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  if (mode == Mode::Writer && !memory) CG_CHECK(claim_file());
  CG_CHECK(run("PRAGMA synchronous = NORMAL"));
  CG_CHECK(run("PRAGMA foreign_keys = ON"));
  CG_CHECK(run("PRAGMA temp_store = MEMORY"));  // nothing durable outside the file that is 0600
  CG_CHECK(run("PRAGMA secure_delete = FAST"));
  if (mode == Mode::Reader) CG_CHECK(run("PRAGMA query_only = ON"));
  return {};
}

Result<void> Connection::claim_file() {
  CG_TRY(auto id, query("PRAGMA application_id", {}));
  CG_TRY(auto tables, query("SELECT count(*) FROM sqlite_schema", {}));
  if (id[0].integer(0) != kApplicationId) {
    if (tables[0].integer(0) != 0)
      return fail(Code::Conflict, "store.foreign_file", "the file is a database of another program: choose another path");
    CG_CHECK(run(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  }
  CG_TRY(auto journal, query("PRAGMA journal_mode = WAL", {}));
  if (journal[0].text(0) != "wal")
    return fail(Code::Unavailable, "store.io", "the file system cannot hold a write-ahead log: put the data directory on a local disk");
  CG_CHECK(run("PRAGMA journal_size_limit = 67108864"));
  return {};
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

// Prepares the first statement of `sql` and leaves the rest in it. Null statement: only comments or blanks were left.
Result<Connection::Statement> Connection::prepare(std::string_view& sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, &tail) != SQLITE_OK)
    return error();
  sql.remove_prefix(static_cast<std::size_t>(tail - sql.data()));
  return Statement(raw);
}

Result<sqlite3_stmt*> Connection::cached(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  std::string_view rest = sql;
  CG_TRY(Statement statement, prepare(rest));
  if (!statement || !blank(rest))
    return fail(Code::Internal, "store.sql", "a query must be exactly one statement: report this", std::string(sql));
  if (statements_.size() >= kStatementsMax) statements_.clear();
  return statements_.emplace(std::string(sql), std::move(statement)).first->second.get();
}

Result<void> Connection::bind(sqlite3_stmt* statement, std::span<const Value> values) {
  if (sqlite3_bind_parameter_count(statement) != static_cast<int>(values.size()))
    return fail(Code::Internal, "store.sql", "a query got the wrong number of values: report this", sqlite3_sql(statement));
  for (std::size_t i = 0; i < values.size(); ++i) {
    int at = static_cast<int>(i) + 1;
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<std::int64_t>(&values[i])) code = sqlite3_bind_int64(statement, at, *integer);
    else if (const auto* text = std::get_if<std::string>(&values[i]))
      code = sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    else code = sqlite3_bind_null(statement, at);
    if (code != SQLITE_OK) return error();
  }
  return {};
}

Result<Rows> Connection::query(std::string_view sql, std::span<const Value> values) {
  CG_TRY(sqlite3_stmt * statement, cached(sql));
  Reset reset{statement};
  CG_CHECK(bind(statement, values));
  Rows rows;
  for (;;) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return error();
    rows.push_back(read_row(statement));
  }
}

Result<std::int64_t> Connection::execute(std::string_view sql, std::span<const Value> values) {
  CG_TRY(sqlite3_stmt * statement, cached(sql));
  Reset reset{statement};
  CG_CHECK(bind(statement, values));
  auto before = sqlite3_total_changes64(handle_);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  if (code != SQLITE_DONE) return error();
  // sqlite3_changes64() keeps the count of the last INSERT, UPDATE or DELETE: ask it only when this was one.
  return sqlite3_total_changes64(handle_) == before ? 0 : std::int64_t{sqlite3_changes64(handle_)};
}

Result<void> Connection::run(std::string_view sql) {
  std::string_view rest = sql;
  CG_TRY(Statement statement, prepare(rest));
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
  if (code != SQLITE_DONE) return error();
  return {};
}

Result<void> Connection::script(std::string_view sql) {
  while (!blank(sql)) {
    CG_TRY(Statement statement, prepare(sql));
    if (!statement) continue;  // a comment
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
    if (code != SQLITE_DONE) return error();
    if (!in_transaction()) return fail(Code::Internal, "store.migrations", "a migration must not begin or end a transaction: report this");
  }
  return {};
}

}  // namespace callgate::store::sqlite
