// tool: what the servers offer.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

// Descriptions can be long and are written by others: one short line in the table, all of it with `show`.
int list(Session& session, const Args& args) {
  auto answer = session.fetch_all("/tools" + query_of({{"server", args.text("--server")}}));
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "name",
                                  {{"TOOL", "name"},
                                   {"TITLE", "title"},
                                   {"SERVER", "server"},
                                   {"SEEN", "seen_at"},
                                   {"FINGERPRINT", "fingerprint", true},
                                   {"DESCRIPTION", "description", true}})
                      : session.fail_with(*answer);
}

int show(Session& session, const Args& args) {
  auto answer = session.call("GET", "/servers/" + encoded(args.text("SERVER")) + "/tools/" + encoded(args.text("TOOL")));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  int code =
      show_one(session, answer->root(), "name",
               {{"tool", "name"}, {"title", "title"}, {"description", "description"}, {"fingerprint", "fingerprint"}, {"seen", "seen_at"}});
  if (session.human()) session.out(json_safe(pretty_json(answer->root()["definition"])));
  return code;
}

}  // namespace

void add_tool_commands(std::vector<Command>& commands) {
  commands.push_back({"tool ls",
                      "list tools as last seen",
                      {"callgate tool ls --server refunds"},
                      {{"--server", "of this server only", Takes::One, false, "SERVER"}},
                      list});
  commands.push_back({"tool show",
                      "show a tool with its schema",
                      {"callgate tool show refunds refund_payment"},
                      {positional("SERVER", "slug or id"), positional("TOOL", "tool name")},
                      show});
}

}  // namespace callgate::cli
