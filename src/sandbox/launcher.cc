#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "sandbox/nursery.h"
#include "sandbox/plan.h"
#include "sandbox/podman.h"
#include "sandbox/profile.h"
#include "telemetry/log.h"

namespace callgate::sandbox {
namespace {

using std::chrono::milliseconds;

class Child final : public Process {
 public:
  Child(Nursery& nursery, Started started, std::shared_ptr<Tree> tree, Attendants attendants, std::vector<std::string> weakened)
      : nursery_(nursery),
        started_(std::move(started)),
        tree_(std::move(tree)),
        attendants_(std::move(attendants)),
        weakened_(std::move(weakened)) {}
  ~Child() override { nursery_.bury(std::move(tree_), std::move(attendants_)); }

  int pid() const override { return started_.pid; }
  int input_fd() const override { return started_.input.get(); }
  int output_fd() const override { return started_.output.get(); }
  int error_fd() const override { return started_.errors.get(); }
  int exit_fd() const override { return tree_->pidfd(); }
  void close_input() override { started_.input.reset(); }
  std::optional<Exit> exited() override { return tree_->reap(); }
  void terminate(milliseconds grace) override {
    if (grace <= milliseconds(0)) {
      tree_->kill();
      nursery_.kill_after(tree_, milliseconds(0));
    } else {
      tree_->ask();
      nursery_.kill_after(tree_, grace);
    }
  }
  std::optional<Exit> wait(milliseconds wait_max) override {
    if (auto ended = tree_->reap()) return ended;
    pollfd watched{tree_->pidfd(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(wait_max.count()));
    return tree_->reap();
  }
  const std::vector<std::string>& weakened() const override { return weakened_; }

 private:
  Nursery& nursery_;
  Started started_;
  std::shared_ptr<Tree> tree_;
  Attendants attendants_;
  std::vector<std::string> weakened_;
};

void entry(std::string& plan, char kind, std::string_view text) {
  plan.push_back(kind);
  plan += text;
  plan.push_back('\0');
}

class LocalLauncher final : public Launcher {
 public:
  LocalLauncher(LauncherOptions options, std::unique_ptr<Nursery> nursery)
      : options_(std::move(options)), cgroups_(Cgroups::find(options_.cgroup_roots)), nursery_(std::move(nursery)) {}

  Result<void> check(const Profile& profile) const override {
    CG_TRY(const Prepared prepared, prepare(profile, options_));
    return {};
  }

  std::vector<std::string> weakened(const Profile& profile) override {
    auto prepared = prepare(profile, options_);
    if (!prepared) return {"cannot be started: " + prepared.error().message};
    if (auto there = require_features(profile); !there) return {"cannot be started: " + there.error().message};
    const std::lock_guard hold(mutex_);
    return reasons(profile, *prepared, {cgroups_.memory(), cgroups_.processes()});
  }

  Result<std::unique_ptr<Process>> launch(const Profile& profile) override {
    CG_TRY(Prepared prepared, prepare(profile, options_));
    CG_CHECK(require_features(profile));
    std::vector<std::string> weakened;
    CG_TRY(Start start, make_start(profile, prepared, weakened));
    Cgroup cgroup;
    auto forked = nursery_->on_loop([&] { return fork_start(start); });
    cgroup = std::move(start.cgroup);
    const bool direct = !start.outside;
    start.files.clear();
    if (!forked) {
      cgroup.remove();
      return tl::unexpected(forked.error());
    }
    auto handshake = follow_start(*forked, options_.start_timeout, profile.argv[0]);
    if (!handshake) {
      const int pidfd = forked->pidfd.get();
      Handshake none;
      signal_pidfd(pidfd, SIGKILL);  // bubblewrap takes the rest with it
      nursery_->bury(std::make_shared<Tree>(*forked, none, std::move(cgroup), true));
      return tl::unexpected(handshake.error());
    }
    auto tree = std::make_shared<Tree>(*forked, *handshake, std::move(cgroup), !direct);
    auto attendants = attend(profile, prepared, *handshake, tree, weakened);
    if (!attendants) {
      nursery_->bury(std::move(tree));
      return tl::unexpected(attendants.error());
    }
    telemetry::log_info("stdio server started",
                        {{"server", profile.name}, {"pid", std::to_string(forked->pid)}, {"program", prepared.command}});
    for (const std::string& reason : weakened)
      telemetry::log_warn("sandbox is weaker than asked", {{"server", profile.name}, {"what", reason}});
    return std::make_unique<Child>(*nursery_, std::move(*forked), std::move(tree), std::move(*attendants), std::move(weakened));
  }

