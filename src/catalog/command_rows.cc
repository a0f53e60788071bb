// A stdio server's command: as one JSON text in its row, and what may be in it.

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "catalog/rows.h"
#include "json/document.h"
#include "json/writer.h"

namespace callgate::catalog {
namespace {

constexpr std::size_t kArgumentsMax = 128;
constexpr std::size_t kArgumentBytesMax = 32 * 1024;
constexpr std::size_t kListMax = 64;
constexpr std::size_t kPathMax = 4096;
constexpr std::size_t kMemoryMin = 16UL * 1024 * 1024, kMemoryMax = 1024UL * 1024 * 1024 * 1024;

tl::unexpected<Error> invalid(std::string message) { return fail(Code::InvalidArgument, "catalog.invalid_server", std::move(message)); }

// Text a person can be shown; line breaks and tabs only inside arguments.
bool plain(std::string_view text, bool lines) {
  return std::ranges::all_of(text, [lines](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || (lines && (c == '\n' || c == '\t'));
  });
}

Result<void> check_path(std::string_view what, std::string_view path) {
  if (path.size() > kPathMax || !plain(path, false)) return invalid(fmt::format("{} is too long or holds control characters", what));
  const bool walks = path.find("/../") != std::string_view::npos || path.ends_with("/..") || path.find("/./") != std::string_view::npos ||
                     path.find("//") != std::string_view::npos || path.ends_with("/.");
  if (!path.starts_with('/') || walks || (path.size() > 1 && path.ends_with('/')))
    return invalid(fmt::format("{} must be a whole path such as `/srv/project`, without `..` and without `/` at its end", what));
  if (path == "/") return invalid(fmt::format("{} must not be the whole machine: name a directory", what));
  return {};
}

Result<void> check_arguments(const std::vector<std::string>& argv) {
  if (argv.empty() || argv[0].empty())
    return invalid("a stdio server needs a command: write it after `--`, as in `callgate server add files -- mcp-files /srv`");
  if (argv.size() > kArgumentsMax) return invalid(fmt::format("a command has at most {} arguments", kArgumentsMax));
  for (std::size_t i = 0; i < argv.size(); ++i)
    if (argv[i].size() > kArgumentBytesMax || !plain(argv[i], true))
      return invalid(fmt::format("/command/{} is longer than {} bytes or holds control characters", i, kArgumentBytesMax));
  return {};
}

// As podman takes it, and nothing that could be read as an option of it.
Result<void> check_image(const Command& command) {
  const std::string& image = command.image;
  const bool word = std::ranges::all_of(image, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/:@").find(c) != std::string_view::npos;
  });
  const bool begins = !image.empty() && ((image[0] >= 'a' && image[0] <= 'z') || (image[0] >= '0' && image[0] <= '9'));
  if (!word || !begins || image.size() > 512) return invalid("/image must be as podman names it: `registry/name@sha256:...`");
  if (!command.confined) return invalid("a server has an /image or is not confined, not both");
  if (!command.network.empty() && command.network != std::vector<std::string>{"*"})
    return invalid("podman cannot keep to listed hosts: leave /network empty, name `*`, or leave /image away");
  return {};
}

std::string_view access_name(Mount mount) {
  switch (mount) {
    case Mount::None: return "none";
    case Mount::ReadOnly: return "ro";
    case Mount::ReadWrite: return "rw";
  }
  return "none";
}

void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const std::string& text : texts) out.string(text);
  out.end_array();
}

std::vector<std::string> texts_of(json::Value list) {
  std::vector<std::string> texts;
  list.for_each_element([&](json::Value one) { texts.emplace_back(one.string()); });
  return texts;
}

}  // namespace

