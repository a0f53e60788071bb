#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace callgate::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct LoopTest : testing::Test {
  ManualClock clock;
  std::unique_ptr<Loop> loop = Loop::create(&clock).value();

  void advance(milliseconds by) {
    clock.advance(by);
    loop->run_once(milliseconds(0));
  }
};

struct Pair {
  int a = -1, b = -1;
  Pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0) {
      a = fds[0];
      b = fds[1];
    }
  }
  ~Pair() {
    ::close(a);
    ::close(b);
  }
};

struct Counter : Watcher {
  std::function<void(std::uint32_t)> then;
  int calls = 0;
  void on_ready(std::uint32_t events) override {
    ++calls;
    if (then) then(events);
  }
};

struct Reader : Counter {
  bool last = false;
  std::vector<std::string>* log = nullptr;
  std::string name;
  bool read_ahead(std::uint32_t) override {
    log->push_back("ahead " + name);
    return last;
  }
  void on_ready(std::uint32_t events) override {
    log->push_back(name);
    Counter::on_ready(events);
  }
};

TEST_F(LoopTest, ReadsAheadForAllBeforeAnyIsHandedOutAndHandsOutThoseThatSayLastLast) {
  std::vector<std::string> log;
  Pair pairs[3];
  Reader readers[3];
  for (std::size_t i = 0; i < 3; ++i) {
    readers[i].log = &log;
    readers[i].name = std::to_string(i);
    ASSERT_TRUE(loop->watch(pairs[i].a, readers[i]).has_value());
  }
  loop->run_once(milliseconds(0));  // all can be written to
  log.clear();
  readers[0].last = true;
  for (const Pair& pair : pairs) ASSERT_EQ(::write(pair.b, "x", 1), 1);
  const std::uint64_t batch = loop->batch();
  loop->run_once(milliseconds(0));
  EXPECT_EQ(log, (std::vector<std::string>{"ahead 0", "ahead 1", "ahead 2", "1", "2", "0"}));
  EXPECT_EQ(loop->batch(), batch + 1);

  log.clear();
  readers[1].then = [&](std::uint32_t) { loop->unwatch(pairs[0].a, readers[0]); };
  for (const Pair& pair : pairs) ASSERT_EQ(::write(pair.b, "x", 1), 1);
  loop->run_once(milliseconds(0));
  EXPECT_EQ(log, (std::vector<std::string>{"ahead 0", "ahead 1", "ahead 2", "1", "2"})) << "one that left since is not handed out";
}

TEST_F(LoopTest, RunsATimerNeverEarlyAndAtMostOneTickLate) {
  for (const int after : {0, 1, 19, 20, 21, 75'000, 81'920, 81'921, 200'000}) {
    int fired = 0;
    Timer timer([&] { ++fired; });
    loop->arm(timer, milliseconds(after));
    advance(milliseconds(std::max(after - 1, 0)));
    EXPECT_EQ(fired, 0) << after;
    EXPECT_TRUE(timer.armed());
    advance(milliseconds(21));
    EXPECT_EQ(fired, 1) << after;
    EXPECT_FALSE(timer.armed());
    advance(seconds(300));
    EXPECT_EQ(fired, 1) << after;
  }
}

TEST_F(LoopTest, RunsALongTimerWhenTimePassesInSmallSteps) {
  int fired = 0;
  Timer timer([&] { ++fired; });
  loop->arm(timer, seconds(200));
  for (int i = 0; i < 1999; ++i) advance(milliseconds(100));
  EXPECT_EQ(fired, 0);
  advance(milliseconds(120));
  EXPECT_EQ(fired, 1);
}

TEST_F(LoopTest, RearmsLaterAndEarlier) {
  int fired = 0;
  Timer timer([&] { ++fired; });
  loop->arm(timer, milliseconds(100));
  for (int i = 0; i < 50; ++i) {
    advance(milliseconds(60));
    loop->arm(timer, milliseconds(100));
  }
  EXPECT_EQ(fired, 0);
  loop->arm(timer, milliseconds(20));
  advance(milliseconds(40));
  EXPECT_EQ(fired, 1);
}

TEST_F(LoopTest, DisarmsBeforeAndDuringTheBatchOfItsExpiry) {
  int fired = 0;
  auto b = std::make_unique<Timer>([&] { ++fired; });
  Timer c([&] { ++fired; });
  Timer a([&] {
    ++fired;
    b.reset();
    loop->disarm(c);
  });
  loop->arm(c, milliseconds(20));
  loop->arm(*b, milliseconds(20));
  loop->arm(a, milliseconds(20));  // the wheel runs the last armed first
  advance(milliseconds(40));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(c.armed());
}

TEST_F(LoopTest, LetsATimerArmItselfAgain) {
  int fired = 0;
  Timer timer([&] {
    ++fired;
    loop->arm(timer, milliseconds(0));
  });
  loop->arm(timer, milliseconds(0));
  for (int i = 0; i < 5; ++i) advance(milliseconds(20));
  EXPECT_GE(fired, 4);
  EXPECT_LE(fired, 5);
}

TEST_F(LoopTest, DisarmsItsTimersWhenItDies) {
  Timer timer([] {});
  loop->arm(timer, milliseconds(100));
  loop.reset();
  EXPECT_FALSE(timer.armed());
}

