#include <limits>

#include "policy/compile.h"
#include "policy/describe.h"
#include "policy/fields.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kOnMissing[] = {"deny", "ignore"};
constexpr std::string_view kWindows[] = {"minute", "hour", "day"};
constexpr std::string_view kKinds[] = {"calendar", "sliding", "token_bucket"};
constexpr std::string_view kScopes[] = {"global", "server", "policy", "grant", "principal", "tool", "session"};
constexpr std::string_view kGroups[] = {"all_of", "any_of", "not", "any", "all", "none"};

bool counter_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')) return false;
  return true;
}

// The whole numbers that an ordering with a whole constant accepts. Below 10^18 either way: no end can overflow.
void set_range(Condition& leaf, const Constant& constant) {
  if (leaf.op != Op::Lt && leaf.op != Op::Lte && leaf.op != Op::Gt && leaf.op != Op::Gte) return;
  auto number = constant.numbers.size() == 1 ? whole_number(constant.numbers[0]) : std::nullopt;
  if (!number) return;
  using Whole = std::numeric_limits<std::int64_t>;
  leaf.ranged = true;
  leaf.low = leaf.op == Op::Gt ? *number + 1 : leaf.op == Op::Gte ? *number : Whole::min();
  leaf.high = leaf.op == Op::Lt ? *number - 1 : leaf.op == Op::Lte ? *number : Whole::max();
}

}  // namespace

void Compiler::rules(const Node& map, Entry& out, bool deny) {
  std::string_view field = deny ? "deny_if" : "require";
  const Node* list = map.find(field);
  if (!list) return;
  std::string pointer = child_pointer(out.pointer, field);
  if (!list->is(Node::Kind::Sequence))
    return problems.error(*list, pointer, "`" + std::string(field) + "` takes a list of rules: put `-` before each");
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    Rule made;
    made.pointer = child_pointer(pointer, i);
    if (rule(list->items[i], made, deny)) (deny ? out.deny_if : out.require).push_back(std::move(made));
  }
}

bool Compiler::rule(const Node& node, Rule& out, bool deny) {
  out.line = node.line;
  if (node.is(Node::Kind::Map) && !node.find("conditions") && (node.find("path") || node.find("op"))) {
    problems.error(node, out.pointer, "a rule holds its conditions in a list: write `conditions: [{path: ..., op: ..., value: ...}]`");
    return false;
  }
  if (!fields(node, out.pointer, deny ? "a deny_if rule" : "a require rule",
              deny ? std::span<const std::string_view>(kDenyIfFields) : kRequireFields))
    return false;
  text_field(node, out.pointer, "description");
  out.shadow = shadow_mode(node, out.pointer);
  if (deny) out.ignore_missing = choice(node, out.pointer, "on_missing", kOnMissing, 0) == 1;
  const Node* list = node.find("conditions");
  if (!list) {
    problems.error(node, out.pointer,
                   deny ? "the rule has no `conditions`: list at least one, or write `allow: false` to deny the tool"
                        : "the rule has no `conditions`: list at least one");
    return false;
  }
  auto before = problems.errors();
  out.begin = static_cast<std::uint32_t>(program.conditions.size());
  conditions(*list, child_pointer(out.pointer, "conditions"), false);
  out.end = static_cast<std::uint32_t>(program.conditions.size());
  if (problems.errors() != before) return false;
  message(node, out, deny);
  return true;
}

void Compiler::message(const Node& node, Rule& out, bool deny) {
  auto on_deny = text_field(node, out.pointer, "on_deny");
  if (on_deny && !on_deny->empty()) {
    out.message = out.unmet_message = *on_deny;
    return;
  }
  out.message = deny ? deny_if_message(program, out) : require_message(program, out);
  out.unmet_message = unmet_message(program, out);
}

void Compiler::conditions(const Node& list, const std::string& pointer, bool relative) {
  if (!list.is(Node::Kind::Sequence)) return problems.error(list, pointer, "conditions come as a list: put `-` before each");
  if (list.items.empty())
    return problems.error(list, pointer, "the list of conditions is empty: name at least one, or write `allow: false` to deny a tool");
  for (std::size_t i = 0; i < list.items.size(); ++i) condition(list.items[i], child_pointer(pointer, i), relative);
}

