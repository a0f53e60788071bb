// A server that is a command: its fields, and who may name one.
#include <algorithm>

#include "admin/parse.h"
#include "admin/reply.h"
#include "sandbox/pinning.h"

namespace callgate::admin {
namespace {

constexpr std::string_view kNumbers[] = {"memory_bytes_max", "processes_max", "cpu_seconds_max"};

Result<void> read_number(json::Value body, std::string_view name, std::int64_t& into) {
  if (!body[name].exists()) return {};
  const auto number = number_of(body, name);
  if (!number || *number < 0) return fail(Code::InvalidArgument, "admin.command", "`" + std::string(name) + "` must be a whole number");
  into = *number;
  return {};
}

Result<void> read_access(json::Value body, Mount& into) {
  if (!body["workspace_access"].exists()) return {};
  const auto name = body["workspace_access"].string();
  if (name != "ro" && name != "rw") return fail(Code::InvalidArgument, "admin.command", "`workspace_access` must be ro or rw");
  into = name == "rw" ? Mount::ReadWrite : Mount::ReadOnly;
  return {};
}

}  // namespace

std::vector<FieldRule> command_fields() {
  return {
      {"command", Shape::Texts, false, "instead of `url`: a program and its arguments, run in a sandbox; no shell"},
      {"environment", Shape::Map, false, "its environment variables; replaces the whole set"},
      {"secret_environment", Shape::Map, false, "further variables, sealed at rest, never shown again; replaces the whole set",
       Keep::Secret},
      {"workspace", Shape::Text, false, "directory it works in, at the same path inside; empty: none"},
      {"workspace_access", Shape::Text, false, "ro (default) or rw"},
      {"readable", Shape::Texts, false, "further directories it may read, such as where its code lies"},
      {"network", Shape::Texts, false, "hosts it may reach: host, host:port, *.host; empty: none; [\"*\"]: all of the machine's network"},
      {"image", Shape::Text, false,
       "run it in rootless podman, from this image (name@sha256:...) instead of in bubblewrap; empty: bubblewrap"},
      {"shared", Shape::Flag, false, "one process for all callers instead of one for each session; default false"},
      {"confined", Shape::Flag, false, "false: without a sandbox, with the rights of the gate's own user; default true"},
      {"memory_bytes_max", Shape::Number, false, "of the whole process tree; default 1073741824"},
      {"processes_max", Shape::Number, false, "default 128; threads count"},
      {"cpu_seconds_max", Shape::Number, false, "default 0: no cap"},
      {"unpinned", Shape::Flag, false, "accept a command that fetches whatever is newest at each start"},
  };
}

bool names_command(json::Value body) {
  const auto fields = command_fields();
  return std::ranges::any_of(fields, [&](const FieldRule& field) { return body[field.name].exists(); });
}

Result<void> read_command(json::Value body, Server& into) {
  if (!names_command(body)) return {};
  if (body["command"].exists()) {
    if (body["url"].exists()) return fail(Code::InvalidArgument, "admin.command", "a server has a `url` or a `command`, not both");
    into.kind = ServerKind::Stdio;
    into.command.argv = texts_of(body, "command");
  }
  if (into.kind != ServerKind::Stdio)
    return fail(Code::InvalidArgument, "admin.command", "only a server with a `command` has an environment, a workspace and a sandbox");
  Command& command = into.command;
  if (body["environment"].exists()) {
    command.environment.clear();
    body["environment"].for_each_member([&](std::string_view name, json::Value value) {
      command.environment.push_back(std::string(name) + "=" + std::string(value.string()));
    });
  }
  if (body["workspace"].exists()) command.workspace = text_of(body, "workspace");
  CG_CHECK(read_access(body, command.workspace_access));
  if (body["readable"].exists()) command.readable = texts_of(body, "readable");
  if (body["network"].exists()) command.network = texts_of(body, "network");
  if (body["image"].exists()) command.image = text_of(body, "image");
  command.shared = flag_of(body, "shared", command.shared);
  command.confined = flag_of(body, "confined", command.confined);
  std::int64_t numbers[] = {static_cast<std::int64_t>(command.memory_bytes_max), command.processes_max, command.cpu_seconds_max.count()};
  for (std::size_t i = 0; i < std::size(kNumbers); ++i) CG_CHECK(read_number(body, kNumbers[i], numbers[i]));
  if (numbers[1] > 100'000) return fail(Code::InvalidArgument, "admin.command", "`processes_max` must be at most 100000");
  command.memory_bytes_max = static_cast<std::size_t>(numbers[0]);
  command.processes_max = static_cast<std::uint32_t>(numbers[1]);
  command.cpu_seconds_max = std::chrono::seconds(numbers[2]);
  return {};
}

std::vector<catalog::HeaderValue> read_secrets(json::Value body) {
  std::vector<catalog::HeaderValue> secrets;
  body["secret_environment"].for_each_member([&](std::string_view name, json::Value value) {
    secrets.push_back({std::string(name), Secret(std::string(value.string()))});
  });
  return secrets;
}

Result<void> check_command_allowed(Context& context, const Server& server, json::Value body) {
  if (server.kind != ServerKind::Stdio || !names_command(body)) return {};
  if (!context.caller.local && !context.services.settings.stdio.remote_registration)
    return fail(Code::Forbidden, "admin.command_remote",
                "a command runs on the gate's machine: name it there over the control socket, or set `stdio.remote_registration: true`");
  if (flag_of(body, "unpinned", false)) return {};
  if (body["command"].exists()) CG_CHECK(sandbox::check_pinned(server.command.argv));
  if (body["image"].exists() && !server.command.image.empty()) CG_CHECK(sandbox::check_image_digest(server.command.image));
  return {};
}

}  // namespace callgate::admin
