#include "policy/program.h"

#include <algorithm>
#include <iterator>

namespace callgate::policy {
namespace {

Truth flip(Truth truth) {
  if (truth == Truth::True) return Truth::False;
  if (truth == Truth::False) return Truth::True;
  return truth;
}

// The order in which one operand of "and" settles it. "or" is the mirror.
Truth both(Truth a, Truth b) {
  if (a == Truth::False || b == Truth::False) return Truth::False;
  if (a == Truth::Mistyped || b == Truth::Mistyped) return Truth::Mistyped;
  if (a == Truth::Missing || b == Truth::Missing) return Truth::Missing;
  return Truth::True;
}

Truth either(Truth a, Truth b) { return flip(both(flip(a), flip(b))); }

Truth evaluate(const Program& program, std::uint32_t at, Reader& reader, json::Value element);

Truth any_holds(const Program& program, std::uint32_t begin, std::uint32_t end, Reader& reader, json::Value element) {
  Truth truth = Truth::False;
  for (std::uint32_t at = begin; at < end && truth != Truth::True; at = program.conditions[at].end)
    truth = either(truth, evaluate(program, at, reader, element));
  return truth;
}

Truth each(const Program& program, std::uint32_t at, Reader& reader, json::Value element) {
  const Condition& condition = program.conditions[at];
  Seen seen = reader.read(condition.path, element);  // a copy: reading inside an element reuses the reader's memory
  if (seen.kind == Seen::Kind::Missing) return Truth::Missing;
  if (seen.kind != Seen::Kind::Array) return Truth::Mistyped;
  bool all = condition.kind == Condition::Kind::EachAll;
  Truth truth = all ? Truth::True : Truth::False;
  seen.value.for_each_element([&](json::Value item) {
    if (truth == (all ? Truth::False : Truth::True)) return;
    Truth one = all_hold(program, at + 1, condition.end, reader, item);
    truth = all ? both(truth, one) : either(truth, one);
  });
  return condition.kind == Condition::Kind::EachNone ? flip(truth) : truth;
}

Truth evaluate(const Program& program, std::uint32_t at, Reader& reader, json::Value element) {
  const Condition& condition = program.conditions[at];
  switch (condition.kind) {
    case Condition::Kind::Leaf: return leaf_holds(program, condition, reader, element);
    case Condition::Kind::AllOf: return all_hold(program, at + 1, condition.end, reader, element);
    case Condition::Kind::AnyOf: return any_holds(program, at + 1, condition.end, reader, element);
    case Condition::Kind::Not: return flip(all_hold(program, at + 1, condition.end, reader, element));
    default: return each(program, at, reader, element);
  }
}

}  // namespace

Truth all_hold(const Program& program, std::uint32_t begin, std::uint32_t end, Reader& reader, json::Value element) {
  Truth truth = Truth::True;
  for (std::uint32_t at = begin; at < end && truth != Truth::False;) {
    const Condition& condition = program.conditions[at];
    if (condition.kind == Condition::Kind::Leaf)  // most of them, and it saves a call
      truth = both(truth, leaf_holds(program, condition, reader, element));
    else truth = both(truth, evaluate(program, at, reader, element));
    at = condition.end;
  }
  return truth;
}

const Named* Program::hidden_by(std::string_view tool) const {
  if (auto found = hidden.find(tool); found != hidden.end()) return &hides[found->second];
  for (auto i : hide_globs)
    if (glob_match(hides[i].name, tool)) return &hides[i];
  return nullptr;
}

const Named* Program::method_rule(std::string_view method) const {
  const Named* allowing = nullptr;
  for (const auto& rule : methods) {
    if (rule.glob ? !glob_match(rule.name, method) : rule.name != method) continue;
    if (!rule.allow) return &rule;
    if (!allowing) allowing = &rule;
  }
  return allowing;
}

bool lifecycle_method(std::string_view method) {
  constexpr std::string_view kMethods[] = {
      "initialize",
      "ping",
      "server/discover",
      "tools/list",
      "notifications/initialized",
      "notifications/cancelled",
      "notifications/progress",
      "notifications/roots/list_changed",
  };
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

bool asked_of_client(std::string_view method) {
  return method == "elicitation/create" || method == "sampling/createMessage" || method == "roots/list";
}

bool plain_tool_name(std::string_view name) {
  if (name.empty() || name.size() > 256 || name.front() == ' ' || name.back() == ' ') return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace callgate::policy
