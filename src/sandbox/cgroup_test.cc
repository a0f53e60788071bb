#include "sandbox/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

// With ordinary folders in place of the kernel's: which group is chosen, and that nothing is claimed that was not written.
namespace callgate::sandbox {
namespace {

namespace fs = std::filesystem;

class Groups : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("callgate-groups-" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const fs::path& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  Cgroups find(const std::string& membership) {
    put("membership", membership);
    return Cgroups::find({root_ / "fs"}, root_ / "membership");
  }
  fs::path root_;
};

TEST_F(Groups, ADelegatedGroupOfVersionTwoIsUsed) {
  put("fs/cgroup.controllers", "cpu memory pids");
  put("fs/service/cgroup.controllers", "memory pids");
  put("fs/service/cgroup.subtree_control", "memory pids");
  EXPECT_TRUE(find("0::/service\n").memory());
  EXPECT_TRUE(find("0::/service\n").processes());
  put("fs/service/cgroup.controllers", "cpu");
  const Cgroups none = find("0::/service\n");
  EXPECT_FALSE(none.memory());
  EXPECT_NE(none.why_not().find("not delegated"), std::string::npos);
}

TEST_F(Groups, ASecondLookFindsWhereTheFirstOneSteppedAside) {
  put("fs/cgroup.controllers", "memory pids");
  put("fs/service/cgroup.controllers", "memory pids");
  put("fs/service/cgroup.subtree_control", "memory pids");
  put("fs/service/gate/cgroup.controllers", "memory pids");
  put("fs/service/gate/cgroup.subtree_control", "");
  EXPECT_TRUE(find("0::/service/gate\n").memory());
  EXPECT_FALSE(fs::exists(root_ / "fs/service/gate/gate"));
}

TEST_F(Groups, VersionOneIsTakenControllerByController) {
  put("fs/pids/own/cgroup.procs", "");
  put("fs/memory/other/cgroup.procs", "");
  const Cgroups found = find("3:cpu,pids:/own\n2:memory:/own\n0::/\n");
  EXPECT_TRUE(found.processes());
  EXPECT_FALSE(found.memory());
}

TEST_F(Groups, WhatCannotBeWrittenIsNotClaimed) {
  put("fs/cgroup.controllers", "memory pids");
  put("fs/cgroup.subtree_control", "memory pids");
  Cgroups found = find("0::/\n");
  ASSERT_TRUE(found.memory());
  Cgroup made = found.make(1 << 20, 10);  // the kernel would have put files into the new folder
  EXPECT_FALSE(made.memory());
  EXPECT_FALSE(made.processes());
  EXPECT_TRUE(made.remove());
}

TEST_F(Groups, WhatADeadGateLeftIsRemoved) {
  put("fs/cgroup.controllers", "memory pids");
  put("fs/cgroup.subtree_control", "memory pids");
  fs::create_directories(root_ / "fs/callgate-2000000000-1");
  fs::create_directories(root_ / ("fs/callgate-" + std::to_string(::getpid()) + "-1"));
  fs::create_directories(root_ / "fs/callgate-x-1");
  EXPECT_TRUE(find("0::/\n").memory());
  EXPECT_FALSE(fs::exists(root_ / "fs/callgate-2000000000-1"));
  EXPECT_TRUE(fs::exists(root_ / ("fs/callgate-" + std::to_string(::getpid()) + "-1")));
  EXPECT_TRUE(fs::exists(root_ / "fs/callgate-x-1"));
}

TEST_F(Groups, NoneAtAllIsSaid) {
  const Cgroups none = Cgroups::find({}, "/proc/self/cgroup");
  EXPECT_FALSE(none.memory());
  EXPECT_NE(none.why_not().find("no control group"), std::string::npos);
}

}  // namespace
}  // namespace callgate::sandbox
