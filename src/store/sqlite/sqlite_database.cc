#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "store/migrations.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/pool.h"

namespace callgate::store {
namespace {

using sqlite::Connection;
using sqlite::Pool;

constexpr std::size_t kReadersMax = 4;

// Work inside work on one thread would wait for itself, or read around its own writes: refused instead.
class Nesting {
 public:
  explicit Nesting(const void* database) : database_(database), outer_(innermost_) { innermost_ = this; }
  ~Nesting() { innermost_ = outer_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  static Result<void> check(const void* database) {
    for (const Nesting* at = innermost_; at != nullptr; at = at->outer_)
      if (at->database_ == database) return fail(Code::Internal, "store.nested", "a transaction was started inside another: report this");
    return {};
  }

 private:
  const void* database_;
  const Nesting* outer_;
  static thread_local const Nesting* innermost_;
};
thread_local const Nesting* Nesting::innermost_ = nullptr;

// The first failed statement spoils the transaction, as PostgreSQL has it: work that overlooks an error cannot commit half of itself.
class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(Connection& connection) : connection_(connection) {}
  Result<Rows> query(std::string_view sql, std::span<const Value> values) override {
    if (spoiled_) return tl::unexpected<Error>(*spoiled_);
    return keep(connection_.query(sql, values));
  }
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values) override {
    if (spoiled_) return tl::unexpected<Error>(*spoiled_);
    return keep(connection_.execute(sql, values));
  }
  const std::optional<Error>& spoiled() const { return spoiled_; }

 private:
  template <class T> Result<T> keep(Result<T> result) {
    if (!result) spoiled_ = result.error();
    return result;
  }
  Connection& connection_;
  std::optional<Error> spoiled_;
};

Result<void> run_guarded(const Database::Work& work, SqliteTransaction& transaction) {
  try {
    CG_CHECK(work(transaction));
  } catch (const std::exception& error) {
    return fail(Code::Internal, "store.exception", "the work on the database broke off: report this", error.what());
  } catch (...) {
    return fail(Code::Internal, "store.exception", "the work on the database broke off: report this");
  }
  if (transaction.spoiled()) return tl::unexpected<Error>(*transaction.spoiled());
  return {};
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::string& path, const SqliteOptions& options)
      : memory_(path == ":memory:"),
        writer_(1, [path, options] { return Connection::open(path, Connection::Mode::Writer, options); }),
        readers_(kReadersMax, [path, options] { return Connection::open(path, Connection::Mode::Reader, options); }) {}

  Result<void> start() {
    CG_TRY(auto lease, writer_.take());
    return {};
  }

  Result<void> read(const Work& work) override {
    CG_CHECK(Nesting::check(this));
    Nesting nesting(this);
    CG_TRY(auto connection, (memory_ ? writer_ : readers_).take());  // a database in memory lives in its one connection
    if (memory_) CG_CHECK(connection->run("PRAGMA query_only = ON"));
    Result<void> done = transact(*connection, "BEGIN", work);
    if (memory_) CG_CHECK(connection->run("PRAGMA query_only = OFF"));
    return done;
  }

  Result<void> write(const Work& work) override {
    CG_CHECK(Nesting::check(this));
    Nesting nesting(this);
    CG_TRY(auto connection, writer_.take());
    return transact(*connection, "BEGIN IMMEDIATE", work);
  }

  Result<void> migrate(std::span<const Migration> migrations) override {
    CG_CHECK(Nesting::check(this));
    Nesting nesting(this);
    CG_TRY(auto connection, writer_.take());
    return transact(*connection, "BEGIN IMMEDIATE", [&](Transaction& transaction) -> Result<void> {
      CG_CHECK(transaction.execute(kMigrationsTable));
      CG_TRY(auto rows, transaction.query("SELECT room, number, hash FROM callgate_migrations"));
      std::vector<AppliedMigration> applied;
      for (const Row& row : rows) applied.push_back({row.text(0), row.integer(1), row.text(2)});
      CG_TRY(auto todo, plan_migrations(applied, migrations));
      for (const Migration* migration : todo) {
        CG_CHECK(connection->script(migration->sql));
        CG_CHECK(transaction.execute("INSERT INTO callgate_migrations (room, number, hash) VALUES (?, ?, ?)",
                                     {std::string(migration->room), std::int64_t{migration->number}, migration_hash(*migration)}));
      }
      return {};
    });
  }

 private:
  static Result<void> transact(Connection& connection, std::string_view begin, const Work& work) {
    CG_CHECK(connection.run(begin));
    SqliteTransaction transaction(connection);
    Result<void> done = run_guarded(work, transaction);
    if (done) done = connection.run("COMMIT");
    if (!done && connection.in_transaction()) static_cast<void>(connection.run("ROLLBACK"));  // the first error is the one to tell
    return done;
  }

  const bool memory_;
  Pool writer_;
  Pool readers_;
};

// SQLite gives -wal and -shm the mode of the main file, so that one is made first. An existing file is never opened here:
// closing it again would drop the locks of every other connection of this process.
Result<void> make_private(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (errno != EEXIST)
    return fail(Code::Unavailable, "store.io", fmt::format("cannot create the database `{}`: {}", path, std::strerror(errno)));
  for (const char* suffix : {"", "-wal", "-shm"})
    if (::chmod((path + suffix).c_str(), 0600) != 0 && errno != ENOENT)
      return fail(Code::Unavailable, "store.io",
                  fmt::format("cannot keep others from reading the database `{}`: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, const SqliteOptions& options) {
  if (path.empty() || path.starts_with("file:"))
    return fail(Code::InvalidArgument, "store.path", "the database path must name a plain file");
  if (path != ":memory:") CG_CHECK(make_private(path));
  auto database = std::make_unique<SqliteDatabase>(path, options);
  CG_CHECK(database->start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace callgate::store
