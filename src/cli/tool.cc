// tool: what the servers offer, what of it is held, and decisions about it.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

std::string path_of(const Args& args, std::string_view tool, std::string_view below = {}) {
  return "/servers/" + encoded(args.text("SERVER")) + "/tools/" + encoded(std::string(tool)) + std::string(below);
}

std::string kind_of(const Args& args) { return query_of({{"kind", args.text("--kind")}}); }

// Descriptions can be long and are written by others: one short line in the table, all of it with `show`.
int list(Session& session, const Args& args) {
  auto answer = session.fetch_all(
      "/tools" +
      query_of({{"server", args.text("--server")}, {"held", args.given("--held") ? "true" : ""}, {"kind", args.text("--kind")}}));
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "name",
                                  {{"TOOL", "name"},
                                   {"KIND", "kind"},
                                   {"SERVER", "server"},
                                   {"STANDING", "standing"},
                                   {"SERVED", "served"},
                                   {"RISK", "risk"},
                                   {"SEEN", "seen_at"},
                                   {"TITLE", "title", true},
                                   {"FINGERPRINT", "fingerprint", true},
                                   {"DESCRIPTION", "description", true}})
                      : session.fail_with(*answer);
}

int show_tool(Session& session, const Result<Answer>& answer, bool whole) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  int code = show_one(session, answer->root(), "name",
                      {{"tool", "name"},
                       {"kind", "kind"},
                       {"title", "title"},
                       {"description", "description"},
                       {"standing", "standing"},
                       {"served", "served"},
                       {"decided by", "decided_by"},
                       {"reason", "reason"},
                       {"risk", "risk"},
                       {"fingerprint", "fingerprint"},
                       {"seen", "seen_at"}});
  if (!whole || !session.human()) return code;
  answer->root()["risk_evidence"].for_each_element([&](json::Value evidence) {
    session.out("  " + terminal_safe(evidence["says"].string()) + ": " + terminal_safe(evidence["where"].string()) + " `" +
                terminal_safe(evidence["what"].string()) + "`\n");
  });
  session.out(json_safe(pretty_json(answer->root()["definition"])));
  return code;
}

int show(Session& session, const Args& args) {
  return show_tool(session, session.call("GET", path_of(args, args.text("TOOL"), kind_of(args))), true);
}

// [-removed-] and {+added+}, as word diffs are written elsewhere; hidden characters come spelled out.
std::string words_of(json::Value field) {
  std::string line;
  field["words"].for_each_element([&](json::Value piece) {
    std::string_view edit = piece["edit"].string();
    std::string text = terminal_safe_lines(piece["text"].string());
    if (edit == "added") line += "{+" + text + "+}";
    else if (edit == "removed") line += "[-" + text + "-]";
    else if (text.size() > 160) line += text.substr(0, 70) + " ... " + text.substr(text.size() - 70);
    else line += text;
  });
  return line;
}

int diff(Session& session, const Args& args) {
  auto answer = session.call("GET", path_of(args, args.text("TOOL"), "/diff" + kind_of(args)));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "name", {});
  json::Value root = answer->root();
  session.out(terminal_safe(root["server"].string()) + " " + terminal_safe(root["name"].string()) + ": " +
              std::string(root["standing"].string()) + ", danger " + std::string(root["danger"].number()) + ", " +
              cell_text(root["traits"]) + "\nfingerprint " + std::string(root["fingerprint"].string()) + "\n");
  root["fields"].for_each_element([&](json::Value field) {
    session.out("\n" + terminal_safe(field["pointer"].string()) + "  " + std::string(field["change"].string()) + ", danger " +
                std::string(field["danger"].number()) + "\n");
    field["reasons"].for_each_element([&](json::Value reason) { session.out("  ! " + terminal_safe(reason.string()) + "\n"); });
    session.out(words_of(field) + "\n");
  });
  return kOk;
}

int decide(Session& session, const Args& args, std::string_view what) {
  const auto& tools = args.list("TOOL");
  if (tools.size() > 1 && args.given("--fingerprint")) return session.usage("--fingerprint goes with one tool");
  int worst = kOk;
  for (const std::string& tool : tools) {
    if (session.dry_run) {
      session.note("would " + std::string(what) + " `" + terminal_safe(tool) + "`");
      continue;
    }
    std::string body;
    json::Writer out(body);
    out.begin_object();
    put_texts(out, args, {{"--fingerprint", "fingerprint"}, {"--reason", "reason"}, {"--kind", "kind"}});
    out.end_object();
    int code = show_tool(session, session.call("POST", path_of(args, tool, "/" + std::string(what)), body), false);
    if (code != kOk) worst = code;
  }
  return worst;
}

