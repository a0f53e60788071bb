// grant: credentials for clients. The token is printed once, by mint and rotate.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kLines = {{"id", "id"},
                                    {"label", "label"},
                                    {"state", "state"},
                                    {"principal", "principal"},
                                    {"servers", "servers"},
                                    {"policy", "policy"},
                                    {"role", "role"},
                                    {"deny as", "deny_as"},
                                    {"networks", "networks"},
                                    {"token ends in", "token_last4"},
                                    {"created", "created_at"},
                                    {"expires", "expires_at"},
                                    {"revoked", "revoked_at"},
                                    {"last used", "last_used_at"},
                                    {"old token until", "overlap_until"},
                                    {"note", "note"},
                                    {"version", "version"}};

std::string path_of(const Args& args, std::string_view below = {}) { return "/grants/" + encoded(args.text("GRANT")) + std::string(below); }

// Token to stdout alone with -o name, so that a script can take it; with the setup lines otherwise.
int show_minted(Session& session, json::Value root) {
  if (session.form() == "name") return session.out(terminal_safe(root["token"].string()) + "\n"), kOk;
  if (!session.human()) return show_one(session, root, "token", {});
  show_one(session, root["grant"], "id", kLines);
  session.out("\ntoken: " + terminal_safe(root["token"].string()) + "\n");
  session.note("This is the only time the token is shown.\n");
  root["setup"].for_each_element([&](json::Value setup) { session.out(terminal_safe_lines(setup["text"].string())); });
  session.note("Other clients: `callgate setup cursor --server SERVER` (also vscode, codex, gemini, windsurf, zed, json, curl).");
  return kOk;
}

int show_grant(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_one(session, answer->root(), "id", kLines) : session.fail_with(*answer);
}

void put_fields(json::Writer& out, const Args& args) {
  put_texts(out, args,
            {{"--policy", "policy"}, {"--role", "role"}, {"--deny-as", "deny_as"}, {"--note", "note"}, {"--expires", "expires_in"}});
  put_list(out, args, "--server", "servers");
  put_list(out, args, "--network", "networks");
}

// --user names a person who may be new here; --for must exist, so that a typo does not make somebody up.
int add_user_when_new(Session& session, const std::string& name) {
  auto known = session.call("GET", "/users/" + encoded(name));
  if (!known) return session.fail_with(known.error());
  if (known->ok()) return kOk;
  if (known->status != 404) return session.fail_with(*known);
  std::string body;
  json::Writer out(body);
  out.begin_object().member("name", std::string_view(name)).end_object();
  auto added = session.call("POST", "/users", body);
  if (!added) return session.fail_with(added.error());
  if (!added->ok()) return session.fail_with(*added);
  session.note("added user `" + terminal_safe(name) + "`");
  return kOk;
}

int mint(Session& session, const Args& args) {
  if (args.given("--for") == args.given("--user"))
    return session.usage("say whose grant it is: --for NAME, or --user NAME to add the user when new");
  if (args.given("--user") && !session.dry_run)
    if (int code = add_user_when_new(session, args.text("--user")); code != kOk) return code;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"LABEL", "label"}, {"--for", "principal"}, {"--user", "principal"}});
  put_fields(out, args);
  out.end_object();
  if (session.dry_run) return session.note("would mint `" + args.text("LABEL") + "`"), kOk;
  auto answer = session.call("POST", "/grants", body);
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_minted(session, answer->root()) : session.fail_with(*answer);
}

int list(Session& session, const Args& args) {
  auto state = args.given("--all") ? std::string("all") : args.text("--state", "live");
  auto answer =
      session.fetch_all("/grants" + query_of({{"state", state}, {"server", args.text("--server")}, {"principal", args.text("--for")}}));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_list(session, *answer, "id",
                   {{"ID", "id"},
                    {"LABEL", "label"},
                    {"WHO", "principal"},
                    {"SERVERS", "servers"},
                    {"STATE", "state"},
                    {"POLICY", "policy"},
                    {"EXPIRES", "expires_at"},
                    {"LAST USED", "last_used_at"},
                    {"ENDS IN", "token_last4"},
                    {"ROLE", "role", true},
                    {"NOTE", "note", true},
                    {"NETWORKS", "networks", true}});
}

int show(Session& session, const Args& args) { return show_grant(session, session.call("GET", path_of(args))); }

int edit(Session& session, const Args& args) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--label", "label"}});
  put_fields(out, args);
  if (args.given("--any-network")) out.key("networks").begin_array().end_array();
  out.end_object();
  if (body == "{}") return session.usage("nothing to change; `callgate grant edit --help` lists what can be changed");
  if (session.dry_run) return session.note("would change `" + args.text("GRANT") + "`"), kOk;
  return show_grant(session, session.call("PATCH", path_of(args), body));
}

