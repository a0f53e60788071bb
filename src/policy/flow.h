#pragma once
// What has happened in one session, as far as rules over sequences look at it, and what one more call adds. Values only: the room flows/
// keeps them, the policy reads them. Times are those of the calls; counts are of calls that were sent.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace callgate::policy {

// Whose calls belong together: all of a grant, or what the client itself keeps apart, which it can shed (docs/howto/flows.md).
enum class FlowScope : std::uint8_t { Grant, Session, Client, Trace };
std::string_view flow_scope_name(FlowScope scope);

struct FlowMark {
  std::string name;  // a label; or server/tool
  WallTime last{};
  std::uint64_t count = 0;
  bool operator==(const FlowMark&) const = default;
};

struct FlowBinding {
  std::string rule;   // policy/name of a `same` rule
  std::string value;  // digest of the values that came first
  bool operator==(const FlowBinding&) const = default;
};

// What a call adds once it is sent.
struct FlowStep {
  std::span<const std::string_view> labels;
  std::string_view tool;  // server/tool; empty: no tool was called
  std::span<const FlowBinding> bound;
  bool noted = false;  // there is something that looks at it
};

struct FlowState {
  static constexpr std::size_t kLabelsMax = 64, kToolsMax = 256, kBoundMax = 64;  // beyond: unknown

  std::vector<FlowMark> labels, tools;
  std::vector<FlowBinding> bound;
  std::uint64_t calls = 0;
  WallTime begun{}, last{};
  bool unknown = false;  // what has happened cannot be told any more: every rule takes the worst

  const FlowMark* label(std::string_view name) const;
  const FlowBinding* binding(std::string_view rule) const;
  void add(const FlowStep& step, WallTime now);
  bool operator==(const FlowState&) const = default;
};

}  // namespace callgate::policy
