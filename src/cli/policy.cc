// policy: stored documents, through the gate.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

std::string path_of(const Args& args, std::string_view below = {}) {
  return "/policies/" + encoded(args.text("POLICY")) + std::string(below);
}

int show_version(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_one(session, answer->root(), "name",
                  {{"policy", "name"}, {"version", "version"}, {"author", "author"}, {"reason", "reason"}, {"created", "created_at"}});
}

int list_versions(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  return show_list(session, *answer, "name",
                   {{"POLICY", "name"}, {"VERSION", "version"}, {"AUTHOR", "author"}, {"CREATED", "created_at"}, {"REASON", "reason"}});
}

int list(Session& session, const Args&) { return list_versions(session, session.fetch_all("/policies")); }
int history(Session& session, const Args& args) { return list_versions(session, session.fetch_all(path_of(args, "/history"))); }

int put(Session& session, const Args& args) {
  auto text = read_text(args.text("FILE"));
  if (!text) return session.fail_with(text.error());
  std::string body;
  json::Writer out(body);
  out.begin_object().member("text", std::string_view(*text));
  put_texts(out, args, {{"--reason", "reason"}});
  if (session.dry_run) out.member("dry_run", true);
  if (args.given("--expect")) out.key("expected_version").raw(args.text("--expect"));
  out.end_object();
  auto answer = session.call("PUT", path_of(args), body);
  if (answer && answer->ok())
    answer->root()["warnings"].for_each_element([&](json::Value warning) { session.note("warning: " + terminal_safe(warning.string())); });
  if (!answer || !answer->ok() || !session.dry_run || !session.human()) return show_version(session, answer);
  auto diff = answer->root()["diff"].string();
  session.out(diff.empty() ? "no difference\n" : terminal_safe_lines(diff));
  return kOk;
}

// The document itself, ready to be edited and put back.
int show(Session& session, const Args& args) {
  auto answer = session.call("GET", path_of(args) + query_of({{"version", args.text("--version")}}));
  if (!answer || !answer->ok() || !session.human()) return show_version(session, answer);
  session.out(terminal_safe_lines(answer->root()["text"].string()));
  session.note("# version " + cell_text(answer->root()["version"]) + " by " + terminal_safe(answer->root()["author"].string()));
  return kOk;
}

int diff(Session& session, const Args& args) {
  auto answer = session.call("GET", path_of(args, "/diff") + query_of({{"from", args.text("--from")}, {"to", args.text("--to")}}));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "name", {});
  session.out(terminal_safe_lines(answer->root()["diff"].string()));
  return kOk;
}

int rollback(Session& session, const Args& args) {
  auto to = args.text("--to");
  if (to.empty() || to.find_first_not_of("0123456789") != std::string::npos)
    return session.usage("--to must be a version number of `callgate policy history`");
  if (session.dry_run) return session.note("would make version " + to + " the newest"), kOk;
  std::string body;
  json::Writer out(body);
  out.begin_object().key("to").raw(to);
  put_texts(out, args, {{"--reason", "reason"}});
  out.end_object();
  return show_version(session, session.call("POST", path_of(args, "/rollback"), body));
}

int remove(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would remove `" + args.text("POLICY") + "`"), kOk;
  if (!session.confirm("remove policy `" + terminal_safe(args.text("POLICY")) + "` with its history?")) return kFailed;
  return session.remove(path_of(args));
}

}  // namespace

void add_policy_commands(std::vector<Command>& commands) {
  Argument policy = positional("POLICY", "policy name");
  Argument reason = {"--reason", "why, for the history", Takes::One, false, "TEXT"};
  commands.push_back({"policy ls", "list policies", {"callgate policy ls"}, {}, list});
  commands.push_back({"policy put",
                      "store a new version; checked and tested first",
                      {"callgate policy put refunds refunds.yaml --reason 'daily limit for support'",
                       "callgate policy put refunds - --dry-run < refunds.yaml"},
                      {policy,
                       positional("FILE", "the document; - for standard input"),
                       reason,
                       {"--expect", "refuse when the newest version is another; 0: must be new", Takes::One, false, "VERSION"}},
                      put});
  commands.push_back({"policy show",
                      "print the document",
                      {"callgate policy show refunds > refunds.yaml"},
                      {policy, {"--version", "an older version", Takes::One, false, "VERSION"}},
                      show});
  commands.push_back({"policy history", "list all versions", {"callgate policy history refunds"}, {policy}, history});
  commands.push_back({"policy diff",
                      "compare two versions",
                      {"callgate policy diff refunds", "callgate policy diff refunds --from 3 --to 5"},
                      {policy,
                       {"--from", "default: the one before", Takes::One, false, "VERSION"},
                       {"--to", "default: the newest", Takes::One, false, "VERSION"}},
                      diff});
  commands.push_back({"policy rollback",
                      "make an old text the newest version",
                      {"callgate policy rollback refunds --to 3 --reason 'too strict'"},
                      {policy, {"--to", "version to return to", Takes::One, true, "VERSION"}, reason},
                      rollback});
  commands.push_back({"policy rm", "remove a policy that nothing uses", {"callgate policy rm refunds"}, {policy}, remove});
}

}  // namespace callgate::cli