int rotate(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would rotate `" + args.text("GRANT") + "`"), kOk;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--overlap", "overlap"}});
  out.end_object();
  auto answer = session.call("POST", path_of(args, "/rotate"), body);
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_minted(session, answer->root()) : session.fail_with(*answer);
}

int revoke(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would revoke `" + args.text("GRANT") + "`"), kOk;
  if (!session.confirm("revoke grant `" + terminal_safe(args.text("GRANT")) + "`? This is final:")) return kFailed;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--why", "why"}});
  out.end_object();
  return show_grant(session, session.call("POST", path_of(args, "/revoke"), body));
}

int setup(Session& session, const Args& args) {
  auto answer = session.call("GET", path_of(args, "/setup") + query_of({{"client", args.text("--client", "claude-code")}}));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "setup", {});
  answer->root()["setup"].for_each_element([&](json::Value one) { session.out(terminal_safe_lines(one["text"].string())); });
  session.note("Put the grant's token in place of YOUR_GRANT; it was shown when it was minted.");
  return kOk;
}

std::vector<Argument> field_arguments() {
  return {{"--server", "server it reaches, or '*' for all", Takes::Many, false, "SERVER"},
          {"--policy", "policy; default: each server's own", Takes::One, false, "POLICY"},
          {"--role", "role that narrows servers and tools", Takes::One, false, "ROLE"},
          {"--expires", "lifetime; default 30d", Takes::One, false, "DURATION"},
          {"--network", "range it may be used from", Takes::Many, false, "CIDR"},
          {"--deny-as", "how refusals look to the client", Takes::One, false, "FORM", "error|result|auto"},
          {"--note", "free text", Takes::One, false, "TEXT"}};
}

}  // namespace

void add_grant_commands(std::vector<Command>& commands) {
  Argument grant = positional("GRANT", "id or label");
  auto mint_arguments = field_arguments();
  mint_arguments[0].required = true;
  mint_arguments.insert(mint_arguments.begin(), {positional("LABEL", "what it is for"),
                                                 {"--for", "user or robot it belongs to", Takes::One, false, "NAME"},
                                                 {"--user", "user it belongs to, added when new", Takes::One, false, "NAME"}});
  auto edit_arguments = field_arguments();
  edit_arguments.insert(edit_arguments.begin(), {grant, {"--label", "what it is for", Takes::One, false, "TEXT"}});
  edit_arguments.push_back(flag("--any-network", "usable from anywhere"));
  commands.push_back({"grant mint",
                      "mint a grant; the token is shown this once",
                      {"callgate grant mint 'ada laptop' --for ada --server refunds --policy refunds",
                       "callgate grant mint ci --for ci-bot --server '*' --expires 12h --network 10.0.0.0/8 -o name"},
                      mint_arguments,
                      mint});
  commands.push_back({"grant ls",
                      "list live grants",
                      {"callgate grant ls", "callgate grant ls --all -o wide"},
                      {flag("--all", "revoked and expired ones too"),
                       {"--state", "only these", Takes::One, false, "STATE", "live|expired|revoked|all"},
                       {"--server", "that reach this server", Takes::One, false, "SERVER"},
                       {"--for", "of this user or robot", Takes::One, false, "NAME"}},
                      list});
  commands.push_back({"grant show", "show one grant", {"callgate grant show 'ada laptop'"}, {grant}, show});
  commands.push_back({"grant edit",
                      "change a grant; what is not named stays",
                      {"callgate grant edit 'ada laptop' --policy support --expires 90d"},
                      edit_arguments,
                      edit});
  commands.push_back({"grant rotate",
                      "new token; the old one works on for the overlap",
                      {"callgate grant rotate 'ada laptop' --overlap 2h"},
                      {grant, {"--overlap", "default 1h; 0s: at once", Takes::One, false, "DURATION"}},
                      rotate});
  commands.push_back({"grant revoke",
                      "revoke: effective on the next call and on open streams",
                      {"callgate grant revoke 'ada laptop' --why 'laptop lost' --yes"},
                      {grant, {"--why", "why, for the record", Takes::One, false, "TEXT"}},
                      revoke});
  commands.push_back({"grant setup",
                      "client configuration with a placeholder for the token",
                      {"callgate grant setup 'ada laptop' --client cursor"},
                      {grant, {"--client", "default claude-code", Takes::One, false, "CLIENT"}},
                      setup});
}

}  // namespace callgate::cli
