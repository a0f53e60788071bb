// user and robot: who calls.
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {
    {"NAME", "name"},   {"DISPLAY NAME", "display_name"}, {"DISABLED", "disabled"},       {"ADMIN ROLES", "admin_roles"},
    {"ID", "id", true}, {"OWNER", "owner_id", true},      {"CREATED", "created_at", true}};
const std::vector<Column> kLines = {{"name", "name"},
                                    {"id", "id"},
                                    {"display name", "display_name"},
                                    {"owner", "owner_id"},
                                    {"disabled", "disabled"},
                                    {"admin roles", "admin_roles"},
                                    {"created", "created_at"}};

template <bool User> struct Commands {
  static std::string base() { return User ? "/users" : "/robots"; }
  static std::string path_of(const Args& args) { return base() + "/" + encoded(args.text("NAME")); }

  static int show_answer(Session& session, const Result<Answer>& answer) {
    if (!answer) return session.fail_with(answer.error());
    return answer->ok() ? show_one(session, answer->root(), "name", kLines) : session.fail_with(*answer);
  }

  static void put_fields(json::Writer& out, const Args& args) {
    put_texts(out, args, {{"--display-name", "display_name"}});
    if (!User) put_texts(out, args, {{"--owner", "owner"}});
    if (args.given("--no-admin-roles")) out.key("admin_roles").begin_array().end_array();
    else if (User && args.given("--owner")) out.key("admin_roles").begin_array().string("owner").end_array();
    else put_list(out, args, "--admin-role", "admin_roles");
  }

  static int add(Session& session, const Args& args) {
    std::string body;
    json::Writer out(body);
    out.begin_object().member("name", std::string_view(args.text("NAME")));
    put_fields(out, args);
    out.end_object();
    if (session.dry_run) return session.note("would add `" + args.text("NAME") + "`"), kOk;
    return show_answer(session, session.call("POST", base(), body));
  }

  static int list(Session& session, const Args&) {
    auto answer = session.fetch_all(base());
    if (!answer) return session.fail_with(answer.error());
    return answer->ok() ? show_list(session, *answer, "name", kColumns) : session.fail_with(*answer);
  }

  static int show(Session& session, const Args& args) { return show_answer(session, session.call("GET", path_of(args))); }

  static int patch(Session& session, const Args& args, const std::string& body) {
    if (session.dry_run) return session.note("would change `" + args.text("NAME") + "`"), kOk;
    return show_answer(session, session.call("PATCH", path_of(args), body));
  }

  static int edit(Session& session, const Args& args) {
    std::string body;
    json::Writer out(body);
    out.begin_object();
    put_fields(out, args);
    out.end_object();
    return body == "{}" ? session.usage("nothing to change; --help lists what can be changed") : patch(session, args, body);
  }

  static int disable(Session& session, const Args& args) { return patch(session, args, R"({"disabled":true})"); }
  static int enable(Session& session, const Args& args) { return patch(session, args, R"({"disabled":false})"); }

  static int remove(Session& session, const Args& args) {
    if (session.dry_run) return session.note("would remove `" + args.text("NAME") + "`"), kOk;
    if (!session.confirm("remove `" + terminal_safe(args.text("NAME")) + "` and revoke its grants?")) return kFailed;
    return session.remove(path_of(args));
  }
};

}  // namespace

void add_principal_commands(std::vector<Command>& commands) {
  using Users = Commands<true>;
  using Robots = Commands<false>;
  Argument name = positional("NAME", "name or id");
  Argument display = {"--display-name", "full name", Takes::One, false, "TEXT"};
  Argument admin_role = {"--admin-role", "what it may do here: owner, admin, auditor, approver or approver:NAME", Takes::Many, false,
                         "ROLE"};
  Argument owner_flag = flag("--owner", "short for --admin-role owner");
  Argument no_roles = flag("--no-admin-roles", "may do nothing here");
  Argument owner = {"--owner", "the user who answers for it", Takes::One, false, "USER"};
  commands.push_back({"user add",
                      "add a user",
                      {"callgate user add ada --display-name 'Ada Lovelace'", "callgate user add eve --admin-role auditor"},
                      {name, display, admin_role, owner_flag},
                      Users::add});
  commands.push_back({"user ls", "list users", {"callgate user ls"}, {}, Users::list});
  commands.push_back({"user show", "show one user", {"callgate user show ada"}, {name}, Users::show});
  commands.push_back(
      {"user edit", "change a user", {"callgate user edit ada --admin-role admin"}, {name, display, admin_role, no_roles}, Users::edit});
  commands.push_back({"user disable", "refuse all its grants and API tokens", {"callgate user disable ada"}, {name}, Users::disable});
  commands.push_back({"user enable", "let it in again", {"callgate user enable ada"}, {name}, Users::enable});
  commands.push_back({"user rm", "remove a user; its grants are revoked", {"callgate user rm ada"}, {name}, Users::remove});
  commands.push_back(
      {"robot add", "add a robot", {"callgate robot add ci-bot --owner ada"}, {name, display, owner, admin_role}, Robots::add});
  commands.push_back({"robot ls", "list robots", {"callgate robot ls"}, {}, Robots::list});
  commands.push_back({"robot show", "show one robot", {"callgate robot show ci-bot"}, {name}, Robots::show});
  commands.push_back({"robot edit",
                      "change a robot",
                      {"callgate robot edit ci-bot --owner eve"},
                      {name, display, owner, admin_role, no_roles},
                      Robots::edit});
  commands.push_back({"robot disable", "refuse all its grants and API tokens", {"callgate robot disable ci-bot"}, {name}, Robots::disable});
  commands.push_back({"robot enable", "let it in again", {"callgate robot enable ci-bot"}, {name}, Robots::enable});
  commands.push_back({"robot rm", "remove a robot; its grants are revoked", {"callgate robot rm ci-bot"}, {name}, Robots::remove});
}

}  // namespace callgate::cli
