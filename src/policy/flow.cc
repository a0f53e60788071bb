#include "policy/flow.h"

#include <algorithm>
#include <array>

namespace callgate::policy {
namespace {

constexpr std::array<std::string_view, 4> kScopes{"grant", "session", "client", "trace"};

const FlowMark* find(const std::vector<FlowMark>& marks, std::string_view name) {
  auto found = std::find_if(marks.begin(), marks.end(), [&](const FlowMark& mark) { return mark.name == name; });
  return found == marks.end() ? nullptr : &*found;
}

// False: there is no room for another one.
bool mark(std::vector<FlowMark>& marks, std::string_view name, WallTime now, std::size_t most) {
  auto found = std::find_if(marks.begin(), marks.end(), [&](const FlowMark& mark) { return mark.name == name; });
  if (found == marks.end()) {
    if (marks.size() >= most) return false;
    found = marks.insert(marks.end(), {std::string(name), now, 0});
  }
  found->last = std::max(found->last, now);
  ++found->count;
  return true;
}

}  // namespace

std::string_view flow_scope_name(FlowScope scope) { return kScopes[static_cast<std::size_t>(scope)]; }

const FlowMark* FlowState::label(std::string_view name) const { return find(labels, name); }

const FlowBinding* FlowState::binding(std::string_view rule) const {
  auto found = std::find_if(bound.begin(), bound.end(), [&](const FlowBinding& one) { return one.rule == rule; });
  return found == bound.end() ? nullptr : &*found;
}

void FlowState::add(const FlowStep& step, WallTime now) {
  if (calls++ == 0) begun = now;
  last = std::max(last, now);
  bool room = true;
  for (std::string_view name : step.labels) room = mark(labels, name, now, kLabelsMax) && room;
  if (!step.tool.empty()) room = mark(tools, step.tool, now, kToolsMax) && room;
  for (const FlowBinding& one : step.bound) {
    if (binding(one.rule) != nullptr) continue;
    room = room && bound.size() < kBoundMax;
    if (room) bound.push_back(one);
  }
  unknown = unknown || !room;
}

}  // namespace callgate::policy
