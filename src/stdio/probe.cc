#include "stdio/probe.h"

#include <algorithm>

#include "sandbox/pinning.h"
#include "stdio/probe_process.h"
#include "upstream/probe_talk.h"

namespace callgate::stdio {
namespace {

using upstream::ProbeAnswer;
using upstream::ProbeSession;
using upstream::quoted;

constexpr std::chrono::seconds kProbeMax{90};  // a first start may unpack or compile
constexpr std::chrono::seconds kAlsoMax{20};

class Probe final : private upstream::ProbeTalk {
 public:
  Probe(Sandboxes& sandboxes, const Server& server, const vault::Credentials& credentials)
      : ProbeTalk(server, {"command", "sandbox", "start", "handshake", "tools"}),
        sandboxes_(sandboxes),
        profile_(profile_of(server, credentials)) {
    if (profile_.name.empty()) profile_.name = "probe";
  }

  upstream::ProbeReport run() {
    deadline_ = SystemClock().mono() + kProbeMax;
    report_.ok = look_at_command() && look_at_sandbox() && start() && talk();
    process_.reset();
    if (report_.ok && report_.eras.modern) ask_the_older_way();
    if (!report_.ok) report_.tools.clear();
    return std::move(report_);
  }

 private:
  bool look_at_command();
  bool look_at_sandbox();
  bool start();
  Result<void> launch();
  bool talk();
  void ask_the_older_way();
  bool transport_failed(const Error& error) override;
  std::string check_endpoint() const override {
    return "check that the command is an MCP server that speaks over standard input and output";
  }
  std::string with_last_words(std::string why) const {
    const std::string words = process_ ? process_->last_words() : std::string();
    return words.empty() ? why : why + "; it last wrote " + quoted(words);
  }

  Sandboxes& sandboxes_;
  sandbox::Profile profile_;
  sandbox::Launcher* launcher_ = nullptr;
  std::unique_ptr<ProbeProcess> process_;
  std::string weakened_;
  MonoTime deadline_{};
};

bool Probe::look_at_command() {
  auto launcher = sandboxes_.launcher();
  if (!launcher) return fail_at("sandbox", launcher.error().message, "callgate doctor shows what is missing on this machine");
  launcher_ = *launcher;
  if (auto found = launcher_->check(profile_); !found) {
    const bool machine = found.error().reason == "sandbox.missing";
    if (machine) pass("command", quoted(profile_.argv.front()));
    return fail_at(
        machine ? "sandbox" : "command", found.error().message,
        machine ? "callgate doctor shows what is missing on this machine" : "correct the command, or " + command("-- COMMAND ..."));
  }
  const auto pinned = sandbox::check_pinned(profile_.argv);
  return pass("command", quoted(profile_.argv.front()) + (pinned ? "" : ", not pinned: what runs may change from one start to the next"));
}

bool Probe::look_at_sandbox() {
  if (!profile_.confined) return pass("sandbox", "none, as was asked: it may do whatever the gate's own user may");
  const sandbox::Features features = sandbox::detect();
  std::string missing;
  for (const sandbox::Feature& one : features.all) {
    if (one.available) continue;
    if (one.required) return fail_at("sandbox", "this machine lacks " + one.name + ": " + one.why, one.fix);
    missing += (missing.empty() ? "" : ", ") + one.name;
  }
  return pass("sandbox", missing.empty() ? "everything this gate can use is there" : "without " + missing);
}

Result<void> Probe::launch() {
  process_.reset();
  CG_TRY(auto process, launcher_->launch(profile_));
  weakened_.clear();
  for (const std::string& one : process->weakened()) weakened_ += (weakened_.empty() ? "" : "; ") + one;
  process_ = std::make_unique<ProbeProcess>(std::move(process), server_.response_bytes_max);
  return {};
}

bool Probe::start() {
  const auto begun = SystemClock().mono();
  if (auto launched = launch(); !launched)
    return fail_at("start", launched.error().message, "try the command by hand as the gate's user, or see `callgate doctor`");
  const std::int64_t took = since(begun);
  return pass("start", "in " + std::to_string(took) + " ms" + (weakened_.empty() ? "" : ", weaker than asked: " + weakened_), took);
}

bool Probe::talk() {
  const auto begun = SystemClock().mono();
  ProbeAnswer answer;
  bool ok = false;
  {
    ProbeSession session(server_, *process_, deadline_);
    auto asked = discover(session, answer);
    if (asked && answer.json && answer.result()["supportedVersions"].is_array()) {
      ok = modern_hello(answer);
      if (ok) stage("handshake").took_ms = since(begun);
      return ok && list_tools(session);
    }
    const std::string_view code = asked && answer.json ? answer.error_code() : std::string_view();
    if (code == "-32020" || code == "-32021" || code == "-32022")
      return fail_at("handshake", "the server refuses this gate's way to ask: " + quoted(answer.error()["message"].string()),
                     "update the server");
  }
  // Any other error, silence or an exit: an older server. Some do not survive a question they do not know.
  if (process_->ended()) {
    if (auto again = launch(); !again) return transport_failed(again.error());
  }
  ProbeSession session(server_, *process_, deadline_);
  ok = legacy_hello(session);
  if (ok) stage("handshake").took_ms = since(begun);
  return ok && list_tools(session);
}

void Probe::ask_the_older_way() {
  if (!launch()) return;
  ProbeSession older(server_, *process_, SystemClock().mono() + kAlsoMax);
  also_legacy(older);
  process_.reset();
}

bool Probe::transport_failed(const Error& error) {
  const char* where = stage("handshake").ok ? "tools" : "handshake";
  if (error.reason == "upstream.timeout")
    return fail_at(where, with_last_words(error.message),
                   "try the command by hand, or allow it more time: " + command("--call-timeout 120s"));
  if (error.reason == "upstream.too_large") return fail_at(where, error.message, "raise `response_bytes_max` of this server");
  return fail_at(where, with_last_words(error.message),
                 "try the command by hand; what it may need is its workspace, directories to read, hosts or variables");
}

}  // namespace

upstream::ProbeReport probe(Sandboxes& sandboxes, const Server& server, const vault::Credentials& credentials) {
  return Probe(sandboxes, server, credentials).run();
}

}  // namespace callgate::stdio
