#include "sandbox/podman.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace callgate::sandbox {
namespace {

// Names that would steer podman itself, since values reach it through its environment.
bool steers_podman(std::string_view name) {
  static constexpr std::array kPrefixes{"LD_",         "XDG_", "CONTAINER", "DOCKER_", "PODMAN",  "BUILDAH",   "STORAGE_",
                                        "TMPDIR",      "HOME", "PATH",      "USER",    "DBUS_",   "REGISTRY_", "GODEBUG",
                                        "GOTRACEBACK", "SSL_", "GLIBC_",    "LISTEN_", "NOTIFY_", "_"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) { return name.starts_with(prefix); });
}

Result<void> add_environment(const Profile& profile, PodmanRun& run) {
  for (const char* own : {"HOME", "XDG_RUNTIME_DIR", "USER"}) {
    if (const char* value = std::getenv(own)) run.environment.push_back(std::string(own) + "=" + value);
  }
  run.environment.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
  for (const std::string& entry : profile.environment) {
    const std::string name = entry.substr(0, entry.find('='));
    if (steers_podman(name)) {
      return fail(Code::InvalidArgument, "sandbox.environment",
                  "environment variable `" + name + "` cannot be passed through podman: leave it out");
    }
    run.argv.insert(run.argv.end(), {"--env", name});  // the value stays out of the command line
    run.environment.push_back(entry);
  }
  return {};
}

}  // namespace

bool podman_caps_trees() { return ::access("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0; }

Result<PodmanRun> podman_run(const Profile& profile, const Prepared& prepared) {
  if (!prepared.egress.none() && !prepared.egress.everything()) {
    return fail(Code::InvalidArgument, "sandbox.network", "podman cannot keep to listed hosts: use the bubblewrap engine, or no network");
  }
  for (const std::string& folder : {prepared.workspace, prepared.home}) {
    if (folder.find(':') != std::string::npos) {
      return fail(Code::InvalidArgument, "sandbox.workspace",
                  "folder `" + folder + "` has a colon in its name, which podman cannot mount: rename it");
    }
  }
  PodmanRun run;
  run.program = "/usr/bin/podman";
  const auto add = [&](std::initializer_list<std::string> words) { run.argv.insert(run.argv.end(), words); };
  add({"podman", "run", "--rm", "--interactive", "--init", "--pull", "missing", "--log-driver", "none", "--read-only",
       "--read-only-tmpfs=false"});
  add({"--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--userns", "keep-id", "--ipc", "private", "--uts", "private"});
  add({"--network", prepared.egress.everything() ? "slirp4netns:allow_host_loopback=false" : "none", "--no-hosts", "--http-proxy=false"});
  const std::string size = profile.scratch_bytes_max > 0 ? ",size=" + std::to_string(profile.scratch_bytes_max) : std::string();
  add({"--tmpfs", "/tmp:rw,nosuid,nodev,mode=1777" + size, "--tmpfs", std::string(kInsideHome) + ":rw,nosuid,nodev,mode=0777" + size});
  if (profile.scratch_bytes_max > 0) add({"--shm-size", std::to_string(profile.scratch_bytes_max)});
  const bool trees = podman_caps_trees();
  if (trees && profile.memory_bytes_max > 0) {
    add({"--memory", std::to_string(profile.memory_bytes_max), "--memory-swap", std::to_string(profile.memory_bytes_max)});
  }
  if (trees && profile.processes_max > 0) add({"--pids-limit", std::to_string(profile.processes_max)});
  const auto limit = [&](const char* name, std::uint64_t value) {
    if (value > 0) add({"--ulimit", std::string(name) + "=" + std::to_string(value) + ":" + std::to_string(value)});
  };
  if (!trees) {  // podman would only say so, and start without any cap
    if (profile.memory_bytes_max > 0) limit("data", profile.memory_bytes_max);
    if (profile.processes_max > 0) limit("nproc", profile.processes_max);
  }
  add({"--ulimit", "core=0:0"});
  limit("nofile", profile.files_max);
  limit("fsize", profile.file_bytes_max);
  limit("cpu", static_cast<std::uint64_t>(profile.cpu_seconds_max.count()));
  for (const std::string& tree : prepared.read_only) add({"--volume", tree + ":" + tree + ":ro"});
  if (!prepared.home.empty()) add({"--volume", prepared.home + ":" + prepared.home + ":rw"});
  if (!prepared.workspace.empty()) {
    add({"--volume", prepared.workspace + ":" + prepared.workspace + (profile.access == Access::ReadWrite ? ":rw" : ":ro")});
    add({"--workdir", prepared.workspace});
  }
  add({"--env", "HOME=" + (prepared.home.empty() ? std::string(kInsideHome) : prepared.home), "--env", "TMPDIR=/tmp"});
  CG_CHECK(add_environment(profile, run));
  // The command replaces the image's own entry point, so that what was approved is what runs.
  add({"--entrypoint", profile.argv[0], profile.image});
  run.argv.insert(run.argv.end(), profile.argv.begin() + 1, profile.argv.end());
  return run;
}

}  // namespace callgate::sandbox
