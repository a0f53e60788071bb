#include "json/document.h"
#include "policy/compile.h"
#include "policy/fields.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kEffects[] = {"allow", "deny", "ask"};
constexpr std::string_view kKinds[] = {"user", "robot"};

}  // namespace

void Compiler::tests(const Node& list) {
  if (!list.is(Node::Kind::Sequence)) return problems.error(list, "/tests", "`tests` takes a list: put `-` before each");
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    TestCase made;
    made.pointer = child_pointer("/tests", i);
    made.line = list.items[i].line;
    test(list.items[i], made);
    program.tests.push_back(std::move(made));
  }
}

void Compiler::test(const Node& node, TestCase& out) {
  const std::string& at = out.pointer;
  if (!fields(node, at, "a test", kTestFields)) return;
  text_field(node, at, "description");
  out.call = text_field(node, at, "call").value_or("");
  if (!node.find("call")) problems.error(node, at, "the test has no `call`: name the tool");
  if (!node.find("expect")) problems.error(node, at, "the test has no `expect`: write allow, deny or ask");
  out.expect = static_cast<Effect>(choice(node, at, "expect", kEffects, 1));  // in the order of Effect
  out.rule = text_field(node, at, "rule").value_or("");
  out.message = text_field(node, at, "message").value_or("");
  out.finding = text_field(node, at, "finding").value_or("");
  if (!out.finding.empty() && inspection::find_rule(out.finding) == nullptr)
    problems.error(*node.find("finding"), child_pointer(at, "finding"), "there is no rule `" + shown(out.finding) + "`");
  if (out.expect == Effect::Allow && !(out.rule.empty() && out.message.empty()))
    problems.error(node, at, "`rule` and `message` say why a call is denied or asked about: remove them, or expect deny or ask");
  out.risk = text_field(node, at, "risk").value_or("");
  out.reason = text_field(node, at, "reason").value_or("");
  test_arguments(node, out);
  test_caller(node, out);
  test_times(node, out);
  test_after(node, out);
}

void Compiler::test_arguments(const Node& node, TestCase& out) {
  const std::string& at = out.pointer;
  if (const Node* args = node.find("args")) {
    json::Document check;
    if (!args->is(Node::Kind::Map)) problems.error(*args, child_pointer(at, "args"), "`args` is a map of arguments");
    else if (!append_json(*args, out.args_json))
      problems.error(*args, child_pointer(at, "args"),
                     "a value in `args` can be read as text, a number or a boolean: put it in quotes, or write it as JSON would");
    else if (auto parsed = check.parse(out.args_json); !parsed)
      problems.error(*args, child_pointer(at, "args"), "no client could send these arguments: " + parsed.error().message);
  } else {
    out.args_json = "{}";
  }
}

// Who calls, which server, in which session.
void Compiler::test_caller(const Node& node, TestCase& out) {
  const std::string& at = out.pointer;
  out.principal.id = "usr_test";
  out.principal.name = "test";
  if (const Node* principal = node.find("principal");
      principal && fields(*principal, child_pointer(at, "principal"), "principal", kTestPrincipalFields)) {
    std::string below = child_pointer(at, "principal");
    out.principal.id = text_field(*principal, below, "id").value_or(out.principal.id);
    out.principal.name = text_field(*principal, below, "name").value_or(out.principal.name);
    out.principal.owner_id = text_field(*principal, below, "owner").value_or("");
    out.principal.kind = choice(*principal, below, "kind", kKinds, 0) == 0 ? PrincipalKind::User : PrincipalKind::Robot;
  }
  out.grant.id = "grt_test";
  out.grant.label = "test";
  if (const Node* grant = node.find("grant"); grant && fields(*grant, child_pointer(at, "grant"), "grant", kTestGrantFields)) {
    std::string below = child_pointer(at, "grant");
    out.grant.id = text_field(*grant, below, "id").value_or(out.grant.id);
    out.grant.label = text_field(*grant, below, "label").value_or(out.grant.label);
    out.grant.role = text_field(*grant, below, "role").value_or("");
  }
  out.server.id = "srv-test";
  out.server.slug = out.server.name = "test";
  test_server(node, out);
  out.session_id = "session-test";
  test_session(node, out);
}

