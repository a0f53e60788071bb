#include "cli/server_command.h"

#include <cstdlib>
#include <filesystem>

namespace callgate::cli {
namespace {

Result<std::string> whole_path(const std::string& option, const std::string& path) {
  std::error_code failed;
  const auto whole = std::filesystem::canonical(path.empty() ? "." : path, failed);
  if (failed || !std::filesystem::is_directory(whole, failed))
    return fail(Code::InvalidArgument, "cli.directory", "`" + path + "` is no directory here; " + option + " names one that exists");
  return whole.string();
}

Result<void> put_variables(json::Writer& out, const Args& args) {
  if (!args.given("--env")) return {};
  out.key("environment").begin_object();
  for (const auto& pair : args.list("--env")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) return fail(Code::InvalidArgument, "cli.env", "write --env as NAME=value");
    out.member(std::string_view(pair).substr(0, equals), std::string_view(pair).substr(equals + 1));
  }
  out.end_object();
  return {};
}

// A value on the command line would be seen by every program of this machine.
Result<void> put_secrets(json::Writer& out, const Args& args) {
  if (!args.given("--secret-env")) return {};
  out.key("secret_environment").begin_object();
  for (const auto& pair : args.list("--secret-env")) {
    const auto equals = pair.find('=');
    const std::string from = equals == std::string::npos ? std::string() : pair.substr(equals + 1);
    if (equals == 0 || (from != "-" && !(from.starts_with('@') && from.size() > 1)))
      return fail(Code::InvalidArgument, "cli.env", "write --secret-env as NAME=- (from standard input) or NAME=@FILE");
    CG_TRY(auto value, read_text(from == "-" ? from : from.substr(1)));
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
    if (value.empty()) return fail(Code::InvalidArgument, "cli.env", "the value of `" + pair.substr(0, equals) + "` is empty");
    out.member(std::string_view(pair).substr(0, equals), std::string_view(value));
  }
  out.end_object();
  return {};
}

Result<void> put_places(json::Writer& out, const Args& args) {
  if (args.given("--workspace")) {
    std::string place = args.text("--workspace");
    std::string_view access;
    for (std::string_view mode : {"ro", "rw"})
      if (place.ends_with(":" + std::string(mode))) access = mode;
    if (!access.empty()) place.resize(place.size() - 3);
    CG_TRY(auto whole, whole_path("--workspace", place));
    out.member("workspace", std::string_view(whole)).member("workspace_access", access.empty() ? std::string_view("ro") : access);
  }
  if (args.given("--read")) {
    out.key("readable").begin_array();
    for (const auto& place : args.list("--read")) {
      CG_TRY(auto whole, whole_path("--read", place));
      out.string(whole);
    }
    out.end_array();
  }
  if (!args.given("--network")) return {};
  out.key("network").begin_array();
  for (const auto& list : args.list("--network"))
    for (std::string_view rest = list; !rest.empty();) {
      const auto host = rest.substr(0, rest.find(','));
      if (!host.empty() && host != "none") out.string(host);
      rest.remove_prefix(std::min(rest.size(), host.size() + 1));
    }
  out.end_array();
  return {};
}

}  // namespace

std::vector<Argument> server_command_arguments() {
  return {{"--workspace", "command: the directory it works in; read-only unless :rw", Takes::One, false, "DIR[:ro|:rw]"},
          {"--read", "command: a further directory it may read, such as where its code lies", Takes::Many, false, "DIR"},
          {"--network", "command: hosts it may reach; without it none", Takes::Many, false, "HOST[:PORT],..."},
          {"--env", "command: an environment variable", Takes::Many, false, "NAME=value"},
          {"--secret-env", "command: a secret one, from standard input or a file", Takes::Many, false, "NAME=-|@FILE"},
          {"--podman", "command: run it in rootless podman, from this image", Takes::One, false, "IMAGE@sha256:..."},
          flag("--shared", "command: one process for all callers"),
          {"--memory", "command: most memory of its processes together", Takes::One, false, "1GiB"},
          flag("--unpinned", "command: accept one that fetches whatever is newest at each start"),
          flag("--unconfined", "command: run it without a sandbox (unsafe)")};
}

Result<void> put_command(json::Writer& out, const Args& args) {
  if (args.has_rest) {
    if (args.rest.empty()) return fail(Code::InvalidArgument, "cli.command", "there is no command behind `--`");
    out.key("command").begin_array();
    for (const auto& word : args.rest) out.string(word);
    out.end_array();
  }
  CG_CHECK(put_variables(out, args));
  CG_CHECK(put_secrets(out, args));
  CG_CHECK(put_places(out, args));
  if (args.given("--memory")) {
    const auto bytes = config::parse_bytes(args.text("--memory"));
    if (!bytes) return fail(Code::InvalidArgument, "cli.bytes", "write --memory as 512MiB or 2GiB");
    out.member("memory_bytes_max", *bytes);
  }
  if (args.given("--podman")) out.member("image", args.text("--podman"));
  if (args.given("--shared")) out.member("shared", true);
  if (args.given("--unconfined")) out.member("confined", false);
  if (args.given("--unpinned")) out.member("unpinned", true);
  return {};
}

}  // namespace callgate::cli
