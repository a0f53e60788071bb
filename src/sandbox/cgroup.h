#pragma once
// Control groups for one sandbox each: caps on the memory and the processes of a whole tree, and a kill that misses none. Version 2 where
// the gate's own group is delegated to it, version 1 where its folders are writable; neither is a reason to refuse, for rlimits remain.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/descriptor.h"

namespace callgate::sandbox {

// One sandbox's groups. Removed by remove() once every process in them is gone.
class Cgroup {
 public:
  const std::vector<Descriptor>& entrances() const { return entrances_; }  // a process that writes `0` to each is inside
  bool memory() const { return memory_; }
  bool processes() const { return processes_; }
  void kill() const;           // version 2 only; elsewhere the process namespace has to do
  bool out_of_memory() const;  // the kernel killed a process in it for its memory
  bool remove();               // false: busy still
  void close_entrances() { entrances_.clear(); }

 private:
  friend class Cgroups;
  std::vector<std::string> folders_;
  std::vector<Descriptor> entrances_;
  bool memory_ = false, processes_ = false;
};

class Cgroups {
 public:
  // Finds what is writable below the group this process is in, and removes what gates that are gone left behind.
  static Cgroups find(const std::vector<std::string>& roots, const std::string& membership = "/proc/self/cgroup");
  bool memory() const { return !memory_base_.empty(); }
  bool processes() const { return !processes_base_.empty(); }
  const std::string& why_not() const { return why_not_; }
  // 0: no cap. What cannot be made is left out and shows in memory() and processes() of the result.
  Cgroup make(std::uint64_t memory_bytes_max, std::uint32_t processes_max);

 private:
  void find_unified(const std::string& root, const std::string& groups);
  void find_divided(const std::string& root, const std::string& groups);
  std::string memory_base_, processes_base_;
  bool unified_ = false;
  std::string why_not_;
  std::uint64_t next_ = 1;
};

}  // namespace callgate::sandbox
