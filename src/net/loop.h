#pragma once
// One epoll loop per thread: edge-triggered, registered once, try first. Timers on a wheel, not on system calls.
// Everything but post() and stop() is called on the loop's own thread (or before any thread runs it).
// One batch = reading ahead, events, timers, posted tasks, batch hook, deferred work, burials; the clock is read once, after the wait.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace callgate::net {

// Interest is always EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET: drain until EAGAIN.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_ready(std::uint32_t events) = 0;
  // Called for every event of a batch before the first is handed out, so that system calls follow system calls and judging follows
  // judging: code stays in the processor's caches. May read from its own socket into its own memory, nothing else.
  // True: hand this one out behind all that say false.
  virtual bool read_ahead(std::uint32_t events) { return events == 0; }
};

class Loop;

// Embed one per deadline. Re-arming is O(1); precision is one tick (20 ms), never early. Destroying it disarms it, and the loop may
// die first. `on_expiry` finds the timer disarmed and may arm it again; it must not delete the timer at once (bury the owner).
class Timer {
 public:
  explicit Timer(std::function<void()> on_expiry) : on_expiry_(std::move(on_expiry)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const { return loop_ != nullptr; }

 private:
  friend class Loop;
  std::function<void()> on_expiry_;
  Loop* loop_ = nullptr;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  std::uint64_t due_tick_ = 0;
  std::size_t slot_ = 0;
};

// Work put off to the end of the batch. Embed or derive; destroying it takes it back.
class Deferred {
 public:
  Deferred() = default;
  virtual ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;
  virtual void on_batch_end() = 0;

 private:
  friend class Loop;
  Loop* loop_ = nullptr;
};

class Loop {
 public:
  // clock: for tests; must outlive the loop. Null: the system's.
  static Result<std::unique_ptr<Loop>> create(const Clock* clock = nullptr);
  ~Loop();

  Result<void> watch(int fd, Watcher& watcher);
  void unwatch(int fd, Watcher& watcher);  // safe during dispatch: events of this batch for it are dropped
  void arm(Timer& timer, std::chrono::milliseconds after);
  void disarm(Timer& timer);

  // Runs at the end of each batch of events, before sleeping: where a worker flushes its ledger and journal once for all.
  // Called again while it returns true (it made more work); tasks posted meanwhile run in the next batch, without sleeping.
  void set_batch_hook(std::function<bool()> hook);

  // Has on_batch_end() called once, after the batch hook (which then runs again); asked for during that, in the next batch. No allocation.
  void defer(Deferred& deferred);

  // Deletes the object after the current batch, when no event can still name it.
  template <class T> void bury(std::unique_ptr<T> object) {
    graves_.emplace_back(object.release(), [](void* p) { delete static_cast<T*>(p); });
  }

  MonoTime now() const { return now_; }           // read once per batch
  std::uint64_t batch() const { return batch_; }  // counts them
  const Clock& clock() const;
  void post(std::function<void()> task);              // any thread; runs on the loop
  void run();                                         // until stop()
  bool run_once(std::chrono::milliseconds wait_max);  // one batch; true when anything happened. For tests
  void stop();                                        // any thread; final: run() returns at once from then on

 private:
  Loop();
  void link(Timer& timer, std::uint64_t due_tick);
  bool run_timers();
  bool run_posted();
  bool run_batch_end();
  void forget(Deferred& deferred);
  friend class Deferred;
  void bury_now();
  struct Inner;
  std::unique_ptr<Inner> inner_;
  MonoTime now_{};
  std::uint64_t batch_ = 0;
  std::vector<std::unique_ptr<void, void (*)(void*)>> graves_;
};

}  // namespace callgate::net
