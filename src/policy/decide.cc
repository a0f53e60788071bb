#include <algorithm>

#include "base/crypto.h"
#include "policy/walk.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kScopes[] = {"global:", "server:", "policy:", "grant:", "principal:", "tool:", "session:"};

constexpr std::string_view kHiddenMessage = "Unknown tool. List the tools again and use one of those.";
constexpr std::string_view kNameMessage =
    "Blocked by policy: this is no tool name. Use a name from the tools list exactly as it is written there.";
constexpr std::string_view kArgumentsMessage = "Blocked by policy: arguments must be an object. Send the call again with an object.";
constexpr std::string_view kReasonMessage = "Blocked by policy: this call needs a reason. Say why the call is made and send it again.";
constexpr std::string_view kAllowMessage = "Blocked by policy: this tool may not be called. Do not retry; ask the owner of the policy.";
constexpr std::string_view kDefaultMessage =
    "Blocked by policy: this tool is not among those the policy allows. Do not retry; ask the owner of the policy.";
constexpr std::string_view kMethodMessage =
    "Blocked by policy: this method is not among those the policy allows. Do not retry; ask the owner of the policy.";
constexpr std::string_view kScopeMessage = "Blocked by policy: a limit cannot be counted because the call lacks what it counts by.";
constexpr std::string_view kEffectWords[] = {"allow", "deny", "ask"};

bool is_call(std::string_view method) { return method == "tools/call"; }

}  // namespace

Decision Policy::decide(const Input& input, Scratch& scratch) const { return Walk(inner_->program, input, scratch, nullptr).run(); }

bool Policy::hides(std::string_view tool) const { return !inner_->program.shadow && inner_->program.hidden_by(tool) != nullptr; }

bool Policy::allows_method(std::string_view method) const {
  const Program& program = inner_->program;
  if (is_call(method) || lifecycle_method(method)) return true;
  if (method.empty()) return false;
  const Named* rule = program.method_rule(method);
  if (asked_of_client(method)) return rule != nullptr && rule->allow;  // shadow mode loosens nothing here: it was never open
  if (program.shadow) return true;
  return rule != nullptr ? rule->allow : program.fallback == Effect::Allow;
}

Decision Walk::run() {
  scratch_.claims.clear();
  scratch_.shadow.clear();
  scratch_.keys.clear();
  scratch_.entries.clear();
  scratch_.ask_roles.clear();
  scratch_.ask_rules.clear();
  decision_.effect = Effect::Allow;
  decision_.reason = "ok";
  if (tracked_ = tracked(); tracked_) {
    scratch_.labels.clear();
    scratch_.bound.clear();
    scratch_.flow_tool.clear();
    begin_flow();
  }
  if (is_call(input_.method)) decide_tool();
  else decide_method();
  if (tracked_) end_flow();
  if (refused_) scratch_.claims.clear();
  else if (!scratch_.ask_rules.empty()) hold();
  decision_.claims = scratch_.claims;
  decision_.shadow = scratch_.shadow;
  return decision_;
}

// Returns whether the walk ends here. A denial in shadow is noted and the walk goes on.
bool Walk::deny(std::string_view reason, std::string_view message, std::string_view rule, std::uint32_t line, bool shadow) {
  if (shadow || program_.shadow) {
    scratch_.shadow.push_back({rule, message});
    return false;
  }
  refused_ = true;
  decision_.effect = Effect::Deny;
  decision_.reason = reason;
  decision_.message = message;
  decision_.rule = rule;
  decision_.line = line;
  return true;
}

void Walk::decide_method() {
  if (lifecycle_method(input_.method)) return;
  const Named* rule = input_.method.empty() ? nullptr : program_.method_rule(input_.method);
  bool open = program_.fallback == Effect::Allow && !asked_of_client(input_.method);
  bool allow = !input_.method.empty() && (rule ? rule->allow : open);
  std::string_view pointer = rule ? std::string_view(rule->pointer) : "/default";
  std::uint32_t line = rule ? rule->line : program_.fallback_line;
  if (trace_) trace_->fact("methods", pointer, line, rule ? std::string_view(rule->name) : "default", kEffectWords[allow ? 0 : 1]);
  if (!allow && asked_of_client(input_.method)) {
    refused_ = true;
    decision_.effect = Effect::Deny;
    decision_.reason = "policy.method";
    decision_.message = kMethodMessage;
    decision_.rule = pointer;
    decision_.line = line;
    return;
  }
  if (!allow && deny("policy.method", kMethodMessage, pointer, line, false)) return;
  judge_method();
}