 private:
  Result<void> require_features(const Profile& profile) {
    if (!profile.confined) return {};
    const std::lock_guard hold(mutex_);
    if (!features_ || !features_->complete()) features_ = detect();
    const bool podman = profile.engine == Engine::Podman;
    for (const Feature& feature : features_->all) {
      const bool wanted = podman ? feature.name == "podman" : feature.required;
      if (!wanted || feature.available) continue;
      return fail(Code::Unavailable, "sandbox.missing", "cannot confine `" + profile.name + "`: " + feature.why + "; " + feature.fix);
    }
    return {};
  }

  struct Caps {  // of a whole tree
    bool memory = false, processes = false;
  };
  std::vector<std::string> reasons(const Profile& profile, const Prepared& prepared, Caps caps) const {
    std::vector<std::string> weakened;
    if (!profile.confined) weakened.emplace_back("runs unconfined, as its entry says: it sees whatever the gate's user sees");
    const bool podman = profile.engine == Engine::Podman;
    if (profile.confined && prepared.egress.everything() && podman) weakened.emplace_back("reaches every host that this machine does");
    else if (profile.confined && prepared.egress.everything())
      weakened.emplace_back("shares this machine's network, its loopback and private services included: list hosts instead of `*`");
    if (profile.confined && podman) {
      if (!podman_caps_trees())
        weakened.emplace_back(
            "memory and processes are capped for each process and user, not for the container (podman needs the unified control groups)");
      return weakened;
    }
    Owner owner = choose_owner(profile, prepared);
    if (!owner.why_root.empty()) weakened.push_back(std::move(owner.why_root));
    const std::string fix = " (" + cgroups_.why_not() + "; run the service with Delegate=memory pids)";
    if (profile.memory_bytes_max > 0 && !caps.memory) weakened.push_back("memory is capped for each process, not for the whole tree" + fix);
    if (profile.processes_max > 0 && !caps.processes && !counts_processes(profile, owner.uid))
      weakened.push_back("the number of processes is not capped" + fix);
    return weakened;
  }

  // Inside its own user namespace an rlimit does, unless its user there is root here.
  static bool counts_processes(const Profile& profile, unsigned uid) { return profile.confined && (::geteuid() != 0 || uid != 0); }

  Result<Start> make_start(const Profile& profile, const Prepared& prepared, std::vector<std::string>& weakened) {
    Start start;
    if (profile.confined && profile.engine == Engine::Podman) {
      CG_TRY(PodmanRun run, podman_run(profile, prepared));
      entry(start.plan, plan::kPath, run.program);
      for (const std::string& word : run.argv) entry(start.plan, plan::kArgument, word);
      for (const std::string& pair : run.environment) entry(start.plan, plan::kEnvironment, pair);
      weakened = reasons(profile, prepared, {});
      return start;
    }
    {
      const std::lock_guard hold(mutex_);
      start.cgroup = cgroups_.make(profile.memory_bytes_max, profile.processes_max);
    }
    Owner owner = choose_owner(profile, prepared);
    start.uid = owner.uid;
    start.gid = owner.gid;
    weakened = reasons(profile, prepared, {start.cgroup.memory(), start.cgroup.processes()});
    add_limits(profile, start);
    entry(start.plan, plan::kPath, prepared.command);
    for (const std::string& word : profile.argv) entry(start.plan, plan::kArgument, word);
    for (const std::string& pair : prepared.environment) entry(start.plan, plan::kEnvironment, pair);
    if (!profile.confined) {
      entry(start.plan, plan::kDirectory, prepared.directory);
      return start;
    }
    start.outside = true;
    CG_TRY(View view, make_view(profile, prepared, plan::kFirstFreeFd));
    start.files = std::move(view.files);
    for (const std::string& word : {std::string(kBubblewrap)}) entry(start.plan, plan::kOuterArgument, word);
    for (const std::string& word : view.arguments) entry(start.plan, plan::kOuterArgument, word);
    for (const char* word : {"--", "/.supervisor"}) entry(start.plan, plan::kOuterArgument, word);
    for (const std::string& listener : egress_listeners(prepared.egress)) entry(start.plan, plan::kListen, listener);
    for (const EgressName& name : prepared.egress.names()) {
      if (name.literal) entry(start.plan, plan::kAddress, name.address);
    }
    return start;
  }

