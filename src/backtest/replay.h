#pragma once
// Judges recorded calls by a draft, in the order of their times, counting limits as it goes. Memory is bounded however many calls come.
// One thread; the report may be read between two calls. Deterministic: the same records, draft and facts of today give the same report.

#include <memory>

#include "backtest/report.h"
#include "backtest/scene.h"
#include "inspection/scanners.h"
#include "limits/tally.h"

namespace callgate::backtest {

struct Options {
  std::optional<WallTime> since = {};                              // calls before it are only counted for the limits
  std::string principal = {}, grant = {}, server = {}, tool = {};  // by id or name; others are only counted for the limits
  std::size_t kept = 1'000;
};

// The verdict of a policy on one recorded call.
struct Judged {
  bool decided = true;
  Verdict verdict{};
  std::string rule, reason, why;
  std::uint32_t line = 0;
};

class Replay {
 public:
  Replay(std::shared_ptr<const policy::Policy> draft, Options options, Lookup today);
  void add(std::uint64_t sequence, std::string_view payload);
  void finish();  // what is still held back is judged
  const Report& report() const { return report_; }

 private:
  struct Later {
    bool operator()(const std::unique_ptr<RecordedCall>& a, const std::unique_ptr<RecordedCall>& b) const {
      return a->time != b->time ? a->time > b->time : a->sequence > b->sequence;
    }
  };
  void pop();
  void done(std::unique_ptr<RecordedCall> call);
  void take(const RecordedCall& call);
  bool reported(const RecordedCall& call) const;
  Judged judge(const RecordedCall& call, const Today& today);
  void inspect(Judged& out);
  void count(const RecordedCall& call, policy::Decision& decision, Judged& out);
  void note(const RecordedCall& call, Verdict was, const Judged& now);
  void add_counts(const RecordedCall& call, Change change, const std::string& rule);

  std::shared_ptr<const policy::Policy> draft_;
  Options options_;
  Lookup today_;
  Report report_;
  CallReader reader_;
  limits::Tally tally_;
  inspection::Scanners scanners_;
  inspection::Findings findings_;
  policy::Scratch scratch_;
  policy::Supposition supposed_;
  Scene scene_;
  std::vector<std::unique_ptr<RecordedCall>> held_, spare_;  // held_: a heap, the earliest in front
  std::size_t held_bytes_ = 0;
  WallTime counted_up_to_{};
  bool has_limits_ = false;
  Counts kept_{};
};

// Is this a call that policies decide about, and not one that every session needs?
bool replayable(const RecordedCall& call);

}  // namespace callgate::backtest