void Compiler::test_server(const Node& node, TestCase& out) {
  const std::string& at = out.pointer;
  if (const Node* server = node.find("server"); server && fields(*server, child_pointer(at, "server"), "server", kTestServerFields)) {
    std::string below = child_pointer(at, "server");
    out.server.id = text_field(*server, below, "id").value_or(out.server.id);
    out.server.slug = text_field(*server, below, "slug").value_or(out.server.slug);
    out.server.name = text_field(*server, below, "name").value_or(out.server.name);
    out.server.labels = test_names(*server, below, "labels", true);
  }
}

void Compiler::test_session(const Node& node, TestCase& out) {
  const Node* session = node.find("session");
  std::string at = child_pointer(out.pointer, "session");
  if (!session || !fields(*session, at, "session", kTestSessionFields)) return;
  out.session_id = text_field(*session, at, "id").value_or(out.session_id);
  out.client = text_field(*session, at, "client").value_or("");
  out.labels = test_names(*session, at, "labels", true);
  out.called = test_names(*session, at, "tools", false);
  if (const Node* calls = session->find("calls")) {
    bool digits =
        calls->is(Node::Kind::Number) && calls->text.size() <= 9 && calls->text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits) problems.error(*calls, child_pointer(at, "calls"), "`calls` takes a whole number");
    else out.calls = std::stol(calls->text);
  }
}

// The names of a list; a test may name labels that nothing sets.
std::vector<std::string> Compiler::test_names(const Node& map, const std::string& pointer, std::string_view field, bool labels) {
  auto before = used_labels.size();
  auto out = names(map, pointer, field, labels);
  used_labels.resize(before);
  return out;
}

// Calls that went before, in order: a tool's name, or a map with its arguments.
void Compiler::test_after(const Node& node, TestCase& out) {
  const Node* list = node.find("after");
  if (!list) return;
  std::string at = child_pointer(out.pointer, "after");
  if (!list->is(Node::Kind::Sequence) || list->items.size() > 100)
    return problems.error(*list, at, "`after` takes a list of at most 100 calls: tool names, or {call: ..., args: {...}}");
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    TestCase one;
    one.pointer = child_pointer(at, i);
    one.line = item.line;
    test_caller(node, one);
    if (item.is(Node::Kind::String)) {
      one.call = item.text;
      one.args_json = "{}";
    } else if (fields(item, one.pointer, "a call of `after`", kTestAfterFields)) {
      one.call = text_field(item, one.pointer, "call").value_or("");
      if (one.call.empty()) problems.error(item, one.pointer, "the call has no `call`: name the tool");
      test_arguments(item, one);
      test_server(item, one);
    }
    one.at = out.at;
    one.reason = out.reason;
    out.after.push_back(std::move(one));
  }
}

void Compiler::test_times(const Node& node, TestCase& out) {
  const std::string& at = out.pointer;
  out.at = WallTime(std::chrono::seconds(1'800'000'000));  // the same for every run: a test never reads a clock
  if (auto when = text_field(node, at, "at")) {
    auto parsed = parse_time(*when);
    if (!parsed) problems.error(*node.find("at"), child_pointer(at, "at"), "`at` takes a time such as 2026-07-28T09:00:00Z");
    else out.at = *parsed;
  }
  if (const Node* repeat = node.find("repeat")) {
    bool digits =
        repeat->is(Node::Kind::Number) && repeat->text.size() <= 5 && repeat->text.find_first_not_of("0123456789") == std::string::npos;
    out.repeat = digits ? static_cast<std::uint32_t>(std::stoul(repeat->text)) : 0;
    if (out.repeat == 0 || out.repeat > 10'000)
      problems.error(*repeat, child_pointer(at, "repeat"), "`repeat` takes a whole number from 1 to 10000");
  }
}

}  // namespace callgate::policy