TEST_F(LoopTest, KeepsManyTimersInOrder) {
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<int> due;
  for (int i = 0; i < 2000; ++i) {
    const int after = (i * 7919) % 120'000;
    timers.push_back(std::make_unique<Timer>([&due, after] { due.push_back(after); }));
    loop->arm(*timers.back(), milliseconds(after));
  }
  int passed = 0;
  while (passed < 121'000) {
    advance(milliseconds(500));
    passed += 500;
    for (const int after : due) EXPECT_LE(after, passed);
  }
  EXPECT_EQ(due.size(), 2000u);
}

TEST_F(LoopTest, SleepsNoLongerThanTheNextTimer) {
  const SystemClock real;
  auto other = Loop::create().value();
  int fired = 0;
  Timer timer([&] { ++fired; });
  other->arm(timer, milliseconds(30));
  const MonoTime before = real.mono();
  while (fired == 0) other->run_once(seconds(5));
  EXPECT_LT(real.mono() - before, seconds(4));
  EXPECT_GE(real.mono() - before, milliseconds(30));
}

TEST_F(LoopTest, TellsOnceAboutReadiness) {
  Pair pair;
  Counter counter;
  ASSERT_TRUE(loop->watch(pair.a, counter));
  loop->run_once(milliseconds(0));
  EXPECT_EQ(counter.calls, 1);  // writable
  loop->run_once(milliseconds(0));
  EXPECT_EQ(counter.calls, 1);
  std::uint32_t seen = 0;
  counter.then = [&](std::uint32_t events) { seen = events; };
  ASSERT_EQ(::write(pair.b, "x", 1), 1);
  loop->run_once(milliseconds(0));
  EXPECT_TRUE(seen & EPOLLIN);
  loop->unwatch(pair.a, counter);
  ASSERT_EQ(::write(pair.b, "x", 1), 1);
  EXPECT_FALSE(loop->run_once(milliseconds(0)));
}

TEST_F(LoopTest, DropsEventsOfABatchForAnUnwatchedWatcher) {
  Pair first, second;
  auto a = std::make_unique<Counter>();
  auto b = std::make_unique<Counter>();
  int calls = 0;
  const auto destroy = [&](std::unique_ptr<Counter>& other, int fd) {
    ++calls;
    if (!other) return;
    loop->unwatch(fd, *other);
    other.reset();  // at once: any further event for it would be a use after free
  };
  a->then = [&](std::uint32_t) { destroy(b, second.a); };
  b->then = [&](std::uint32_t) { destroy(a, first.a); };
  ASSERT_TRUE(loop->watch(first.a, *a));
  ASSERT_TRUE(loop->watch(second.a, *b));
  loop->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
  EXPECT_NE(a == nullptr, b == nullptr);
}

TEST_F(LoopTest, BuriesAfterTheBatchHook) {
  struct Thing {
    std::string* log;
    ~Thing() { *log += "buried "; }
  };
  std::string log;
  loop->set_batch_hook([&] {
    log += "hook ";
    return false;
  });
  loop->bury(std::unique_ptr<Thing>(new Thing{&log}));
  loop->run_once(milliseconds(0));
  EXPECT_EQ(log, "hook buried ");
}

TEST_F(LoopTest, CallsTheBatchHookUntilItHasNoMoreWork) {
  int left = 3;
  loop->set_batch_hook([&] { return --left > 0; });
  loop->run_once(milliseconds(0));
  EXPECT_EQ(left, 0);
}

TEST_F(LoopTest, RunsWhatWasPostedFromItsOwnThreadWithoutSleeping) {
  int runs = 0;
  loop->run_once(milliseconds(0));
  loop->post([&] {
    ++runs;
    loop->post([&] { ++runs; });
  });
  loop->run_once(seconds(5));
  EXPECT_EQ(runs, 1);
  loop->run_once(seconds(5));
  EXPECT_EQ(runs, 2);
}

struct Later final : Deferred {
  std::function<void()> then;
  void on_batch_end() override { then(); }
};

TEST_F(LoopTest, RunsDeferredWorkAfterTheHookInTheSameBatch) {
  std::string log;
  loop->set_batch_hook([&] {
    log += "hook ";
    return false;
  });
  Later later;
  later.then = [&] {
    log += "later ";
    if (log.size() < 40) loop->defer(later);  // again: in the next batch
  };
  loop->post([&] {
    loop->defer(later);
    loop->defer(later);
  });
  loop->run_once(seconds(5));
  EXPECT_EQ(log, "hook later hook ");
  loop->run_once(seconds(5));
  EXPECT_EQ(log, "hook later hook hook later hook ");
}

TEST_F(LoopTest, ForgetsDeferredWorkThatDied) {
  int runs = 0;
  auto first = std::make_unique<Later>(), second = std::make_unique<Later>();
  first->then = [&] {
    ++runs;
    second.reset();
  };
  second->then = [&] { ++runs; };
  auto third = std::make_unique<Later>();
  loop->defer(*third);
  loop->defer(*first);
  loop->defer(*second);
  third.reset();
  loop->run_once(milliseconds(0));
  EXPECT_EQ(runs, 1);
}

TEST(Loop, TakesTasksFromManyThreadsAndStops) {
  auto loop = Loop::create().value();
  int runs = 0;  // loop thread only: the sanitizer would tell
  std::thread runner([&] { loop->run(); });
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 500; ++i) loop->post([&] { ++runs; });
    });
  }
  for (auto& poster : posters) poster.join();
  loop->post([&] { loop->stop(); });
  runner.join();
  EXPECT_EQ(runs, 2000);
}

}  // namespace
}  // namespace callgate::net
