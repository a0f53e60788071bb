#pragma once
// The configuration a call is judged by: one immutable value, swapped whole. A worker looks at the epoch once per request,
// so a revoked grant or a new policy counts from the next call on.

#include <atomic>
#include <memory>
#include <mutex>

#include "catalog/catalog.h"
#include "gateway/inspection.h"
#include "identity/identity.h"

namespace callgate::gateway {

struct Snapshot {
  std::uint64_t epoch = 0;
  std::shared_ptr<const catalog::Catalog> catalog;
  std::shared_ptr<const identity::Directory> directory;
  std::shared_ptr<const Inspection> inspection;
};

class SnapshotHolder {
 public:
  // Any thread. Effective for every request whose first byte is judged after this returns.
  void publish(std::shared_ptr<const catalog::Catalog> catalog, std::shared_ptr<const identity::Directory> directory) {
    std::lock_guard one_at_a_time(publishing_);
    auto inspection = Inspection::make(*catalog, scanners_);  // takes a while when a scanner is new: readers do not wait for it
    std::lock_guard lock(mutex_);
    auto next = std::make_shared<Snapshot>(Snapshot{epoch_.load() + 1, std::move(catalog), std::move(directory), std::move(inspection)});
    current_ = std::move(next);
    epoch_.store(current_->epoch, std::memory_order_release);
  }
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::shared_ptr<const Snapshot> load() const {
    std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  std::mutex publishing_;
  inspection::Scanners scanners_{{.text_bytes_max = 4 * 1024 * 1024}};
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> epoch_{0};
  std::shared_ptr<const Snapshot> current_;
};

}  // namespace callgate::gateway