void Compiler::condition(const Node& node, const std::string& pointer, bool relative) {
  if (!fields(node, pointer, "a condition", kConditionFields)) return;
  std::string_view group;
  for (auto name : kGroups) {
    if (!node.find(name)) continue;
    if (!group.empty())
      return problems.error(node, pointer,
                            "the condition holds both `" + std::string(group) + "` and `" + std::string(name) + "`: write two conditions");
    group = name;
  }
  if (group.empty()) return leaf(node, pointer, relative);
  bool quantifier = group == "any" || group == "all" || group == "none";
  for (std::string_view extra : {"op", "value", "base", "home", "ignore_case", "opener", "dialect", "path"})
    if (node.find(extra) && !(quantifier && extra == "path"))
      return problems.error(node, child_pointer(pointer, extra),
                            "`" + std::string(extra) + "` does not go with `" + std::string(group) + "`: put it inside");
  Condition made;
  made.kind = group == "all_of"   ? Condition::Kind::AllOf
              : group == "any_of" ? Condition::Kind::AnyOf
              : group == "not"    ? Condition::Kind::Not
              : group == "any"    ? Condition::Kind::EachAny
              : group == "all"    ? Condition::Kind::EachAll
                                  : Condition::Kind::EachNone;
  if (quantifier) {
    auto at = path(node, pointer, relative);
    if (!at) return;
    made.path = *at;
    const Path& list = program.paths[*at];
    if (!list.from_caller() || (list.root == Root::Args && list.segments.empty()))
      return problems.error(node, child_pointer(pointer, "path"),
                            "`" + std::string(group) + "` looks through a list in the arguments; `" + list.text + "` is none");
  }
  auto at = program.conditions.size();
  program.conditions.push_back(made);
  const Node& inner = *node.find(group);
  std::string below = child_pointer(pointer, group);
  if (inner.is(Node::Kind::Map) && (quantifier || group == "not")) condition(inner, below, relative || quantifier);
  else conditions(inner, below, relative || quantifier);
  program.conditions[at].end = static_cast<std::uint32_t>(program.conditions.size());
}

std::optional<std::uint32_t> Compiler::path(const Node& node, const std::string& pointer, bool relative) {
  const Node* written = node.find("path");
  if (!written) {
    problems.error(node, pointer,
                   relative ? "the condition has no `path`: name a member of the element, or \".\" for the element itself"
                            : "the condition has no `path`: name what to look at, such as `args.amount`");
    return std::nullopt;
  }
  std::string at = child_pointer(pointer, "path");
  if (!written->scalar() || written->is(Node::Kind::Null)) {
    problems.error(*written, at, "`path` takes text, not " + std::string(kind_name(written->kind)));
    return std::nullopt;
  }
  auto made = relative ? parse_relative_path(written->text) : parse_path(written->text);
  if (!made) {
    problems.error(*written, at, made.error().message);
    return std::nullopt;
  }
  if (relative && (written->text == "args" || written->text.starts_with("args.")))
    problems.warn(*written, at, "inside any, all and none a path starts at the element: this reads the element's own `args`");
  return intern(std::move(*made));
}

// Rules that read the same path share it, so that a call walks it once.
std::uint32_t Compiler::intern(Path path) {
  auto [known, fresh] =
      interned.try_emplace((path.root == Root::Element ? "." : "") + path.text, static_cast<std::uint32_t>(program.paths.size()));
  if (fresh) program.paths.push_back(std::move(path));
  return known->second;
}

// What stands beside `path_within`.
void Compiler::path_options(const Node& node, const std::string& pointer, Op op, Constant& constant) {
  struct Folder {
    std::string_view name, takes;
    std::string& to;
  };
  for (const Folder& folder : {Folder{"base", "the plain absolute path where relative paths start", constant.base},
                               Folder{"home", "the plain absolute path of the folder that `~` stands for", constant.home}}) {
    const Node* value = node.find(folder.name);
    if (!value) continue;
    std::string at = child_pointer(pointer, folder.name), name = '`' + std::string(folder.name) + '`';
    auto root = value->is(Node::Kind::String) ? canonical_root(value->text) : std::nullopt;
    if (op != Op::PathWithin) problems.error(*value, at, name + " goes with `path_within` only: remove it");
    else if (!root || !same_system(*root, constant.strings.front()))
      problems.error(*value, at, name + " takes " + std::string(folder.takes));
    else folder.to = std::move(*root);
  }
  if (const Node* ignore = node.find("ignore_case")) {
    std::string at = child_pointer(pointer, "ignore_case");
    if (op != Op::PathWithin) problems.error(*ignore, at, "`ignore_case` goes with `path_within` only: remove it");
    else if (!ignore->is(Node::Kind::Bool)) problems.error(*ignore, at, "`ignore_case` takes true or false");
    else constant.ignore_case = ignore->text == "true";
  }
  if (const Node* opener = node.find("opener")) {
    std::string at = child_pointer(pointer, "opener");
    if (op != Op::PathWithin) problems.error(*opener, at, "`opener` goes with `path_within` only: remove it");
    else if (!opener->is(Node::Kind::String) || (opener->text != "file_server" && opener->text != "any"))
      problems.error(*opener, at, "`opener` takes file_server, or any for whatever may be behind the tool");
    else constant.file_server = opener->text == "file_server";
  }
}

