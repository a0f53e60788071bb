#include "policy/compile.h"

#include <algorithm>
#include <unordered_set>

#include "policy/fields.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kEffects[] = {"allow", "deny"};
constexpr std::string_view kModes[] = {"enforce", "shadow"};

}  // namespace

bool Compiler::fields(const Node& node, const std::string& pointer, std::string_view what, std::span<const std::string_view> known) {
  if (!node.is(Node::Kind::Map)) {
    problems.error(node, pointer, std::string(what) + " is a map of fields, not " + std::string(kind_name(node.kind)));
    return false;
  }
  for (const auto& key : node.keys) {
    if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
    std::string at = child_pointer(pointer, key.name);
    if (std::find(kLaterFields.begin(), kLaterFields.end(), key.name) != kLaterFields.end())
      problems.error_at(key.line, key.column, at,
                        "`" + key.name + "` does not exist in this version yet: remove it, or deny what it would have held back");
    else
      problems.error_at(key.line, key.column, at,
                        "unknown field `" + shown(key.name) + "` in " + std::string(what) + suggestion(key.name, known));
  }
  return true;
}

std::size_t Compiler::choice(const Node& map, const std::string& pointer, std::string_view field, std::span<const std::string_view> choices,
                             std::size_t fallback) {
  const Node* node = map.find(field);
  if (!node) return fallback;
  auto found = node->is(Node::Kind::String) ? std::find(choices.begin(), choices.end(), node->text) : choices.end();
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  std::string expected;
  for (auto one : choices) expected += (expected.empty() ? "" : ", ") + std::string(one);
  problems.error(*node, child_pointer(pointer, field),
                 "`" + std::string(field) + "` is " +
                     (node->scalar() ? "`" + shown(node->text) + "`" : std::string(kind_name(node->kind))) + ": write one of " + expected);
  return fallback;
}

std::optional<std::string> Compiler::text_field(const Node& map, const std::string& pointer, std::string_view field) {
  const Node* node = map.find(field);
  if (!node) return std::nullopt;
  if (!node->is(Node::Kind::String)) {
    problems.error(*node, child_pointer(pointer, field),
                   "`" + std::string(field) + "` takes text, not " + std::string(kind_name(node->kind)) + ": put it in quotes");
    return std::nullopt;
  }
  bool control = std::any_of(node->text.begin(), node->text.end(),
                             [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
  if (control) problems.error(*node, child_pointer(pointer, field), "`" + std::string(field) + "` holds a control character: remove it");
  if (node->text.size() > 2048)
    problems.error(*node, child_pointer(pointer, field), "`" + std::string(field) + "` is longer than 2048 bytes: shorten it");
  return node->text;
}

std::optional<bool> Compiler::bool_field(const Node& map, const std::string& pointer, std::string_view field) {
  const Node* node = map.find(field);
  if (!node) return std::nullopt;
  if (node->is(Node::Kind::Bool)) return node->text == "true";
  problems.error(*node, child_pointer(pointer, field), "`" + std::string(field) + "` takes true or false without quotes");
  return std::nullopt;
}

bool Compiler::shadow_mode(const Node& map, const std::string& pointer) { return choice(map, pointer, "mode", kModes, 0) == 1; }

bool Compiler::plain_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')) return false;
  return true;
}

void Compiler::document(const Node& root) {
  program.fallback_line = root.line;
  if (!fields(root, "", "the document", kDocumentFields)) return;
  version(root);
  program.fallback = choice(root, "", "default", kEffects, 1) == 0 ? Effect::Allow : Effect::Deny;
  if (const Node* node = root.find("default")) program.fallback_line = node->line;
  program.shadow = shadow_mode(root, "");
  program.require_reason = bool_field(root, "", "require_reason").value_or(false);
  if (const Node* node = root.find("require_reason")) program.require_reason_line = node->line;
  if (const Node* node = root.find("hide")) hide(*node);
  if (const Node* node = root.find("methods")) methods(*node);
  program.inspect = inspect(root, "");
  if (const Node* node = root.find("all_tools")) {
    program.all_tools.pointer = "/all_tools";
    program.all_tools.line = node->line;
    entry(*node, program.all_tools, kAllToolsFields);
  }
  if (const Node* node = root.find("tools")) tools(*node);
  flows(root);
  if (const Node* node = root.find("tests")) tests(*node);
  plan();
  if (!problems.refused()) overlaps();
}

void Compiler::version(const Node& root) {
  const Node* node = root.find("version");
  if (!node) return problems.error(root, "", "the document has no `version`: start with `version: \"1\"`");
  bool known = (node->is(Node::Kind::String) || node->is(Node::Kind::Number)) && node->text == "1";
  if (!known)
    problems.error(*node, "/version",
                   "version " + (node->scalar() ? "`" + shown(node->text) + "`" : std::string(kind_name(node->kind))) +
                       " is not known: write `version: \"1\"`");
}

void Compiler::hide(const Node& list) {
  if (!list.is(Node::Kind::Sequence)) return problems.error(list, "/hide", "`hide` takes a list of tool names or globs");
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const Node& node = list.items[i];
    Named made{node.text, child_pointer("/hide", i), node.line, is_glob(node.text), false, {}};
    if (!node.scalar() || node.is(Node::Kind::Null) || !plain_tool_name(node.text)) {
      problems.error(node, made.pointer, "`hide` takes tool names: printable ASCII, no space at either end, at most 256 bytes");
      continue;
    }
    if (!seen.insert(made.name).second) {
      problems.error(node, made.pointer, "`" + shown(made.name) + "` is listed twice: keep one of them");
      continue;
    }
    program.hides.push_back(std::move(made));
  }
}

