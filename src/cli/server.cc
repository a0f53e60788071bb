// server: what stands behind the gate.
#include "base/clock.h"
#include "cli/output.h"
#include "cli/server_command.h"
#include "cli/session.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {{"SLUG", "slug"},
                                      {"NAME", "name"},
                                      {"URL", "url"},
                                      {"COMMAND", "command", true},
                                      {"POLICY", "policy"},
                                      {"DISABLED", "disabled"},
                                      {"ID", "id", true},
                                      {"CAPTURE", "capture", true},
                                      {"HEADERS", "header_names", true},
                                      {"ENDPOINT", "endpoint", true}};
const std::vector<Column> kLines = {{"slug", "slug"},
                                    {"id", "id"},
                                    {"name", "name"},
                                    {"kind", "kind"},
                                    {"url", "url"},
                                    {"transport", "transport"},
                                    {"command", "command"},
                                    {"environment", "environment"},
                                    {"secret variables", "secret_names"},
                                    {"workspace", "workspace"},
                                    {"workspace access", "workspace_access"},
                                    {"may read", "readable"},
                                    {"network", "network"},
                                    {"image", "image"},
                                    {"shared", "shared"},
                                    {"confined", "confined"},
                                    {"weakened", "weakened"},
                                    {"memory bytes max", "memory_bytes_max"},
                                    {"processes max", "processes_max"},
                                    {"CPU seconds max", "cpu_seconds_max"},
                                    {"speaks legacy", "speaks_legacy"},
                                    {"speaks modern", "speaks_modern"},
                                    {"endpoint", "endpoint"},
                                    {"policy", "policy"},
                                    {"disabled", "disabled"},
                                    {"capture", "capture"},
                                    {"pin", "pin"},
                                    {"labels", "labels"},
                                    {"headers", "header_names"},
                                    {"allow private", "allow_private"},
                                    {"verify TLS", "tls_verify"},
                                    {"connect timeout ms", "connect_timeout_ms"},
                                    {"call timeout ms", "call_timeout_ms"},
                                    {"response bytes max", "response_bytes_max"},
                                    {"version", "version"},
                                    {"created", "created_at"},
                                    {"updated", "updated_at"}};

std::string path_of(const Args& args) { return "/servers/" + encoded(args.text("SERVER")); }

// --header 'K: V', --header-env K=VARIABLE, --header-file K=FILE into one JSON object.
Result<std::string> headers_of(const Args& args) {
  std::string json;
  json::Writer out(json);
  out.begin_object();
  for (const auto& line : args.list("--header")) {
    auto colon = line.find(':');
    if (colon == std::string::npos) return fail(Code::InvalidArgument, "cli.header", "write a header as 'Name: value'");
    auto value = line.find_first_not_of(' ', colon + 1);
    out.member(std::string_view(line).substr(0, colon),
               value == std::string::npos ? std::string_view() : std::string_view(line).substr(value));
  }
  for (const auto& pair : args.list("--header-env")) {
    auto equals = pair.find('=');
    if (equals == std::string::npos) return fail(Code::InvalidArgument, "cli.header", "write --header-env as Name=VARIABLE");
    const char* value = std::getenv(pair.substr(equals + 1).c_str());
    if (!value || !*value)
      return fail(Code::InvalidArgument, "cli.header", "the environment variable `" + pair.substr(equals + 1) + "` is not set");
    out.member(std::string_view(pair).substr(0, equals), value);
  }
  for (const auto& pair : args.list("--header-file")) {
    auto equals = pair.find('=');
    if (equals == std::string::npos) return fail(Code::InvalidArgument, "cli.header", "write --header-file as Name=FILE");
    CG_TRY(auto value, read_text(pair.substr(equals + 1)));
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
    out.member(std::string_view(pair).substr(0, equals), std::string_view(value));
  }
  out.end_object();
  return json;
}

bool has_headers(const Args& args) { return args.given("--header") || args.given("--header-env") || args.given("--header-file"); }

Result<void> put_fields(json::Writer& out, const Args& args) {
  put_texts(out, args, {{"--slug", "slug"}, {"--policy", "policy"}, {"--capture", "capture"}, {"--transport", "transport"}});
  put_list(out, args, "--label", "labels");
  if (args.given("--clear-labels")) out.key("labels").begin_array().end_array();
  if (args.given("--allow-private")) out.member("allow_private", true);
  if (args.given("--no-allow-private")) out.member("allow_private", false);
  if (args.given("--no-tls-verify")) out.member("tls_verify", false);
  if (args.given("--tls-ca")) {
    CG_TRY(auto pem, read_text(args.text("--tls-ca")));
    out.member("tls_ca_pem", std::string_view(pem));
  }
  if (args.given("--call-timeout")) {
    auto timeout = parse_duration(args.text("--call-timeout"));
    if (!timeout) return fail(Code::InvalidArgument, "cli.duration", "write --call-timeout as 90s or 5m");
    out.member("call_timeout_ms", static_cast<std::int64_t>(timeout->count() * 1000));
  }
  if (has_headers(args)) {
    CG_TRY(auto headers, headers_of(args));
    out.key("headers").raw(headers);
  }
  return put_command(out, args);
}

