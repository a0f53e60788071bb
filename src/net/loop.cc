#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/assert.h"

namespace callgate::net {
namespace {

constexpr std::chrono::nanoseconds kTick = std::chrono::milliseconds(20);
constexpr std::size_t kSlots = 4096;     // one turn is 82 s: longer timers are looked at once per turn
constexpr std::size_t kFiring = kSlots;  // the list a due slot is moved to while its timers run
constexpr int kEventsMax = 256;
constexpr auto kNoTimer = std::chrono::milliseconds::max();

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

struct Loop::Inner {
  int epoll_fd = -1;
  int event_fd = -1;
  const Clock* clock = nullptr;

  std::array<epoll_event, kEventsMax> events, later;
  int event_next = 0;  // the first event of this batch not yet handed out
  int event_count = 0;

  MonoTime start;
  std::uint64_t tick = 0;  // timers due at or before it have run
  std::size_t timers = 0;
  std::array<Timer*, kSlots + 1> slots{};
  std::array<std::uint64_t, kSlots / 64> occupied{};

  std::function<bool()> batch_hook;
  std::vector<Deferred*> deferred, running_deferred;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // guarded by mutex
  std::vector<std::function<void()>> running;
  std::atomic<bool> has_posted{false};
  std::atomic<bool> stopping{false};
  std::atomic<std::thread::id> thread{};

  ~Inner() {
    if (epoll_fd >= 0) ::close(epoll_fd);
    if (event_fd >= 0) ::close(event_fd);
  }

  std::uint64_t tick_at(MonoTime time) const { return time <= start ? 0 : static_cast<std::uint64_t>((time - start) / kTick); }

  void wake() {
    // Never read back: with edge triggering every write is an event of its own, whatever the counter holds.
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_fd, &one, sizeof one);
  }

  // What is left of the events to hand out, in their order.
  void read_ahead(int count) {
    std::size_t first = 0, behind = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
      const epoll_event event = events[i];
      if (event.data.ptr == this) continue;
      const bool last = static_cast<Watcher*>(event.data.ptr)->read_ahead(event.events);
      (last ? later[behind++] : events[first++]) = event;
    }
    std::copy_n(later.begin(), behind, events.begin() + static_cast<std::ptrdiff_t>(first));
    event_count = static_cast<int>(first + behind);
  }

  void drop_pending(const Watcher& watcher) {
    for (int i = event_next; i < event_count; ++i) {
      if (events[static_cast<std::size_t>(i)].data.ptr == &watcher) events[static_cast<std::size_t>(i)].data.ptr = nullptr;
    }
  }

  // Until the next slot that holds timers. Never longer than one turn.
  std::chrono::milliseconds until_next_timer(MonoTime now) const {
    if (timers == 0) return kNoTimer;
    const std::size_t first = (tick + 1) % kSlots;
    std::size_t word = first / 64;
    std::uint64_t bits = occupied[word] & (~std::uint64_t{0} << (first % 64));
    for (std::size_t i = 0; bits == 0 && i <= occupied.size(); ++i) {
      word = (word + 1) % occupied.size();
      bits = occupied[word];
    }
    if (bits == 0) return kNoTimer;
    const std::size_t slot = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
    const std::uint64_t due = tick + 1 + (slot + kSlots - first) % kSlots;
    const MonoTime at = start + kTick * due;
    if (at <= now) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(at - now);
  }
};

Timer::~Timer() {
  if (loop_ != nullptr) loop_->disarm(*this);
}

Deferred::~Deferred() {
  if (loop_ != nullptr) loop_->forget(*this);
}

Loop::Loop() : inner_(std::make_unique<Inner>()) {}

