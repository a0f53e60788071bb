// role: named sets of servers and tools that narrow a grant.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

std::string path_of(const Args& args) { return "/roles/" + encoded(args.text("ROLE")); }

// --allow 'refunds=get_*,list_*' or --allow refunds (all tools).
Result<std::string> body_of(const Args& args) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"--description", "description"}});
  out.key("permissions").begin_array();
  for (const auto& text : args.list("--allow")) {
    auto equals = text.find('=');
    if (equals == 0) return fail(Code::InvalidArgument, "cli.permission", "write --allow as SERVER=TOOL,TOOL");
    out.begin_object().member("server", std::string_view(text).substr(0, equals)).key("tools").begin_array();
    std::string_view tools = equals == std::string::npos ? std::string_view("*") : std::string_view(text).substr(equals + 1);
    while (!tools.empty()) {
      auto comma = tools.find(',');
      if (comma != 0) out.string(tools.substr(0, comma));
      tools = comma == std::string_view::npos ? std::string_view() : tools.substr(comma + 1);
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return body;
}

int show_answer(Session& session, const Result<Answer>& answer) {
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  int code = show_one(session, answer->root(), "name", {{"role", "name"}, {"description", "description"}});
  if (!session.human()) return code;
  std::vector<std::vector<std::string>> rows{{"SERVER", "TOOLS"}};
  answer->root()["permissions"].for_each_element([&](json::Value item) {
    rows.push_back({terminal_safe(item["server"].string()), terminal_safe(cell_text(item["tools"]))});
  });
  session.out("\n" + table_of(rows, false));
  return code;
}

int put(Session& session, const Args& args) {
  auto body = body_of(args);
  if (!body) return session.fail_with(body.error());
  if (session.dry_run) return session.note("would put `" + args.text("ROLE") + "`"), kOk;
  return show_answer(session, session.call("PUT", path_of(args), *body));
}

int list(Session& session, const Args&) {
  auto answer = session.fetch_all("/roles");
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "name", {{"ROLE", "name"}, {"DESCRIPTION", "description"}})
                      : session.fail_with(*answer);
}

int show(Session& session, const Args& args) { return show_answer(session, session.call("GET", path_of(args))); }

int remove(Session& session, const Args& args) {
  if (session.dry_run) return session.note("would remove `" + args.text("ROLE") + "`"), kOk;
  return session.remove(path_of(args));
}

}  // namespace

void add_role_commands(std::vector<Command>& commands) {
  Argument role = positional("ROLE", "role name");
  commands.push_back({"role put",
                      "add or replace a role",
                      {"callgate role put support --allow 'refunds=get_*,list_*' --allow docs"},
                      {role,
                       {"--allow", "server and its tools, names or globs; without tools: all", Takes::Many, true, "SERVER=TOOL,TOOL"},
                       {"--description", "what it is for", Takes::One, false, "TEXT"}},
                      put});
  commands.push_back({"role ls", "list roles", {"callgate role ls"}, {}, list});
  commands.push_back({"role show", "show one role", {"callgate role show support"}, {role}, show});
  commands.push_back({"role rm", "remove a role that no grant uses", {"callgate role rm support"}, {role}, remove});
}

}  // namespace callgate::cli