// One line per stage: what was seen, or what went wrong, why, and what to do.
void print_probe(Session& session, json::Value probe) {
  probe["stages"].for_each_element([&](json::Value stage) {
    bool ok = stage["ok"].is(json::Kind::True), skipped = stage["skipped"].is(json::Kind::True);
    std::string name(stage["name"].string());
    std::string line = (skipped ? "  -     "
                        : ok    ? "  ok    "
                                : "  FAIL  ") +
                       name + std::string(name.size() < 10 ? 10 - name.size() : 1, ' ');
    line += terminal_safe(stage[ok || skipped ? "what" : "why"].string());
    session.note(line);
    if (!ok && !skipped) session.note("        fix: " + terminal_safe(stage["fix"].string()));
  });
}

int show_server(Session& session, const Answer& answer) {
  if (!answer.ok()) {
    print_probe(session, answer.root()["probe"]);
    return session.fail_with(answer);
  }
  if (auto probe = answer.root()["probe"]; probe.exists() && session.human()) print_probe(session, probe);
  return show_one(session, answer.root()["server"], "slug", kLines);
}

int add(Session& session, const Args& args) {
  if (args.given("URL") == args.has_rest)
    return session.usage(
        "`server add` needs a NAME and either a URL, as in `callgate server add refunds https://mcp.example.com/mcp`, or a command, as in "
        "`callgate server add files --workspace . -- mcp-server-filesystem .`");
  std::string body;
  json::Writer out(body);
  out.begin_object().member("name", std::string_view(args.text("NAME")));
  put_texts(out, args, {{"URL", "url"}});
  if (auto put = put_fields(out, args); !put) return session.fail_with(put.error());
  put_texts(out, args, {{"--pin", "pin"}});
  if (args.given("--no-probe")) out.member("probe", false);
  if (session.dry_run) out.member("dry_run", true);
  out.end_object();
  auto answer = session.call("POST", "/servers", body);
  if (!answer) return session.fail_with(answer.error());
  int code = show_server(session, *answer);
  if (code != kOk || !session.human() || session.dry_run) return code;
  auto slug = std::string(answer->root()["server"]["slug"].string());
  if (answer->root()["server"]["policy"].string().empty())
    session.note("next: a policy (`callgate policy new " + slug + " > " + slug +
                 ".yaml`), then `callgate grant mint LABEL --for NAME --server " + slug + "`");
  return code;
}

int list(Session& session, const Args&) {
  auto answer = session.fetch_all("/servers");
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "slug", kColumns) : session.fail_with(*answer);
}

int show(Session& session, const Args& args) {
  auto answer = session.call("GET", path_of(args));
  return answer ? show_server(session, *answer) : session.fail_with(answer.error());
}

int patch(Session& session, const Args& args, const std::string& body) {
  if (session.dry_run) {
    session.note("would change `" + args.text("SERVER") + "`");
    return kOk;
  }
  auto answer = session.call("PATCH", path_of(args), body);
  return answer ? show_server(session, *answer) : session.fail_with(answer.error());
}

int edit(Session& session, const Args& args) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--name", "name"}});
  if (args.given("--no-shared")) out.member("shared", false);
  if (args.given("--confined")) out.member("confined", true);
  if (args.given("--clear-secrets")) out.key("secret_environment").begin_object().end_object();
  if (auto put = put_fields(out, args); !put) return session.fail_with(put.error());
  if (args.given("--clear-headers")) out.key("headers").begin_object().end_object();
  out.end_object();
  if (body == "{}") return session.usage("nothing to change; `callgate server edit --help` lists what can be changed");
  return patch(session, args, body);
}

int disable(Session& session, const Args& args) { return patch(session, args, R"({"disabled":true})"); }
int enable(Session& session, const Args& args) { return patch(session, args, R"({"disabled":false})"); }

int remove(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would remove `" + args.text("SERVER") + "`"), kOk;
  if (!session.confirm("remove server `" + terminal_safe(args.text("SERVER")) + "`?")) return kFailed;
  return session.remove(path_of(args));
}

int probe(Session& session, const Args& args) {
  auto answer = session.call("POST", path_of(args) + "/probe");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  auto report = answer->root()["probe"];
  if (session.human()) print_probe(session, report);
  else show_one(session, report, "server_name", {});
  return report["ok"].is(json::Kind::True) ? kOk : kFailed;
}

// Lines as they come; with --follow until interrupted.
int logs(Session& session, const Args& args) {
  const bool follow = args.given("--follow");
  std::string since = "0";
  while (true) {
    auto answer = session.call("GET", path_of(args) + "/logs" + query_of({{"since", since}, {"limit", args.text("--limit", "200")}}));
    if (!answer) return session.fail_with(answer.error());
    if (!answer->ok()) return session.fail_with(*answer);
    if (!session.human() && !follow) return show_list(session, *answer, "text", {});
    answer->root()["items"].for_each_element([&](json::Value line) {
      since = std::string(line["sequence"].number());
      session.out(cell_text(line["time"]) + "  " + cell_text(line["process"]) + "  " + terminal_safe(line["text"].string()) + "\n");
    });
    std::fflush(stdout);
    if (!follow) return kOk;
    timespec pause{1, 0};
    ::nanosleep(&pause, nullptr);
  }
}

