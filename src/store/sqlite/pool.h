#pragma once
// Hands out connections, at most `max` at a time, opened when first needed. Waiting has a deadline.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sqlite/connection.h"

namespace callgate::store::sqlite {

class Pool {
 public:
  using Make = std::function<Result<std::unique_ptr<Connection>>()>;
  Pool(std::size_t max, Make make) : max_(max), make_(std::move(make)) {}

  // Gives its connection back when it dies; one that is still in a transaction is closed instead.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection) : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };
  Result<Lease> take();

 private:
  void give_back(std::unique_ptr<Connection> connection);
  void forget_one();

  const std::size_t max_;
  const Make make_;
  std::mutex mutex_;
  std::condition_variable free_again_;
  std::vector<std::unique_ptr<Connection>> free_;  // guarded by mutex_
  std::size_t open_ = 0;                           // guarded by mutex_; free ones included
};

}  // namespace callgate::store::sqlite
