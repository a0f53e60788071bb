#pragma once
// Back-tests under way and just ended. Each runs on a thread of its own behind everything else; few at a time, few kept, none on disk.
// Threads: any. Inner header of admin/.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "admin/api.h"
#include "backtest/replay.h"

namespace callgate::admin {

struct BacktestRequest {
  std::shared_ptr<const policy::Policy> draft;
  std::string policy, author;     // whose records; who started it
  std::int64_t version = 0;       // of the draft, when it is a stored one
  std::optional<WallTime> until;  // exclusive of what comes while it runs
  backtest::Options options;
};

struct BacktestRun {
  enum class State : std::uint8_t { Running, Done, Failed, Cancelled };
  std::string id;
  BacktestRequest request;
  WallTime started_at{}, ended_at{};
  State state = State::Running;
  std::uint64_t head = 0;  // last sequence when it began
  std::atomic<std::uint64_t> read{0}, position{0};
  std::atomic<bool> cancelled{false};
  Error error;              // Failed
  backtest::Report report;  // once it is no longer running
};

class BacktestRuns {
 public:
  explicit BacktestRuns(Services& services) : services_(services) {}
  ~BacktestRuns();
  Result<std::shared_ptr<const BacktestRun>> start(BacktestRequest request);
  // With `use` under the lock, for the fields that change. NotFound admin.no_backtest.
  Result<void> with(std::string_view id, const std::function<void(const BacktestRun&)>& use);
  std::vector<std::string> ids();  // newest first
  Result<void> cancel(std::string_view id);

 private:
  static constexpr std::size_t kRunningMax = 2, kKeptMax = 8;
  struct Slot {
    std::shared_ptr<BacktestRun> run;
    std::thread thread;
  };
  void work(BacktestRun& run);
  Result<void> replay(BacktestRun& run, backtest::Report& report);
  void tidy();

  Services& services_;
  std::mutex mutex_;
  std::deque<Slot> slots_;  // oldest first
};

// What is known today of those a record names; holds on to the snapshots it looks into.
Result<backtest::Lookup> facts_of_today(Services& services);

}  // namespace callgate::admin
