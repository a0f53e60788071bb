#pragma once
// What a back-test comes to. Holds no arguments and nothing else of a call but who, what, when and which rule.

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backtest/recorded.h"

namespace callgate::backtest {

enum class Change : std::uint8_t {
  NewlyDenied,
  NewlyAsked,
  NewlyHidden,
  NewlyAllowed,
  OtherRule,  // refused as before, by another rule or another reason
  Unchanged,
  Undecided,  // the record does not hold enough to say
  Outside,    // refused before the policy was looked at, or beside it
};
inline constexpr std::size_t kChanges = 8;
std::string_view change_name(Change change);  // newly_denied ...

using Counts = std::array<std::uint64_t, kChanges>;  // by Change
using CountsByName = std::unordered_map<std::string, Counts>;

struct Difference {
  Change change{};
  std::uint64_t sequence = 0;
  WallTime time{};
  std::string decision, principal, grant, grant_label, server, tool, method;
  Verdict was{}, now{};  // now: meaningless when undecided
  std::string was_rule, was_reason, now_rule, now_reason;
  std::int64_t was_version = 0;
  std::uint32_t now_line = 0;
  std::string why;  // undecided: what is missing; a limit: how full it would have been
};

// What a rule in shadow mode did say when the calls were made, as they were recorded.
struct InShadow {
  std::uint64_t calls = 0;
  std::map<std::string, std::uint64_t> by_principal;
  WallTime first{}, last{};
  std::string message, decision;  // of the last
};

struct Report {
  std::uint64_t read = 0;        // records looked at
  std::uint64_t judged = 0;      // calls among them, within the time and the filters
  std::uint64_t unreadable = 0;  // records that are none of ours
  std::uint64_t late = 0;        // calls that came after later ones had been counted
  Counts total{};
  // Each at most kNamesMax names; what comes after them is under "(others)".
  CountsByName by_principal, by_grant, by_tool, by_rule;
  std::map<std::string, std::uint64_t> undecided, outside, shadow;  // why; reason; rule that would have acted in shadow mode
  std::map<std::string, InShadow> recorded_shadow;                  // by rule
  std::vector<Difference> differences;                              // in order of time; up to Options::kept of each kind
  std::uint64_t not_kept = 0;                                       // differences beyond those
};
inline constexpr std::size_t kNamesMax = 2'000;

}  // namespace callgate::backtest
