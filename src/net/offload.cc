#include "net/offload.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "telemetry/log.h"

namespace callgate::net {

struct Offload::Inner {
  std::size_t queue_max = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;  // guarded by mutex
  bool ending = false;                      // guarded by mutex
  std::vector<std::thread> threads;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      std::function<void()> next = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      try {
        next();
        next = nullptr;  // captures die outside the lock
      } catch (const std::exception& error) {
        telemetry::log_error("offloaded work failed", {{"error", error.what()}});
      } catch (...) {
        telemetry::log_error("offloaded work failed");
      }
      lock.lock();
    }
  }
};

Offload::Offload(std::size_t threads, std::size_t queue_max) : inner_(std::make_unique<Inner>()) {
  inner_->queue_max = queue_max;
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    inner_->threads.emplace_back([inner = inner_.get()] { inner->work(); });
  }
}

Offload::~Offload() {
  {
    const std::lock_guard lock(inner_->mutex);
    inner_->ending = true;
  }
  inner_->changed.notify_all();
  for (std::thread& thread : inner_->threads) thread.join();
}

bool Offload::run(std::function<void()> work) {
  {
    const std::lock_guard lock(inner_->mutex);
    if (inner_->ending || inner_->queue.size() >= inner_->queue_max) return false;
    inner_->queue.push_back(std::move(work));
  }
  inner_->changed.notify_one();
  return true;
}

}  // namespace callgate::net
