#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "net/offload.h"
#include "sandbox/child.h"
#include "sandbox/egress.h"
#include "sandbox/plan.h"
#include "sandbox/podman.h"
#include "sandbox/profile.h"
#include "telemetry/log.h"

namespace callgate::sandbox {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSweepEvery{50};
constexpr milliseconds kStubborn{2'000};  // a supervisor that does not end its tree by then is killed itself

// The thread that starts, kills and reaps.
class Nursery {
 public:
  static Result<std::unique_ptr<Nursery>> create() {
    CG_TRY(auto loop, net::Loop::create());
    return std::make_unique<Nursery>(std::move(loop));
  }
  explicit Nursery(std::unique_ptr<net::Loop> loop) : loop_(std::move(loop)), resolving_(2, 256) {
    thread_ = std::thread([this] {
      ::prctl(PR_SET_NAME, "sandbox");
      loop_->run();
    });
  }
  ~Nursery() {
    std::promise<void> all_gone;
    loop_->post([&] {
      closing_ = &all_gone;
      tell_when_empty();
    });
    (void)all_gone.get_future().wait_for(std::chrono::seconds(5));
    loop_->stop();
    thread_.join();
  }

  template <class F> auto on_loop(F work) -> decltype(work()) {
    std::promise<decltype(work())> done;
    auto result = done.get_future();
    loop_->post([&] {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        done.set_value();
      } else {
        done.set_value(work());
      }
    });
    return result.get();
  }

  net::Loop& loop() { return *loop_; }
  net::Offload& resolving() { return resolving_; }

  void kill_after(std::shared_ptr<Tree> tree, milliseconds grace) {
    loop_->post([this, tree = std::move(tree), grace] { watch(tree, grace); });
  }
  // Kills now, and follows it to the end.
  void bury(std::shared_ptr<Tree> tree, std::shared_ptr<Egress> egress) {
    tree->kill();
    loop_->post([this, tree = std::move(tree), egress = std::move(egress)]() mutable {
      egress.reset();
      watch(tree, kStubborn)->burying = true;
    });
  }

 private:
  struct Watch final : net::Watcher {
    Watch(Nursery& owner, std::shared_ptr<Tree> followed) : nursery(owner), tree(std::move(followed)), timer([this] { on_time(); }) {}
    void on_ready(std::uint32_t) override { nursery.look(*this); }
    void on_time() {
      if (tree->reap()) {
        nursery.look(*this);
      } else if (killed) {
        tree->kill_supervisor();
        nursery.loop_->arm(timer, kStubborn);
      } else {
        killed = true;
        tree->kill();
        nursery.loop_->arm(timer, kStubborn);
      }
    }
    Nursery& nursery;
    std::shared_ptr<Tree> tree;
    net::Timer timer;
    bool killed = false;
    bool burying = false;
    bool watched = false;
  };

  Watch* watch(const std::shared_ptr<Tree>& tree, milliseconds grace) {
    auto& slot = watches_[tree.get()];
    if (slot == nullptr) slot = std::make_unique<Watch>(*this, tree);
    Watch* mine = slot.get();
    if (!mine->watched) mine->watched = loop_->watch(tree->pidfd(), *mine).has_value();
    loop_->arm(mine->timer, mine->watched ? grace : std::min(grace, kSweepEvery));
    loop_->post([this, key = tree.get()] {  // it may have ended before it was watched
      const auto found = watches_.find(key);
      if (found != watches_.end()) look(*found->second);
    });
    return mine;
  }

  void look(Watch& mine) {
    if (!mine.tree->reap()) return;
    if (!mine.tree->sweep() && mine.burying) {
      loop_->arm(mine.timer, kSweepEvery);
      return;
    }
    if (mine.watched) loop_->unwatch(mine.tree->pidfd(), mine);
    const auto found = watches_.find(mine.tree.get());
    loop_->disarm(mine.timer);
    loop_->bury(std::move(found->second));
    watches_.erase(found);
    tell_when_empty();
  }

  void tell_when_empty() {
    if (closing_ == nullptr || !watches_.empty()) return;
    closing_->set_value();
    closing_ = nullptr;
  }

  std::unique_ptr<net::Loop> loop_;
  net::Offload resolving_;
  std::unordered_map<Tree*, std::unique_ptr<Watch>> watches_;  // on the loop
  std::promise<void>* closing_ = nullptr;
  std::thread thread_;
};

class Child final : public Process {
 public:
  Child(Nursery& nursery, Started started, std::shared_ptr<Tree> tree, std::shared_ptr<Egress> egress, std::vector<std::string> weakened)
      : nursery_(nursery),
        started_(std::move(started)),
        tree_(std::move(tree)),
        egress_(std::move(egress)),
        weakened_(std::move(weakened)) {}
  ~Child() override { nursery_.bury(std::move(tree_), std::move(egress_)); }

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
      nursery_.kill_after(tree_, kStubborn);
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
  std::shared_ptr<Egress> egress_;
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
      nursery_->bury(std::make_shared<Tree>(*forked, none, std::move(cgroup), true), nullptr);
      return tl::unexpected(handshake.error());
    }
    auto tree = std::make_shared<Tree>(*forked, *handshake, std::move(cgroup), !direct);
    auto egress = open_egress(profile, prepared, *handshake);
    if (!egress) {
      nursery_->bury(std::move(tree), nullptr);
      return tl::unexpected(egress.error());
    }
    telemetry::log_info("stdio server started",
                        {{"server", profile.name}, {"pid", std::to_string(forked->pid)}, {"program", prepared.command}});
    for (const std::string& reason : weakened)
      telemetry::log_warn("sandbox is weaker than asked", {{"server", profile.name}, {"what", reason}});
    return std::make_unique<Child>(*nursery_, std::move(*forked), std::move(tree), std::move(*egress), std::move(weakened));
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

