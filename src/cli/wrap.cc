// wrap: one local server behind a policy file, without a daemon. A whole gate runs inside this process: same rooms, same journal.
#include <cstdlib>
#include <filesystem>

#include "app/private_gate.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "cli/output.h"
#include "cli/relay.h"
#include "cli/server_command.h"
#include "cli/session.h"
#include "cli/stop_signal.h"
#include "policy/policy.h"

namespace callgate::cli {
namespace {

constexpr int kPlacesMax = 32;  // runs of one command at the same time; each has its own journal

std::string state_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state != nullptr && *state == '/') return state;
  return (home != nullptr && *home != '\0' ? std::string(home) : std::string("/tmp")) + "/.local/state";
}

std::string own_directory(const Args& args, const std::string& name) {
  std::string words;
  for (const auto& word : args.rest) words += word + '\n';
  const Digest digest = sha256(words);
  return state_directory() + "/callgate/wrap/" + name + "-" + hex_encode(std::span(digest).first(4));
}

Result<std::unique_ptr<app::PrivateGate>> start_gate(Session& session, const Args& args, const std::string& name) {
  config::Settings settings = session.settings();
  if (args.given("--data")) return app::PrivateGate::start(settings);
  const std::string base = own_directory(args, name);
  for (int place = 1;; ++place) {
    settings.data_dir = place == 1 ? base : base + "-" + std::to_string(place);
    auto gate = app::PrivateGate::start(settings);
    if (gate || gate.error().reason != "app.locked" || place == kPlacesMax) return gate;
  }
}

Result<std::string> bundle_of(const Args& args, const std::string& name, const std::string& policy) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("policies").begin_array().begin_object().member("name", std::string_view(name)).member("text", std::string_view(policy));
  out.end_object().end_array();
  out.key("users").begin_array().begin_object().member("name", "wrap").member("display_name", "callgate wrap").end_object().end_array();
  out.key("servers").begin_array().begin_object().member("name", std::string_view(name)).member("slug", std::string_view(name));
  out.member("policy", std::string_view(name));
  if (auto put = put_command(out, args); !put) return tl::unexpected(put.error());
  out.end_object().end_array();
  if (args.given("--secret-env")) out.member("refresh_secrets", true);
  out.member("reason", "wrap").end_object();
  return body;
}

struct Wrapped {
  std::string grant_id;
  Secret token;
};

// What the wrapped server is, through the gate's own front door, so that it is recorded like everything else.
class Keeper {
 public:
  Keeper(Session& session, const app::PrivateGate& gate) : session_(session), transport_(http_transport(gate.settings())) {}

  Result<Answer> call(std::string_view method, std::string_view path, std::string_view body = {}) {
    CG_TRY(auto reply, transport_({std::string(method), "/api/v1" + std::string(path), std::string(body)}));
    Answer answer;
    answer.status = reply.status;
    answer.body = std::move(reply.body);
    CG_CHECK(answer.document->parse(answer.body));
    return answer;
  }

  // 0: it can be used; else the exit code, and what is wrong was said.
  int settle(const std::string& bundle, const std::string& name) {
    auto applied = call("POST", "/apply", bundle);
    if (!applied) return session_.fail_with(applied.error());
    if (!applied->ok()) return session_.fail_with(*applied);
    json::Value probe = applied->root()["probes"].child(0)["probe"];
    std::optional<Answer> again;
    if (applied->root()["probes"].size() == 0) {
      auto known = call("GET", "/servers/" + name);
      if (!known) return session_.fail_with(known.error());
      const json::Value server = known->root()["server"];
      if (server["speaks_legacy"].is(json::Kind::True) || server["speaks_modern"].is(json::Kind::True)) return kOk;
      auto probed = call("POST", "/servers/" + name + "/probe");
      if (!probed) return session_.fail_with(probed.error());
      again = std::move(*probed);
      probe = again->root()["probe"];
    }
    if (probe["ok"].is(json::Kind::True)) return kOk;
    probe["stages"].for_each_element([&](json::Value stage) {
      if (stage["ok"].is(json::Kind::True) || stage["skipped"].is(json::Kind::True)) return;
      session_.error("the server cannot be used: " + terminal_safe(stage["name"].string()) + ": " + terminal_safe(stage["why"].string()),
                     terminal_safe(stage["fix"].string()));
    });
    return kFailed;
  }

