// setup: the exact configuration of an AI client; printed, or written with preview and backup.
#include <unistd.h>

#include <cstdlib>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/setup_file.h"
#include "config/client_setup.h"
#include "policy/policy.h"

namespace callgate::cli {
namespace {

constexpr std::string_view kPlaceholder = "YOUR_GRANT";

Result<Answer> find_server(Session& session, const Args& args) {
  if (args.given("--server")) {
    CG_TRY(auto answer, session.call("GET", "/servers/" + encoded(args.text("--server"))));
    if (!answer.ok()) return answer;
    std::string body = "{\"items\":[" + std::string(answer.root()["server"].raw()) + "]}";
    CG_CHECK(answer.document->parse(body));
    return answer;
  }
  CG_TRY(auto all, session.fetch_all("/servers"));
  if (all.ok() && all.root()["items"].size() != 1)
    return fail(Code::InvalidArgument, "cli.server", "name the server with --server; `callgate server ls` lists them");
  return all;
}

Result<std::string> token_of(const Args& args) {
  if (args.given("--token-file")) {
    CG_TRY(auto text, read_text(args.text("--token-file")));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }
  const char* value = std::getenv("CALLGATE_GRANT");
  return std::string(value && *value ? std::string_view(value) : kPlaceholder);
}

std::string expanded(std::string path) {
  const char* home = std::getenv("HOME");
  if (path.starts_with("~/") && home) return home + path.substr(1);
  return path;
}

int write_setup(Session& session, const Args& args, const config::ClientSetup& setup, const config::ClientTarget& target) {
  if (target.token == kPlaceholder)
    return session.usage(
        "--write needs the grant's token: give --token-file FILE or set CALLGATE_GRANT (`callgate grant mint ... -o name`)");
  bool project = args.text("--scope", setup.user_file.empty() ? "project" : "user") == "project";
  std::string path = args.given("--to") ? args.text("--to") : expanded(project ? setup.project_file : setup.user_file);
  if (path.empty())
    return session.usage("`" + setup.client + "` has no " + (project ? "project" : "user") +
                         " file; name one with --to FILE, or print it without --write");
  std::string old_text;
  if (::access(path.c_str(), F_OK) == 0) {
    auto read = read_text(path);
    if (!read) return session.fail_with(read.error());
    old_text = std::move(*read);
  }
  auto text = merged_setup(old_text, setup, target.name);
  if (!text) {
    session.fail_with(text.error());
    session.note("the entry:\n" + terminal_safe_lines(masked(setup.entry)));
    return kInvalid;
  }
  auto change = policy::diff(masked(old_text), masked(*text));
  session.note(path + ":\n" + (change.empty() ? "only the token changes\n" : terminal_safe_lines(change)));
  if (session.dry_run) return kOk;
  if (project) session.note("this file holds the token: keep it out of version control");
  if (!session.confirm("write it?")) return kFailed;
  std::string stamp;
  for (char c : format_time(SystemClock().now()))
    if (c != '-' && c != ':' && c != '.') stamp += c;
  auto backup = replace_file(path, *text, stamp);
  if (!backup) return session.fail_with(backup.error());
  session.note("written to " + path + (backup->empty() ? "" : "; the old one is kept as " + *backup));
  return kOk;
}

int setup(Session& session, const Args& args) {
  std::string client = args.text("CLIENT");
  if (!config::client_setup(client, {})) {
    auto near = config::suggest(client, config::setup_clients());
    std::string known;
    for (auto name : config::setup_clients()) known += (known.empty() ? "" : ", ") + std::string(name);
    return session.usage("there is no client `" + client + "`; " + (near.empty() ? "known are " + known : "did you mean `" + near + "`?"));
  }
  auto token = token_of(args);
  if (!token) return session.fail_with(token.error());
  auto answer = find_server(session, args);
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  auto server = answer->root()["items"].child(0);
  config::ClientTarget target{args.text("--as", server["slug"].string()), std::string(server["endpoint"].string()), *token};
  auto made = config::client_setup(client, target);
  if (args.given("--write") && made->group.empty())
    return session.usage("`" + client + "` has no file to write; run what this prints without --write");
  if (args.given("--write")) return write_setup(session, args, *made, target);
  if (!session.human()) {
    std::string json;
    json::Writer out(json);
    out.begin_object()
        .member("client", std::string_view(made->client))
        .member("form", std::string_view(made->form))
        .member("server", std::string_view(target.name));
    out.member("url", std::string_view(target.url)).member("user_file", std::string_view(made->user_file));
    out.member("project_file", std::string_view(made->project_file)).member("text", std::string_view(made->text)).end_object();
    json::Document document;
    if (auto parsed = document.parse(json); !parsed) return session.fail_with(parsed.error());
    return show_one(session, document.root(), "text", {});
  }
  if (made->form != "shell" && !made->user_file.empty())
    session.note("into " + made->user_file + (made->project_file.empty() ? "" : " or " + made->project_file) + ":");
  session.out(terminal_safe_lines(made->text));
  if (*token == kPlaceholder) session.note("Put the grant's token in place of YOUR_GRANT; `callgate grant mint` shows it once.");
  return kOk;
}

}  // namespace

void add_setup_commands(std::vector<Command>& commands) {
  commands.push_back(
      {"setup",
       "print the exact configuration of an AI client, or write it",
       {"callgate setup claude-code --server refunds", "callgate setup cursor --server refunds --token-file grant.txt --write"},
       {positional("CLIENT", "claude-code, cursor, vscode, codex, gemini, windsurf, zed, json, claude-desktop, mcp-remote or curl"),
        {"--server", "server to reach; may be left out when there is only one", Takes::One, false, "SERVER"},
        {"--token-file", "file with the grant's token (also CALLGATE_GRANT)", Takes::One, false, "FILE"},
        {"--as", "what the client calls it; default: the server's slug", Takes::One, false, "NAME"},
        flag("--write", "put it into the client's file, after a preview, with a backup"),
        {"--scope", "which file to write", Takes::One, false, "SCOPE", "user|project"},
        {"--to", "write this file instead", Takes::One, false, "FILE"}},
       setup});
}

}  // namespace callgate::cli
