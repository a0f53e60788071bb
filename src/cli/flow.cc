// flow: what sessions have seen.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {{"GRANT", "grant_id"}, {"PART", "part"},         {"LABELS", "labels"},        {"CALLS", "calls"},
                                      {"LAST", "last"},      {"BEGUN", "begun", true}, {"UNKNOWN", "unknown", true}};

int list(Session& session, const Args&) {
  auto answer = session.fetch_all("/flows");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_list(session, *answer, "grant_id", kColumns);
}

void print_marks(Session& session, std::string_view title, json::Value marks) {
  if (marks.size() == 0) return;
  session.out("  " + std::string(title) + "\n");
  marks.for_each_element([&](json::Value mark) {
    session.out("    " + terminal_safe(mark["name"].string()) + "  " + cell_text(mark["count"]) + "x, last " + cell_text(mark["last"]) +
                "\n");
  });
}

int show(Session& session, const Args& args) {
  auto answer = session.call("GET", "/flows/" + encoded(args.text("GRANT")));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_list(session, *answer, "grant_id", kColumns);
  json::Value items = answer->root()["items"];
  if (items.size() == 0) session.note("the sessions of this grant have seen nothing that is noted");
  items.for_each_element([&](json::Value item) {
    std::string part(item["part"].string());
    session.out((part.empty() ? std::string("all of the grant") : terminal_safe(part)) + ": " + cell_text(item["calls"]) + " calls since " +
                cell_text(item["begun"]) + "\n");
    if (item["unknown"].is(json::Kind::True)) session.out("  what it has seen is not known: every rule takes the worst\n");
    print_marks(session, "labels", item["seen"]);
    print_marks(session, "tools", item["tools"]);
    item["bound"].for_each_member([&](std::string_view rule, json::Value) { session.out("  bound by " + terminal_safe(rule) + "\n"); });
  });
  return kOk;
}

int clear(Session& session, const Args& args) {
  std::string grant = args.text("GRANT");
  if (session.dry_run) return session.note("would clear the sessions of `" + terminal_safe(grant) + "`"), kOk;
  if (!session.confirm("forget what the sessions of `" + terminal_safe(grant) + "` have seen?")) return kFailed;
  auto answer = session.call("DELETE", "/flows/" + encoded(grant));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  session.note("cleared: " + cell_text(answer->root()["cleared"]));
  return kOk;
}

}  // namespace

void add_flow_commands(std::vector<Command>& commands) {
  Argument grant = positional("GRANT", "id or label");
  commands.push_back({"flow ls", "list what sessions have seen", {"callgate flow ls"}, {}, list});
  commands.push_back({"flow show", "what the sessions of a grant have seen", {"callgate flow show laptop"}, {grant}, show});
  commands.push_back({"flow clear",
                      "forget what the sessions of a grant have seen",
                      {"callgate flow clear laptop --yes"},
                      {grant},
                      clear,
                      "Rules over sequences begin anew for it. The record says who did this."});
}

}  // namespace callgate::cli