Result<void> check_variable(std::string_view name, std::string_view value) {
  const bool word = std::ranges::all_of(
      name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  if (name.empty() || name.size() > 128 || !word || (name[0] >= '0' && name[0] <= '9'))
    return invalid(fmt::format("`{}` is no name for an environment variable: use letters, digits and `_`", name.substr(0, 64)));
  if (value.size() > kArgumentBytesMax || value.find('\0') != std::string_view::npos)
    return invalid(fmt::format("the value of `{}` is longer than {} bytes or holds a NUL", name, kArgumentBytesMax));
  return {};
}

Result<void> check_command(const Command& command) {
  CG_CHECK(check_arguments(command.argv));
  if (command.environment.size() > kListMax) return invalid(fmt::format("a server has at most {} variables", kListMax));
  std::set<std::string_view> names;
  for (const std::string& one : command.environment) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos) return invalid(fmt::format("write a variable as NAME=value, not `{}`", one.substr(0, 64)));
    CG_CHECK(check_variable(std::string_view(one).substr(0, equals), std::string_view(one).substr(equals + 1)));
    if (!names.insert(std::string_view(one).substr(0, equals)).second)
      return invalid(fmt::format("the variable `{}` is named twice", one.substr(0, equals)));
  }
  if (!command.workspace.empty()) CG_CHECK(check_path("/workspace", command.workspace));
  if (command.readable.size() > kListMax) return invalid(fmt::format("/readable has at most {} entries", kListMax));
  for (std::size_t i = 0; i < command.readable.size(); ++i) CG_CHECK(check_path(fmt::format("/readable/{}", i), command.readable[i]));
  if (command.network.size() > kListMax) return invalid(fmt::format("/network has at most {} entries", kListMax));
  for (std::size_t i = 0; i < command.network.size(); ++i) {
    const std::string& host = command.network[i];
    if (host.empty() || host.size() > 260 || !plain(host, false) || host.find_first_of(" /@") != std::string::npos)
      return invalid(fmt::format("/network/{} must be `host` or `host:port`, not `{}`", i, host.substr(0, 64)));
  }
  if (!command.image.empty()) CG_CHECK(check_image(command));
  if (command.memory_bytes_max < kMemoryMin || command.memory_bytes_max > kMemoryMax)
    return invalid("/memory_bytes_max must be between 16 MiB and 1 TiB");
  if (command.processes_max < 1 || command.processes_max > 100'000) return invalid("/processes_max must be between 1 and 100000");
  if (command.cpu_seconds_max.count() < 0 || command.cpu_seconds_max > std::chrono::hours(24 * 365))
    return invalid("/cpu_seconds_max must be between 0 (no cap) and a year");
  return {};
}

std::string command_to_row(const Command& command) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_texts(out, "argv", command.argv);
  write_texts(out, "environment", command.environment);
  out.member("workspace", std::string_view(command.workspace)).member("access", access_name(command.workspace_access));
  write_texts(out, "readable", command.readable);
  write_texts(out, "network", command.network);
  if (!command.image.empty()) out.member("image", std::string_view(command.image));
  out.member("shared", command.shared).member("confined", command.confined);
  out.member("memory_bytes_max", static_cast<std::int64_t>(command.memory_bytes_max));
  out.member("processes_max", static_cast<std::int64_t>(command.processes_max));
  out.member("cpu_seconds_max", static_cast<std::int64_t>(command.cpu_seconds_max.count()));
  out.end_object();
  return text;
}

// What this text does not say is as strict as can be: a row edited by hand must not open anything.
std::optional<Command> command_from_row(const std::string& text) {
  json::Document document;
  if (!document.parse(text) || !document.root().is_object()) return std::nullopt;
  const json::Value root = document.root();
  const auto number = [&](std::string_view name, std::int64_t otherwise) {
    const std::string_view digits = root[name].number();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return !digits.empty() && error == std::errc() && end == digits.data() + digits.size() ? value : otherwise;
  };
  Command command;
  command.argv = texts_of(root["argv"]);
  command.environment = texts_of(root["environment"]);
  command.workspace = root["workspace"].string();
  command.workspace_access = root["access"].string() == "rw"   ? Mount::ReadWrite
                             : root["access"].string() == "ro" ? Mount::ReadOnly
                                                               : Mount::None;
  command.readable = texts_of(root["readable"]);
  command.network = texts_of(root["network"]);
  command.image = root["image"].string();
  command.shared = root["shared"].is(json::Kind::True);
  command.confined = !root["confined"].is(json::Kind::False);
  command.memory_bytes_max = static_cast<std::size_t>(number("memory_bytes_max", 1024L * 1024 * 1024));
  command.processes_max = static_cast<std::uint32_t>(number("processes_max", 128));
  command.cpu_seconds_max = std::chrono::seconds(number("cpu_seconds_max", 0));
  if (!check_command(command)) return std::nullopt;
  return command;
}

}  // namespace callgate::catalog
