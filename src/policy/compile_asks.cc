// Ask rules: when a person has to decide about a call, who, and by when.
#include "policy/compile.h"
#include "policy/describe.h"
#include "policy/fields.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kOnMissing[] = {"ask", "ignore"};
constexpr std::uint32_t kApproversMax = 10;
constexpr std::chrono::seconds kExpiresMin{30}, kExpiresMax{7 * 86'400};

}  // namespace

void Compiler::asks(const Node& map, Entry& out) {
  const Node* list = map.find("ask");
  if (!list) return;
  std::string pointer = child_pointer(out.pointer, "ask");
  if (!list->is(Node::Kind::Sequence)) return problems.error(*list, pointer, "`ask` takes a list of rules: put `-` before each");
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    AskRule made;
    made.pointer = child_pointer(pointer, i);
    if (ask(list->items[i], made)) out.ask.push_back(std::move(made));
  }
}

bool Compiler::ask(const Node& node, AskRule& out) {
  out.line = node.line;
  if (node.is(Node::Kind::Map) && !node.find("conditions") && (node.find("path") || node.find("op"))) {
    problems.error(node, out.pointer, "a rule holds its conditions in a list: write `conditions: [{path: ..., op: ..., value: ...}]`");
    return false;
  }
  if (!fields(node, out.pointer, "an ask rule", kAskFields)) return false;
  auto before = problems.errors();
  text_field(node, out.pointer, "description");
  out.shadow = shadow_mode(node, out.pointer);
  out.ignore_missing = choice(node, out.pointer, "on_missing", kOnMissing, 0) == 1;
  who_decides(node, out);
  out.begin = static_cast<std::uint32_t>(program.conditions.size());
  if (const Node* list = node.find("conditions")) conditions(*list, child_pointer(out.pointer, "conditions"), false);
  out.end = static_cast<std::uint32_t>(program.conditions.size());
  if (problems.errors() != before) return false;
  out.message = text_field(node, out.pointer, "on_ask").value_or("");
  if (out.message.empty()) out.message = ask_message(program, out);
  return problems.errors() == before;
}

// Who is asked, and the time to decide in.
void Compiler::who_decides(const Node& rule, AskRule& out) {
  if (const Node* named = rule.find("approvers")) approvers(*named, out);
  const Node* when = rule.find("expires");
  if (!when) return;
  auto lasts = when->scalar() ? parse_duration(when->text) : std::nullopt;
  if (!lasts || *lasts < kExpiresMin || *lasts > kExpiresMax)
    problems.error(*when, child_pointer(out.pointer, "expires"), "`expires` takes a time from 30s to 7d, such as 15m");
  else out.expires = *lasts;
}

// {role: finance, min: 2, self: true}; what is left out stays at one approver of any role who is not the caller.
void Compiler::approvers(const Node& node, AskRule& out) {
  std::string at = child_pointer(out.pointer, "approvers");
  if (!fields(node, at, "approvers", kApproverFields)) return;
  if (auto role = text_field(node, at, "role")) {
    out.role = *role;
    if (!plain_name(out.role))
      problems.error(*node.find("role"), child_pointer(at, "role"),
                     "a role of approvers is named with a-z, 0-9, `_`, `-` and `.`, at most 64 of them");
  }
  out.self = bool_field(node, at, "self").value_or(false);
  if (const Node* least = node.find("min")) {
    bool digits =
        least->is(Node::Kind::Number) && least->text.size() <= 2 && least->text.find_first_not_of("0123456789") == std::string::npos;
    out.approvers = digits ? static_cast<std::uint32_t>(std::stoul(least->text)) : 0;
    if (out.approvers == 0 || out.approvers > kApproversMax)
      problems.error(*least, child_pointer(at, "min"), "`min` takes a whole number from 1 to 10");
  }
}

}  // namespace callgate::policy
