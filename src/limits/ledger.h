#pragma once
// The append-only file that makes counts survive a kill: header, then one checksummed frame per flush. An entry says what a
// counter holds now, not what was added, so that replaying twice changes nothing. Format: docs/reference/limits.md.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/result.h"

namespace callgate::limits {

constexpr std::size_t kKeyBytesMax = 1024;

struct LedgerEntry {
  std::uint8_t tag = 0;  // Shape::tag()
  std::int64_t start_us = 0;
  Decimal used, max;
  std::string_view key;
};
void append_entry(std::string& out, const LedgerEntry& entry);

class Ledger {
 public:
  Ledger() = default;
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The file of this epoch must not exist.
  Result<void> create(const std::string& directory, std::uint64_t epoch);
  // Continues a file that replay_ledger() has read up to `offset`.
  Result<void> resume(const std::string& directory, std::uint64_t epoch, std::uint64_t offset);
  // Appends one frame with one write(). On error nothing of it stays: not now, and not after a later success.
  Result<void> append(std::string_view entries);
  // Starts the next epoch's file and leaves this one behind.
  Result<void> advance();
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t bytes() const { return offset_; }
  void fail_at(int n) { steps_until_failure_ = n; }
  bool injected() { return steps_until_failure_ > 0 && --steps_until_failure_ == 0; }

 private:
  std::string directory_, frame_;
  int fd_ = -1;
  std::uint64_t epoch_ = 0, offset_ = 0;
  bool tail_unclean_ = false;
  int steps_until_failure_ = 0;
};

std::string ledger_path(const std::string& directory, std::uint64_t epoch);
Result<std::vector<std::uint64_t>> list_ledgers(const std::string& directory);  // epochs, ascending
// Reads one file; returns where its last good frame ends. `torn_ok`: an unfinished frame at the end is left out. Anything else
// that is wrong is an error. 0: the file has not even a header.
Result<std::uint64_t> replay_ledger(const std::string& directory, std::uint64_t epoch, bool torn_ok,
                                    const std::function<void(const LedgerEntry&)>& each);
// The frames of one file's bytes, for replay and for fuzzing. Returns the end of the last good frame; `follows`: more good frames lie
// behind it.
std::uint64_t parse_ledger(std::string_view bytes, std::uint64_t epoch, bool& follows, const std::function<void(const LedgerEntry&)>& each);

}  // namespace callgate::limits
