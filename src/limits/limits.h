#pragma once
// Counters (A-13 to A-16; T-21, T-22). All claims of a call are reserved or none; each reservation is settled exactly once.
// Memory answers; a ledger file makes it durable: a reservation may be acted on only after flush() said yes, and then survives kill -9.
// State is checkpointed to SQLite and the ledger cut. Outcome table: docs/reference/limits.md.
// Threads: one Counters per process, any thread; short critical sections, sharded by key.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "policy/policy.h"
#include "store/database.h"

namespace callgate::limits {

enum class Settle : std::uint8_t { Keep, Refund };

// How a call ended decides what its reservation becomes. Keep on anything that may have had an effect (T-22).
enum class CallOutcome : std::uint8_t {
  Answered,
  ToolError,
  UpstreamError,
  Timeout,
  ClientGone,
  Cancelled,
  ConnectionLostAfterSend,  // keep
  NotSent,
  RefusedLater,
  UpstreamRefusedConnection,  // refund
};
Settle settle_for(CallOutcome outcome);

struct Refusal {
  std::size_t claim = 0;  // index into the claims
  Decimal used, max, amount;
  std::chrono::milliseconds retry_after{0};  // until the window has room; 0: never (amount exceeds max)
  std::string message;                       // names counter, window and reset time
};

// Move-only handle; a handle destroyed without settle() keeps the count (fail closed).
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&&) noexcept = default;
  Reservation& operator=(Reservation&&) noexcept = default;
  Reservation(const Reservation&) = delete;
  bool empty() const { return parts_.empty(); }

 private:
  friend class Counters;
  struct Part {
    std::uint64_t counter;
    std::int64_t window_start_us;
    Decimal amount;
    bool shadow;
  };
  std::vector<Part> parts_;
};

struct CounterState {
  std::string key;
  policy::Window window{};
  policy::WindowKind kind{};
  WallTime window_start{};
  Decimal used;
  Decimal max;          // of the latest call
  bool shadow = false;  // counts calls for rules in shadow mode; apart from what blocks
};

struct Options {
  std::size_t counters_max = 1'000'000;  // beyond: calls that need a new counter are refused
};

class Counters {
 public:
  // directory: holds the ledger, limits-NNNNNNNN.ledger. Loads the checkpoint, replays the ledger (a torn tail is cut, a bad
  // middle refuses to start), keeps other processes out.
  static Result<std::unique_ptr<Counters>> open(store::Database& database, const Clock& clock, const std::string& directory,
                                                const Options& options = {});

  struct Outcome {
    bool reserved = false;
    Refusal refusal;
    std::vector<std::size_t> shadow_exceeded;
  };
  // `amount` must be >= 0, else InvalidArgument. The clock stepping back never reopens a window.
  Result<Outcome> reserve(std::span<const policy::Claim> claims, WallTime now, Reservation& into);
  void settle(Reservation& reservation, Settle how);
  // Writes what was reserved or refunded since the last flush: one write(). On error nothing reserved since may be acted on.
  Result<void> flush();

  std::vector<CounterState> list(std::string_view prefix, std::size_t limit);
  Result<bool> reset(std::string_view key);  // false: no such counter
  Result<void> checkpoint();                 // blocking; called by a background thread and at stop
  std::uint64_t ledger_bytes() const;        // since the last checkpoint: a reason to make one
  // Makes the n-th disk step (ledger write, new ledger, removal of the old one) fail half way, for anomaly loops: 0 = never.
  void fail_write_at(int n);
  ~Counters();

 private:
  Counters();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::limits
