// config, completion, version, status.
#include "cli/output.h"
#include "cli/session.h"

#ifndef CALLGATE_VERSION
#define CALLGATE_VERSION "0"
#endif

namespace callgate::cli {
namespace {

int show(Session& session, const Args& args) {
  std::string json;
  json::Writer out(json);
  out.begin_object().key("items").begin_array();
  for (const auto& origin : session.loaded().origins)
    out.begin_object()
        .member("key", std::string_view(origin.key))
        .member("value", std::string_view(origin.value))
        .member("from", std::string_view(origin.from))
        .end_object();
  out.end_array().end_object();
  Answer answer;
  answer.status = 200;
  if (auto parsed = answer.document->parse(json); !parsed) return session.fail_with(parsed.error());
  std::vector<Column> columns = {{"KEY", "key"}, {"VALUE", "value"}};
  if (args.given("--origin")) columns.push_back({"FROM", "from"});
  return show_list(session, answer, "key", columns);
}

int schema(Session& session, const Args&) {
  session.out(config::settings_json_schema() + "\n");
  return kOk;
}

int completion(Session& session, const Args& args) {
  session.out(completion_script(all_commands(), args.text("SHELL")));
  return kOk;
}

int version(Session& session, const Args&) {
  session.out(session.human() || session.form() == "name" ? "callgate " CALLGATE_VERSION "\n" : "{\"version\":\"" CALLGATE_VERSION "\"}\n");
  return kOk;
}

int status(Session& session, const Args&) {
  auto answer = session.call("GET", "/status");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_one(session, answer->root(), "version",
                  {{"version", "version"},
                   {"url", "public_url"},
                   {"data", "data_dir"},
                   {"servers", "servers"},
                   {"policies", "policies"},
                   {"live grants", "grants_live"},
                   {"principals", "principals"},
                   {"audit head", "audit_head"},
                   {"audit commit", "audit_commit"}});
}

}  // namespace

void add_config_commands(std::vector<Command>& commands) {
  commands.push_back({"status", "what is inside the running gate", {"callgate status"}, {}, status});
  commands.push_back(
      {"config show",
       "settings, and with --origin where each comes from",
       {"callgate config show --origin"},
       {flag("--origin", "where each value comes from"), {"--set", "as if this were given to serve", Takes::Many, false, "KEY=VALUE"}},
       show});
  commands.push_back(
      {"config schema", "JSON Schema of settings files", {"callgate config schema > callgate-config.schema.json"}, {}, schema});
  commands.push_back({"completion",
                      "print a completion script",
                      {"source <(callgate completion bash)", "callgate completion fish > ~/.config/fish/completions/callgate.fish"},
                      {{"SHELL", "bash, zsh or fish", Takes::One, true, "SHELL", "bash|zsh|fish"}},
                      completion});
  commands.push_back({"version", "print the version", {"callgate version"}, {}, version});
}

}  // namespace callgate::cli