void Compiler::leaf(const Node& node, const std::string& pointer, bool relative) {
  auto where = path(node, pointer, relative);
  const Node* op = node.find("op");
  if (!op) return problems.error(node, pointer, "the condition has no `op`" + suggestion("", op_names()));
  auto found = find_op(op->text);
  if (!found)
    return problems.error(*op, child_pointer(pointer, "op"),
                          "unknown operator `" + shown(op->text) + "`" + suggestion(op->text, op_names()));
  const Node* value = node.find("value");
  bool pattern = *found == Op::Matches || *found == Op::Glob;
  if (pattern && (patterns > kPatternsMax || pattern_steps > kPatternStepsMax)) return;  // reported already
  auto constant = prepare(*found, value);
  if (pattern) {
    ++patterns;
    pattern_steps += constant ? constant->pattern_size : kRefusedPatternSteps;
    if (patterns > kPatternsMax || pattern_steps > kPatternStepsMax)
      problems.error(*op, child_pointer(pointer, "op"),
                     "the patterns of the document are too many (1000) or too large together: use smaller counts than {1000}, or split it");
  }
  if (!constant) return problems.error(value ? *value : node, value ? child_pointer(pointer, "value") : pointer, constant.error().message);
  path_options(node, pointer, *found, *constant);
  if (const Node* dialect = node.find("dialect")) {
    std::string at = child_pointer(pointer, "dialect");
    auto known = inspection::parse_sql_dialect(dialect->is(Node::Kind::String) ? dialect->text : std::string());
    if (*found != Op::SqlIs) problems.error(*dialect, at, "`dialect` goes with `sql_is` only: remove it");
    else if (!known)
      problems.error(*dialect, at,
                     "`" + shown(dialect->text) + "` is no dialect: write postgresql, mysql, mariadb, sqlite, tsql, oracle or snowflake");
    else constant->dialect = *known;
  }
  if (!where) return;
  check_root(node, pointer, program.paths[*where], *found);
  Condition made;
  made.op = *found;
  made.path = *where;
  made.constant = static_cast<std::uint32_t>(program.constants.size());
  made.end = static_cast<std::uint32_t>(program.conditions.size() + 1);
  set_range(made, *constant);
  program.constants.push_back(std::move(*constant));
  program.conditions.push_back(made);
}

// What the gate itself supplies has a known type: a comparison that can never hold is a mistake in the document.
void Compiler::check_root(const Node& node, const std::string& pointer, const Path& at, Op op) {
  if (at.of_flow()) program.tracks = true;
  if (at.from_caller() || op == Op::Exists) return;
  const Node* value = node.find("value");
  if (at.is_list()) {
    bool fits = op == Op::Contains || op == Op::LengthLte || op == Op::LengthGte;
    if (fits && op == Op::Contains && at.root == Root::SessionLabels && value && value->is(Node::Kind::String))
      used_labels.push_back({value->text, child_pointer(pointer, "value"), value->line, value->column});
    if (!fits)
      problems.error(node, pointer,
                     "`" + at.text + "` is a list: use `contains`, `length_lte` or `length_gte`, not `" + std::string(op_name(op)) + "`");
    return;
  }
  auto fits = [&](const Node& one) { return one.is(at.is_number() ? Node::Kind::Number : Node::Kind::String); };
  bool ordered = op == Op::Lt || op == Op::Lte || op == Op::Gt || op == Op::Gte;
  bool scalar = op == Op::Eq || op == Op::Neq || op == Op::In || op == Op::NotIn;
  bool ok = at.is_number() ? ordered || scalar : !ordered;
  if (ok && value && scalar) {
    ok = value->is(Node::Kind::Sequence) ? std::all_of(value->items.begin(), value->items.end(), fits) : fits(*value);
    auto known = [&](const Node& one) {
      if (at.root == Root::TimeWeekday && std::find(kWeekdays.begin(), kWeekdays.end(), one.text) == kWeekdays.end())
        problems.error(one, child_pointer(pointer, "value"),
                       "`" + shown(one.text) + "` is no weekday: write sun, mon, tue, wed, thu, fri or sat");
      if (at.root == Root::PrincipalKind && one.text != "user" && one.text != "robot")
        problems.error(one, child_pointer(pointer, "value"), "`" + shown(one.text) + "` is no kind of principal: write user or robot");
    };
    if (value->is(Node::Kind::Sequence)) std::for_each(value->items.begin(), value->items.end(), known);
    else known(*value);
  }
  if (!ok)
    problems.error(value ? *value : node, pointer,
                   "`" + at.text + "` is " + (at.is_number() ? "a number" : "text") + ": `" + std::string(op_name(op)) +
                       "` with this value can never hold");
}

