// policy check, test, explain, schema, new: on files, without a gate; explain and test also on stored policies.
#include <unistd.h>

#include <charconv>

#include "cli/output.h"
#include "cli/policy_words.h"
#include "cli/session.h"
#include "policy/policy.h"

namespace callgate::cli {

void print_steps(Session& session, json::Value steps) {
  std::vector<std::vector<std::string>> rows{{"LAYER", "RULE", "LINE", "CONDITION", "SAW", "OUTCOME"}};
  steps.for_each_element([&](json::Value step) {
    auto& row = rows.emplace_back();
    for (std::string_view name : {"layer", "pointer", "line", "condition", "input", "outcome"})
      row.push_back(terminal_safe(cell_text(step[name])));
  });
  if (rows.size() > 1) session.out(table_of(rows, session.color) + "\n");
}

Result<std::string> read_arguments(const std::string& text) {
  return text.starts_with('@') ? read_text(text.substr(1)) : Result<std::string>(text);
}

bool is_policy_file(const std::string& word) {
  return word == "-" || word.find('/') != std::string::npos || word.ends_with(".yaml") || word.ends_with(".yml") ||
         word.ends_with(".json") || ::access(word.c_str(), F_OK) == 0;
}

namespace {

struct Loaded {
  std::shared_ptr<const policy::Policy> policy;
  int code = kOk;
};

Loaded load(Session& session, const std::string& file) {
  auto text = read_text(file);
  if (!text) return {nullptr, session.fail_with(text.error())};
  auto compiled = policy::Policy::compile(file, 0, *text);
  if (!compiled.problems.empty()) session.note(terminal_safe_lines(policy::format_problems(compiled.problems, file)));
  if (!compiled.policy) return {nullptr, kInvalid};
  return {compiled.policy, kOk};
}

int report_tests(Session& session, const std::vector<policy::TestResult>& results) {
  std::size_t failed = 0;
  for (const auto& result : results) {
    failed += !result.passed;
    if (session.human() && !result.passed)
      session.out("FAIL  line " + std::to_string(result.line) + "  " + terminal_safe(result.pointer) + "  " +
                  terminal_safe(result.message) + "\n");
  }
  if (!session.human()) {
    std::string json;
    json::Writer out(json);
    out.begin_object().member("ok", failed == 0).key("tests").begin_array();
    for (const auto& result : results)
      out.begin_object()
          .member("pointer", std::string_view(result.pointer))
          .member("line", static_cast<std::int64_t>(result.line))
          .member("passed", result.passed)
          .member("message", std::string_view(result.message))
          .end_object();
    out.end_array().end_object();
    json::Document document;
    if (document.parse(json)) show_one(session, document.root(), "ok", {});
  }
  session.note(std::to_string(results.size() - failed) + " passed, " + std::to_string(failed) + " failed");
  return failed == 0 ? kOk : kInvalid;
}

int check(Session& session, const Args& args) {
  int worst = kOk;
  for (const auto& file : args.list("FILE")) {
    auto loaded = load(session, file);
    if (loaded.code == kOk) {
      for (const auto& result : loaded.policy->run_tests())
        if (!result.passed) {
          session.note(terminal_safe(file) + ":" + std::to_string(result.line) + ": test " + terminal_safe(result.pointer) +
                       " failed: " + terminal_safe(result.message));
          loaded.code = kInvalid;
        }
    }
    if (loaded.code == kOk) session.note(terminal_safe(file) + ": fine");
    else worst = loaded.code;
  }
  return worst;
}

int test(Session& session, const Args& args) {
  std::string what = args.text("POLICY");
  if (is_policy_file(what)) {
    auto loaded = load(session, what);
    return loaded.policy ? report_tests(session, loaded.policy->run_tests()) : loaded.code;
  }
  auto answer = session.call("POST", "/policies/" + encoded(what) + "/test");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  std::vector<policy::TestResult> results;
  answer->root()["tests"].for_each_element([&](json::Value item) {
    auto text = item["line"].number();
    std::uint32_t line = 0;
    std::from_chars(text.data(), text.data() + text.size(), line);
    results.push_back(
        {std::string(item["pointer"].string()), line, item["passed"].is(json::Kind::True), std::string(item["message"].string())});
  });
  return report_tests(session, results);
}

int print_explanation(Session& session, json::Value root) {
  bool allowed = root["effect"].string() == "allow";
  if (!session.human()) {
    show_one(session, root, "effect", {});
    return allowed ? kOk : kDenied;
  }
  print_steps(session, root["steps"]);
  session.out(std::string(allowed ? "allow" : "deny"));
  if (auto rule = root["rule"].string(); !rule.empty())
    session.out(" by " + terminal_safe(rule) + " (line " + cell_text(root["line"]) + ")");
  if (auto reason = root["reason"].string(); !reason.empty() && !allowed) session.out(", " + terminal_safe(reason));
  session.out("\n");
  if (auto message = root["message"].string(); !message.empty()) session.out(terminal_safe(message) + "\n");
  return allowed ? kOk : kDenied;
}

std::string explanation_json(const policy::Explanation& explanation) {
  std::string json;
  json::Writer out(json);
  out.begin_object().member("effect", explanation.effect == Effect::Allow ? "allow" : explanation.effect == Effect::Ask ? "ask" : "deny");
  out.member("reason", std::string_view(explanation.reason)).member("message", std::string_view(explanation.message));
  out.member("rule", std::string_view(explanation.rule))
      .member("line", static_cast<std::int64_t>(explanation.line))
      .key("steps")
      .begin_array();
  for (const auto& step : explanation.steps)
    out.begin_object()
        .member("layer", std::string_view(step.layer))
        .member("pointer", std::string_view(step.pointer))
        .member("line", static_cast<std::int64_t>(step.line))
        .member("condition", std::string_view(step.condition))
        .member("input", std::string_view(step.input))
        .member("outcome", std::string_view(step.outcome))
        .end_object();
  out.end_array().end_object();
  return json;
}

// --seen LABEL, --after TOOL: what the session has seen before.
policy::FlowState seen_before(const Args& args, WallTime now) {
  policy::FlowState state;
  std::vector<std::string_view> labels(args.list("--seen").begin(), args.list("--seen").end());
  if (!labels.empty()) state.add({labels, {}, {}, true}, now);
  for (const std::string& tool : args.list("--after"))
    state.add({{}, tool.find('/') == std::string::npos ? "/" + tool : tool, {}, true}, now);
  return state;
}

int explain_file(Session& session, const Args& args, json::Value arguments) {
  auto loaded = load(session, args.text("POLICY"));
  if (!loaded.policy) return loaded.code;
  std::string tool = args.text("--tool"), reason = args.text("--reason"), method = args.text("--method", "tools/call"),
              client = args.text("--client");
  Principal principal;
  principal.id = principal.name = args.text("--principal", "someone");
  policy::Input input;
  input.method = method;
  input.tool = tool;
  input.arguments = arguments;
  input.stated_reason = reason;
  input.client = client;
  input.principal = &principal;
  input.now = SystemClock().now();
  if (auto text = args.text("--now"); !text.empty()) {
    auto time = parse_time(text);
    if (!time) return session.usage("--now must be a time such as 2026-07-28T09:00:00Z");
    input.now = *time;
  }
  policy::FlowState flow = seen_before(args, input.now);
  input.flow = &flow;
  json::Document document;
  if (auto parsed = document.parse(explanation_json(loaded.policy->explain(input))); !parsed) return session.fail_with(parsed.error());
  return print_explanation(session, document.root());
}

int explain(Session& session, const Args& args) {
  auto text = read_arguments(args.text("--args", "{}"));
  if (!text) return session.fail_with(text.error());
  json::Document arguments;
  if (auto parsed = arguments.parse(*text); !parsed) return session.usage("--args: " + parsed.error().message);
  if (!arguments.root().is_object()) return session.usage("--args must be a JSON object, as in '{\"amount\": 50}'");
  if (is_policy_file(args.text("POLICY"))) return explain_file(session, args, arguments.root());
  std::string body;
  json::Writer out(body);
  out.begin_object().member("policy", std::string_view(args.text("POLICY")));
  put_texts(out, args,
            {{"--tool", "tool"},
             {"--grant", "grant"},
             {"--server", "server"},
             {"--principal", "principal"},
             {"--reason", "reason"},
             {"--method", "method"},
             {"--client", "client"},
             {"--now", "now"}});
  put_list(out, args, "--seen", "seen");
  put_list(out, args, "--after", "after");
  out.key("arguments").raw(arguments.canonical()).end_object();
  auto answer = session.call("POST", "/policy-explain", body);
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? print_explanation(session, answer->root()) : session.fail_with(*answer);
}

int schema(Session& session, const Args&) {
  session.out(std::string(policy::json_schema()) + "\n");
  return kOk;
}

int make_new(Session& session, const Args& args) {
  session.out(
      "# yaml-language-server: $schema=./callgate-policy.schema.json   (callgate policy schema > callgate-policy.schema.json)\n"
      "# Policy " +
      terminal_safe(args.text("NAME", "example")) +
      ". Everything not named here is denied. Check it: callgate policy check FILE\n"
      "version: \"1\"\n"
      "default: deny\n"
      "hide: []                       # tools nobody sees, by name or glob\n"
      "all_tools:\n"
      "  limits:\n"
      "    - {counter: burst, window: minute, max: 60, scope: grant}\n"
      "tools:\n"
      "  read_example:                # a tool listed here may be called ...\n"
      "    require:                   # ... when all of these hold\n"
      "      - conditions: [{path: args.id, op: exists, value: true}]\n"
      "    deny_if:                   # ... and none of these\n"
      "      - conditions: [{path: args.amount, op: gt, value: 1000}]\n"
      "        on_missing: ignore\n"
      "        on_deny: \"Blocked: amount exceeds the limit.\"\n"
      "tests:\n"
      "  - {call: read_example, args: {id: a1}, expect: allow}\n"
      "  - {call: read_example, args: {id: a1, amount: 5000}, expect: deny, rule: /tools/read_example/deny_if/0}\n"
      "  - {call: something_else, args: {}, expect: deny}\n");
  return kOk;
}

}  // namespace

void add_policy_file_commands(std::vector<Command>& commands) {
  Argument files = {"FILE", "documents; - for standard input", Takes::Many, true};
  commands.push_back(
      {"policy check", "check documents and run their tests; needs no gate", {"callgate policy check policies/*.yaml"}, {files}, check});
  commands.push_back({"policy test",
                      "run a document's own tests",
                      {"callgate policy test refunds.yaml", "callgate policy test refunds"},
                      {positional("POLICY", "file, or name of a stored policy")},
                      test});
  commands.push_back({"policy explain",
                      "what a call would get, rule by rule; exit code 4 when denied",
                      {"callgate policy explain refunds.yaml --tool refund_payment --args '{\"amount\": 5000, \"currency\": \"usd\"}'",
                       "callgate policy explain refunds --tool refund_payment --args @call.json --grant 'ada laptop'"},
                      {positional("POLICY", "file, or name of a stored policy"),
                       {"--tool", "tool to call", Takes::One, true, "TOOL"},
                       {"--args", "its arguments, or @FILE", Takes::One, false, "JSON"},
                       {"--seen", "a label the session has seen before", Takes::Many, false, "LABEL"},
                       {"--after", "a tool it has called before", Takes::Many, false, "TOOL"},
                       {"--reason", "the caller's stated reason", Takes::One, false, "TEXT"},
                       {"--grant", "call as this grant (stored policies)", Takes::One, false, "GRANT"},
                       {"--server", "call on this server (stored policies)", Takes::One, false, "SERVER"},
                       {"--principal", "call as this user or robot", Takes::One, false, "NAME"},
                       {"--method", "default tools/call", Takes::One, false, "METHOD"},
                       {"--client", "client name", Takes::One, false, "NAME"},
                       {"--now", "at this time", Takes::One, false, "TIME"}},
                      explain});
  commands.push_back(
      {"policy schema", "print the JSON Schema of the document", {"callgate policy schema > callgate-policy.schema.json"}, {}, schema});
  commands.push_back({"policy new",
                      "print a document to start from",
                      {"callgate policy new refunds > refunds.yaml"},
                      {positional("NAME", "for the comment", false)},
                      make_new});
}

}  // namespace callgate::cli