Result<std::unique_ptr<Loop>> Loop::create(const Clock* clock) {
  std::unique_ptr<Loop> loop(new Loop());
  Inner& in = *loop->inner_;
  in.clock = clock != nullptr ? clock : &system_clock();
  in.epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  in.event_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = &in;
  if (in.epoll_fd < 0 || in.event_fd < 0 || ::epoll_ctl(in.epoll_fd, EPOLL_CTL_ADD, in.event_fd, &event) != 0) {
    return fail(Code::Unavailable, "net.loop", "cannot start an event loop: raise the limit on open files", std::strerror(errno));
  }
  loop->now_ = in.clock->mono();
  in.start = loop->now_;
  return loop;
}

Loop::~Loop() {
  bury_now();
  for (Timer*& head : inner_->slots) {
    while (head != nullptr) disarm(*head);
  }
  for (Deferred* deferred : inner_->deferred) {
    if (deferred != nullptr) deferred->loop_ = nullptr;
  }
}

const Clock& Loop::clock() const { return *inner_->clock; }

Result<void> Loop::watch(int fd, Watcher& watcher) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watcher;
  if (::epoll_ctl(inner_->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(Code::Unavailable, "net.watch", "cannot watch a socket", std::strerror(errno));
  }
  return {};
}

void Loop::unwatch(int fd, Watcher& watcher) {
  ::epoll_ctl(inner_->epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
  inner_->drop_pending(watcher);
}

void Loop::arm(Timer& timer, std::chrono::milliseconds after) {
  Inner& in = *inner_;
  CG_ASSERT(timer.loop_ == nullptr || timer.loop_ == this);
  const auto span = (now_ - in.start) + std::chrono::nanoseconds(std::max(after, std::chrono::milliseconds(0)));
  const std::uint64_t due = std::max(in.tick + 1, static_cast<std::uint64_t>((span + kTick - std::chrono::nanoseconds(1)) / kTick));
  if (timer.loop_ == this) {
    // Later than before is the common case (a deadline pushed on by progress): stay in the slot, which moves it on when it comes up.
    if (timer.slot_ != kFiring && due >= timer.due_tick_) {
      timer.due_tick_ = due;
      return;
    }
    disarm(timer);
  }
  link(timer, due);
}

void Loop::link(Timer& timer, std::uint64_t due_tick) {
  Inner& in = *inner_;
  timer.loop_ = this;
  timer.due_tick_ = due_tick;
  timer.slot_ = due_tick % kSlots;
  Timer*& head = in.slots[timer.slot_];
  timer.previous_ = nullptr;
  timer.next_ = head;
  if (head != nullptr) head->previous_ = &timer;
  head = &timer;
  in.occupied[timer.slot_ / 64] |= std::uint64_t{1} << (timer.slot_ % 64);
  ++in.timers;
}

void Loop::disarm(Timer& timer) {
  if (timer.loop_ != this) return;
  Inner& in = *inner_;
  if (timer.previous_ != nullptr) timer.previous_->next_ = timer.next_;
  else in.slots[timer.slot_] = timer.next_;
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  if (timer.slot_ != kFiring && in.slots[timer.slot_] == nullptr) {
    in.occupied[timer.slot_ / 64] &= ~(std::uint64_t{1} << (timer.slot_ % 64));
  }
  timer.previous_ = timer.next_ = nullptr;
  timer.loop_ = nullptr;
  --in.timers;
}

bool Loop::run_timers() {
  Inner& in = *inner_;
  const std::uint64_t now_tick = in.tick_at(now_);
  if (now_tick <= in.tick) return false;
  const std::uint64_t turns = std::min<std::uint64_t>(now_tick - in.tick, kSlots);
  const std::uint64_t first = in.tick + 1;
  in.tick = now_tick;
  bool any = false;
  for (std::uint64_t i = 0; i < turns; ++i) {
    const std::size_t slot = (first + i) % kSlots;
    if (in.slots[slot] == nullptr) continue;
    // Moved aside first: a callback may arm, disarm or destroy any timer, those of this slot included.
    in.slots[kFiring] = std::exchange(in.slots[slot], nullptr);
    in.occupied[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    for (Timer* timer = in.slots[kFiring]; timer != nullptr; timer = timer->next_) timer->slot_ = kFiring;
    while (Timer* timer = in.slots[kFiring]) {
      const std::uint64_t due = timer->due_tick_;
      disarm(*timer);
      if (due <= now_tick) {
        any = true;
        timer->on_expiry_();
      } else {
        link(*timer, due);
      }
    }
  }
  return any;
}

void Loop::set_batch_hook(std::function<bool()> hook) { inner_->batch_hook = std::move(hook); }

void Loop::post(std::function<void()> task) {
  Inner& in = *inner_;
  bool first = false;
  {
    const std::lock_guard lock(in.mutex);
    first = in.posted.empty();
    in.posted.push_back(std::move(task));
    in.has_posted.store(true, std::memory_order_release);
  }
  // On the loop's own thread no wake-up is needed: it looks at has_posted before it sleeps.
  if (first && in.thread.load(std::memory_order_relaxed) != std::this_thread::get_id()) in.wake();
}

bool Loop::run_posted() {
  Inner& in = *inner_;
  if (!in.has_posted.load(std::memory_order_acquire)) return false;
  {
    const std::lock_guard lock(in.mutex);
    in.running.swap(in.posted);
    in.has_posted.store(false, std::memory_order_release);
  }
  for (auto& task : in.running) task();
  in.running.clear();
  return true;
}

bool Loop::run_once(std::chrono::milliseconds wait_max) {
  Inner& in = *inner_;
  in.thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  auto wait = std::min({wait_max, in.until_next_timer(now_), std::chrono::milliseconds(60'000)});
  if (in.has_posted.load(std::memory_order_acquire) || !in.deferred.empty() || !graves_.empty()) wait = std::chrono::milliseconds(0);
  const int count = ::epoll_wait(in.epoll_fd, in.events.data(), kEventsMax, static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
  now_ = in.clock->mono();
  ++batch_;
  in.read_ahead(count);
  bool any = in.event_count > 0;
  for (in.event_next = 0; in.event_next < in.event_count;) {
    const epoll_event event = in.events[static_cast<std::size_t>(in.event_next++)];
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  in.event_count = in.event_next = 0;
  any = run_timers() || any;
  any = run_posted() || any;
  any = run_batch_end() || any;
  bury_now();
  return any;
}

bool Loop::run_batch_end() {
  Inner& in = *inner_;
  bool any = false;
  if (in.batch_hook) {
    while (in.batch_hook()) any = true;
  }
  if (in.deferred.empty()) return any;
  in.running_deferred.swap(in.deferred);
  for (std::size_t i = 0; i < in.running_deferred.size(); ++i) {
    Deferred* const next = std::exchange(in.running_deferred[i], nullptr);
    if (next == nullptr) continue;
    next->loop_ = nullptr;
    next->on_batch_end();
  }
  in.running_deferred.clear();
  if (in.batch_hook) {
    while (in.batch_hook()) {}
  }
  return true;
}

void Loop::defer(Deferred& deferred) {
  CG_ASSERT(deferred.loop_ == nullptr || deferred.loop_ == this);
  if (deferred.loop_ == this) return;
  deferred.loop_ = this;
  inner_->deferred.push_back(&deferred);
}

void Loop::forget(Deferred& deferred) {
  deferred.loop_ = nullptr;
  for (auto* list : {&inner_->deferred, &inner_->running_deferred}) {
    std::replace(list->begin(), list->end(), &deferred, static_cast<Deferred*>(nullptr));
  }
}

void Loop::run() {
  now_ = inner_->clock->mono();  // the loop may have been made long before it is run
  while (!inner_->stopping.load(std::memory_order_acquire)) run_once(std::chrono::milliseconds(60'000));
}

void Loop::stop() {
  inner_->stopping.store(true, std::memory_order_release);
  inner_->wake();
}

void Loop::bury_now() {
  while (!graves_.empty()) {
    // Destructors may bury more.
    auto graves = std::move(graves_);
    graves_.clear();
    graves.clear();
  }
}

}  // namespace callgate::net