  void add_limits(const Profile& profile, Start& start) {
    const auto limit = [&](int which, std::uint64_t value) {
      if (value > 0) entry(start.plan, plan::kLimit, std::to_string(which) + " " + std::to_string(value));
    };
    entry(start.plan, plan::kLimit, std::to_string(RLIMIT_CORE) + " 0");
    limit(RLIMIT_NOFILE, profile.files_max);
    limit(RLIMIT_FSIZE, profile.file_bytes_max);
    limit(RLIMIT_CPU, static_cast<std::uint64_t>(profile.cpu_seconds_max.count()));
    if (!start.cgroup.memory()) limit(RLIMIT_DATA, profile.memory_bytes_max);
    if (!start.cgroup.processes() && counts_processes(profile, start.uid)) limit(RLIMIT_NPROC, profile.processes_max);
  }

  // The proxy for listed hosts, and the look at the disk: both live on the nursery's thread.
  Result<Attendants> attend(const Profile& profile, const Prepared& prepared, Handshake& handshake, const std::shared_ptr<Tree>& tree,
                            std::vector<std::string>& weakened) {
    EgressOptions options;
    options.server = profile.name;
    options.allow_private = options_.allow_private_egress;
    std::vector<Descriptor> folders = writable_folders(profile, prepared);
    const DiskGuard::Options disk{profile.name, profile.disk_free_min, free_space(folders)};
    const bool guarded = !folders.empty() && disk.free_now >= disk.free_min && disk.free_min > 0;
    if (!folders.empty() && disk.free_now < disk.free_min) {
      weakened.emplace_back("nothing keeps it from filling the rest of a disk that is nearly full already: free some space");
    }
    return nursery_->on_loop([&]() -> Result<Attendants> {
      Attendants made;
      if (guarded) made.guard = std::make_shared<DiskGuard>(nursery_->loop(), nursery_->looking(), tree, std::move(folders), disk);
      if (handshake.listeners.empty()) return made;
      CG_TRY(made.egress, Egress::start(nursery_->loop(), nursery_->resolving(), prepared.egress, std::move(handshake.listeners), options));
      return made;
    });
  }

  static std::vector<Descriptor> writable_folders(const Profile& profile, const Prepared& prepared) {
    std::vector<Descriptor> folders;
    const auto add = [&](const std::string& path) {
      Descriptor folder(path.empty() ? -1 : ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (folder.open()) folders.push_back(std::move(folder));
    };
    add(prepared.home);
    if (profile.access == Access::ReadWrite) add(prepared.workspace);
    return folders;
  }

  LauncherOptions options_;
  std::mutex mutex_;  // features_ and cgroups_.make
  std::optional<Features> features_;
  Cgroups cgroups_;
  std::unique_ptr<Nursery> nursery_;
};

}  // namespace

Result<std::unique_ptr<Launcher>> Launcher::create(LauncherOptions options) {
  CG_TRY(auto nursery, Nursery::create());
  return std::make_unique<LocalLauncher>(std::move(options), std::move(nursery));
}

}  // namespace callgate::sandbox