void Compiler::methods(const Node& map) {
  methods_node = &map;
  if (!map.is(Node::Kind::Map))
    return problems.error(map, "/methods", "`methods` is a map from method to allow, deny or rules, such as `resources/*: allow`");
  if (map.keys.size() > 1'000) return problems.error(map, "/methods", "more than 1000 methods: use globs such as `resources/*`");
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& name = map.keys[i].name;
    Named made{name, child_pointer("/methods", name), map.keys[i].line, is_glob(name), false, {}};
    if (name == "tools/call")
      problems.error_at(made.line, map.keys[i].column, made.pointer, "`tools/call` is judged by `tools` and `default`: use those");
    else if (lifecycle_method(name))
      problems.error_at(made.line, map.keys[i].column, made.pointer,
                        "`" + name + "` always passes, no session works without it: remove the line");
    else if (!plain_tool_name(name))
      problems.error_at(made.line, map.keys[i].column, made.pointer, "`" + shown(name) + "` is no method name or glob");
    if (i < map.items.size() && map.items[i].is(Node::Kind::Map)) {
      Entry rules_of_it;
      rules_of_it.name = name;
      rules_of_it.pointer = made.pointer;
      rules_of_it.line = made.line;
      entry(map.items[i], rules_of_it, kToolFields);
      made.allow = rules_of_it.allow.value_or(true);
      made.conditions = static_cast<std::uint32_t>(program.method_entries.size());
      program.method_entries.push_back(std::move(rules_of_it));
    } else {
      made.allow = choice(map, "/methods", name, kEffects, 1) == 0;
    }
    program.methods.push_back(std::move(made));
  }
}

void Compiler::tools(const Node& map) {
  tools_node = &map;
  if (!map.is(Node::Kind::Map))
    return problems.error(map, "/tools", "`tools` is a map from tool name to rules; a tool without rules is written `name: {}`");
  std::size_t globs = 0;
  program.entries.reserve(map.keys.size());
  for (std::size_t i = 0; i < map.keys.size() && i < map.items.size(); ++i) {
    const auto& key = map.keys[i];
    Entry made;
    made.name = key.name;
    made.pointer = child_pointer("/tools", key.name);
    made.line = key.line;
    if (!plain_tool_name(key.name))
      problems.error_at(
          key.line, key.column, made.pointer,
          "`" + shown(key.name) + "` can never be called: tool names are printable ASCII without a space at either end, at most 256 bytes");
    if (is_glob(key.name) && ++globs == kGlobsMax + 1)
      problems.error_at(key.line, key.column, made.pointer,
                        "more than 1000 globs below `tools`: list exact names, which cost nothing to look up");
    entry(map.items[i], made, kToolFields);
    program.entries.push_back(std::move(made));
  }
}

void Compiler::entry(const Node& node, Entry& out, std::span<const std::string_view> known) {
  if (node.is(Node::Kind::Null)) return problems.error(node, out.pointer, "nothing follows the name: write `{}` for a tool without rules");
  if (!fields(node, out.pointer, out.name.empty() ? "all_tools" : "a tool", known)) return;
  text_field(node, out.pointer, "description");
  if (!out.name.empty()) out.allow = bool_field(node, out.pointer, "allow");
  if (const Node* allow = node.find("allow")) out.allow_line = allow->line;
  out.allow_pointer = child_pointer(out.pointer, "allow");
  rules(node, out, false);
  rules(node, out, true);
  asks(node, out);
  limits(node, out);
  labels(node, out);
  out.inspect = inspect(node, out.pointer);
}

