// serve: the daemon itself.
#include "app/serve.h"

#include "cli/session.h"

namespace callgate::cli {
namespace {

int serve(Session& session, const Args& args) {
  if (auto checked = config::check_for_serving(session.settings()); !checked) return session.fail_with(checked.error());
  app::ServeOptions options;
  options.ready_file = args.text("--ready-file");
  options.unsafe_no_audit = args.given("--unsafe-no-audit");
  if (session.dry_run) {
    session.note("the settings are fine; nothing was started");
    return kOk;
  }
  return app::serve(session.settings(), options);
}

}  // namespace

void add_serve_commands(std::vector<Command>& commands) {
  commands.push_back({"serve",
                      "run the gate until it is told to stop",
                      {"callgate serve", "callgate serve --data /tmp/gate --listen 127.0.0.1:0 --ready-file /tmp/gate.url",
                       "callgate serve --set audit.commit=before_effect --set log.format=json"},
                      {{"--listen", "address and port, instead of the setting", Takes::One, false, "ADDRESS:PORT"},
                       {"--set", "any setting of `callgate config show`", Takes::Many, false, "KEY=VALUE"},
                       {"--ready-file", "write the URL to this file once requests are taken", Takes::One, false, "FILE"},
                       {"--unsafe-no-audit", "record nothing; for benchmarks only", Takes::Flag, false, {}, {}, true}},
                      serve,
                      "The first start creates the data directory and its keys, and prints a single-use setup code for the first owner."});
}

}  // namespace callgate::cli
