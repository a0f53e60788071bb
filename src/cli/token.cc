// token: API tokens, and trading the setup code of the first start for the first one.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

int show_minted(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  auto root = answer->root();
  if (session.form() == "name") return session.out(terminal_safe(root["token"].string()) + "\n"), kOk;
  if (!session.human()) return show_one(session, root, "token", {});
  show_one(session, root["api_token"], "id", {{"id", "id"}, {"label", "label"}, {"expires", "expires_at"}});
  session.out("token: " + terminal_safe(root["token"].string()) + "\n");
  session.note("This is the only time the token is shown. Keep it in a file of mode 0600 and set CALLGATE_TOKEN_FILE.");
  return kOk;
}

int add(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would mint an API token"), kOk;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"LABEL", "label"}, {"--for", "principal"}, {"--expires", "expires_in"}});
  out.end_object();
  return show_minted(session, session.call("POST", "/tokens", body));
}

int list(Session& session, const Args&) {
  auto answer = session.fetch_all("/tokens");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_list(session, *answer, "id",
                   {{"ID", "id"},
                    {"LABEL", "label"},
                    {"PRINCIPAL", "principal_id"},
                    {"ENDS IN", "last4"},
                    {"CREATED", "created_at"},
                    {"EXPIRES", "expires_at"}});
}

int revoke(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would revoke `" + args.text("TOKEN") + "`"), kOk;
  auto answer = session.call("DELETE", "/tokens/" + encoded(args.text("TOKEN")));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  session.note("revoked");
  return kOk;
}

int redeem(Session& session, const Args& args) {
  auto code = read_text(args.text("--code-file", "-"));
  if (!code) return session.fail_with(code.error());
  while (!code->empty() && (code->back() == '\n' || code->back() == '\r' || code->back() == ' ')) code->pop_back();
  std::string body;
  json::Writer out(body);
  out.begin_object().member("code", std::string_view(*code)).member("name", std::string_view(args.text("USER"))).end_object();
  return show_minted(session, session.call("POST", "/setup", body));
}

}  // namespace

void add_token_commands(std::vector<Command>& commands) {
  commands.push_back({"token add",
                      "mint an API token; it is shown this once",
                      {"callgate token add 'ci deploys' --for ci-bot --expires 90d"},
                      {positional("LABEL", "what it is for"),
                       {"--for", "user or robot it acts as", Takes::One, true, "NAME"},
                       {"--expires", "lifetime; default: none", Takes::One, false, "DURATION"}},
                      add});
  commands.push_back({"token ls", "list API tokens", {"callgate token ls"}, {}, list});
  commands.push_back({"token revoke",
                      "revoke an API token, at once",
                      {"callgate token revoke apt_..."},
                      {positional("TOKEN", "id of `callgate token ls`")},
                      revoke});
  commands.push_back({"token redeem",
                      "trade the setup code of the first start for the first owner's API token",
                      {"callgate token redeem ada < setup-code"},
                      {positional("USER", "name of the first owner"),
                       {"--code-file", "file with the code; default: standard input", Takes::One, false, "FILE"}},
                      redeem});
}

}  // namespace callgate::cli
