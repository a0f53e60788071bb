#pragma once
// For benches: processor time of this process alone, for the machine may be busy. In milliseconds.

#include <algorithm>
#include <ctime>

namespace callgate::bench {

inline double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

template <class Work> double best_of_five(Work&& work) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    double begin = cpu_ms();
    work();
    best = std::min(best, cpu_ms() - begin);
  }
  return best;
}

}  // namespace callgate::bench
