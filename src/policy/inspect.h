#pragma once
// What a policy has inspected, and what a finding costs (the `inspect` blocks). Compiled with the rest; holds no scanner and looks at no
// text: the gateway scans, the policy judges what was found. A line for a rule wins over one for its pack; of the same kind the nearest
// wins: the tool's, all_tools', the document's; of several entries that match a tool, the strictest.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inspection/inspection.h"
#include "model/record.h"

namespace callgate::policy {

enum class Direction : std::uint8_t { Arguments, Results };
enum class InspectAction : std::uint8_t { Off, Flag, Redact, Ask, Deny };  // by strength
std::string_view inspect_action_name(InspectAction action);

struct InspectVerdict {
  InspectAction action = InspectAction::Off;  // the strongest of all findings; Off: nothing counts
  std::string_view rule;                      // id of the finding that asks for it
  std::string_view pointer;                   // the line of the document that says so; lives as long as the Policy
  std::uint32_t line = 0;
  std::string message;                 // for the caller when it is Ask or Deny: what, where, what to do instead; never the value
  std::vector<InspectAction> actions;  // beside the findings: what each of them alone would cost
  std::vector<ShadowFinding> shadow;   // what would have been done, were it not for shadow mode
  bool redacts() const;                // some finding is to be cut out, whatever else is to be done
  bool refuses() const { return action >= InspectAction::Ask; }
};

// One `inspect` block.
struct InspectWord {
  InspectAction action = InspectAction::Off;
  std::string pointer;
  std::uint32_t line = 0;
};
struct InspectBlock {
  struct OfRule {
    const inspection::Rule* rule = nullptr;
    InspectWord word;
  };
  struct OneWay {
    std::array<std::optional<InspectWord>, inspection::kPacks> packs;
    std::vector<OfRule> rules;
    inspection::PackMask on = 0, off = 0, by_rule = 0;  // packs named with an action; named off; with a rule that has an action
  };
  std::array<OneWay, 2> ways;  // by Direction
  std::optional<inspection::Confidence> confidence;
  bool shadow = false;
  std::uint32_t line = 0;
};

}  // namespace callgate::policy
