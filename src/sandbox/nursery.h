#pragma once
// The thread that starts processes, kills late ones and reaps: they die when it ends, so it lives as long as the launcher. What attends to
// a running process (egress proxy, disk guard) lives on its loop. Internal to this room.

#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <unordered_map>

#include "net/loop.h"
#include "net/offload.h"
#include "sandbox/child.h"
#include "sandbox/disk_guard.h"
#include "sandbox/egress.h"

namespace callgate::sandbox {

struct Attendants {
  std::shared_ptr<Egress> egress;
  std::shared_ptr<DiskGuard> guard;
};

class Nursery {
 public:
  static Result<std::unique_ptr<Nursery>> create();
  explicit Nursery(std::unique_ptr<net::Loop> loop);
  ~Nursery();  // waits a few seconds for what was buried

  // Runs it on the thread and waits. Not from the thread itself.
  template <class F> auto on_loop(F work) -> decltype(work()) {
    std::promise<decltype(work())> done;
    auto result = done.get_future();
    loop_->post([&] { done.set_value(work()); });
    return result.get();
  }
  net::Loop& loop() { return *loop_; }
  net::Offload& resolving() { return resolving_; }
  net::Offload& looking() { return looking_; }

  // Any thread. Kills after `grace`, and again the hard way where that is not enough.
  void kill_after(std::shared_ptr<Tree> tree, std::chrono::milliseconds grace);
  // Any thread. Kills now, and follows it to the end. What attended to it goes on the loop.
  void bury(std::shared_ptr<Tree> tree, Attendants attendants = {});

 private:
  struct Watch;
  Watch* watch(const std::shared_ptr<Tree>& tree, std::chrono::milliseconds grace);
  void look(Watch& mine);
  void tell_when_empty();

  std::unique_ptr<net::Loop> loop_;
  net::Offload resolving_, looking_;
  std::unordered_map<Tree*, std::unique_ptr<Watch>> watches_;  // on the loop
  std::promise<void>* closing_ = nullptr;
  std::thread thread_;
};

}  // namespace callgate::sandbox
