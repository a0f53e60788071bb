// What a walk does where something is not known: the one place where what may be and what is are told apart. The walk is decide.cc's.
#include "policy/suppose.h"

#include <utility>

#include "policy/possible.h"
#include "policy/walk.h"

namespace callgate::policy {

// `truth` becomes one the rule may have when all it may have come to the same; else the rule is noted, and false returned.
bool Walk::settled(Doubt::Layer layer, const Rule& rule, bool ignore_missing, Truth& truth) {
  Possible possible(program_, input_, supposed_->unknown, reader_);
  Truths truths = possible.all_hold(rule.begin, rule.end);
  bool acts = false, passes = false, found = false;
  for (Truth one : {Truth::True, Truth::False, Truth::Mistyped, Truth::Missing}) {
    if (!may_be(truths, one)) continue;
    bool holds = one == Truth::True || one == Truth::Mistyped || (one == Truth::Missing && !ignore_missing);
    (layer == Doubt::Layer::Require ? one != Truth::True : holds) ? acts = true : passes = true;
    if (!std::exchange(found, true)) truth = one;
  }
  if (!acts || !passes) return true;
  Doubt doubt{layer, rule.pointer, rule.line, possible.unseen(), {}};
  if (trace_) trace_->doubt(doubt, &rule, reader_);
  if (!rule.shadow && !program_.shadow) supposed_->doubts.push_back(doubt);
  return false;
}

bool Walk::amount_known(const Limit& limit, Seen& seen) {
  Possible possible(program_, input_, supposed_->unknown, reader_);
  if (possible.known_number(*limit.increment_from, seen)) return true;
  Doubt doubt{Doubt::Layer::Amount, limit.pointer, limit.line, possible.unseen(), limit.counter};
  if (trace_) trace_->doubt(doubt, nullptr, reader_);
  if (!limit.shadow && !program_.shadow) supposed_->doubts.push_back(doubt);
  return false;
}

Decision Policy::suppose(const Input& input, Supposition& supposed, Scratch& scratch) const {
  supposed.doubts.clear();
  return Walk(inner_->program, input, scratch, nullptr, &supposed).run();
}

std::optional<std::chrono::seconds> Policy::longest_window() const {
  std::optional<Window> longest;
  auto look = [&](const Entry& entry) {
    for (const Limit& limit : entry.limits)
      if (!longest || limit.window > *longest) longest = limit.window;
  };
  const Program& program = inner_->program;
  look(program.all_tools);
  for (const Entry& entry : program.entries) look(entry);
  for (const Entry& entry : program.method_entries) look(entry);
  if (!longest) return std::nullopt;
  constexpr std::int64_t kSeconds[] = {60, 3'600, 86'400};
  return std::chrono::seconds(kSeconds[static_cast<std::size_t>(*longest)]);
}

}  // namespace callgate::policy
