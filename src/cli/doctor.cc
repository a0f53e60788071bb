// doctor: what is wrong, why, and the one command that helps.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/notices.h"
#include "cli/output.h"
#include "cli/session.h"
#include "sandbox/sandbox.h"

namespace callgate::cli {
namespace {

struct Finding {
  std::string_view level;
  std::string what, text, fix;
};  // level: ok | warn | fail

class Doctor {
 public:
  explicit Doctor(Session& session) : session_(session), settings_(session.settings()) {}

  std::vector<Finding> examine() {
    look_at_settings();
    if (settings_.url.empty()) {
      look_at_data();
      look_at_disk();
      look_at_sandbox();
    }
    look_at_gate();
    return std::move(findings_);
  }

 private:
  void say(std::string_view level, std::string what, std::string text, std::string fix = {}) {
    findings_.push_back({level, std::move(what), std::move(text), std::move(fix)});
  }

  void look_at_settings() {
    if (auto checked = config::check_for_serving(settings_); !checked)
      say("fail", "settings", checked.error().message, "callgate config show --origin");
    else say("ok", "settings", "listen on " + settings_.listen);
    if (auto lines = app::notice_lines(settings_, SystemClock()); !lines)
      say("fail", "notices", lines.error().message, "callgate config show --origin");
    else if (!lines->empty()) say("ok", "notices", std::to_string(lines->size()) + " told of calls that wait for approval");
    for (const auto& [name, path] :
         {std::pair<std::string, const std::string&>{"tls.certificate", settings_.tls.certificate}, {"tls.key", settings_.tls.key}})
      if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
        say("fail", name, "cannot read `" + path + "`", "check the path and its permissions");
  }

  void look_at_data() {
    struct stat info {};
    if (::stat(settings_.data_dir.c_str(), &info) != 0)
      return say("warn", "data", "`" + settings_.data_dir + "` does not exist yet", "callgate serve creates it");
    if ((info.st_mode & 077) != 0) say("fail", "data", "others may enter `" + settings_.data_dir + "`", "chmod 700 " + settings_.data_dir);
    else say("ok", "data", settings_.data_dir);
    for (const char* name : {"/token.key", "/vault.key", "/callgate.db"}) {
      std::string path = settings_.data_dir + name;
      if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0)
        say("fail", name + 1, "others may read `" + path + "`", "chmod 600 " + path);
    }
  }

  void look_at_disk() {
    struct statvfs space {};
    if (::statvfs(settings_.data_dir.c_str(), &space) != 0) return;
    auto megabytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize / (1024 * 1024);
    std::string text = std::to_string(megabytes) + " MiB free";
    if (megabytes < 64)
      say("fail", "disk", text + ": calls are refused when records cannot be written", "free space, or set audit.retention");
    else if (megabytes < 1024) say("warn", "disk", text, "free space, or set audit.retention");
    else say("ok", "disk", text);
  }

  // Of this machine, as this user: the gate may run as another.
  void look_at_sandbox() {
    features_ = sandbox::detect();
    const sandbox::Features& features = features_;
    std::string there;
    for (const auto& one : features.all) {
      if (one.name == "podman" && !one.available) continue;  // only servers that ask for it need it
      if (one.available) there += (there.empty() ? "" : ", ") + one.name;
      else
        say("warn", "sandbox",
            (one.required ? "no server that is a command can be started: " : "weaker without " + one.name + ": ") + one.why, one.fix);
    }
    if (features.complete()) say("ok", "sandbox", there);
  }

  void look_at_gate() {
    auto status = session_.call("GET", "/status");
    if (!status) return say("fail", "gate", status.error().message, "callgate serve");
    auto root = status->root();
    if (!status->ok())
      return say("fail", "gate", "it answers, but refuses: " + std::string(root["error"]["message"].string()),
                 std::string(root["error"]["fix"].string()));
    say("ok", "gate", "version " + std::string(root["version"].string()) + " at " + std::string(root["public_url"].string()));
    look_at_servers();
    if (root["grants_live"].number() == "0")
      say("warn", "grants", "no live grant: no client can call anything", "callgate grant mint LABEL --for NAME --server SERVER");
    else say("ok", "grants", cell_text(root["grants_live"]) + " live");
  }

  void look_at_servers() {
    auto servers = session_.fetch_all("/servers");
    if (!servers || !servers->ok()) return;
    auto items = servers->root()["items"];
    if (items.size() == 0) return say("warn", "servers", "none registered", "callgate server add NAME URL");
    say("ok", "servers", std::to_string(items.size()) + " registered");
    items.for_each_element([&](json::Value server) {
      std::string slug(server["slug"].string());
      if (server["disabled"].is(json::Kind::True)) say("warn", "server " + slug, "is disabled", "callgate server enable " + slug);
      else if (server["policy"].string().empty())
        say("warn", "server " + slug, "has no policy: grants that name none get nothing",
            "callgate server edit " + slug + " --policy POLICY");
      if (server["confined"].is(json::Kind::False))
        say("warn", "server " + slug, "runs without a sandbox", "callgate server edit " + slug + " --confined");
      const sandbox::Feature* podman = features_.find("podman");
      if (!server["image"].string().empty() && podman != nullptr && !podman->available)
        say("fail", "server " + slug, "asks for podman: " + podman->why, podman->fix);
      if (server["tls_verify"].is(json::Kind::False))
        say("warn", "server " + slug, "its certificate is not verified", "callgate server edit " + slug + " --tls-ca FILE");
    });
  }

  Session& session_;
  const config::Settings& settings_;
  std::vector<Finding> findings_;
  sandbox::Features features_;
};

int doctor(Session& session, const Args&) {
  auto findings = Doctor(session).examine();
  bool failed = false;
  std::string json;
  json::Writer out(json);
  out.begin_object().key("items").begin_array();
  for (const auto& finding : findings) {
    failed = failed || finding.level == "fail";
    out.begin_object()
        .member("level", finding.level)
        .member("what", std::string_view(finding.what))
        .member("text", std::string_view(finding.text));
    out.member("fix", std::string_view(finding.fix)).end_object();
  }
  out.end_array().end_object();
  Answer answer;
  if (auto parsed = answer.document->parse(json); !parsed) return session.fail_with(parsed.error());
  show_list(session, answer, "what", {{"", "level"}, {"WHAT", "what"}, {"FOUND", "text"}, {"FIX", "fix"}});
  return failed ? kFailed : kOk;
}

}  // namespace

void add_doctor_commands(std::vector<Command>& commands) {
  commands.push_back({"doctor", "find out what is wrong, and what helps", {"callgate doctor", "callgate doctor -o json"}, {}, doctor});
}

}  // namespace callgate::cli
