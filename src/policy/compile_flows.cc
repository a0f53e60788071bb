// Labels, and the rules over the calls of a session (`flows`).

#include <algorithm>

#include "policy/compile.h"
#include "policy/describe.h"
#include "policy/fields.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kActions[] = {"deny", "ask"};
constexpr std::string_view kSessions[] = {"grant", "session", "client", "trace"};
constexpr std::chrono::seconds kWithinMin{1}, kWithinMax{30 * 86'400};
constexpr std::size_t kFlowsMax = 100, kNamesMax = 100;

}  // namespace

bool Compiler::label_name(const Node& node, const std::string& pointer) {
  if (node.is(Node::Kind::String) && plain_name(node.text)) return true;
  problems.error(node, pointer, "a label is named with a-z, 0-9, `_`, `-` and `.`, at most 64 of them");
  return false;
}

// `labels: [private, {label: untrusted, conditions: [...]}]`
void Compiler::labels(const Node& map, Entry& out) {
  const Node* list = map.find("labels");
  if (!list) return;
  std::string pointer = child_pointer(out.pointer, "labels");
  if (!list->is(Node::Kind::Sequence)) return problems.error(*list, pointer, "`labels` takes a list, such as [private, untrusted]");
  program.tracks = true;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& node = list->items[i];
    LabelRule made;
    made.pointer = child_pointer(pointer, i);
    made.line = node.line;
    made.begin = made.end = static_cast<std::uint32_t>(program.conditions.size());
    const Node* name = &node;
    if (node.is(Node::Kind::Map)) {
      if (!fields(node, made.pointer, "a label", kLabelFields)) continue;
      text_field(node, made.pointer, "description");
      name = node.find("label");
      if (!name) {
        problems.error(node, made.pointer, "the label has no `label`: write {label: private, conditions: [...]}");
        continue;
      }
      if (const Node* when = node.find("conditions")) conditions(*when, child_pointer(made.pointer, "conditions"), false);
      made.end = static_cast<std::uint32_t>(program.conditions.size());
    }
    if (!label_name(*name, made.pointer)) continue;
    made.label = name->text;
    set_labels.push_back(made.label);
    out.labels.push_back(std::move(made));
  }
}

void Compiler::flows(const Node& root) {
  program.flow_scope = static_cast<FlowScope>(choice(root, "", "flow_session", kSessions, 0));
  if (const Node* list = root.find("flows")) {
    if (!list->is(Node::Kind::Sequence)) return problems.error(*list, "/flows", "`flows` takes a list of rules: put `-` before each");
    if (list->items.size() > kFlowsMax) return problems.error(*list, "/flows", "more than 100 rules over sequences: join some");
    program.tracks = program.tracks || !list->items.empty();
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      FlowRule made;
      made.pointer = child_pointer("/flows", i);
      made.line = list->items[i].line;
      flow(list->items[i], made);
      bool twice = std::any_of(program.flows.begin(), program.flows.end(), [&](const FlowRule& other) { return other.name == made.name; });
      if (twice && !made.name.empty()) problems.error(list->items[i], made.pointer, "two rules are named `" + made.name + "`: rename one");
      program.flows.push_back(std::move(made));
    }
  }
  program.spotlight = names(root, "", "spotlight", true);
  program.tracks = program.tracks || !program.spotlight.empty();
  unset_labels();
}

void Compiler::flow(const Node& node, FlowRule& out) {
  if (!fields(node, out.pointer, "a rule of `flows`", kFlowFields)) return;
  auto before = problems.errors();
  text_field(node, out.pointer, "description");
  out.name = text_field(node, out.pointer, "name").value_or("");
  if (!plain_name(out.name))
    problems.error(node, out.pointer, "the rule needs a `name` of its own: a-z, 0-9, `_`, `-` and `.`, at most 64 of them");
  out.shadow = shadow_mode(node, out.pointer);
  out.asks = choice(node, out.pointer, "action", kActions, 0) == 1;
  for (std::string_view field : {"approvers", "expires", "on_ask"})
    if (!out.asks && node.find(field))
      problems.error(node, child_pointer(out.pointer, field), "`" + std::string(field) + "` goes with `action: ask`");
  if (out.asks && node.find("on_deny"))
    problems.error(node, child_pointer(out.pointer, "on_deny"), "`on_deny` goes with `action: deny`: write `on_ask`");
  who_decides(node, out);
  flow_kind(node, out);
  if (problems.errors() == before) flow_message(node, out);
}

