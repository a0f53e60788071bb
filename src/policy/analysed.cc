#include "policy/analysed.h"

#include <algorithm>

#include "inspection/shell.h"
#include "policy/problems.h"

namespace callgate::policy {
namespace {

using inspection::ShellAnalysis;
using inspection::SqlAnalysis;
using inspection::SqlStatement;

// What both readers of SQL call alike. A name outside could never hold, and a `deny_if` with it would never deny.
constexpr std::string_view kKinds[] = {"select", "insert", "update",   "delete", "merge",    "replace", "create",     "alter", "drop",
                                       "grant",  "copy",   "truncate", "call",   "do",       "explain", "show",       "set",   "execute",
                                       "use",    "lock",   "prepare",  "vacuum", "describe", "pragma",  "transaction"};

bool hides_nothing(const SqlStatement& statement) { return statement.reads_only || statement.why == "is " + statement.kind; }

bool names(const Constant& constant, std::string_view word) {
  return std::find(constant.strings.begin(), constant.strings.end(), word) != constant.strings.end();
}

// Whether the command begins with these words; quotes are off already.
bool begins(const std::vector<std::string>& command, const CommandWords& words) {
  return command.size() >= words.words.size() && std::equal(words.words.begin(), words.words.end(), command.begin());
}

bool listed(const Constant& constant, const std::vector<std::string>& command) {
  return std::any_of(constant.commands.begin(), constant.commands.end(), [&](const CommandWords& words) { return begins(command, words); });
}

// One simple command that begins as it was listed, but runs others: `env rm` where only `env` is named. `sudo ls` names both.
bool names_program(const Constant& constant, const std::string& program) {
  return std::any_of(constant.commands.begin(), constant.commands.end(), [&](const CommandWords& command) {
    return std::find(command.words.begin(), command.words.end(), program) != command.words.end();
  });
}

Truth safe(const ShellAnalysis& analysis) {
  if (analysis.dangerous()) return Truth::False;
  if (analysis.unresolved || analysis.commands.empty()) return Truth::Mistyped;
  return Truth::True;
}

}  // namespace

Result<void> add_sql_kind(const Node& node, Constant& out) {
  auto refused = [](std::string message) { return fail(Code::InvalidArgument, "policy.value", std::move(message)); };
  if (!node.is(Node::Kind::String)) return refused("`sql_is` takes `read_only`, a kind of statement, or a list of kinds");
  out.shown.push_back(node.text);
  if (node.text == "read_only") {
    out.analysis = true;
    return {};
  }
  if (std::find(std::begin(kKinds), std::end(kKinds), node.text) == std::end(kKinds))
    return refused("`" + shown(node.text) + "` is no kind of SQL statement" + suggestion(node.text, kKinds));
  out.strings.push_back(node.text);
  return {};
}

Truth sql_is(const Constant& constant, std::string_view text) {
  SqlAnalysis analysis = inspection::analyze_sql(text, constant.dialect);
  if (!analysis.understood || analysis.statements.empty()) return Truth::Mistyped;
  if (constant.analysis) return analysis.read_only() ? Truth::True : Truth::False;
  if (analysis.only(constant.strings)) return Truth::True;
  bool none = std::none_of(analysis.statements.begin(), analysis.statements.end(), [&](const SqlStatement& statement) {
    return names(constant, statement.kind) || !hides_nothing(statement) || statement.kind == "unknown";
  });
  return none ? Truth::False : Truth::Mistyped;
}

Truth command_line_is(const Constant& constant, std::string_view text) {
  Answer simple = constant.analysis ? Answer::Unclear : command_is(text, constant.commands);
  if (text.size() > inspection::kShellBytesMax) return Truth::Mistyped;
  ShellAnalysis analysis = inspection::analyze_shell(text);
  if (constant.analysis) return safe(analysis);
  if (analysis.unresolved || analysis.commands.empty()) return Truth::Mistyped;
  if (simple == Answer::Yes) {
    bool all = std::all_of(analysis.commands.begin(), analysis.commands.end(), [&](const auto& command) {
      return listed(constant, command) || (!command.empty() && names_program(constant, command[0]));
    });
    return all ? Truth::True : Truth::Mistyped;
  }
  auto count = std::count_if(analysis.commands.begin(), analysis.commands.end(), [&](const auto& one) { return listed(constant, one); });
  if (simple == Answer::No) return count == 0 ? Truth::False : Truth::Mistyped;  // `sudo rm` where `rm` is named is not just another
  bool every = static_cast<std::size_t>(count) == analysis.commands.size();
  return every && analysis.plain && !analysis.dangerous() ? Truth::True : Truth::Mistyped;
}

std::string analysis_note(Op op, const Constant& constant, std::string_view text) {
  if (op == Op::SqlIs) return inspection::analyze_sql(text, constant.dialect).why();
  if (op != Op::CommandIs) return {};
  if (text.size() > inspection::kShellBytesMax) return "is too long";
  ShellAnalysis analysis = inspection::analyze_shell(text);
  if (analysis.unresolved) return analysis.why_unresolved;
  if (!analysis.findings.empty()) return std::string(analysis.findings[0].rule) + ": " + shown(analysis.findings[0].what);
  return {};
}

}  // namespace callgate::policy