// The rules and limits of every line that names the method; `args` are its params.
void Walk::judge_method() {
  auto each = [&](auto judge) {
    for (const Named& named : program_.methods) {
      if (!named.conditions || (named.glob ? !glob_match(named.name, input_.method) : named.name != input_.method)) continue;
      if (judge(program_.method_entries[*named.conditions])) return true;
    }
    return false;
  };
  if (each([&](const Entry& entry) { return require(entry); })) return;
  if (each([&](const Entry& entry) { return deny_if(entry); })) return;
  if (tracked_) {
    each([&](const Entry& entry) { return label(entry), false; });
    if (flows(false)) return;
  }
  each([&](const Entry& entry) { return ask(entry); });
  if (tracked_) flows(true);
  std::size_t size = 0;
  each([&](const Entry& entry) {
    size += keys_bound(entry);
    return false;
  });
  if (scratch_.keys.capacity() < size) scratch_.keys.reserve(size);
  each([&](const Entry& entry) { return claim(entry); });
}

void Walk::decide_tool() {
  if (!fundamentals() || hidden_or_silent()) return;
  gather();
  if (each_entry([&](const Entry& entry) { return require(entry); })) return;
  if (each_entry([&](const Entry& entry) { return deny_if(entry); })) return;
  if (tracked_) {
    each_entry([&](const Entry& entry) { return label(entry), false; });
    if (flows(false)) return;
  }
  each_entry([&](const Entry& entry) { return ask(entry); });
  if (tracked_) flows(true);
  reserve_keys();
  if (each_entry([&](const Entry& entry) { return claim(entry); })) return;
  if (!scratch_.entries.empty()) return;
  bool allow = program_.fallback == Effect::Allow;
  if (trace_)
    trace_->fact("default", "/default", program_.fallback_line, "the tool is not listed below `tools`", kEffectWords[allow ? 0 : 1]);
  if (!allow) deny("policy.default", kDefaultMessage, "/default", program_.fallback_line, false);
}

// What no document can switch off, shadow mode included (T-10, T-20).
bool Walk::fundamentals() {
  std::string_view message;
  if (!plain_tool_name(input_.tool)) message = kNameMessage, decision_.reason = "policy.tool_name";
  else if (input_.arguments.exists() && !input_.arguments.is_object()) message = kArgumentsMessage, decision_.reason = "policy.error";
  if (message.empty()) return true;
  refused_ = true;
  decision_.effect = Effect::Deny;
  decision_.message = message;
  if (trace_) trace_->fact("call", "", 0, message, "failed");
  return false;
}

bool Walk::hidden_or_silent() {
  if (const Named* by = program_.hidden_by(input_.tool)) {
    if (trace_) trace_->fact("hide", by->pointer, by->line, by->name, program_.shadow ? "would deny (shadow)" : "matched");
    if (deny("policy.hidden", kHiddenMessage, by->pointer, by->line, false)) return true;
  }
  if (!program_.require_reason || input_.stated_reason.find_first_not_of(" \t\r\n") != std::string_view::npos) return false;
  if (trace_)
    trace_->fact("require", "/require_reason", program_.require_reason_line, "the call states a reason",
                 program_.shadow ? "would deny (shadow)" : "failed");
  return deny("policy.reason_required", kReasonMessage, "/require_reason", program_.require_reason_line, false);
}

// The entries below `tools` that apply, in document order.
void Walk::gather() {
  if (auto plan = program_.plans.find(input_.tool); plan != program_.plans.end()) {
    scratch_.entries.assign(plan->second.begin(), plan->second.end());
    return;
  }
  for (auto i : program_.globs)
    if (glob_match(program_.entries[i].name, input_.tool)) scratch_.entries.push_back(i);
}