int approve(Session& session, const Args& args) { return decide(session, args, "approve"); }
int reject(Session& session, const Args& args) { return decide(session, args, "reject"); }

int set_risk(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would set the risk of `" + terminal_safe(args.text("TOOL")) + "`"), kOk;
  std::string body;
  json::Writer(body).begin_object().member("risk", std::string_view(args.text("CLASS"))).end_object();
  return show_tool(session, session.call("PUT", path_of(args, args.text("TOOL"), "/risk"), body), false);
}

int pin(Session& session, const Args& args) {
  const std::string path = "/servers/" + encoded(args.text("SERVER")) + "/pin";
  if (args.given("WAY") && session.dry_run)
    return session.note("would change the pin of `" + terminal_safe(args.text("SERVER")) + "`"), kOk;
  std::string body;
  json::Writer(body).begin_object().member("pin", std::string_view(args.text("WAY"))).end_object();
  auto answer = args.given("WAY") ? session.call("PUT", path, body) : session.call("GET", path);
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_one(session, answer->root(), "server", {{"server", "server"}, {"pin", "pin"}}) : session.fail_with(*answer);
}

int flags(Session& session, const Args&) {
  auto answer = session.fetch_all("/tools/flags");
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "tool",
                                  {{"KIND", "kind"},
                                   {"SERVER", "server"},
                                   {"TOOL", "tool"},
                                   {"OTHER SERVER", "other_server"},
                                   {"OTHER TOOL", "other_tool"}})
                      : session.fail_with(*answer);
}

}  // namespace

void add_tool_commands(std::vector<Command>& commands) {
  const Argument server = positional("SERVER", "slug or id"), tool = positional("TOOL", "tool name");
  const Argument tools = {"TOOL", "tool names", Takes::Many, true, {}, {}, false};
  const Argument kind = {"--kind", "what it is, when not a tool", Takes::One, false, {}, "tool|prompt|template|instructions", false};
  const std::vector<Argument> decision = {
      server,
      tools,
      kind,
      {"--fingerprint", "of what you looked at; refused when the tool is another by now", Takes::One, false, "HEX"},
      {"--reason", "why, for the record", Takes::One, false, "TEXT"}};
  commands.push_back({"tool ls",
                      "list tools as last seen",
                      {"callgate tool ls --server refunds", "callgate tool ls --held"},
                      {{"--server", "of this server only", Takes::One, false, "SERVER"},
                       flag("--held", "only what is not served now, of every kind"),
                       {"--kind", "only these; default tool", Takes::One, false, {}, "tool|prompt|template|instructions|all", false}},
                      list});
  commands.push_back({"tool show",
                      "show a tool with its schema, and what its risk was told from",
                      {"callgate tool show refunds refund_payment"},
                      {server, tool, kind},
                      show});
  commands.push_back({"tool diff",
                      "what changed since a tool was approved, most dangerous first",
                      {"callgate tool diff refunds refund_payment"},
                      {server, tool, kind},
                      diff});
  commands.push_back({"tool approve",
                      "approve tools as they are now",
                      {"callgate tool approve refunds refund_payment --reason 'asked its author'",
                       "callgate tool approve refunds instructions --kind instructions"},
                      decision,
                      approve});
  commands.push_back({"tool reject",
                      "reject tools as they are now; what was approved counts should it come back",
                      {"callgate tool reject refunds refund_payment"},
                      decision,
                      reject});
  commands.push_back(
      {"tool risk",
       "set a tool's class of risk, which policies read as tool.risk",
       {"callgate tool risk refunds get_charge read", "callgate tool risk refunds get_charge auto"},
       {server,
        tool,
        {"CLASS", "auto: told from the definition", Takes::One, true, {}, "read|write|execute|destructive|financial|auto", false}},
       set_risk});
  commands.push_back(
      {"tool pin",
       "show or say which of a server's tools may be used",
       {"callgate tool pin refunds", "callgate tool pin refunds strict"},
       {server, {"WAY", "default: as the setting tools.pin says", Takes::One, false, {}, "default|off|first_sight|strict", false}},
       pin});
  commands.push_back({"tool flags",
                      "names that could be taken for one another, texts that speak of another server's tools",
                      {"callgate tool flags"},
                      {},
                      flags});
}

}  // namespace callgate::cli