void Compiler::flow_kind(const Node& node, FlowRule& out) {
  int kinds = (node.find("after") != nullptr) + (node.find("same") != nullptr) + (node.find("calls_max") != nullptr);
  if (kinds != 1)
    return problems.error(node, out.pointer, "the rule holds one of `after` (with `then`), `same` and `calls_max`, and only one");
  if (const Node* after = node.find("after")) {
    std::string at = child_pointer(out.pointer, "after");
    if (!fields(*after, at, "`after`", kFlowAfterFields)) return;
    flow_selector(*after, at, out.after_labels, out.after_tools);
    if (out.after_labels.empty() && out.after_tools.empty()) problems.error(*after, at, "`after` names no labels and no tools");
    if (const Node* within = after->find("within")) {
      auto lasts = within->scalar() ? parse_duration(within->text) : std::nullopt;
      if (!lasts || *lasts < kWithinMin || *lasts > kWithinMax)
        problems.error(*within, child_pointer(at, "within"), "`within` takes a time from 1s to 30d, such as 1h");
      else out.within = *lasts;
    }
    for (std::string_view field : {"labels", "tools"})
      if (node.find(field))
        problems.error(node, child_pointer(out.pointer, field), "put `" + std::string(field) + "` below `after` or `then`");
    if (const Node* then = node.find("then")) {
      at = child_pointer(out.pointer, "then");
      if (!fields(*then, at, "`then`", kFlowThenFields)) return;
      flow_selector(*then, at, out.labels, out.tools);
      out.begin = static_cast<std::uint32_t>(program.conditions.size());
      if (const Node* when = then->find("conditions")) conditions(*when, child_pointer(at, "conditions"), false);
      out.end = static_cast<std::uint32_t>(program.conditions.size());
    }
    return;
  }
  if (node.find("then")) problems.error(node, child_pointer(out.pointer, "then"), "`then` goes with `after`");
  flow_selector(node, out.pointer, out.labels, out.tools);
  if (node.find("same")) return flow_same(node, out);
  out.kind = FlowRule::Kind::Count;
  const Node& most = *node.find("calls_max");
  bool digits = most.is(Node::Kind::Number) && most.text.size() <= 9 && most.text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) problems.error(most, child_pointer(out.pointer, "calls_max"), "`calls_max` takes a whole number from 0 to 999999999");
  else out.calls_max = std::stoul(most.text);
}

void Compiler::flow_same(const Node& node, FlowRule& out) {
  out.kind = FlowRule::Kind::Same;
  out.same_id = program.name + "/" + out.name;
  const Node& list = *node.find("same");
  std::string at = child_pointer(out.pointer, "same");
  if (!list.is(Node::Kind::Sequence) || list.items.empty() || list.items.size() > 8)
    return problems.error(list, at, "`same` takes a list of one to eight paths, such as [args.owner, args.repo]");
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const Node& item = list.items[i];
    auto made = parse_path(item.is(Node::Kind::String) ? item.text : std::string());
    if (!made) problems.error(item, child_pointer(at, i), made.error().message);
    else if (made->root != Root::Args || made->segments.empty())
      problems.error(item, child_pointer(at, i), "`same` compares arguments: write a path such as `args.repo`");
    else out.same.push_back(intern(std::move(*made)));
  }
}

void Compiler::flow_selector(const Node& map, const std::string& pointer, std::vector<std::string>& labels,
                             std::vector<std::string>& tools) {
  labels = names(map, pointer, "labels", true);
  tools = names(map, pointer, "tools", false);
}

std::vector<std::string> Compiler::names(const Node& map, const std::string& pointer, std::string_view field, bool labels) {
  std::vector<std::string> out;
  const Node* list = map.find(field);
  if (!list) return out;
  std::string at = child_pointer(pointer, field);
  if (!list->is(Node::Kind::Sequence) || list->items.empty() || list->items.size() > kNamesMax) {
    problems.error(*list, at, "`" + std::string(field) + "` takes a list of 1 to 100 " + (labels ? "labels" : "tool names or globs"));
    return out;
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    std::string here = child_pointer(at, i);
    if (labels) {
      if (!label_name(item, here)) continue;
      used_labels.push_back({item.text, here, item.line, item.column});
    } else if (!item.scalar() || item.is(Node::Kind::Null) || !plain_tool_name(item.text)) {
      problems.error(item, here, "write a tool name or glob, or server/tool: printable ASCII, no space at either end");
      continue;
    }
    out.push_back(item.text);
  }
  return out;
}

void Compiler::flow_message(const Node& node, FlowRule& out) {
  out.message = text_field(node, out.pointer, out.asks ? "on_ask" : "on_deny").value_or("");
  out.unmet_message = out.message;
  if (!out.message.empty()) return;
  out.message = flow_message_of(program, out, false);
  out.unmet_message = flow_message_of(program, out, true);
}

// A label that only a rule knows is most likely a slip; it may also be that of a server, or of another document.
void Compiler::unset_labels() {
  std::vector<std::string_view> known(set_labels.begin(), set_labels.end());
  std::vector<std::string_view> told;
  for (const UsedLabel& used : used_labels) {
    if (std::find(known.begin(), known.end(), used.name) != known.end()) continue;
    if (std::find(told.begin(), told.end(), used.name) != told.end()) continue;
    told.push_back(used.name);
    std::string_view near = nearest(used.name, known);
    problems.warn_at(used.line, used.column, used.pointer,
                     "no tool of this document has the label `" + used.name +
                         "`, so it counts only where a server or another policy sets it" +
                         (near.empty() ? std::string() : "; did you mean `" + std::string(near) + "`?"));
  }
}

}  // namespace callgate::policy
