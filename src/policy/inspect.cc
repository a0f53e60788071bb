// Judges what an inspection found. Rare enough to allocate; whether there is anything to inspect at all is asked on every call and is not.

#include "policy/inspect.h"

#include <algorithm>

#include "policy/program.h"

namespace callgate::policy {
namespace {

using inspection::Confidence;
using inspection::Finding;
using inspection::Pack;
using inspection::PackMask;

// The blocks that speak of one call, nearest first; of the tool's own entries there may be several.
template <class Fn> void each_level(const Program& program, std::string_view method, std::string_view tool, Fn fn) {
  auto own = [&](auto take) {
    if (method.empty()) {
      for (const InspectBlock& block : program.inspects) take(block);
      return;
    }
    auto entry = [&](const Entry& one) {
      if (one.inspect) take(program.inspects[*one.inspect]);
    };
    if (method == "tools/call") {
      if (auto plan = program.plans.find(tool); plan != program.plans.end()) {
        for (auto i : plan->second) entry(program.entries[i]);
      } else {
        for (auto i : program.globs)
          if (program.entries[i].inspect && glob_match(program.entries[i].name, tool)) entry(program.entries[i]);
      }
      return;
    }
    for (const Named& named : program.methods)
      if (named.conditions && (named.glob ? glob_match(named.name, method) : named.name == method))
        entry(program.method_entries[*named.conditions]);
  };
  auto one = [&](const std::optional<std::uint32_t>& at) {
    return [&program, at](auto take) {
      if (at) take(program.inspects[*at]);
    };
  };
  fn(own);
  if (method == "tools/call") fn(one(program.all_tools.inspect));
  fn(one(program.inspect));
}

struct Choice {
  const InspectWord* word = nullptr;
  bool shadow = false;
  void take(const InspectWord& other, bool in_shadow) {
    if (word != nullptr && other.action <= word->action) return;
    word = &other;
    shadow = in_shadow;
  }
};

// Which line speaks of this rule. The nearest level that says anything settles it, rules before packs.
Choice choose(const Program& program, std::string_view method, std::string_view tool, Direction way, const Finding& finding) {
  Choice by_rule, by_pack;
  each_level(program, method, tool, [&](auto blocks) {
    Choice rule, pack;
    blocks([&](const InspectBlock& block) {
      const auto& words = block.ways[static_cast<std::size_t>(way)];
      for (const auto& of_rule : words.rules)
        if (of_rule.rule->id == finding.rule) rule.take(of_rule.word, block.shadow);
      if (const auto& word = words.packs[static_cast<std::size_t>(finding.pack)]) pack.take(*word, block.shadow);
    });
    if (by_rule.word == nullptr) by_rule = rule;
    if (by_pack.word == nullptr) by_pack = pack;
  });
  return by_rule.word != nullptr ? by_rule : by_pack;
}

// What was not looked at costs what the strictest of the packs would have: it cannot be redacted, so that is a no.
Choice choose_cap(const Program& program, std::string_view method, std::string_view tool, Direction way, const Finding& finding,
                  InspectAction& action) {
  Choice best = choose(program, method, tool, way, finding);
  if (best.word != nullptr) return action = best.word->action, best;
  for (std::size_t i = 0; i < inspection::kPacks; ++i) {
    Finding of_pack;
    of_pack.pack = static_cast<Pack>(i);
    Choice one = choose(program, method, tool, way, of_pack);
    if (one.word != nullptr && one.word->action != InspectAction::Off) best.take(*one.word, one.shadow);
  }
  if (best.word == nullptr) return best;
  action = best.word->action == InspectAction::Redact ? InspectAction::Deny : best.word->action;
  return best;
}

Confidence threshold(const Program& program, std::string_view method, std::string_view tool) {
  std::optional<Confidence> least;
  each_level(program, method, tool, [&](auto blocks) {
    std::optional<Confidence> here;
    blocks([&](const InspectBlock& block) {
      if (block.confidence) here = here ? std::min(*here, *block.confidence) : *block.confidence;
    });
    if (!least) least = here;
  });
  return least.value_or(Confidence::Medium);
}

std::string message_of(Direction way, InspectAction action, const inspection::Findings& findings, const Finding& finding) {
  const inspection::Rule* rule = inspection::find_rule(finding.rule);
  std::string out = way == Direction::Arguments ? (action == InspectAction::Ask ? "The call holds " : "Blocked by policy: the call holds ")
                                                : "Withheld by policy: the server's answer holds ";
  if (finding.pack == Pack::Inspection) {
    out = way == Direction::Arguments ? "Blocked by policy: the call could not be inspected in full: "
                                      : "Withheld by policy: the server's answer could not be inspected in full: ";
  }
  out += rule != nullptr ? rule->description : finding.rule;
  std::string place = inspection::shown_place(findings, finding);
  if (!place.empty()) out += " at " + place;
  if (!finding.via.empty()) out += ", hidden by " + finding.via;
  (out += " (") += finding.rule;
  out += "). ";
  if (way == Direction::Results) return out += "The call itself was made: do not repeat it to see the answer.";
  if (rule != nullptr && !rule->suggestion.empty()) {
    std::string advice(rule->suggestion);
    if (advice[0] >= 'a' && advice[0] <= 'z') advice[0] = static_cast<char>(advice[0] - 32);
    out += advice + ". ";
  }
  if (action == InspectAction::Ask) return out += "A person must approve such a call.";
  return out += "Do not retry with the same arguments.";
}

}  // namespace

bool InspectVerdict::redacts() const { return std::find(actions.begin(), actions.end(), InspectAction::Redact) != actions.end(); }

PackMask Policy::inspects(std::string_view method, std::string_view tool, Direction way) const {
  const Program& program = inner_->program;
  if (program.inspect_packs[static_cast<std::size_t>(way)] == 0) return 0;
  PackMask wanted = 0, settled = 0;
  each_level(program, method, tool, [&](auto blocks) {
    PackMask on = 0, off = 0;
    blocks([&](const InspectBlock& block) {
      const auto& words = block.ways[static_cast<std::size_t>(way)];
      on |= words.on;
      off |= words.off;
      wanted |= words.by_rule;
    });
    wanted |= static_cast<PackMask>(on & ~settled);
    settled |= on | off;
  });
  return wanted;
}

PackMask Policy::inspected_packs() const { return inner_->program.inspect_packs[0] | inner_->program.inspect_packs[1]; }

bool Policy::inspects_any(Direction way) const { return inner_->program.inspect_packs[static_cast<std::size_t>(way)] != 0; }

InspectVerdict Policy::judge(std::string_view method, std::string_view tool, Direction way, const inspection::Findings& findings) const {
  const Program& program = inner_->program;
  InspectVerdict out;
  if (findings.empty()) return out;
  Confidence least = threshold(program, method, tool);
  const Finding* deciding = nullptr;
  out.actions.reserve(findings.all().size());
  for (const Finding& finding : findings.all()) {
    InspectAction action = InspectAction::Off;
    Choice choice = finding.pack == Pack::Inspection ? choose_cap(program, method, tool, way, finding, action)
                                                     : choose(program, method, tool, way, finding);
    if (choice.word != nullptr && finding.pack != Pack::Inspection) action = choice.word->action;
    if (finding.confidence < least) action = std::min(action, InspectAction::Flag);
    if (action > InspectAction::Flag && (choice.shadow || program.shadow)) {
      const inspection::Rule* rule = inspection::find_rule(finding.rule);
      out.shadow.push_back({choice.word->pointer, rule != nullptr ? rule->description : finding.rule});
      action = InspectAction::Flag;
    }
    if (action == InspectAction::Redact && finding.begin == finding.end) action = InspectAction::Deny;  // nothing that could be cut out
    out.actions.push_back(action);
    if (action <= out.action) continue;
    out.action = action;
    out.rule = finding.rule;
    out.pointer = choice.word->pointer;
    out.line = choice.word->line;
    deciding = &finding;
  }
  if (out.refuses()) out.message = message_of(way, out.action, findings, *deciding);
  return out;
}

}  // namespace callgate::policy
