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
  if (const Node* server = node.find("server"); server && fields(*server, child_pointer(at, "server"), "server", kTestServerFields)) {
    std::string below = child_pointer(at, "server");
    out.server.id = text_field(*server, below, "id").value_or(out.server.id);
    out.server.slug = text_field(*server, below, "slug").value_or(out.server.slug);
    out.server.name = text_field(*server, below, "name").value_or(out.server.name);
  }
  out.session_id = "session-test";
  if (const Node* session = node.find("session");
      session && fields(*session, child_pointer(at, "session"), "session", kTestSessionFields)) {
    out.session_id = text_field(*session, child_pointer(at, "session"), "id").value_or(out.session_id);
    out.client = text_field(*session, child_pointer(at, "session"), "client").value_or("");
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