  Result<Wrapped> mint(const std::string& name) {
    std::string body;
    json::Writer out(body);
    out.begin_object().member("label", "wrap").member("principal", "wrap").member("policy", std::string_view(name));
    out.key("servers").begin_array().string(name).end_array().member("expires_in", "30d").end_object();
    CG_TRY(auto minted, call("POST", "/grants", body));
    if (!minted.ok())
      return fail(Code::Unavailable, "cli.wrap", "no grant could be made: " + std::string(minted.root()["error"]["message"].string()));
    return Wrapped{std::string(minted.root()["grant"]["id"].string()), Secret(std::string(minted.root()["token"].string()))};
  }

  void revoke(const Wrapped& wrapped) { (void)call("POST", "/grants/" + wrapped.grant_id + "/revoke", R"({"why":"wrap ended"})"); }

 private:
  Session& session_;
  Transport transport_;
};

int check_policy(Session& session, const std::string& file, const std::string& text) {
  auto compiled = policy::Policy::compile(file, 0, text);
  if (!compiled.problems.empty()) session.note(terminal_safe_lines(policy::format_problems(compiled.problems, file)));
  return compiled.policy ? kOk : kInvalid;
}

int wrap(Session& session, const Args& args) {
  if (!args.has_rest || args.rest.empty())
    return session.usage("`wrap` needs a command behind `--`, as in `callgate wrap --policy files.yaml -- mcp-server-filesystem .`");
  const std::string name = args.text("--name", "wrapped");
  auto policy = read_text(args.text("--policy"));
  if (!policy) return session.fail_with(policy.error());
  if (const int code = check_policy(session, args.text("--policy"), *policy); code != kOk) return code;
  auto bundle = bundle_of(args, name, *policy);
  if (!bundle) return session.fail_with(bundle.error());
  if (session.dry_run) return kOk;
  StopSignal stop;  // before any thread starts
  auto gate = start_gate(session, args, name);
  if (!gate) return session.fail_with(gate.error());
  Keeper keeper(session, **gate);
  if (const int code = keeper.settle(*bundle, name); code != kOk) return code;
  auto wrapped = keeper.mint(name);
  if (!wrapped) return session.fail_with(wrapped.error());
  Relay::Options options;
  options.url = (*gate)->url() + "/mcp/" + name + "/";
  options.token = wrapped->token;
  options.stop_fd = stop.fd();
  options.note = [&session](const std::string& text) { session.note(text); };
  Relay(std::move(options)).run();
  keeper.revoke(*wrapped);
  return kOk;
}

}  // namespace

void add_wrap_commands(std::vector<Command>& commands) {
  std::vector<Argument> arguments = {{"--policy", "the policy every call is held against", Takes::One, true, "FILE"},
                                     {"--name", "what records call the server", Takes::One, false, "SLUG"}};
  for (const Argument& one : server_command_arguments()) arguments.push_back(one);
  commands.push_back(
      {"wrap",
       "run one local server behind a policy file, without a daemon",
       {"callgate wrap --policy files.yaml --workspace . -- mcp-server-filesystem .",
        "callgate wrap --policy p.yaml --data ./gate --network api.github.com --secret-env TOKEN=@token.txt -- github-mcp-server stdio"},
       arguments,
       wrap,
       "Speaks MCP over standard input and output, as the server itself would: put it in front of the command in a client's\n"
       "configuration. Sandbox, policy, limits and journal are those of `callgate serve`; they live in --data, or below\n"
       "$XDG_STATE_HOME/callgate/wrap, where `callgate audit` can read them with --data."});
}

}  // namespace callgate::cli