template <class Fn> bool Walk::each_entry(Fn fn) {
  if (fn(program_.all_tools)) return true;
  for (auto i : scratch_.entries)
    if (fn(program_.entries[i])) return true;
  return false;
}

bool Walk::require(const Entry& entry) {
  for (const auto& rule : entry.require) {
    Truth truth = rule_holds(program_, rule, reader_);
    if (supposed_ && !settled(Doubt::Layer::Require, rule, false, truth)) continue;
    bool denies = truth != Truth::True;
    if (trace_) trace_->rule("require", rule, denies, rule.shadow || program_.shadow, truth, reader_);
    if (denies && deny("policy.require", truth == Truth::False ? rule.message : rule.unmet_message, rule.pointer, rule.line, rule.shadow))
      return true;
  }
  return false;
}

bool Walk::deny_if(const Entry& entry) {
  if (entry.allow == std::optional(false)) {
    if (trace_)
      trace_->fact("deny_if", entry.allow_pointer, entry.allow_line, "allow: false", program_.shadow ? "would deny (shadow)" : "matched");
    if (deny("policy.deny_if", kAllowMessage, entry.allow_pointer, entry.allow_line, false)) return true;
  }
  for (const auto& rule : entry.deny_if) {
    Truth truth = rule_holds(program_, rule, reader_);
    if (supposed_ && !settled(Doubt::Layer::DenyIf, rule, rule.ignore_missing, truth)) continue;
    bool denies = truth == Truth::True || truth == Truth::Mistyped || (truth == Truth::Missing && !rule.ignore_missing);
    if (trace_) trace_->rule("deny_if", rule, denies, rule.shadow || program_.shadow, truth, reader_);
    if (denies && deny("policy.deny_if", truth == Truth::True ? rule.message : rule.unmet_message, rule.pointer, rule.line, rule.shadow))
      return true;
  }
  return false;
}

// Every ask rule that holds counts; a value that is missing or of the wrong type is for a person to look at.
bool Walk::ask(const Entry& entry) {
  for (const AskRule& rule : entry.ask) {
    Truth truth = all_hold(program_, rule.begin, rule.end, reader_);
    if (supposed_ && !settled(Doubt::Layer::Ask, rule, rule.ignore_missing, truth)) continue;
    bool asks = truth == Truth::True || truth == Truth::Mistyped || (truth == Truth::Missing && !rule.ignore_missing);
    bool shadow = rule.shadow || program_.shadow;
    if (trace_) trace_->rule("ask", rule, asks, shadow, truth, reader_);
    if (asks) wants_person(rule, rule.message);
  }
  return false;
}

void Walk::wants_person(const AskRule& rule, std::string_view message) {
  if (rule.shadow || program_.shadow) return scratch_.shadow.push_back({rule.pointer, message});
  Ask& all = decision_.ask;
  if (scratch_.ask_rules.empty()) {
    all = {{}, {}, rule.approvers, rule.expires, rule.self};
    decision_.message = message;
    decision_.rule = rule.pointer;
    decision_.line = rule.line;
  } else {
    all.approvers = std::max(all.approvers, rule.approvers);
    all.expires = std::min(all.expires, rule.expires);
    all.self = all.self && rule.self;
  }
  scratch_.ask_rules.push_back(rule.pointer);
  if (!rule.role.empty() && std::find(scratch_.ask_roles.begin(), scratch_.ask_roles.end(), rule.role) == scratch_.ask_roles.end())
    scratch_.ask_roles.push_back(rule.role);
}

// Nothing denied the call, and at least one rule wants a person to see it.
void Walk::hold() {
  decision_.effect = Effect::Ask;
  decision_.reason = "policy.ask";
  decision_.ask.roles = scratch_.ask_roles;
  decision_.ask.rules = scratch_.ask_rules;
}

bool Walk::claim(const Entry& entry) {
  for (const auto& limit : entry.limits)
    if (claim_one(limit)) return true;
  return false;
}

