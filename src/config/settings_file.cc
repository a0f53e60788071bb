#include "config/settings_file.h"

#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "base/read_file.h"

namespace callgate::config {
namespace {

constexpr std::size_t kBytesMax = 1024 * 1024;

Result<void> take(const std::string& path, const std::string& prefix, const YAML::Node& node, std::map<std::string, FileValue>& into) {
  for (const auto& member : node) {
    int line = member.first.Mark().line + 1;
    auto where = [&] { return path + ":" + std::to_string(line); };
    if (!member.first.IsScalar()) return fail(Code::InvalidArgument, "config.syntax", where() + ": keys must be plain words");
    std::string key = prefix + member.first.Scalar();
    FileValue value;
    value.line = line;
    if (member.second.IsMap()) {
      if (!prefix.empty()) return fail(Code::InvalidArgument, "config.syntax", where() + ": `" + key + "` is nested too deep");
      CG_CHECK(take(path, key + ".", member.second, into));
      continue;
    }
    if (member.second.IsSequence()) {
      value.is_list = true;
      for (const auto& item : member.second) {
        if (!item.IsScalar())
          return fail(Code::InvalidArgument, "config.syntax", where() + ": `" + key + "` holds something other than texts");
        value.list.push_back(item.Scalar());
      }
    } else if (member.second.IsScalar()) {
      value.text = member.second.Scalar();
    }
    if (!into.emplace(key, value).second)
      return fail(Code::InvalidArgument, "config.syntax", where() + ": `" + key + "` is set twice in this file");
  }
  return {};
}

}  // namespace

Result<std::map<std::string, FileValue>> read_settings_file(const std::string& path) {
  std::map<std::string, FileValue> values;
  auto text = read_small_file(path, kBytesMax);
  if (!text) return fail(Code::InvalidArgument, "config.unreadable", "settings: " + text.error().message);
  try {
    YAML::Node root = YAML::Load(*text);
    if (root.IsNull()) return values;
    if (!root.IsMap()) return fail(Code::InvalidArgument, "config.syntax", path + ": expected `key: value` lines");
    CG_CHECK(take(path, "", root, values));
  } catch (const YAML::Exception& error) {
    return fail(Code::InvalidArgument, "config.syntax",
                path + ":" + std::to_string(error.mark.line + 1) + ": not valid YAML: " + error.msg);
  }
  return values;
}

std::string find_project_file(const std::string& home) {
  std::error_code failed;
  auto directory = std::filesystem::current_path(failed);
  while (!failed && !directory.empty()) {
    auto file = directory / ".callgate.yaml";
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      bool trusted = (info.st_uid == ::geteuid() || info.st_uid == 0) && (info.st_mode & S_IWOTH) == 0;
      return trusted ? file.string() : std::string();
    }
    if (std::filesystem::exists(directory / ".git", failed) || directory.string() == home || directory == directory.parent_path()) break;
    directory = directory.parent_path();
  }
  return {};
}

}  // namespace callgate::config