// Exact names get the list of all entries that apply to them, globs included, so that a call needs one hash look-up.
void Compiler::plan() {
  if (problems.refused()) return;
  for (std::uint32_t i = 0; i < program.hides.size(); ++i) {
    if (program.hides[i].glob) program.hide_globs.push_back(i);
    else program.hidden.emplace(program.hides[i].name, i);
  }
  for (std::uint32_t i = 0; i < program.entries.size(); ++i)
    if (is_glob(program.entries[i].name)) program.globs.push_back(i);
  program.plans.reserve(program.entries.size());
  for (std::uint32_t i = 0; i < program.entries.size(); ++i) {
    const std::string& name = program.entries[i].name;
    if (is_glob(name)) continue;
    auto& all = program.plans[name];
    for (auto g : program.globs)
      if (glob_match(program.entries[g].name, name)) all.push_back(g);
    all.insert(std::upper_bound(all.begin(), all.end(), i), i);
  }
}

// T-28: combinations that are decided, but perhaps not as meant.
void Compiler::overlaps() {
  for (std::size_t i = 0; i < program.entries.size(); ++i) {
    const Entry& entry = program.entries[i];
    if (is_glob(entry.name)) continue;
    const Node& node = tools_node->items[i];
    if (const Named* by = program.hidden_by(entry.name))
      problems.warn(node, entry.pointer, "the tool is hidden by " + by->pointer + ", so nothing here ever applies: remove one of the two");
    if (entry.allow != std::optional(true)) continue;
    for (auto other : program.plans.find(entry.name)->second)
      if (program.entries[other].allow == std::optional(false))
        problems.warn(node, entry.pointer, "`" + program.entries[other].name + "` denies this tool, and a denial wins: narrow that glob");
  }
  for (const auto& exact : program.methods) {
    if (exact.glob || !exact.allow) continue;
    if (const Named* by = program.method_rule(exact.name); !by->allow)
      problems.warn(*methods_node, exact.pointer,
                    "`" + by->name + "` denies this method, and a denial wins: leave the glob out and use `default: deny`");
  }
}

Policy::Policy() : inner_(std::make_unique<Inner>()) {}
Policy::~Policy() = default;

Policy::Compiled Policy::compile(std::string_view name, std::int64_t version, std::string_view text) {
  Compiled out;
  Problems problems;
  auto policy = std::shared_ptr<Policy>(new Policy());
  policy->inner_->program.name = name;
  policy->inner_->program.version = version;
  try {
    auto root = parse_document(text, problems);  // perhaps with duplicate keys noted: one pass shows everything else too
    if (root) Compiler(policy->inner_->program, problems).document(*root);
  } catch (const std::exception& error) {
    problems.error_at(1, 1, "", std::string("the document could not be compiled: ") + error.what());
  }
  bool refused = problems.refused();
  out.problems = problems.take();
  if (!refused) out.policy = std::move(policy);
  return out;
}

const std::string& Policy::name() const { return inner_->program.name; }
std::int64_t Policy::version() const { return inner_->program.version; }
bool Policy::requires_reason() const { return inner_->program.require_reason; }
bool Policy::shadow() const { return inner_->program.shadow; }
Effect Policy::default_effect() const { return inner_->program.fallback; }
bool Policy::tracks() const { return inner_->program.tracks; }
FlowScope Policy::flow_scope() const { return inner_->program.flow_scope; }

std::vector<std::string_view> Policy::approver_roles() const {
  std::vector<std::string_view> roles;
  auto add = [&](const Entry& entry) {
    for (const AskRule& rule : entry.ask)
      if (!rule.role.empty() && std::find(roles.begin(), roles.end(), rule.role) == roles.end()) roles.push_back(rule.role);
  };
  add(inner_->program.all_tools);
  for (const Entry& entry : inner_->program.entries) add(entry);
  for (const Entry& entry : inner_->program.method_entries) add(entry);
  for (const FlowRule& rule : inner_->program.flows)
    if (rule.asks && !rule.role.empty() && std::find(roles.begin(), roles.end(), rule.role) == roles.end()) roles.push_back(rule.role);
  return roles;
}

}  // namespace callgate::policy
