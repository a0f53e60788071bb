#pragma once
// The policy engine (design section 5; T-20 to T-25, T-28, T-29). Pure: no store, no clock, no I/O.
// A Policy is compiled once from its document and never changes; decide() does not allocate once the Scratch is warm.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/result.h"
#include "json/document.h"
#include "model/entities.h"
#include "model/record.h"
#include "policy/flow.h"
#include "policy/inspect.h"
#include "policy/seen.h"

namespace callgate::policy {

// Where in the document, and what to do about it. Shown alike in CLI, API, console.
struct Problem {
  std::string pointer;  // JSON pointer: /tools/refund_payment/deny_if/0/conditions/0/op
  std::uint32_t line = 0, column = 0;
  std::string message;   // lower case, with the fix
  bool warning = false;  // warnings do not refuse the document
};

enum class Window : std::uint8_t { Minute, Hour, Day };
enum class WindowKind : std::uint8_t { Calendar, Sliding, TokenBucket };  // calendar: UTC
enum class Scope : std::uint8_t { Global, Server, Policy, Grant, Principal, Tool, Session };

// One limit this call would consume. `key` names the counter with its scope id; same name and scope = same counter, across tools.
struct Claim {
  std::string_view key;
  std::string_view counter;
  Scope scope{};
  Window window{};
  WindowKind kind{};
  Decimal max;
  Decimal amount;
  std::string_view rule;  // JSON pointer
  std::uint32_t line = 0;
  std::string_view on_deny;  // message when it is full; empty: a standard one
  bool shadow = false;       // counted and reported, never blocks
};

// What a person has to be asked before the call may pass: all ask rules that hold, combined to the strictest.
struct Ask {
  std::span<const std::string_view> roles;  // each must be held by one of those who say yes; empty: any approver will do
  std::span<const std::string_view> rules;  // JSON pointers of the ask rules that hold
  std::uint32_t approvers = 1;              // how many different people must say yes
  std::chrono::seconds expires{900};        // to decide in, and again to use the decision in
  bool self = false;                        // the caller may be the one who decides
};

// What a decision may look at. Views must outlive decide().
struct Input {
  std::string_view method;  // tools/call, resources/read ...
  std::string_view tool;    // tool name, or prompt name, or resource URI
  json::Value arguments;    // an object; missing counts as {}
  const Principal* principal = nullptr;
  const Grant* grant = nullptr;
  const Server* server = nullptr;
  std::string_view session_id;
  std::string_view client;
  std::string_view stated_reason;
  std::string_view tool_risk;       // empty until classified
  const FlowState* flow = nullptr;  // what the session has seen; null: nothing
  WallTime now{};
};

// Working memory of one decision; reuse it, one per thread or call.
struct Scratch {
  std::vector<Claim> claims;
  std::vector<ShadowFinding> shadow;
  std::string keys;  // backs Claim::key
  std::string text;
  // The policy's own notes.
  std::vector<std::uint32_t> entries;
  std::vector<Slot> slots;
  std::vector<std::string_view> ask_roles, ask_rules;
  std::vector<std::string_view> labels;          // of this call
  std::vector<FlowBinding> bound;                // what it would bind
  json::Document session_labels, session_tools;  // as conditions read them
  std::string session_calls, flow_tool;
  std::uint64_t turn = 0;
};

struct Decision {
  Effect effect = Effect::Deny;
  std::string_view reason;   // policy.hidden, .require, .deny_if, .default, .reason_required, .limit_amount, .method, .tool_name,
                             // .error; policy.ask; "ok" when allowed
  std::string_view message;  // on_deny verbatim, or a standard sentence that says what to do
  std::string_view rule;     // JSON pointer of what decided; views live as long as the Policy or Scratch
  std::uint32_t line = 0;
  std::span<const Claim> claims;  // to reserve, all or none; empty when denied
  Ask ask;                        // when the effect is Ask: claims are to be reserved once a person has said yes
  std::span<const ShadowFinding> shadow;
  bool spotlight = false;  // the texts of the answer are to be marked as data
  FlowStep flow;           // what the session has seen once the call is sent; views live as long as the Policy and Scratch
};

struct Supposition;  // suppose.h

// One line per rule looked at, for `policy explain`, the simulator and error help. Allocates; not for the data path.
struct Step {
  std::string pointer;
  std::uint32_t line = 0;
  std::string layer;      // hide | require | deny_if | flows | ask | limits | default | inspect
  std::string condition;  // "args.amount gt 1000"
  std::string input;      // the value seen, quoted, at most 80 characters; "(missing)"
  std::string outcome;    // matched | not matched | failed | unknown | would deny (shadow) | would ask (shadow)
};
struct Explanation {
  Effect effect{};
  std::string reason, message, rule;
  std::uint32_t line = 0;
  std::vector<Step> steps;
  std::vector<std::string> roles;  // effect Ask: who has to say yes
  std::uint32_t approvers = 0;
  std::chrono::seconds expires{0};
};

struct TestResult {
  std::string pointer;
  std::uint32_t line = 0;
  bool passed = false;
  std::string message;  // expected X by RULE, got Y by RULE
};

class Policy {
 public:
  // Parses, checks and compiles YAML or JSON. Nothing is ever half applied: on any error all problems are returned and no Policy.
  struct Compiled {
    std::shared_ptr<const Policy> policy;
    std::vector<Problem> problems;
  };
  static Compiled compile(std::string_view name, std::int64_t version, std::string_view text);

  Decision decide(const Input& input, Scratch& scratch) const;
  // Listing and calling ask the same question: true when a tools/list must not show it, and a call is answered as unknown.
  bool hides(std::string_view tool) const;
  // May this caller use the method at all (resources/read, prompts/get, completion/complete ...)? Lifecycle methods always; others by
  // `methods`, else default.
  bool allows_method(std::string_view method) const;
  Explanation explain(const Input& input, Supposition* supposed = nullptr) const;
  // decide() for a call of which not everything is known: the doubts say what could still turn the decision.
  Decision suppose(const Input& input, Supposition& supposed, Scratch& scratch) const;
  std::optional<std::chrono::seconds> longest_window() const;  // of all limits; nothing: the document has none
  // Inspection (inspect.h). Which packs are to look at this call's arguments or results; 0: none. Without a
  // method it is not known which call it belongs to: every block of the document counts. Does not allocate.
  inspection::PackMask inspects(std::string_view method, std::string_view tool, Direction way) const;
  inspection::PackMask inspected_packs() const;  // of the whole document: what a scanner must know
  bool inspects_any(Direction way) const;
  // What becomes of the call or its answer. The findings must come from such a scan.
  InspectVerdict judge(std::string_view method, std::string_view tool, Direction way, const inspection::Findings& findings) const;

  std::vector<TestResult> run_tests() const;  // the document's `tests` block; limits count within one run

  const std::string& name() const;
  std::int64_t version() const;
  bool requires_reason() const;
  bool shadow() const;  // the whole document is in shadow mode
  bool tracks() const;  // it has labels or flows, or reads what the session has seen: calls are to be noted
  FlowScope flow_scope() const;
  Effect default_effect() const;
  std::vector<std::string_view> approver_roles() const;  // named by any ask rule, each once
  ~Policy();

 private:
  Policy();
  struct Inner;
  std::unique_ptr<Inner> inner_;
  friend struct Compiler;
};

std::string_view json_schema();                                          // JSON Schema 2020-12 of the document
std::string diff(std::string_view old_text, std::string_view new_text);  // unified, three lines of context
std::string format_problems(std::span<const Problem> problems, std::string_view file);

}  // namespace callgate::policy
