#include "net/offload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace callgate::net {
namespace {

TEST(Offload, FinishesWhatIsQueued) {
  std::atomic<int> done{0};
  {
    Offload offload(3, 1000);
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(offload.run([&] { ++done; }));
  }
  EXPECT_EQ(done, 500);
}

TEST(Offload, RefusesWhenItsQueueIsFull) {
  std::mutex mutex;
  std::condition_variable changed;
  bool started = false, go = false;
  std::atomic<int> done{0};
  {
    Offload offload(1, 2);
    ASSERT_TRUE(offload.run([&] {
      std::unique_lock lock(mutex);
      started = true;
      changed.notify_all();
      changed.wait(lock, [&] { return go; });
      ++done;
    }));
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return started; });
    }
    EXPECT_TRUE(offload.run([&] { ++done; }));
    EXPECT_TRUE(offload.run([&] { ++done; }));
    EXPECT_FALSE(offload.run([&] { done += 100; }));
    const std::lock_guard lock(mutex);
    go = true;
    changed.notify_all();
  }
  EXPECT_EQ(done, 3);
}

TEST(Offload, SurvivesWorkThatThrows) {
  std::atomic<int> done{0};
  {
    Offload offload(1, 10);
    offload.run([] { throw std::runtime_error("broken"); });
    offload.run([] { throw 1; });
    offload.run([&] { ++done; });
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace callgate::net
