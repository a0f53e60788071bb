#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "sandbox/cgroup.h"
#include "sandbox/profile.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"

namespace callgate::sandbox {
namespace {

struct Trial {
  bool good = false;
  std::string said;
};

// Runs bubblewrap with these arguments around `true`; its own words tell what is wrong.
Trial try_bubblewrap(std::vector<std::string> arguments) {
  const std::vector<std::string> before{kBubblewrap, "--die-with-parent", "--ro-bind", "/", "/", "--ro-bind-fd", "3", "/usr"};
  arguments.insert(arguments.begin(), before.begin(), before.end());
  for (const char* word : {"--", "/bin/true"}) arguments.emplace_back(word);
  std::vector<char*> words;
  for (std::string& word : arguments) words.push_back(word.data());
  words.push_back(nullptr);
  char look[] = "PATH=/usr/bin:/bin", language[] = "LANG=C";
  char* environment[] = {look, language, nullptr};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {false, errno_text(errno)};
  Descriptor ours(ends[0]), theirs(ends[1]), folder(::open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int parked = ::fcntl(folder.get(), F_DUPFD, 10);  // clear of 1 to 3
    if (::dup2(theirs.get(), 2) < 0 || ::dup2(2, 1) < 0 || ::dup2(parked, 3) < 0) ::_exit(126);
    ::close_range(4, ~0U, 0);
    ::execve(kBubblewrap, words.data(), environment);
    ::_exit(127);
  }
  theirs.reset();
  if (pid < 0) return {false, errno_text(errno)};
  Trial trial;
  char piece[512];
  pollfd watched{ours.get(), POLLIN, 0};
  ssize_t got = 0;
  while (::poll(&watched, 1, 5000) > 0 && (got = ::read(ours.get(), piece, sizeof piece)) > 0) {
    if (trial.said.size() < 1000) trial.said.append(piece, static_cast<std::size_t>(got));
  }
  if (got != 0) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  trial.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  while (!trial.said.empty() && trial.said.back() == '\n') trial.said.pop_back();
  for (char& c : trial.said) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return trial;
}

Feature bubblewrap() {
  Feature feature{"bubblewrap", true, ::access(kBubblewrap, X_OK) == 0, {}, {}};
  if (!feature.available) {
    feature.why = "bubblewrap is not installed";
    feature.fix = "install the package `bubblewrap`, or use podman";
  }
  return feature;
}

Feature namespaces(bool installed) {
  Feature feature{"namespaces", true, false, "bubblewrap is missing, so they could not be tried", "install the package `bubblewrap`"};
  if (!installed) return feature;
  const Trial trial =
      try_bubblewrap({"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--unshare-net",
                      "--disable-userns", "--uid", "1000", "--gid", "1000", "--proc", "/proc", "--dev", "/dev"});
  feature.available = trial.good;
  feature.why = trial.good ? "" : "bubblewrap cannot make the sandbox: " + trial.said;
  const bool old = trial.said.find("nknown option") != std::string::npos;
  feature.fix = trial.good ? ""
                : old      ? "install bubblewrap 0.10 or newer (Debian 12: 0.8.0-2+deb12u1 or newer)"
                           : "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
                             "kernel.apparmor_restrict_unprivileged_userns=0); in a container also let it mount /proc "
                             "(--security-opt systempaths=unconfined --security-opt seccomp=unconfined)";
  return feature;
}

Feature filter() {
  Feature feature{"seccomp", true, true, {}, {}};
  if (::access("/proc/sys/kernel/seccomp/actions_avail", R_OK) != 0) {
    feature = {"seccomp", true, false, "the kernel has no system call filters", "use a kernel with CONFIG_SECCOMP_FILTER"};
  } else if (auto built = seccomp_filter(); !built) {
    feature = {"seccomp", true, false, built.error().message, "install libseccomp 2.5 or newer"};
  }
  return feature;
}

Feature handles() {
  Descriptor self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (self.open() && ::close_range(~0U, ~0U, 0) == 0) return {"pidfd", true, true, {}, {}};
  return {"pidfd", true, false, "the kernel has no pidfd or close_range", "use Linux 5.9 or newer"};
}

Feature groups(const char* name, bool there, const Cgroups& cgroups, const char* instead) {
  Feature feature{name, false, there, {}, {}};
  if (there) return feature;
  feature.why = cgroups.why_not() + std::string("; ") + instead;
  feature.fix = "run the service with Delegate=memory pids (systemd), or give it a writable control group";
  return feature;
}

Feature podman() {
  Feature feature{"podman", false, ::access("/usr/bin/podman", X_OK) == 0, {}, {}};
  if (!feature.available) {
    feature.why = "podman is not installed; only servers that ask for it need it";
    feature.fix = "install the package `podman`";
  } else if (::geteuid() == 0) {
    feature.available = false;
    feature.why = "the gate runs as root, and podman is only used rootless";
    feature.fix = "run the gate as an ordinary user who has ranges in /etc/subuid and /etc/subgid";
  }
  return feature;
}

}  // namespace

const Feature* Features::find(std::string_view name) const {
  for (const Feature& feature : all) {
    if (feature.name == name) return &feature;
  }
  return nullptr;
}

bool Features::complete() const {
  for (const Feature& feature : all) {
    if (feature.required && !feature.available) return false;
  }
  return true;
}

Features detect() {
  Features features;
  features.all.push_back(bubblewrap());
  features.all.push_back(namespaces(features.all[0].available));
  features.all.push_back(filter());
  features.all.push_back(handles());
  const Cgroups cgroups = Cgroups::find({"/sys/fs/cgroup"});
  features.all.push_back(groups("memory cap of the tree", cgroups.memory(), cgroups, "memory is capped for each process instead"));
  features.all.push_back(groups("process cap of the tree", cgroups.processes(), cgroups,
                                ::geteuid() == 0 ? "processes are not capped" : "processes are capped by an rlimit instead"));
  features.all.push_back(podman());
  return features;
}

}  // namespace callgate::sandbox
