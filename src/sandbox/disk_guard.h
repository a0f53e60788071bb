#pragma once
// A cap on one file's size does not keep a server from filling a disk with many. So the free space where it may write is looked at, the
// more often the less there is, and the server is ended before the rest of the machine suffers. Lives on one loop thread.

#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/offload.h"
#include "sandbox/child.h"

namespace callgate::sandbox {

// The least free space of these folders' file systems, in bytes. May block where a file system is remote.
std::uint64_t free_space(const std::vector<Descriptor>& folders);

class DiskGuard {
 public:
  struct Options {
    std::string server;  // for the log
    std::uint64_t free_min = 0;
    std::uint64_t free_now = 0;
  };
  DiskGuard(net::Loop& loop, net::Offload& looking, std::shared_ptr<Tree> tree, std::vector<Descriptor> folders, Options options);
  // How long until it can matter, should the server write as fast as a disk takes it.
  static std::chrono::milliseconds pause(std::uint64_t free_now, std::uint64_t free_min);

 private:
  void look();
  void seen(std::uint64_t free_now);
  net::Loop& loop_;
  net::Offload& looking_;
  std::shared_ptr<Tree> tree_;
  std::shared_ptr<const std::vector<Descriptor>> folders_;
  Options options_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  net::Timer timer_;
};

}  // namespace callgate::sandbox
