// plan and apply: a directory of files against the gate.
//   servers.yaml, roles.yaml, users.yaml, robots.yaml, grants.yaml: each a list; policies/*.yaml: one policy each, named after the file.
#include <filesystem>

#include "cli/output.h"
#include "cli/session.h"
#include "cli/yaml_json.h"

namespace callgate::cli {
namespace {

namespace fs = std::filesystem;

Result<void> put_policies(json::Writer& out, const fs::path& directory, bool& any) {
  std::error_code failed;
  if (!fs::is_directory(directory, failed)) return {};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml" || extension == ".json")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  out.key("policies").begin_array();
  for (const auto& file : files) {
    CG_TRY(auto text, read_text(file.string()));
    out.begin_object().member("name", std::string_view(file.stem().string())).member("text", std::string_view(text)).end_object();
    any = true;
  }
  out.end_array();
  return {};
}

Result<std::string> read_bundle(const Args& args, bool& any) {
  fs::path directory = args.text("--file");
  std::error_code failed;
  if (!fs::is_directory(directory, failed))
    return fail(Code::NotFound, "cli.file",
                "`" + directory.string() + "` is not a directory; it holds servers.yaml, policies/*.yaml and the like");
  std::string body;
  json::Writer out(body);
  out.begin_object();
  CG_CHECK(put_policies(out, directory / "policies", any));
  for (std::string_view kind : {"roles", "users", "robots", "servers", "grants"}) {
    auto file = directory / (std::string(kind) + ".yaml");
    if (!fs::exists(file, failed)) continue;
    CG_TRY(auto text, read_text(file.string()));
    CG_TRY(auto json, yaml_to_json(text, file.string()));
    if (json == "null") json = "[]";
    if (!json.starts_with('['))
      return fail(Code::InvalidArgument, "cli.yaml", file.string() + " must be a list, one `- name: ...` for each");
    out.key(kind).raw(json);
    any = true;
  }
  if (args.given("--prune")) out.member("prune", true);
  if (args.given("--refresh-secrets")) out.member("refresh_secrets", true);
  if (args.given("--no-probe")) out.member("probe", false);
  put_texts(out, args, {{"--reason", "reason"}});
  out.end_object();
  return body;
}

void print_steps(Session& session, json::Value root) {
  root["steps"].for_each_element([&](json::Value step) {
    auto change = step["change"].string();
    std::string_view sign = change == "add" ? "+" : change == "remove" ? "-" : "~";
    session.out(std::string(sign) + " " + terminal_safe(step["kind"].string()) + " " + terminal_safe(step["name"].string()) + "\n");
    step["lines"].for_each_element([&](json::Value line) {
      std::string text = terminal_safe_lines(line.string());
      while (!text.empty() && text.back() == '\n') text.pop_back();
      std::string indented = "    ";
      for (char c : text) indented += c == '\n' ? "\n    " : std::string(1, c);
      session.out(indented + "\n");
    });
  });
  session.note(cell_text(root["adds"]) + " to add, " + cell_text(root["changes"]) + " to change, " + cell_text(root["removes"]) +
               " to remove");
}

Result<Answer> send(Session& session, const Args& args, std::string_view path) {
  bool any = false;
  CG_TRY(auto body, read_bundle(args, any));
  if (!any)
    return fail(
        Code::NotFound, "cli.file",
        "`" + args.text("--file") + "` holds none of servers.yaml, roles.yaml, users.yaml, robots.yaml, grants.yaml, policies/*.yaml");
  return session.call("POST", path, body);
}

int plan(Session& session, const Args& args) {
  auto answer = send(session, args, "/plan");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  auto root = answer->root();
  if (session.human()) print_steps(session, root);
  else show_one(session, root, "changes", {});
  return root["steps"].size() == 0 ? kOk : kChanges;
}

void print_outcome(Session& session, json::Value root) {
  root["probes"].for_each_element([&](json::Value probe) {
    bool ok = probe["probe"]["ok"].is(json::Kind::True);
    session.note("probe of " + terminal_safe(probe["server"].string()) +
                 (ok ? ": fine" : ": failed; see `callgate server probe " + terminal_safe(probe["server"].string()) + "`"));
  });
  root["minted"].for_each_element([&](json::Value minted) {
    session.out("\ngrant " + terminal_safe(minted["grant"]["label"].string()) + "\ntoken: " + terminal_safe(minted["token"].string()) +
                "\n");
    minted["setup"].for_each_element([&](json::Value setup) { session.out(terminal_safe_lines(setup["text"].string())); });
  });
  if (root["minted"].size() > 0) session.note("This is the only time these tokens are shown.");
}

int apply(Session& session, const Args& args) {
  if (session.dry_run) return plan(session, args);
  if (!session.yes && session.human()) {
    auto planned = send(session, args, "/plan");
    if (!planned) return session.fail_with(planned.error());
    if (!planned->ok()) return session.fail_with(*planned);
    print_steps(session, planned->root());
    if (planned->root()["steps"].size() == 0) return kOk;
    if (!session.confirm("apply?")) return kFailed;
  }
  auto answer = send(session, args, "/apply");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  auto root = answer->root();
  if (!session.human()) return show_one(session, root, "applied", {});
  if (session.yes) print_steps(session, root);
  print_outcome(session, root);
  session.note("applied");
  return kOk;
}

}  // namespace

void add_plan_commands(std::vector<Command>& commands) {
  std::vector<Argument> arguments = {{"--file", "directory with the files (also -f)", Takes::One, true, "DIR"},
                                     flag("--prune", "remove what is not listed, of the kinds that are"),
                                     flag("--refresh-secrets", "write header values again although their names did not change"),
                                     flag("--no-probe", "do not probe new servers afterwards"),
                                     {"--reason", "why, for the history", Takes::One, false, "TEXT"}};
  constexpr std::string_view notes =
      "The directory holds servers.yaml, roles.yaml, users.yaml, robots.yaml and grants.yaml, each a list, and policies/NAME.yaml.\n"
      "Secrets are written as ${env:NAME} or ${file:PATH} and resolved on this machine.";
  commands.push_back(
      {"plan", "show what the files would change; exit code 20 when anything would", {"callgate plan -f gate/"}, arguments, plan, notes});
  commands.push_back({"apply",
                      "check everything, then change what differs, all or nothing",
                      {"callgate apply -f gate/ --yes", "callgate apply -f gate/ --prune"},
                      arguments,
                      apply,
                      notes});
}

}  // namespace callgate::cli
