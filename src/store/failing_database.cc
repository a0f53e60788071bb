#include <atomic>

#include "store/database.h"

namespace callgate::store {
namespace {

// Counts statements and, as one more, each commit: the n-th of them does not happen.
class Fuse {
 public:
  explicit Fuse(int fail_at) : fail_at_(fail_at) {}
  Result<void> step() {
    if (++count_ == fail_at_) return fail(Code::Unavailable, "store.injected", "the database failed on purpose: this is a test");
    return {};
  }

 private:
  const int fail_at_;
  std::atomic<int> count_{0};
};

class FailingTransaction final : public Transaction {
 public:
  FailingTransaction(Transaction& inner, Fuse& fuse) : inner_(inner), fuse_(fuse) {}
  Result<Rows> query(std::string_view sql, std::span<const Value> values) override {
    CG_CHECK(step());
    return inner_.query(sql, values);
  }
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values) override {
    CG_CHECK(step());
    return inner_.execute(sql, values);
  }
  const std::optional<Error>& broken() const { return broken_; }

 private:
  Result<void> step() {
    auto stepped = fuse_.step();
    if (!stepped) broken_ = stepped.error();
    return stepped;
  }
  Transaction& inner_;
  Fuse& fuse_;
  std::optional<Error> broken_;
};

class FailingDatabase final : public Database {
 public:
  FailingDatabase(Database& inner, int fail_at) : inner_(inner), fuse_(fail_at) {}
  Result<void> read(const Work& work) override { return inner_.read(wrap(work, false)); }
  Result<void> write(const Work& work) override { return inner_.write(wrap(work, true)); }
  Result<void> migrate(std::span<const Migration> migrations) override {
    CG_CHECK(fuse_.step());
    return inner_.migrate(migrations);
  }

 private:
  Work wrap(const Work& work, bool commits) {
    return [this, &work, commits](Transaction& inner) -> Result<void> {
      FailingTransaction transaction(inner, fuse_);
      CG_CHECK(work(transaction));
      if (transaction.broken())
        return tl::unexpected<Error>(*transaction.broken());  // as real engines do: a failed statement spoils the rest
      return commits ? fuse_.step() : Result<void>();
    };
  }
  Database& inner_;
  Fuse fuse_;
};

}  // namespace

std::unique_ptr<Database> failing_database(Database& inner, int fail_at) { return std::make_unique<FailingDatabase>(inner, fail_at); }

}  // namespace callgate::store
