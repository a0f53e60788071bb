#pragma once
// One started command, from fork to the last of its tree. Internal to this room.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/loop.h"
#include "sandbox/cgroup.h"
#include "sandbox/descriptor.h"
#include "sandbox/sandbox.h"

namespace callgate::sandbox {

// Everything needed to start: built beforehand, so that between fork and exec only descriptors are moved.
struct Start {
  std::string plan;               // entries, see plan.h
  std::vector<Descriptor> files;  // for bubblewrap, numbered from plan::kFirstFreeFd
  bool outside = false;           // bubblewrap follows; else the command directly
  unsigned uid = 0, gid = 0;      // 0: as the gate; a gate that is root gives that up for its servers
  Cgroup cgroup;
};

// What fork leaves with us. Killed and reaped when destroyed.
struct Started {
  Descriptor input, output, errors, control, pidfd;
  int pid = 0;
};

// Forks on the calling thread: bubblewrap and all below it die when that thread ends.
Result<Started> fork_start(Start& start);

// Follows the supervisor's reports up to the moment the command runs. `listeners` are filled when the plan asks for some.
struct Handshake {
  Descriptor supervisor;  // pidfd of the supervisor: killing it kills the tree
  std::vector<Descriptor> listeners;
};
Result<Handshake> follow_start(Started& started, std::chrono::milliseconds wait_max, const std::string& command);

void signal_pidfd(int pidfd, int signal);

// A running tree. Shared by the Process that its user holds and the thread that kills late ones and reaps.
class Tree {
 public:
  Tree(Started& started, Handshake& handshake, Cgroup cgroup, bool confined);
  int pidfd() const { return pidfd_.get(); }
  void ask();  // SIGTERM to all
  // SIGKILL to all; without a process namespace the supervisor does it, so that none is missed. `why` shows in the Exit. Any thread.
  void kill(std::string why = {});
  void kill_supervisor();
  std::optional<Exit> reap();  // does not block
  bool sweep();                // after reap(): removes what is left of it; false: try again

 private:
  Descriptor pidfd_, supervisor_, control_;
  bool confined_;
  std::mutex mutex_;  // all below
  Cgroup cgroup_;
  std::optional<Exit> exit_;
  std::string why_;
};

}  // namespace callgate::sandbox
