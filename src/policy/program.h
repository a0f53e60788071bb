#pragma once
// A compiled document: flat arrays of conditions, rules by layer, tools by hash. Immutable; shared by all threads.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/decimal.h"
#include "policy/document.h"
#include "policy/operators.h"
#include "policy/paths.h"
#include "policy/policy.h"

namespace callgate::policy {

// One node of a condition tree, laid out in reading order: the children of a group follow it up to `end`.
struct Condition {
  enum class Kind : std::uint8_t { Leaf, AllOf, AnyOf, Not, EachAny, EachAll, EachNone };
  Kind kind = Kind::Leaf;
  Op op = Op::Eq;
  std::uint32_t end = 0;       // index after this node and all below it
  std::uint32_t path = 0;      // leaf and each_*: index into Program::paths
  std::uint32_t constant = 0;  // leaf: index into Program::constants
  // lt, lte, gt, gte with a whole constant: the whole numbers between which it holds, so that most judgements are two comparisons.
  bool ranged = false;
  std::int64_t low = 0, high = 0;
};

struct Rule {
  std::uint32_t begin = 0, end = 0;  // conditions, all of which must hold
  std::string pointer;
  std::uint32_t line = 0;
  std::string message;        // on_deny, or the standard sentence
  std::string unmet_message;  // the same when a value is missing or mistyped
  bool shadow = false;
  bool ignore_missing = false;  // deny_if and ask
};

struct AskRule : Rule {  // message: on_ask, or the standard sentence
  std::string role;
  std::uint32_t approvers = 1;
  std::chrono::seconds expires{900};
  bool self = false;
};

struct LabelRule {  // the call carries the label when the conditions hold, or cannot be judged
  std::string label;
  std::uint32_t begin = 0, end = 0;
  std::string pointer;
  std::uint32_t line = 0;
};

// A rule over the calls of a session, one of three: `then` is refused after `after`; all calls say the same; at most so many calls.
struct FlowRule : AskRule {
  enum class Kind : std::uint8_t { After, Same, Count };
  Kind kind = Kind::After;
  bool asks = false;  // else it denies
  std::string name;
  std::vector<std::string> after_labels, after_tools;  // all of the labels were seen, and one of the tools was called
  std::chrono::seconds within{0};                      // 0: ever
  std::vector<std::string> labels, tools;              // the calls it speaks of: any of these; neither: all
  std::vector<std::uint32_t> same;                     // indices into Program::paths
  std::string same_id;                                 // under which the first value is kept
  std::uint64_t calls_max = 0;
};

struct Limit {
  std::string counter;
  Window window = Window::Minute;
  WindowKind kind = WindowKind::Calendar;
  Scope scope = Scope::Grant;
  Decimal max;
  Decimal increment;
  std::optional<std::uint32_t> increment_from;  // index into Program::paths
  std::string suffix;                           // ":counter:window:kind", with ":shadow" for those that only watch
  std::string pointer;
  std::uint32_t line = 0;
  std::string on_deny;
  std::string amount_message;  // the increment cannot be used
  bool shadow = false;
};

struct Entry {       // all_tools, or one key below tools
  std::string name;  // exact name or glob
  std::string pointer;
  std::uint32_t line = 0;
  std::optional<bool> allow;
  std::uint32_t allow_line = 0;
  std::string allow_pointer;
  std::vector<Rule> require, deny_if;
  std::vector<AskRule> ask;
  std::vector<Limit> limits;
  std::vector<LabelRule> labels;
  std::optional<std::uint32_t> inspect;  // index into Program::inspects
};

struct Named {  // a line of `hide` or `methods`
  std::string name;
  std::string pointer;
  std::uint32_t line = 0;
  bool glob = false;
  bool allow = false;                       // methods only
  std::optional<std::uint32_t> conditions;  // methods only: index into Program::method_entries, when it has rules of its own
};

struct TestCase {
  std::string pointer;
  std::uint32_t line = 0;
  std::string call, args_json;
  Effect expect = Effect::Deny;
  std::string rule, message, finding;  // empty: any
  Principal principal;
  Grant grant;
  Server server;
  std::string session_id, client, risk, reason;
  WallTime at{};
  std::uint32_t repeat = 1;
  std::vector<std::string> labels, called;  // what the session has seen before; `called` as they would be written below `after`
  std::int64_t calls = 0;
  std::vector<TestCase> after;  // calls that went before
};

struct Program {
  std::string name;
  std::int64_t version = 0;
  Effect fallback = Effect::Deny;
  std::uint32_t fallback_line = 1;
  bool shadow = false;
  bool require_reason = false;
  std::uint32_t require_reason_line = 0;

  std::vector<Named> hides;                                    // in document order
  std::unordered_map<std::string_view, std::uint32_t> hidden;  // exact names -> hides
  std::vector<std::uint32_t> hide_globs;
  std::vector<Named> methods;
  std::vector<Entry> method_entries;
  Entry all_tools;
  std::vector<Entry> entries;                                              // in document order
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> plans;  // exact name -> all entries that apply, in document order
  std::vector<std::uint32_t> globs;
  std::vector<InspectBlock> inspects;
  std::optional<std::uint32_t> inspect;                 // the document's own
  std::array<inspection::PackMask, 2> inspect_packs{};  // by Direction: of all blocks
  std::vector<TestCase> tests;
  std::vector<FlowRule> flows;
  FlowScope flow_scope = FlowScope::Grant;
  std::vector<std::string> spotlight;  // labels
  bool tracks = false;                 // has labels or flows, or reads session.labels, .tools or .calls

  std::vector<Condition> conditions;
  std::vector<Path> paths;
  std::vector<Constant> constants;

  const Named* hidden_by(std::string_view tool) const;
  const Named* method_rule(std::string_view method) const;  // the denying one when several match
};

struct Policy::Inner {
  Program program;
};

// Methods every session needs; no document can switch them off.
bool lifecycle_method(std::string_view method);
// What a server asks of the client, instead of the other way round: off unless a line of `methods` allows it, whatever the default (T-50).
bool asked_of_client(std::string_view method);
// Names that may be called at all: printable ASCII, no space at either end, 1 to 256 bytes (T-20).
bool plain_tool_name(std::string_view name);

inline Truth leaf_holds(const Program& program, const Condition& leaf, Reader& reader, json::Value element) {
  const Seen& seen = reader.read(leaf.path, element);
  if (leaf.ranged && seen.whole) return leaf.low <= seen.number && seen.number <= leaf.high ? Truth::True : Truth::False;
  return judge(leaf.op, program.constants[leaf.constant], seen);
}

// All conditions of [begin, end), Kleene logic: False beats Mistyped beats Missing beats True.
Truth all_hold(const Program& program, std::uint32_t begin, std::uint32_t end, Reader& reader, json::Value element = {});

// Nearly every rule is one leaf.
inline Truth rule_holds(const Program& program, const Rule& rule, Reader& reader) {
  const Condition& first = program.conditions[rule.begin];
  if (rule.end == rule.begin + 1 && first.kind == Condition::Kind::Leaf) return leaf_holds(program, first, reader, {});
  return all_hold(program, rule.begin, rule.end, reader);
}

}  // namespace callgate::policy
