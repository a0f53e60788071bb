#include "store/sqlite/pool.h"

#include <chrono>

namespace callgate::store::sqlite {
namespace {
constexpr std::chrono::seconds kWaitMax{15};  // three times the lock timeout of one statement
}

Result<Pool::Lease> Pool::take() {
  {
    std::unique_lock lock(mutex_);
    if (!free_again_.wait_for(lock, kWaitMax, [this] { return !free_.empty() || open_ < max_; }))
      return fail(Code::Unavailable, "store.busy", "the database is busy: try again");
    if (!free_.empty()) {
      auto connection = std::move(free_.back());
      free_.pop_back();
      return Lease(*this, std::move(connection));
    }
    ++open_;
  }
  auto made = make_();
  if (!made) {
    forget_one();
    return tl::unexpected<Error>(std::move(made).error());
  }
  return Lease(*this, std::move(*made));
}

void Pool::forget_one() {
  {
    std::lock_guard lock(mutex_);
    --open_;
  }
  free_again_.notify_one();
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  if (connection->in_transaction()) {
    connection.reset();  // its rollback failed: closing it is the only way to be sure
    forget_one();
    return;
  }
  {
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(connection));
  }
  free_again_.notify_one();
}

}  // namespace callgate::store::sqlite
