#pragma once
// For a thread whose work can wait: it runs in time that nothing else wants. SCHED_IDLE alone is not enough: a thread that always wants to
// run gets a tenth of a busy processor, and leaves its caches cold. So who uses this asks whether it is crowded, and lies down then.
// Threads: made and asked by the thread it is about. Errors: none; where the kernel does not count, it is never crowded.

#include <cstdint>

namespace callgate::app {

class IdleTime {
 public:
  IdleTime();      // lowers the calling thread for good
  bool crowded();  // since it was last asked, the thread has waited for a processor longer than it has run

 private:
  struct Times {
    std::uint64_t ran = 0, waited = 0;  // nanoseconds
  };
  static Times times();
  Times last_ = times();
};

}  // namespace callgate::app
