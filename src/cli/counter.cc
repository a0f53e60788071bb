// counter: how full the limits are.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

int list(Session& session, const Args& args) {
  auto answer = session.fetch_all("/counters" + query_of({{"prefix", args.text("--prefix")}}));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_list(session, *answer, "key",
                   {{"KEY", "key"}, {"WINDOW", "window"}, {"KIND", "kind"}, {"USED", "used"}, {"SINCE", "window_start"}});
}

int reset(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would reset `" + args.text("KEY") + "`"), kOk;
  if (!session.confirm("set counter `" + terminal_safe(args.text("KEY")) + "` to zero?")) return kFailed;
  std::string body;
  json::Writer out(body);
  out.begin_object().member("key", std::string_view(args.text("KEY"))).end_object();
  auto answer = session.call("POST", "/counters/reset", body);
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  session.note("reset");
  return kOk;
}

}  // namespace

void add_counter_commands(std::vector<Command>& commands) {
  commands.push_back({"counter ls",
                      "list counters of open windows",
                      {"callgate counter ls --prefix daily_refunds"},
                      {{"--prefix", "keys that start with this", Takes::One, false, "TEXT"}},
                      list});
  commands.push_back({"counter reset",
                      "set a counter to zero",
                      {"callgate counter reset KEY --yes"},
                      {positional("KEY", "key of `callgate counter ls`")},
                      reset});
}

}  // namespace callgate::cli
