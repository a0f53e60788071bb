#include "cli/setup_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/output.h"

namespace callgate::cli {
namespace {

Result<std::string> merged_json(std::string_view old_text, const config::ClientSetup& setup, std::string_view name) {
  json::Document document;
  json::Caps caps;
  caps.bytes_max = 64 * 1024 * 1024;
  caps.values_max = 5'000'000;
  bool blank = old_text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  if (auto parsed = document.parse(blank ? "{}" : old_text, caps); !parsed)
    return fail(Code::InvalidArgument, "cli.setup_file",
                "the file is not plain JSON (comments?), so it is left alone; add the entry by hand: " + parsed.error().message);
  auto root = document.root();
  if (!root.is_object() || (root[setup.group].exists() && !root[setup.group].is_object()))
    return fail(Code::InvalidArgument, "cli.setup_file", "the file does not have the form this client uses; add the entry by hand");
  std::string text;
  json::Writer out(text);
  auto write_group = [&](json::Value group) {
    bool replaced = false;
    out.begin_object();
    group.for_each_member([&](std::string_view key, json::Value value) {
      out.key(key).raw(key == name ? std::string_view(setup.entry) : value.raw());
      replaced = replaced || key == name;
    });
    if (!replaced) out.key(name).raw(setup.entry);
    out.end_object();
  };
  out.begin_object();
  root.for_each_member([&](std::string_view key, json::Value value) {
    out.key(key);
    if (key == setup.group) write_group(value);
    else out.raw(value.raw());
  });
  if (!root[setup.group].exists()) {
    out.key(setup.group);
    write_group(json::Value());
  }
  out.end_object();
  json::Document merged;
  CG_CHECK(merged.parse(text, caps));
  return pretty_json(merged.root());
}

Result<std::string> merged_toml(std::string_view old_text, const config::ClientSetup& setup) {
  if (old_text.find("[" + setup.group + "]") != std::string_view::npos)
    return fail(Code::Conflict, "cli.setup_file",
                "the file has a table [" + setup.group + "] already; change it by hand, or remove it first");
  std::string text(old_text);
  if (!text.empty() && text.back() != '\n') text += '\n';
  if (!text.empty()) text += '\n';
  return text + setup.entry;
}

bool write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    auto written = ::write(fd, text.data(), text.size());
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0;
}

Result<void> create(const std::string& path, std::string_view text, mode_t mode) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(Code::Unavailable, "cli.setup_file", "cannot create `" + path + "`; check the directory's permissions");
  bool ok = write_whole(fd, text) && ::fchmod(fd, mode) == 0;
  ok = ::close(fd) == 0 && ok;
  if (ok) return {};
  ::unlink(path.c_str());
  return fail(Code::Unavailable, "cli.setup_file", "cannot write `" + path + "`; is the disk full?");
}

}  // namespace

Result<std::string> merged_setup(std::string_view old_text, const config::ClientSetup& setup, std::string_view name) {
  if (setup.form == "toml") return merged_toml(old_text, setup);
  return merged_json(old_text, setup, name);
}

std::string masked(std::string_view text) {
  std::string out;
  constexpr std::string_view kBearer = "Bearer ";
  while (true) {
    auto at = text.find(kBearer);
    if (at == std::string_view::npos) return out += text;
    out += text.substr(0, at + kBearer.size());
    text.remove_prefix(at + kBearer.size());
    auto end = text.find_first_of("\"'\\ \n");
    out += "****";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
}

Result<std::string> replace_file(const std::string& path, std::string_view text, std::string_view time) {
  std::error_code failed;
  auto target = std::filesystem::weakly_canonical(path, failed);  // a symlink stays one: its target is replaced
  if (failed) target = path;
  std::filesystem::create_directories(target.parent_path(), failed);
  struct stat info {};
  bool exists = ::stat(target.c_str(), &info) == 0;
  std::string backup;
  if (exists) {
    CG_TRY(auto old_text, read_text(target.string()));
    backup = target.string() + ".callgate-backup-" + std::string(time);
    CG_CHECK(create(backup, old_text, info.st_mode & 0777));
  }
  std::string next = target.string() + ".callgate-new";
  ::unlink(next.c_str());
  CG_CHECK(create(next, text, exists ? info.st_mode & 0777 : 0600));
  if (::rename(next.c_str(), target.c_str()) != 0) {
    ::unlink(next.c_str());
    return fail(Code::Unavailable, "cli.setup_file", "cannot replace `" + target.string() + "`; check its permissions");
  }
  return backup;
}

}  // namespace callgate::cli
