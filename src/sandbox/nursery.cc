#include "sandbox/nursery.h"

#include <sys/prctl.h>

#include <algorithm>

namespace callgate::sandbox {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kSweepEvery{50};
constexpr milliseconds kStubborn{2'000};  // a supervisor that does not end its tree by then is killed itself

}  // namespace

struct Nursery::Watch final : net::Watcher {
  Watch(Nursery& owner, std::shared_ptr<Tree> followed) : nursery(owner), tree(std::move(followed)), timer([this] { on_time(); }) {}
  void on_ready(std::uint32_t) override { nursery.look(*this); }
  void on_time() {
    if (tree->reap()) return nursery.look(*this);
    if (killed) {
      tree->kill_supervisor();
    } else {
      killed = true;
      tree->kill();
    }
    nursery.loop_->arm(timer, kStubborn);
  }
  Nursery& nursery;
  std::shared_ptr<Tree> tree;
  net::Timer timer;
  bool killed = false;
  bool burying = false;
  bool watched = false;
};

Result<std::unique_ptr<Nursery>> Nursery::create() {
  CG_TRY(auto loop, net::Loop::create());
  return std::make_unique<Nursery>(std::move(loop));
}

Nursery::Nursery(std::unique_ptr<net::Loop> loop) : loop_(std::move(loop)), resolving_(2, 256), looking_(1, 64) {
  thread_ = std::thread([this] {
    ::prctl(PR_SET_NAME, "sandbox");
    loop_->run();
  });
}

Nursery::~Nursery() {
  std::promise<void> all_gone;
  loop_->post([&] {
    closing_ = &all_gone;
    tell_when_empty();
  });
  (void)all_gone.get_future().wait_for(std::chrono::seconds(5));
  loop_->stop();
  thread_.join();
}

void Nursery::kill_after(std::shared_ptr<Tree> tree, milliseconds grace) {
  loop_->post([this, tree = std::move(tree), grace] { watch(tree, grace); });
}

void Nursery::bury(std::shared_ptr<Tree> tree, Attendants attendants) {
  tree->kill();
  loop_->post([this, tree = std::move(tree), attendants = std::move(attendants)]() mutable {
    attendants = {};
    Watch* mine = watch(tree, kStubborn);
    mine->burying = mine->killed = true;
  });
}

Nursery::Watch* Nursery::watch(const std::shared_ptr<Tree>& tree, milliseconds grace) {
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

void Nursery::look(Watch& mine) {
  if (!mine.tree->reap()) return;
  if (!mine.tree->sweep() && mine.burying) return loop_->arm(mine.timer, kSweepEvery);
  if (mine.watched) loop_->unwatch(mine.tree->pidfd(), mine);
  loop_->disarm(mine.timer);
  const auto found = watches_.find(mine.tree.get());
  loop_->bury(std::move(found->second));
  watches_.erase(found);
  tell_when_empty();
}

void Nursery::tell_when_empty() {
  if (closing_ == nullptr || !watches_.empty()) return;
  closing_->set_value();
  closing_ = nullptr;
}

}  // namespace callgate::sandbox