std::vector<Argument> field_arguments() {
  std::vector<Argument> arguments = {
      {"--header", "credential for the server", Takes::Many, false, "'Name: value'"},
      {"--header-env", "the same, value from an environment variable", Takes::Many, false, "Name=VARIABLE"},
      {"--header-file", "the same, value from a file", Takes::Many, false, "Name=FILE"},
      {"--policy", "policy for grants that name none", Takes::One, false, "POLICY"},
      {"--capture", "how much of the arguments records keep", Takes::One, false, "LEVEL", "none|keys|redacted|full"},
      {"--label", "what all its tools are to rules over sequences: private, untrusted, sink ...", Takes::Many, false, "LABEL"},
      {"--slug", "short name in URLs and policies", Takes::One, false, "SLUG"},
      {"--transport", "how its URL is spoken to; the probe finds out", Takes::One, false, "KIND", "http|sse"},
      flag("--allow-private", "it may resolve to private or loopback addresses"),
      {"--call-timeout", "longest wait for an answer, as in 90s", Takes::One, false, "DURATION"},
      {"--tls-ca", "extra trust anchor", Takes::One, false, "PEM-FILE"},
      flag("--no-tls-verify", "do not verify its certificate (unsafe)")};
  for (const Argument& one : server_command_arguments()) arguments.push_back(one);
  return arguments;
}

}  // namespace

void add_server_commands(std::vector<Command>& commands) {
  Argument server = positional("SERVER", "slug or id");
  auto add_arguments = field_arguments();
  add_arguments.insert(add_arguments.begin(), {positional("NAME", "what people call it"), positional("URL", "its MCP endpoint", false)});
  add_arguments.push_back(flag("--no-probe", "add it without looking at it first"));
  add_arguments.push_back({"--pin", "which of its tools may be used", Takes::One, false, "WAY", "default|off|first_sight|strict"});
  auto edit_arguments = field_arguments();
  edit_arguments.insert(edit_arguments.begin(), server);
  edit_arguments.push_back({"--name", "what people call it", Takes::One, false, "NAME"});
  edit_arguments.push_back(flag("--no-allow-private", "public addresses only"));
  edit_arguments.push_back(flag("--clear-labels", "remove all labels"));
  edit_arguments.push_back(flag("--clear-headers", "remove all credentials"));
  edit_arguments.push_back(flag("--no-shared", "one process for each session"));
  edit_arguments.push_back(flag("--confined", "run it in the sandbox"));
  edit_arguments.push_back(flag("--clear-secrets", "remove all secret variables"));
  commands.push_back(
      {"server add",
       "register a server after a staged probe",
       {"callgate server add refunds https://mcp.example.com/mcp --header-env Authorization=REFUNDS_TOKEN",
        "callgate server add local http://127.0.0.1:3000/mcp --allow-private --policy refunds",
        "callgate server add files --workspace ~/project:rw --read /opt/mcp -- node /opt/mcp/filesystem.js ~/project",
        "callgate server add github --secret-env GITHUB_TOKEN=@token.txt --network api.github.com -- github-mcp-server stdio",
        "callgate server add notes --podman registry.example.com/notes@sha256:... --workspace ~/notes:rw -- /bin/notes-mcp"},
       add_arguments,
       add,
       "Credentials are sealed at rest and never shown again; a `--header` value is visible to other programs of this "
       "machine, --header-env is not."});
  commands.push_back({"server ls", "list servers", {"callgate server ls", "callgate server ls -o json"}, {}, list});
  commands.push_back({"server show", "show one server", {"callgate server show refunds"}, {server}, show});
  commands.push_back({"server edit",
                      "change a server; what is not named stays",
                      {"callgate server edit refunds --policy refunds --capture full"},
                      edit_arguments,
                      edit});
  commands.push_back({"server disable", "refuse all calls to a server", {"callgate server disable refunds"}, {server}, disable});
  commands.push_back({"server enable", "let calls through again", {"callgate server enable refunds"}, {server}, enable});
  commands.push_back({"server rm", "remove a server", {"callgate server rm refunds --yes"}, {server}, remove});
  commands.push_back(
      {"server logs",
       "what the processes of a command wrote to standard error",
       {"callgate server logs files", "callgate server logs files -f"},
       {server, flag("--follow", "go on printing what comes (also -f)"), {"--limit", "newest lines", Takes::One, false, "N"}},
       logs,
       "Kept in memory, 256 KB for each server, after a process ended too. Values of secret variables are masked."});
  commands.push_back(
      {"server probe", "look at a server again and take over its tools", {"callgate server probe refunds"}, {server}, probe});
}

}  // namespace callgate::cli
