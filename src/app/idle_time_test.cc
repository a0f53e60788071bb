#include "app/idle_time.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <thread>

namespace callgate::app {
namespace {

// Both threads on one processor, so that the one that may wait has to.
void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  ASSERT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
}

TEST(IdleTime, IsCrowdedWhereAnotherThreadAlwaysRuns) {
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int processor = 0;
  while (!CPU_ISSET(processor, &allowed)) ++processor;
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    stay_on(processor);
    while (!stop.load()) {}
  });
  bool seen = false;
  std::thread late([&] {
    stay_on(processor);
    IdleTime time;
    for (int i = 0; i < 100 && !seen; ++i) {  // a moment may have been free
      for (volatile int work = 0; work < 1'000'000;) work = work + 1;
      seen = time.crowded();
    }
  });
  late.join();
  stop = true;
  busy.join();
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace callgate::app