  Result<Start> make_start(const Profile& profile, const Prepared& prepared, std::vector<std::string>& weakened) {
    Start start;
    if (!profile.confined) weakened.emplace_back("runs unconfined, as its entry says: it sees whatever the gate's user sees");
    if (profile.confined && profile.engine == Engine::Podman) {
      CG_TRY(PodmanRun run, podman_run(profile, prepared));
      entry(start.plan, plan::kPath, run.program);
      for (const std::string& word : run.argv) entry(start.plan, plan::kArgument, word);
      for (const std::string& pair : run.environment) entry(start.plan, plan::kEnvironment, pair);
      return start;
    }
    {
      const std::lock_guard hold(mutex_);
      start.cgroup = cgroups_.make(profile.memory_bytes_max, profile.processes_max);
    }
    Owner owner = choose_owner(profile, prepared);
    start.uid = owner.uid;
    start.gid = owner.gid;
    if (!owner.why_root.empty()) weakened.push_back(std::move(owner.why_root));
    add_limits(profile, start, weakened);
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
    if (prepared.egress.everything()) {
      weakened.emplace_back("shares this machine's network, its loopback and private services included: list hosts instead of `*`");
    }
    return start;
  }

  void add_limits(const Profile& profile, Start& start, std::vector<std::string>& weakened) {
    const auto limit = [&](int which, std::uint64_t value) {
      if (value > 0) entry(start.plan, plan::kLimit, std::to_string(which) + " " + std::to_string(value));
    };
    entry(start.plan, plan::kLimit, std::to_string(RLIMIT_CORE) + " 0");
    limit(RLIMIT_NOFILE, profile.files_max);
    limit(RLIMIT_FSIZE, profile.file_bytes_max);
    limit(RLIMIT_CPU, static_cast<std::uint64_t>(profile.cpu_seconds_max.count()));
    const std::string fix = " (" + cgroups_.why_not() + "; run the service with Delegate=memory pids)";
    if (profile.memory_bytes_max > 0 && !start.cgroup.memory()) {
      limit(RLIMIT_DATA, profile.memory_bytes_max);
      weakened.push_back("memory is capped for each process, not for the whole tree" + fix);
    }
    if (profile.processes_max > 0 && !start.cgroup.processes()) {
      if (profile.confined && (::geteuid() != 0 || start.uid != 0)) {
        limit(RLIMIT_NPROC, profile.processes_max);  // counted inside its own user namespace
      } else {
        weakened.push_back("the number of processes is not capped" + fix);
      }
    }
  }

  Result<std::shared_ptr<Egress>> open_egress(const Profile& profile, const Prepared& prepared, Handshake& handshake) {
    if (handshake.listeners.empty()) return std::shared_ptr<Egress>();
    EgressOptions options;
    options.server = profile.name;
    options.allow_private = options_.allow_private_egress;
    return nursery_->on_loop([&]() -> Result<std::shared_ptr<Egress>> {
      CG_TRY(std::unique_ptr<Egress> made,
             Egress::start(nursery_->loop(), nursery_->resolving(), prepared.egress, std::move(handshake.listeners), options));
      return std::shared_ptr<Egress>(std::move(made));
    });
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