bool Walk::claim_one(const Limit& limit) {
  Claim& claim = scratch_.claims.emplace_back();  // filled where it stays
  claim.counter = limit.counter;
  claim.scope = limit.scope;
  claim.window = limit.window;
  claim.kind = limit.kind;
  claim.max = limit.max;
  claim.amount = limit.increment;
  claim.rule = limit.pointer;
  claim.line = limit.line;
  claim.on_deny = limit.on_deny;
  claim.shadow = limit.shadow;
  auto unusable = [&](std::string_view reason, std::string_view message) {
    if (trace_) trace_->limit(limit, false, claim);
    scratch_.claims.pop_back();
    return deny(reason, message, limit.pointer, limit.line, limit.shadow);
  };
  if (limit.increment_from && !take_amount(limit, claim)) return unusable("policy.limit_amount", limit.amount_message);
  std::size_t from = scratch_.keys.size();
  scratch_.keys += kScopes[static_cast<std::size_t>(limit.scope)];
  if (!append_scope_id(limit)) {
    scratch_.keys.resize(from);
    return unusable("policy.error", kScopeMessage);
  }
  scratch_.keys += limit.suffix;
  claim.key = std::string_view(scratch_.keys).substr(from);
  if (trace_) trace_->limit(limit, true, claim);
  merge_last();
  return false;
}

// T-21: a finite decimal, zero or more; anything else would lower or corrupt the counter.
bool Walk::take_amount(const Limit& limit, Claim& claim) {
  const Seen* seen = &reader_.read(*limit.increment_from, {});
  Seen supposed;
  if (supposed_) {
    supposed = *seen;
    seen = &supposed;
    if (!amount_known(limit, supposed)) return claim.amount = Decimal(), true;
  }
  if (seen->kind != Seen::Kind::Number || !seen->exact || seen->decimal.negative()) return false;
  claim.amount = seen->decimal;
  return true;
}

// False when the call lacks what the limit counts by: it could share a counter with strangers, or escape it.
bool Walk::append_scope_id(const Limit& limit) {
  std::string& keys = scratch_.keys;
  std::size_t before = keys.size();
  switch (limit.scope) {
    case Scope::Global: keys += '*'; break;
    case Scope::Server:
      if (input_.server) keys += input_.server->id;
      break;
    case Scope::Policy: keys += program_.name; break;
    case Scope::Grant:
      if (input_.grant) keys += input_.grant->id;
      break;
    case Scope::Principal:
      if (input_.principal) keys += input_.principal->id;
      break;
    case Scope::Tool:
      if (!input_.server || input_.server->id.empty()) return false;
      keys += input_.server->id;
      keys += '/';
      keys += input_.tool;
      break;
    case Scope::Session: {
      if (input_.session_id.empty()) return false;
      constexpr char kHex[] = "0123456789abcdef";
      Digest digest = blake2b(input_.session_id);  // session ids are credentials of a kind: keys are stored and shown
      for (std::size_t i = 0; i < 12; ++i) {
        keys += kHex[digest[i] >> 4];
        keys += kHex[digest[i] & 15];
      }
    }
  }
  return keys.size() > before;
}

// One call takes from one counter once: when several limits name the same one, the larger amount against the smaller maximum.
void Walk::merge_last() {
  Claim& last = scratch_.claims.back();
  for (auto& other : std::span(scratch_.claims).first(scratch_.claims.size() - 1)) {
    if (other.key != last.key) continue;
    Decimal amount = std::max(other.amount, last.amount);
    if (last.max < other.max) {
      last.key = other.key;
      other = last;
    }
    other.amount = amount;
    scratch_.claims.pop_back();
    return;
  }
}

std::size_t Walk::keys_bound(const Entry& entry) const {
  std::size_t ids = 64 + program_.name.size() + input_.tool.size();
  if (input_.server) ids += input_.server->id.size();
  if (input_.grant) ids += input_.grant->id.size();
  if (input_.principal) ids += input_.principal->id.size();
  std::size_t size = 0;
  for (const auto& limit : entry.limits) size += ids + limit.suffix.size();
  return size;
}

// Claims hold views into `keys`, so it must not grow while they are made.
void Walk::reserve_keys() {
  std::size_t size = keys_bound(program_.all_tools);
  for (auto i : scratch_.entries) size += keys_bound(program_.entries[i]);
  if (scratch_.keys.capacity() < size) scratch_.keys.reserve(size);
}

}  // namespace callgate::policy
