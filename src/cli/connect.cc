// connect: the gate for clients that only know standard input and output.
#include "cli/output.h"
#include "cli/relay.h"
#include "cli/session.h"
#include "cli/stop_signal.h"

namespace callgate::cli {
namespace {

Result<Secret> grant_of(Session& session, const Args& args) {
  if (!args.given("--token-file")) return session.settings().token;
  CG_TRY(auto text, read_text(args.text("--token-file")));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return Secret(std::move(text));
}

int connect(Session& session, const Args& args) {
  auto grant = grant_of(session, args);
  if (!grant) return session.fail_with(grant.error());
  if (grant->empty()) return session.usage("`connect` needs a grant: set CALLGATE_TOKEN, or name a file with --token-file");
  Relay::Options options;
  std::string base = session.settings().url;
  while (!base.empty() && base.back() == '/') base.pop_back();
  const bool safe = base.empty() || base.starts_with("https://") || base.starts_with("http://127.") ||
                    base.starts_with("http://localhost") || base.starts_with("http://[::1]");
  if (!safe)
    return session.fail_with(Error{Code::InvalidArgument, "cli.plain_url",
                                   "`" + base + "` has no TLS: the grant would cross the network in clear text; use https://", ""});
  if (base.empty()) {
    options.unix_socket = session.settings().control_socket();
    base = "http://callgate";
  }
  options.url = base + "/mcp" + (args.given("SERVER") ? "/" + encoded(args.text("SERVER")) + "/" : "");
  options.token = std::move(*grant);
  options.note = [&session](const std::string& text) { session.note(text); };
  StopSignal stop;
  options.stop_fd = stop.fd();
  Relay(std::move(options)).run();
  return kOk;
}

}  // namespace

void add_connect_commands(std::vector<Command>& commands) {
  commands.push_back(
      {"connect",
       "speak MCP over standard input and output with a server behind a gate",
       {"callgate connect refunds", "callgate connect refunds --url https://gate.example.com --token-file grant.txt"},
       {positional("SERVER", "slug or id; without it every server of the grant", false),
        {"--token-file", "file with the grant", Takes::One, false, "FILE"}},
       connect,
       "For clients that start a command instead of speaking HTTP. The grant is read from CALLGATE_TOKEN, CALLGATE_TOKEN_FILE or\n"
       "--token-file, never from the command line. Without --url the gate of this machine is reached over its control socket."});
}

}  // namespace callgate::cli