void Compiler::limits(const Node& map, Entry& out) {
  const Node* list = map.find("limits");
  if (!list) return;
  std::string pointer = child_pointer(out.pointer, "limits");
  if (!list->is(Node::Kind::Sequence)) return problems.error(*list, pointer, "`limits` takes a list: put `-` before each");
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    Limit made;
    made.pointer = child_pointer(pointer, i);
    made.line = list->items[i].line;
    limit(list->items[i], made);
    out.limits.push_back(std::move(made));
  }
}

std::optional<Decimal> Compiler::amount(const Node& map, const std::string& pointer, std::string_view field) {
  const Node* node = map.find(field);
  if (!node) return std::nullopt;
  std::string at = child_pointer(pointer, field);
  auto number = node->is(Node::Kind::Number) ? Decimal::parse(node->text) : std::nullopt;
  if (!number) problems.error(*node, at, "`" + std::string(field) + "` takes a number of at most 38 digits without quotes");
  else if (number->negative()) problems.error(*node, at, "`" + std::string(field) + "` must not be negative");
  return number;
}

void Compiler::limit(const Node& node, Limit& out) {
  if (!fields(node, out.pointer, "a limit", kLimitFields)) return;
  text_field(node, out.pointer, "description");
  out.shadow = shadow_mode(node, out.pointer);
  out.kind = static_cast<WindowKind>(choice(node, out.pointer, "kind", kKinds, 0));
  out.scope = static_cast<Scope>(choice(node, out.pointer, "scope", kScopes, static_cast<std::size_t>(Scope::Grant)));
  for (std::string_view needed : {"counter", "window", "max"})
    if (!node.find(needed)) problems.error(node, out.pointer, "the limit has no `" + std::string(needed) + "`");
  out.window = static_cast<Window>(choice(node, out.pointer, "window", kWindows, 0));
  out.counter = text_field(node, out.pointer, "counter").value_or("x");
  if (const Node* counter = node.find("counter"); counter && !counter_name(out.counter))
    problems.error(*counter, child_pointer(out.pointer, "counter"),
                   "a counter is named with letters, digits, `_`, `-` and `.`, at most 64 of them");
  out.max = amount(node, out.pointer, "max").value_or(Decimal());
  out.increment = amount(node, out.pointer, "increment").value_or(Decimal(1));
  if (out.increment.zero())
    problems.error(*node.find("increment"), child_pointer(out.pointer, "increment"),
                   "an `increment` of 0 never counts: write how much one call takes");
  if (const Node* from = node.find("increment_from")) {
    std::string at = child_pointer(out.pointer, "increment_from");
    if (node.find("increment")) problems.error(*from, at, "the limit holds both `increment` and `increment_from`: keep one");
    auto read = parse_path(from->scalar() ? from->text : "");
    if (!read) problems.error(*from, at, read.error().message);
    else if (read->root != Root::Args || read->segments.empty())
      problems.error(*from, at, "`increment_from` reads a number from the arguments, such as `args.amount`");
    else {
      out.amount_message =
          "Blocked by policy: " + read->text + " must be a number that is not negative. Do not retry with the same arguments.";
      out.increment_from = intern(std::move(*read));
    }
  }
  out.on_deny = text_field(node, out.pointer, "on_deny").value_or("");
  out.shadow = out.shadow || program.shadow;
  out.suffix = ':' + out.counter + ':' + std::string(kWindows[static_cast<std::size_t>(out.window)]) + ':' +
               std::string(kKinds[static_cast<std::size_t>(out.kind)]) + (out.shadow ? ":shadow" : "");
  same_counter(node, out);
}

// One counter that some rules feed with amounts and others with calls adds apples to pears: most likely a slip.
void Compiler::same_counter(const Node& node, const Limit& limit) {
  std::string how = limit.increment_from ? program.paths[*limit.increment_from].text : limit.increment.text();
  auto [known, fresh] = counters.try_emplace(std::string(kScopes[static_cast<std::size_t>(limit.scope)]) + limit.suffix, how);
  if (!fresh && known->second != how)
    problems.warn(node, limit.pointer,
                  "the counter `" + limit.counter + "` counts `" + how + "` here and `" + known->second +
                      "` elsewhere: name two counters unless they are meant to add up");
}

}  // namespace callgate::policy
