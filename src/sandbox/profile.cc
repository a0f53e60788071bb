#include "sandbox/profile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "sandbox/pinning.h"

namespace callgate::sandbox {
namespace {

constexpr std::string_view kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::size_t kEnvironmentMax = 256 * 1024;

tl::unexpected<Error> refuse(std::string_view reason, std::string message) {
  return fail(Code::InvalidArgument, reason, std::move(message));
}

bool within(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path == folder || (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

std::string real_path(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return {};
  std::string out(resolved);
  std::free(resolved);
  return out;
}

bool is_directory(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// Folders that are never a server's business as a whole, and where people keep their keys.
Result<void> check_place(const std::string& path, const char* what, const LauncherOptions& options) {
  static constexpr std::array kNever{"/proc", "/sys", "/dev", "/boot", "/run"};  // nor anything below
  static constexpr std::array kNotWhole{"/",      "/etc",     "/var",     "/home",    "/root",    "/tmp",    "/usr",
                                        "/opt",   "/srv",     "/mnt",     "/media",   "/lib",     "/bin",    "/sbin",
                                        "/lib64", "/var/lib", "/var/log", "/var/tmp", "/usr/bin", "/usr/lib"};
  static constexpr std::array kKeys{".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure", "gcloud", ".password-store", ".mozilla"};
  const std::string quoted = std::string(what) + " `" + path + "`";
  for (const char* never : kNever) {
    if (within(path, never))
      return refuse("sandbox.workspace", quoted + " lies in `" + never + "`, which is never shown: choose a project's folder");
  }
  for (const char* whole : kNotWhole) {
    if (path == whole) return refuse("sandbox.workspace", quoted + " is a whole system folder: choose a project's folder below it");
  }
  if (within(path, "/etc")) return refuse("sandbox.workspace", quoted + " lies in `/etc`, which is never shown: choose a project's folder");
  const auto name = path.substr(path.rfind('/') + 1);
  if (std::find(kKeys.begin(), kKeys.end(), name) != kKeys.end()) {
    return refuse("sandbox.workspace", quoted + " is where keys are kept: choose a project's folder");
  }
  const char* home = std::getenv("HOME");
  const std::string own = home != nullptr ? real_path(home) : std::string();
  if (own.size() > 1 && within(own, path)) {
    return refuse("sandbox.workspace", quoted + " holds the whole home directory: choose a project's folder below it");
  }
  for (const std::string& hidden : options.hidden_paths) {
    const std::string real = real_path(hidden);
    if (!real.empty() && (within(real, path) || within(path, real))) {
      return refuse("sandbox.workspace", quoted + " would show the gate's own data in `" + real + "`: choose another folder");
    }
  }
  return {};
}

Result<std::string> resolve_folder(const std::string& path, const char* what, const LauncherOptions& options) {
  if (path.front() != '/' || path.find('\0') != std::string::npos) {
    return refuse("sandbox.workspace", std::string(what) + " `" + path + "` is not an absolute path: write it from the root");
  }
  const std::string real = real_path(path);
  if (real.empty() || !is_directory(real)) {
    return refuse("sandbox.workspace", std::string(what) + " `" + path + "` is no directory here: create it or correct the path");
  }
  CG_CHECK(check_place(real, what, options));
  return real;
}

bool good_variable(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

void add_proxy(std::vector<std::string>& environment) {
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}) {
    environment.push_back(std::string(name) + "=http://127.0.0.1:3128");
  }
  for (const char* name : {"NO_PROXY", "no_proxy"}) environment.push_back(std::string(name) + "=localhost,127.0.0.1,::1");
  environment.emplace_back("NODE_USE_ENV_PROXY=1");
}

Result<std::vector<std::string>> make_environment(const Profile& profile, const Prepared& prepared) {
  std::vector<std::string> made;
  std::string path(kPath);
  for (auto tree = prepared.read_only.rbegin(); tree != prepared.read_only.rend(); ++tree) {
    if (is_directory(*tree + "/bin")) path.insert(0, *tree + "/bin:");
  }
  const std::string home = prepared.home.empty() && profile.confined ? kInsideHome : prepared.home;
  made = {"PATH=" + path, "HOME=" + (home.empty() ? std::string("/nonexistent") : home), "TMPDIR=/tmp", "LANG=C.UTF-8", "USER=sandbox"};
  if (profile.confined && !prepared.egress.none() && !prepared.egress.everything()) add_proxy(made);
  static constexpr std::array kOurs{"HOME", "TMPDIR", "USER"};
  const std::size_t proxies = made.size();
  std::size_t bytes = 0;
  for (const std::string& entry : profile.environment) {
    const auto equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (equals == std::string::npos || !good_variable(name) || entry.find('\0') != std::string::npos) {
      return refuse("sandbox.environment", "environment entry `" + name + "` is not NAME=value: letters, digits and `_` make a name");
    }
    const bool ours = std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
    const auto same = std::find_if(made.begin(), made.end(), [&](const std::string& other) { return other.starts_with(name + "="); });
    const bool set_by_proxy = same != made.end() && same - made.begin() >= 5 && same < made.begin() + static_cast<std::ptrdiff_t>(proxies);
    if (ours || set_by_proxy)
      return refuse("sandbox.environment", "environment variable `" + name + "` is set by the sandbox: leave it out");
    if (same != made.end() && same - made.begin() >= 5) {
      return refuse("sandbox.environment", "environment variable `" + name + "` is there twice: keep one");
    }
    bytes += entry.size();
    if (same != made.end()) {
      *same = entry;  // PATH and LANG may be chosen
    } else {
      made.push_back(entry);
    }
  }
  if (bytes > kEnvironmentMax) return refuse("sandbox.environment", "the environment is larger than 256 KiB: pass large values in a file");
  return made;
}

bool executable(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

bool visible(const Profile& profile, const Prepared& prepared, const std::string& path) {
  if (!profile.confined) return true;
  for (const char* tree : {"/usr", "/bin", "/sbin", "/lib", "/lib64"}) {
    if (within(path, tree)) return true;
  }
  if (!prepared.workspace.empty() && within(path, prepared.workspace)) return true;
  if (!prepared.home.empty() && within(path, prepared.home)) return true;
  return std::any_of(prepared.read_only.begin(), prepared.read_only.end(), [&](const std::string& tree) { return within(path, tree); });
}

Result<std::string> find_command(const Profile& profile, const Prepared& prepared) {
  const std::string& name = profile.argv[0];
  std::vector<std::string> candidates;
  if (name.find('/') == std::string::npos) {
    std::string_view path = kPath;
    for (const std::string& entry : prepared.environment) {
      if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
    }
    for (std::size_t at = 0; at <= path.size();) {
      const auto end = std::min(path.find(':', at), path.size());
      if (end > at && path[at] == '/') candidates.push_back(std::string(path.substr(at, end - at)) + "/" + name);
      at = end + 1;
    }
  } else if (name.front() == '/') {
    candidates.push_back(name);
  } else if (!prepared.workspace.empty()) {
    candidates.push_back(prepared.workspace + "/" + name);
  }
  bool hidden = false;
  for (const std::string& candidate : candidates) {
    if (!executable(candidate)) continue;
    if (visible(profile, prepared, candidate) && visible(profile, prepared, real_path(candidate))) return candidate;
    hidden = true;
  }
  if (hidden) {
    return fail(
        Code::NotFound, "sandbox.command_missing",
        "command `" + name + "` is on this machine but not visible in the sandbox: add the folder it is installed in as a read-only path");
  }
  return fail(Code::NotFound, "sandbox.command_missing",
              "command `" + name + "` was not found in the sandbox's PATH: install it below /usr, or add its folder as a read-only path");
}

}  // namespace

Result<Prepared> prepare(const Profile& profile, const LauncherOptions& options) {
  if (profile.argv.empty() || profile.argv[0].empty()) return refuse("sandbox.command", "the command is empty: name a program");
  for (const std::string& word : profile.argv) {
    if (word.find('\0') != std::string::npos) return refuse("sandbox.command", "the command holds a NUL byte: remove it");
  }
  if (profile.argv.size() > 1024) return refuse("sandbox.command", "the command has more than 1024 words: shorten it");
  Prepared prepared;
  if (!profile.workspace.empty() && profile.access != Access::None) {
    CG_TRY(prepared.workspace, resolve_folder(profile.workspace, "workspace", options));
    if (prepared.workspace != profile.workspace && profile.workspace != prepared.workspace + "/") {
      return refuse("sandbox.workspace",
                    "workspace `" + profile.workspace + "` goes through a symbolic link: write `" + prepared.workspace + "`");
    }
    if (profile.access == Access::ReadWrite && within(prepared.workspace, "/usr")) {
      return refuse("sandbox.workspace",
                    "workspace `" + prepared.workspace + "` lies in `/usr`, which is never writable: choose a project's folder");
    }
  }
  if (!profile.home.empty()) {
    CG_TRY(prepared.home, resolve_folder(profile.home, "home", options));
  }
  for (const std::string& tree : profile.read_only_paths) {
    if (tree.empty()) return refuse("sandbox.workspace", "a read-only path is empty: leave it out");
    CG_TRY(std::string real, resolve_folder(tree, "read-only path", options));
    prepared.read_only.push_back(std::move(real));
  }
  CG_TRY(prepared.egress, EgressRules::parse(profile.network));
  CG_TRY(prepared.environment, make_environment(profile, prepared));
  if (profile.engine == Engine::Podman) {
    if (profile.image.empty()) return refuse("sandbox.image", "podman needs an image: name one with its digest");
    return prepared;
  }
  prepared.directory = !prepared.workspace.empty() ? prepared.workspace : profile.confined ? kInsideHome : "/";
  if (prepared.workspace.empty() && !prepared.home.empty()) prepared.directory = prepared.home;
  CG_TRY(prepared.command, find_command(profile, prepared));
  return prepared;
}

}  // namespace callgate::sandbox
