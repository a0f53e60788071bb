// Rules over sequences: what the call at hand is, and whether it may follow what the session has seen (T05, T06, T07).

#include <algorithm>

#include "base/crypto.h"
#include "base/encoding.h"
#include "policy/describe.h"
#include "policy/possible.h"
#include "policy/walk.h"

namespace callgate::policy {
namespace {

const FlowState kNothing{};

// What gives or takes content. Lists are fetched by clients on their own, whatever their user does: a policy labels them where it wants to.
bool moves_content(std::string_view method) {
  constexpr std::string_view kMethods[] = {"tools/call",          "resources/read", "resources/subscribe", "prompts/get",
                                           "completion/complete", "tasks/get",      "tasks/result",        "tasks/update"};
  return asked_of_client(method) || std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

// `written` names a tool of any server, or server/tool.
bool names_tool(std::string_view written, std::string_view server_and_tool) {
  if (server_and_tool.empty()) return false;
  std::string_view tool = server_and_tool.substr(server_and_tool.find('/') + 1);
  return glob_match(written, tool) || glob_match(written, server_and_tool);
}

bool any_names(const std::vector<std::string>& written, std::string_view server_and_tool) {
  return std::any_of(written.begin(), written.end(), [&](const std::string& one) { return names_tool(one, server_and_tool); });
}

bool recent(const FlowRule& rule, const FlowMark& mark, WallTime now) {
  return rule.within.count() == 0 || now - mark.last <= rule.within;  // a clock that stepped back keeps it recent
}

// Whether what the rule waits for has happened.
bool came_after(const FlowRule& rule, const FlowState& state, WallTime now) {
  if (state.unknown) return true;
  for (const std::string& label : rule.after_labels) {
    const FlowMark* mark = state.label(label);
    if (mark == nullptr || !recent(rule, *mark, now)) return false;
  }
  return rule.after_tools.empty() || std::any_of(state.tools.begin(), state.tools.end(), [&](const FlowMark& mark) {
           return any_names(rule.after_tools, mark.name) && recent(rule, mark, now);
         });
}

std::uint64_t calls_so_far(const FlowRule& rule, const FlowState& state) {
  if (rule.labels.empty() && rule.tools.empty()) return state.calls;
  std::uint64_t sum = 0;
  for (const FlowMark& mark : state.labels)
    if (std::find(rule.labels.begin(), rule.labels.end(), mark.name) != rule.labels.end()) sum += mark.count;
  for (const FlowMark& mark : state.tools)
    if (any_names(rule.tools, mark.name)) sum += mark.count;
  return sum;
}

}  // namespace

const FlowState& Walk::seen_before() const { return input_.flow != nullptr ? *input_.flow : kNothing; }

bool Walk::tracked() const { return program_.tracks || (input_.server != nullptr && !input_.server->labels.empty()); }

void Walk::add_label(std::string_view name) {
  if (std::find(scratch_.labels.begin(), scratch_.labels.end(), name) == scratch_.labels.end()) scratch_.labels.push_back(name);
}

void Walk::begin_flow() {
  if (input_.server != nullptr && moves_content(input_.method))
    for (const std::string& label : input_.server->labels) add_label(label);
  if (!is_tool_call()) return;
  if (input_.server != nullptr) scratch_.flow_tool = input_.server->slug;
  (scratch_.flow_tool += '/') += input_.tool;
}

// False only when it is certain. Of a call from the record not all is known.
Truth Walk::unless_false(std::uint32_t begin, std::uint32_t end) {
  if (!supposed_) return all_hold(program_, begin, end, reader_);
  return Possible(program_, input_, supposed_->unknown, reader_).all_hold(begin, end) == only(Truth::False) ? Truth::False : Truth::True;
}

// A label whose conditions cannot be judged is on.
void Walk::label(const Entry& entry) {
  for (const LabelRule& rule : entry.labels) {
    Truth truth = unless_false(rule.begin, rule.end);
    if (trace_ && rule.begin != rule.end)
      trace_->fact("labels", rule.pointer, rule.line, rule.label + " when " + describe(program_, rule.begin, rule.end),
                   truth == Truth::False ? "not matched" : "matched");
    if (truth != Truth::False) add_label(rule.label);
  }
}

bool Walk::speaks_of_call(const FlowRule& rule) {
  bool any = rule.labels.empty() && rule.tools.empty();
  for (const std::string& label : rule.labels)
    any = any || std::find(scratch_.labels.begin(), scratch_.labels.end(), label) != scratch_.labels.end();
  any = any || any_names(rule.tools, scratch_.flow_tool);
  return any && unless_false(rule.begin, rule.end) != Truth::False;
}

// The values a `same` rule compares, as one digest; nothing when one is missing or of the wrong type.
std::optional<std::string> Walk::same_value(const FlowRule& rule) {
  std::string text;
  for (std::uint32_t path : rule.same) {
    const Seen& seen = reader_.read(path, {});
    std::string value;
    if (seen.kind == Seen::Kind::String) value = "s" + std::string(seen.text);
    else if (seen.kind == Seen::Kind::Number) value = "n" + (seen.exact ? seen.decimal.text() : std::string(seen.text));
    else if (seen.kind == Seen::Kind::Bool) value = seen.truth ? "t" : "f";
    else return std::nullopt;
    (text += std::to_string(value.size())) += ':';
    text += value;
  }
  Digest digest = blake2b(text);
  return hex_encode(digest).substr(0, 32);
}

// Whether the rule stands in the way, and with which words.
std::optional<std::string_view> Walk::in_the_way(const FlowRule& rule) {
  const FlowState& state = seen_before();
  switch (rule.kind) {
    case FlowRule::Kind::After:
      if (came_after(rule, state, input_.now)) return rule.message;
      return std::nullopt;
    case FlowRule::Kind::Count:
      if (state.unknown || calls_so_far(rule, state) >= rule.calls_max) return rule.message;
      return std::nullopt;
    case FlowRule::Kind::Same: break;
  }
  auto value = same_value(rule);
  if (!value) return rule.unmet_message;
  const FlowBinding* first = state.binding(rule.same_id);
  if (first == nullptr && !state.unknown) {
    scratch_.bound.push_back({rule.same_id, std::move(*value)});
    return std::nullopt;
  }
  if (first == nullptr || first->value != *value) return rule.message;
  return std::nullopt;
}

// All rules that deny, or all that ask. True: the call is refused.
bool Walk::flows(bool asks) {
  for (const FlowRule& rule : program_.flows) {
    if (rule.asks != asks) continue;
    bool shadow = rule.shadow || program_.shadow;
    if (supposed_ && input_.flow == nullptr) {  // what went before is not known: nothing is guessed
      if (!speaks_of_call(rule)) continue;
      Doubt doubt{asks ? Doubt::Layer::Ask : Doubt::Layer::DenyIf, rule.pointer, rule.line, "what the session had seen", {}};
      if (trace_) trace_->doubt(doubt, nullptr, reader_);
      if (!shadow) supposed_->doubts.push_back(doubt);
      continue;
    }
    auto words = speaks_of_call(rule) ? in_the_way(rule) : std::nullopt;
    if (trace_) {
      std::string_view outcome = !words ? "not matched" : !shadow ? "matched" : asks ? "would ask (shadow)" : "would deny (shadow)";
      trace_->fact("flows", rule.pointer, rule.line, describe_flow(program_, rule), outcome);
    }
    if (!words) continue;
    if (asks) wants_person(rule, *words);
    else if (deny("policy.flow", *words, rule.pointer, rule.line, rule.shadow)) return true;
  }
  return false;
}

void Walk::end_flow() {
  if (refused_) {
    scratch_.labels.clear();
    scratch_.bound.clear();
    return;
  }
  decision_.spotlight = std::ranges::any_of(
      scratch_.labels, [&](std::string_view label) { return std::ranges::find(program_.spotlight, label) != program_.spotlight.end(); });
  decision_.flow = {scratch_.labels, scratch_.flow_tool, scratch_.bound, true};
}

}  // namespace callgate::policy
