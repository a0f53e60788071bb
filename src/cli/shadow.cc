// policy shadow, policy promote: what rules in shadow mode did say, and making them count.
#include <algorithm>

#include "cli/output.h"
#include "cli/policy_words.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

int shadow(Session& session, const Args& args) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("since", std::string_view(args.text("--since", "7d"))).key("keep").integer(0);
  put_texts(out, args, {{"--until", "until"}, {"--user", "principal"}, {"--grant", "grant"}, {"--server", "server"}, {"--tool", "tool"}});
  out.end_object();
  auto ended = run_backtest(session, args.text("POLICY"), body);
  if (!ended) return session.fail_with(ended.error());
  if (!ended->ok()) return session.fail_with(*ended);
  json::Value run = ended->root();
  if (run["state"].string() != "done") {
    auto why = run["error"]["message"].string();
    session.error(why.empty() ? std::string_view("cancelled") : why);
    return kFailed;
  }
  json::Value rules = run["report"]["recorded_shadow"];
  if (!session.human()) return show_one(session, run, "id", {});
  if (rules.size() == 0) {
    session.out("no rule in shadow mode said anything in " + cell_text(run["report"]["judged"]) + " calls\n");
    return kOk;
  }
  std::vector<std::vector<std::string>> table{{"RULE", "CALLS", "FIRST", "LAST", "CALLERS", "LAST CALL", "WOULD HAVE SAID"}};
  rules.for_each_element([&](json::Value rule) {
    std::string callers;
    std::size_t named = 0;
    rule["by_principal"].for_each_element([&](json::Value one) {
      if (++named <= 5) callers += (callers.empty() ? "" : ", ") + std::string(one["principal"].string()) + " " + cell_text(one["calls"]);
    });
    if (named > 5) callers += " and " + std::to_string(named - 5) + " more";
    table.push_back({terminal_safe(rule["rule"].string()), cell_text(rule["calls"]), cell_text(rule["first"]), cell_text(rule["last"]),
                     terminal_safe(callers), terminal_safe(rule["decision"].string()), terminal_safe(rule["message"].string())});
  });
  session.out(table_of(table, session.color));
  session.note("of " + cell_text(run["report"]["judged"]) + " calls; `callgate policy promote` makes a rule count");
  return kOk;
}

Result<Answer> ask_promotion(Session& session, const Args& args, bool dry_run, std::string_view expected) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--rule", "rule"}, {"--reason", "reason"}});
  if (dry_run) out.member("dry_run", true);
  if (!expected.empty()) out.key("expected_version").raw(expected);
  out.end_object();
  return session.call("POST", "/policies/" + encoded(args.text("POLICY")) + "/promote", body);
}

int promote(Session& session, const Args& args) {
  auto planned = ask_promotion(session, args, true, {});
  if (!planned) return session.fail_with(planned.error());
  if (!planned->ok()) return session.fail_with(*planned);
  if (session.dry_run || !session.yes) {
    if (session.human() || !session.dry_run) session.note(terminal_safe_lines(planned->root()["diff"].string()));
    if (session.dry_run) return session.human() ? kOk : show_one(session, planned->root(), "name", {});
    if (!session.confirm("make it count from now on?")) return kFailed;
  }
  // What was shown is what is promoted: another version by now is a conflict.
  auto answer = ask_promotion(session, args, false, cell_text(planned->root()["version"]));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_one(session, answer->root(), "name",
                  {{"policy", "name"}, {"version", "version"}, {"author", "author"}, {"reason", "reason"}, {"created", "created_at"}});
}

}  // namespace

void add_shadow_commands(std::vector<Command>& commands) {
  commands.push_back({"policy shadow",
                      "what rules in shadow mode would have refused",
                      {"callgate policy shadow refunds --since 7d"},
                      {positional("POLICY", "policy name"),
                       {"--since", "from this time, or this long ago; default 7d", Takes::One, false, "7d"},
                       {"--until", "up to this time", Takes::One, false, "TIME"},
                       {"--user", "calls of this user or robot only", Takes::One, false, "NAME"},
                       {"--grant", "calls of this grant only", Takes::One, false, "GRANT"},
                       {"--server", "calls on this server only", Takes::One, false, "SERVER"},
                       {"--tool", "calls of this tool only", Takes::One, false, "TOOL"}},
                      shadow});
  commands.push_back({"policy promote",
                      "make a rule in shadow mode count, or the whole document",
                      {"callgate policy promote refunds --rule /tools/refund_payment/deny_if/0 --reason 'a week without false alarms'",
                       "callgate policy promote refunds --dry-run"},
                      {positional("POLICY", "policy name"),
                       {"--rule", "JSON pointer of the rule, as `policy shadow` prints it; default: the document's own mode", Takes::One,
                        false, "POINTER"},
                       {"--reason", "why, for the history", Takes::One, false, "TEXT"}},
                      promote,
                      "Changes one word of the document, so comments stay; checked and tested like any new version."});
}

}  // namespace callgate::cli
