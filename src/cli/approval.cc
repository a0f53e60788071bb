// approval: calls that wait for a person. What was sent is shown as it is, with nothing hidden.
#include <cstdio>

#include <unistd.h>

#include <set>

#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {{"ID", "id"},
                                      {"STATE", "state"},
                                      {"SERVER", "server"},
                                      {"TOOL", "tool"},
                                      {"WHO", "principal"},
                                      {"GRANT", "grant"},
                                      {"ASKED", "created_at"},
                                      {"UNTIL", "expires_at"},
                                      {"ROLES", "roles", true},
                                      {"CLIENT", "client", true},
                                      {"REASON", "reason", true}};

const std::vector<Column> kLines = {{"approval", "id"},
                                    {"state", "state"},
                                    {"server", "server"},
                                    {"tool", "tool"},
                                    {"method", "method"},
                                    {"who", "principal"},
                                    {"grant", "grant"},
                                    {"client", "client"},
                                    {"stated reason", "reason"},
                                    {"why it is asked", "message"},
                                    {"rules", "rules"},
                                    {"roles needed", "roles"},
                                    {"approvers needed", "approvers"},
                                    {"policy", "policy"},
                                    {"policy version", "policy_version"},
                                    {"asked at", "created_at"},
                                    {"good until", "expires_at"},
                                    {"decided at", "decided_at"},
                                    {"executed at", "executed_at"},
                                    {"calls of this tool in the last hour", "calls_last_hour"},
                                    {"asked by this grant in the last day", "asked_last_day"}};

std::string path_of(const Args& args, std::string_view below = {}) { return "/approvals/" + encoded(args.text("ID")) + std::string(below); }

// The lines of one object, then the call word for word.
int show_whole(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  json::Value root = answer->root();
  if (int code = show_one(session, root, "id", kLines); code != kOk || !session.human()) return code;
  std::string text = "\ncall:\n" + terminal_safe_lines(root["call"].string()) + "\n";
  root["warnings"].for_each_element([&](json::Value warning) { text += "\nwarning: " + terminal_safe(warning.string()); });
  if (root["warnings"].size() > 0) text += '\n';
  if (root["compared_with"].is_string()) {
    text += "\nchanged since " + terminal_safe(root["compared_with"].string()) + ", the last one of this tool that was made:\n";
    if (root["changes"].size() == 0) text += "  nothing\n";
    root["changes"].for_each_element([&](json::Value change) {
      auto shown = [&](std::string_view name) {
        std::string value = terminal_safe(change[name].string());
        return value.empty() ? std::string("(not there)") : value;
      };
      text += "  " + terminal_safe(change["field"].string()) + ": " + shown("before") + " -> " + shown("after") + "\n";
    });
  }
  root["votes"].for_each_element([&](json::Value vote) {
    text += std::string("\n") + (vote["yes"].is(json::Kind::True) ? "yes" : "no") + " by " + terminal_safe(vote["by"].string()) + " at " +
            terminal_safe(vote["at"].string());
    if (!vote["note"].string().empty()) text += ": " + terminal_safe(vote["note"].string());
  });
  if (root["votes"].size() > 0) text += '\n';
  session.out(text);
  return kOk;
}

int list(Session& session, const Args& args) {
  auto answer = session.fetch_all(args.given("--all") ? "/approvals?all=true" : "/approvals");
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "id", kColumns) : session.fail_with(*answer);
}

int show(Session& session, const Args& args) { return show_whole(session, session.call("GET", path_of(args))); }

int decide(Session& session, const Args& args, bool yes) {
  if (session.dry_run) return session.note(std::string("would ") + (yes ? "approve" : "deny") + " `" + args.text("ID") + "`"), kOk;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--note", "note"}});
  if (yes) {
    put_texts(out, args, {{"--for", "for"}});
    put_list(out, args, "--vary", "vary");
  }
  out.end_object();
  auto answer = session.call("POST", path_of(args, yes ? "/approve" : "/deny"), body);
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "id", {});
  std::string state(answer->root()["state"].string());
  session.out(terminal_safe(answer->root()["id"].string()) + " " + terminal_safe(state) + "\n");
  if (state != "pending") return kOk;
  session.note("others have to approve it too: `callgate approval show " + args.text("ID") + "` says who");
  return kPending;
}

int approve(Session& session, const Args& args) { return decide(session, args, true); }
int deny(Session& session, const Args& args) { return decide(session, args, false); }

// One line for each call that begins to wait; until it is interrupted.
int watch(Session& session, const Args& args) {
  std::set<std::string> known;
  do {
    auto answer = session.fetch_all("/approvals");
    if (!answer) return session.fail_with(answer.error());
    if (!answer->ok()) return session.fail_with(*answer);
    std::set<std::string> open;
    answer->root()["items"].for_each_element([&](json::Value item) {
      std::string id(item["id"].string());
      open.insert(id);
      if (known.contains(id)) return;
      if (!session.human()) return session.out(json_safe(item.raw()) + "\n");
      std::string line = terminal_safe(item["created_at"].string()) + "  " + terminal_safe(id) + "  " +
                         terminal_safe(item["server"].string()) + "  " + terminal_safe(item["tool"].string()) + "  " +
                         terminal_safe(item["principal"].string()) + "  " + terminal_safe(item["message"].string());
      session.out(line + "\n");
    });
    known = std::move(open);
    ::fflush(stdout);
    if (!args.given("--once")) ::usleep(1'000'000);
  } while (!args.given("--once"));
  return kOk;
}

}  // namespace

void add_approval_commands(std::vector<Command>& commands) {
  Argument id = positional("ID", "apr_... of `callgate approval ls`");
  commands.push_back({"approval ls",
                      "list calls that wait for a person",
                      {"callgate approval ls", "callgate approval ls --all -o json"},
                      {flag("--all", "decided, used and expired ones too")},
                      list});
  commands.push_back({"approval show",
                      "show the literal call, who asks, and what is new about it",
                      {"callgate approval show apr_01hx..."},
                      {id},
                      show,
                      "Characters that cannot be seen, or that turn text around, are written as \\uXXXX."});
  commands.push_back(
      {"approval approve",
       "say yes to this very call",
       {"callgate approval approve apr_01hx...", "callgate approval approve apr_01hx... --for 10m --vary /amount"},
       {id,
        {"--note", "for the record", Takes::One, false, "TEXT"},
        {"--for", "say yes to every such call for this long, 1m to 8h", Takes::One, false, "TIME"},
        {"--vary", "with --for: a value that may differ, as a JSON pointer", Takes::Many, false, "POINTER"}},
       approve,
       "The call goes on by itself where its client still waits; else when the client makes it again, unchanged. It is judged\n"
       "once more before it is sent, and an approval is used once."});
  commands.push_back({"approval deny",
                      "say no to this call",
                      {"callgate approval deny apr_01hx... --note 'ask finance first'"},
                      {id, {"--note", "what the caller is told", Takes::One, false, "TEXT"}},
                      deny});
  commands.push_back({"approval watch",
                      "print calls as they begin to wait",
                      {"callgate approval watch"},
                      {flag("--once", "print what waits now and end")},
                      watch});
}

}  // namespace callgate::cli
