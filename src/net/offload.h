#pragma once
// A few threads for work that blocks: SQLite, probes, REST handlers. Bounded queue; a full one refuses. run() from any thread.
// Answers go back with Loop::post(). Work that throws is logged and dropped: give it its own error path.

#include <cstddef>
#include <functional>
#include <memory>

namespace callgate::net {

class Offload {
 public:
  Offload(std::size_t threads, std::size_t queue_max);
  ~Offload();                            // finishes what is queued
  bool run(std::function<void()> work);  // false: queue is full

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::net
