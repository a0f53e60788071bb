#include "gateway/definitions.h"

namespace callgate::gateway {
namespace {

using policy::Direction;
using policy::InspectAction;
using policy::InspectVerdict;

constexpr std::size_t kToolsMax = 1'000;  // of one server under one policy

}  // namespace

std::optional<std::string> shown_definition(const Inspector& with, const policy::Policy& policy, std::string_view tool,
                                            json::Value definition) {
  if (policy.inspects("tools/call", tool, Direction::Results) == 0) return std::string();
  const inspection::Scanner* scanner = with.snapshot.inspection->scanner(policy);
  if (scanner == nullptr || !definition.exists()) return std::nullopt;  // what cannot be looked at is not shown
  inspection::Findings& findings = with.findings;
  const auto look = [&](json::Value value) {
    findings.clear();
    if (value.raw().size() > with.bytes_max) findings.add_cap("size");
    else scanner->scan_value(value, findings, with.snapshot.inspection->known());
    return policy.judge("tools/call", tool, Direction::Results, findings);
  };
  const InspectVerdict verdict = look(definition);
  if (verdict.refuses()) return std::nullopt;
  if (!verdict.redacts()) return std::string();
  const inspection::Finding* first = findings.all().data();
  std::string clean = inspection::redact_value(definition, findings, [&](const inspection::Finding& one) {
    return verdict.actions[static_cast<std::size_t>(&one - first)] == InspectAction::Redact;
  });
  json::Document again;
  if (!again.parse(clean, {.bytes_max = 64 * 1024 * 1024}) || look(again.root()).action >= InspectAction::Redact) return std::nullopt;
  return clean;
}

bool DefinitionMemo::withheld(const std::shared_ptr<const Snapshot>& snapshot, const Inspector& with, const Visibility& who,
                              std::string_view tool) {
  if (who.policy->inspects("tools/call", tool, Direction::Results) == 0) return false;
  const catalog::ToolText* text = who.server->text(tool);
  if (text == nullptr) return false;  // no probe has seen it: what lists show of it is looked at as they pass
  if (of_ != snapshot) {
    of_ = snapshot;
    known_.clear();
  }
  auto [known, fresh] = known_[who.policy].try_emplace(text, true);
  if (!fresh) return known->second;
  json::Document definition;
  if (!definition.parse(text->definition)) return true;
  return known->second = !shown_definition(with, *who.policy, tool, definition.root());
}

void WithheldTools::note(std::string_view server_id, const policy::Policy& policy, std::string_view tool, bool withheld) {
  if (!withheld && !any_.load(std::memory_order_acquire)) return;
  std::lock_guard lock(mutex_);
  const std::pair<std::string, std::string> key(server_id, policy.name());
  if (!withheld && !known_.contains(key)) return;
  Of& of = known_[key];
  if (of.version != policy.version()) of = Of{policy.version(), {}, false};
  if (!withheld) {
    if (auto found = of.tools.find(tool); found != of.tools.end()) of.tools.erase(found);
  } else if (of.tools.size() < kToolsMax) {
    of.tools.emplace(tool);
  } else {
    of.all = true;
  }
  any_.store(true, std::memory_order_release);
}

bool WithheldTools::about(std::string_view server_id, const policy::Policy& policy, std::string_view tool) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  std::lock_guard lock(mutex_);
  auto found = known_.find({std::string(server_id), policy.name()});
  if (found == known_.end() || found->second.version != policy.version()) return false;
  return found->second.all || found->second.tools.contains(tool);
}

}  // namespace callgate::gateway
