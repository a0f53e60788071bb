#include "stdio/sandbox_starter.h"

#include <mutex>
#include <set>

#include "net/offload.h"

namespace callgate::stdio {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kQueueMax = 256;

class SandboxChild final : public Child, private net::Watcher {
 public:
  SandboxChild(net::Loop& loop, std::unique_ptr<sandbox::Process> process) : loop_(loop), process_(std::move(process)) {
    watched_ = loop_.watch(process_->exit_fd(), *this).has_value();
  }
  ~SandboxChild() override { unwatch(); }
  int input() const override { return process_->input_fd(); }
  int output() const override { return process_->output_fd(); }
  int errors() const override { return process_->error_fd(); }
  void close_input() override { process_->close_input(); }
  void terminate(std::chrono::milliseconds grace) override { process_->terminate(grace); }

 private:
  void unwatch() {
    if (std::exchange(watched_, false)) loop_.unwatch(process_->exit_fd(), *this);
  }
  void on_ready(std::uint32_t) override {
    const auto exit = process_->exited();
    if (!exit) return;
    unwatch();
    if (on_exit) on_exit(exit->text());
  }
  net::Loop& loop_;
  std::unique_ptr<sandbox::Process> process_;
  bool watched_ = false;
};

class SandboxStarter final : public Starter {
 public:
  explicit SandboxStarter(std::shared_ptr<Sandboxes> sandboxes)
      : sandboxes_(std::move(sandboxes)), offload_(std::make_unique<net::Offload>(kThreads, kQueueMax)) {}
  // What was started and never asked for ends before the launcher does.
  ~SandboxStarter() override {
    offload_.reset();
    for (const auto& box : boxes_) box->process.reset();
  }

  void start(net::Loop& loop, const Server& server, const vault::Credentials& credentials, Started started) override {
    auto box = std::make_shared<Box>();
    {
      const std::lock_guard lock(mutex_);
      boxes_.insert(box);
    }
    const bool queued = offload_->run([this, &loop, box, started, profile = profile_of(server, credentials)] {
      auto launcher = sandboxes_->launcher();
      auto launched = launcher ? (*launcher)->launch(profile) : tl::unexpected<Error>(launcher.error());
      if (launched) box->process = std::move(*launched);
      else box->error = launched.error();
      loop.post([this, &loop, box, started] { open(loop, box, started); });
    });
    if (queued) return;
    box->error = Error{Code::Unavailable, "upstream.busy", "too many servers are being started: try again in a moment", {}};
    loop.post([this, &loop, box, started] { open(loop, box, started); });
  }

 private:
  struct Box {
    std::unique_ptr<sandbox::Process> process;
    Error error;
  };
  void open(net::Loop& loop, const std::shared_ptr<Box>& box, const Started& started) {
    {
      const std::lock_guard lock(mutex_);
      boxes_.erase(box);
    }
    if (box->process) started(std::make_unique<SandboxChild>(loop, std::move(box->process)));
    else started(tl::unexpected<Error>(box->error));
  }
  std::shared_ptr<Sandboxes> sandboxes_;
  std::unique_ptr<net::Offload> offload_;
  std::mutex mutex_;
  std::set<std::shared_ptr<Box>> boxes_;
};

sandbox::Access access_of(Mount mount) {
  switch (mount) {
    case Mount::None: return sandbox::Access::None;
    case Mount::ReadOnly: return sandbox::Access::ReadOnly;
    case Mount::ReadWrite: return sandbox::Access::ReadWrite;
  }
  return sandbox::Access::None;
}

}  // namespace

Result<sandbox::Launcher*> Sandboxes::launcher() {
  const std::lock_guard lock(mutex_);
  if (!launcher_) {
    CG_TRY(launcher_, sandbox::Launcher::create(options_));
  }
  return launcher_.get();
}

std::vector<std::string> Sandboxes::weakened(const Server& server) {
  auto box = launcher();
  if (!box) return {"cannot be started: " + box.error().message};
  return (*box)->weakened(profile_of(server, {}));
}

sandbox::Profile profile_of(const Server& server, const vault::Credentials& credentials) {
  const Command& command = server.command;
  sandbox::Profile profile;
  profile.name = server.slug;
  profile.argv = command.argv;
  profile.environment = command.environment;
  for (std::string_view rest = credentials.environment().reveal(); !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    if (!one.empty()) profile.environment.emplace_back(one);
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  profile.workspace = command.workspace;
  profile.access = command.workspace.empty() ? sandbox::Access::None : access_of(command.workspace_access);
  profile.read_only_paths = command.readable;
  profile.network = command.network;
  profile.confined = command.confined;
  profile.engine = command.image.empty() ? sandbox::Engine::Bubblewrap : sandbox::Engine::Podman;
  profile.image = command.image;
  profile.memory_bytes_max = command.memory_bytes_max;
  profile.processes_max = command.processes_max;
  profile.cpu_seconds_max = command.cpu_seconds_max;
  return profile;
}

std::unique_ptr<Starter> make_sandbox_starter(std::shared_ptr<Sandboxes> sandboxes) {
  return std::make_unique<SandboxStarter>(std::move(sandboxes));
}

}  // namespace callgate::stdio
