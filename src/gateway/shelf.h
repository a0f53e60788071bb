#pragma once
// Things a call needs for a part of its way, lent by its worker: the one that was put back last is lent first, so that calls which follow
// each other work in memory the processor still holds. A thing of each call's own would be as many as there are calls under way.
// One per worker; not for several threads.

#include <cstddef>
#include <memory>
#include <vector>

namespace callgate::gateway {

template <class T> class Shelf {
 public:
  std::unique_ptr<T> take() {
    if (free_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> thing = std::move(free_.back());
    free_.pop_back();
    return thing;
  }
  // It is empty, or to be overwritten by whoever takes it.
  void put_back(std::unique_ptr<T> thing) {
    if (free_.size() < kKeptMax) free_.push_back(std::move(thing));
  }

 private:
  static constexpr std::size_t kKeptMax = 256;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace callgate::gateway
