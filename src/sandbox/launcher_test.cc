#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "sandbox/podman.h"
#include "sandbox/profile.h"
#include "sandbox/sandbox.h"

// What a hostile server cannot do is in tests/sandbox; here is what the room promises to its users.
namespace callgate::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Launching : public testing::Test {
 protected:
  void SetUp() override {
    const Features features = detect();
    for (const Feature& feature : features.all) {
      if (feature.required && !feature.available) GTEST_SKIP() << feature.why;
    }
    launcher_ = std::move(Launcher::create().value());
  }
  static Profile profile(std::vector<std::string> argv) {
    Profile made;
    made.name = "test";
    made.argv = std::move(argv);
    return made;
  }
  std::unique_ptr<Process> start(const Profile& wanted) {
    auto process = launcher_->launch(wanted);
    EXPECT_TRUE(process) << (process ? "" : process.error().message + " / " + process.error().detail);
    return process ? std::move(*process) : nullptr;
  }
  static std::string read_some(int fd, milliseconds wait = seconds(10)) {
    pollfd watched{fd, POLLIN, 0};
    if (::poll(&watched, 1, static_cast<int>(wait.count())) <= 0) return "(nothing)";
    std::string text(65536, 0);
    const ssize_t got = ::read(fd, text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  std::unique_ptr<Launcher> launcher_;
};

TEST_F(Launching, StreamsGoBothWaysAndTheEndIsTold) {
  auto process = start(profile({"cat"}));
  ASSERT_NE(process, nullptr);
  EXPECT_FALSE(process->exited());
  ASSERT_EQ(::write(process->input_fd(), "hello\n", 6), 6);
  EXPECT_EQ(read_some(process->output_fd()), "hello\n");
  process->close_input();
  EXPECT_EQ(process->input_fd(), -1);
  const auto ended = process->wait(seconds(10));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0);
  EXPECT_EQ(read_some(process->output_fd()), "");
}

TEST_F(Launching, TheExitDescriptorWakesAPoll) {
  auto process = start(profile({"sh", "-c", "exit 3"}));
  ASSERT_NE(process, nullptr);
  pollfd watched{process->exit_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&watched, 1, 10'000), 1);
  ASSERT_TRUE(process->exited());
  EXPECT_EQ(process->exited()->code, 3);
  EXPECT_EQ(process->exited()->text(), "ended with 3");
}

TEST_F(Launching, ASignalsNumberIsTold) {
  auto process = start(profile({"sh", "-c", "kill -11 $$"}));
  ASSERT_NE(process, nullptr);
  const auto ended = process->wait(seconds(10));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->signal, 11);
  EXPECT_EQ(ended->code, 139);
}

TEST_F(Launching, ADestroyedProcessIsGoneWithItsTree) {
  auto process = start(profile({"sh", "-c", "sleep 1000 & echo up; sleep 1000"}));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(read_some(process->output_fd()), "up\n");
  const int output = ::dup(process->output_fd());
  process.reset();
  EXPECT_EQ(read_some(output), "");  // the end of the stream: nobody holds the other side
  ::close(output);
}

TEST_F(Launching, ManyAtOnceDoNotMixUp) {
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 12; ++i) all.push_back(start(profile({"echo", std::to_string(i)})));
  for (int i = 0; i < 12; ++i) {
    ASSERT_NE(all[static_cast<std::size_t>(i)], nullptr);
    EXPECT_EQ(read_some(all[static_cast<std::size_t>(i)]->output_fd()), std::to_string(i) + "\n");
  }
}

TEST_F(Launching, ALauncherMayGoRightAfterItsProcesses) {
  auto process = start(profile({"sleep", "1000"}));
  ASSERT_NE(process, nullptr);
  process.reset();
  launcher_.reset();
}

// T-71
TEST_F(Launching, TheEnvironmentIsOnlyWhatWasGiven) {
  Profile wanted = profile({"env"});
  wanted.environment = {"TOKEN=abc", "LANG=de_DE.UTF-8"};
  ::setenv("CALLGATE_TEST_PLANTED", "secret", 1);
  auto process = start(wanted);
  ASSERT_NE(process, nullptr);
  process->wait(seconds(10));
  EXPECT_EQ(read_some(process->output_fd()),
            "PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/home/sandbox\nTMPDIR=/tmp\nLANG=de_DE.UTF-8\nUSER=sandbox\nTOKEN=abc\n");
}

TEST_F(Launching, TheCommandLineIsNeverAShells) {
  auto process = start(profile({"echo", "$(id)", "; rm x", "`id`", "a b"}));
  ASSERT_NE(process, nullptr);
  process->wait(seconds(10));
  EXPECT_EQ(read_some(process->output_fd()), "$(id) ; rm x `id` a b\n");
}

TEST_F(Launching, WhatIsWeakerThanAskedIsSaid) {
  Profile open = profile({"true"});
  open.confined = false;
  EXPECT_NE(start(open)->weakened().at(0).find("unconfined"), std::string::npos);
  Profile wide = profile({"true"});
  wide.network = {"*"};
  auto process = start(wide);
  const std::vector<std::string>& said = process->weakened();  // where control groups are not ours, that is said as well
  EXPECT_TRUE(
      std::any_of(said.begin(), said.end(), [](const std::string& reason) { return reason.find("loopback") != std::string::npos; }));
}

TEST_F(Launching, VariablesThatSteerTheLoaderReachTheCommandOnly) {
  Profile wanted = profile({"sh", "-c", "echo $LD_LIBRARY_PATH"});
  wanted.environment = {"LD_PRELOAD=/nowhere/evil.so", "LD_LIBRARY_PATH=/nowhere"};
  auto process = start(wanted);  // bubblewrap itself would complain on stderr
  ASSERT_NE(process, nullptr);
  process->wait(seconds(10));
  EXPECT_EQ(read_some(process->output_fd()), "/nowhere\n");
}

// -- profiles, without running anything

Result<Prepared> prepared(const Profile& profile, const LauncherOptions& options = {}) { return prepare(profile, options); }
std::string_view refused(const Profile& profile, const LauncherOptions& options = {}) {
  const auto made = prepare(profile, options);
  return made ? "accepted" : made.error().reason;
}
Profile plain() {
  Profile profile;
  profile.argv = {"true"};
  return profile;
}

TEST(Profiles, RefuseWhatIsNotACommand) {
  Profile profile = plain();
  EXPECT_EQ(refused(profile), "accepted");
  profile.argv = {};
  EXPECT_EQ(refused(profile), "sandbox.command");
  profile.argv = {""};
  EXPECT_EQ(refused(profile), "sandbox.command");
  profile.argv = {"true", std::string("a\0b", 3)};
  EXPECT_EQ(refused(profile), "sandbox.command");
  profile.argv = {"no-such-program"};
  EXPECT_EQ(refused(profile), "sandbox.command_missing");
  profile.argv = {"/etc/passwd"};
  EXPECT_EQ(refused(profile), "sandbox.command_missing");
  profile.argv = {"./relative"};
  EXPECT_EQ(refused(profile), "sandbox.command_missing");
}

TEST(Profiles, RefuseEnvironmentsThatAreNotPlain) {
  for (const char* entry : {"NOEQUALS", "=x", "1A=x", "A B=x", "HOME=/x", "TMPDIR=/x", "USER=x", "A-B=x"}) {
    Profile profile = plain();
    profile.environment = {entry};
    EXPECT_EQ(refused(profile), "sandbox.environment") << entry;
  }
  Profile profile = plain();
  profile.environment = {"A=1", "A=2"};
  EXPECT_EQ(refused(profile), "sandbox.environment");
  profile.environment = {"HTTP_PROXY=http://elsewhere"};
  profile.network = {"example.org"};
  EXPECT_EQ(refused(profile), "sandbox.environment");
  profile.environment = {"BIG=" + std::string(300 * 1024, 'x')};
  EXPECT_EQ(refused(profile), "sandbox.environment");
}

TEST(Profiles, RefuseWorkspacesThatShowTooMuch) {
  const std::string base = std::filesystem::temp_directory_path() / ("callgate-profile-" + std::to_string(::getpid()));
  std::filesystem::create_directories(base + "/data/inner");
  std::filesystem::create_directories(base + "/work");
  std::filesystem::create_directory_symlink(base + "/work", base + "/link");
  LauncherOptions options;
  options.hidden_paths = {base + "/data"};
  Profile profile = plain();
  for (const std::string& folder :
       {std::string("/"), std::string("/etc"), std::string("/etc/ssl"), std::string("/var"), std::string("/proc/1"),
        std::string("relative"), base + "/missing", base + "/data", base + "/data/inner", base, base + "/link"}) {
    profile.workspace = folder;
    EXPECT_EQ(refused(profile, options), "sandbox.workspace") << folder;
  }
  profile.workspace = base + "/work";
  EXPECT_EQ(refused(profile, options), "accepted");
  profile.workspace = base + "/work" + "/";
  EXPECT_EQ(refused(profile, options), "accepted");
  profile.access = Access::None;
  EXPECT_EQ(prepared(profile, options)->workspace, "");
  std::filesystem::remove_all(base);
}

TEST(Profiles, ReadOnlyPathsLendTheirPrograms) {
  const std::string base = std::filesystem::temp_directory_path() / ("callgate-tools-" + std::to_string(::getpid()));
  std::filesystem::create_directories(base + "/bin");
  std::filesystem::copy_file("/bin/true", base + "/bin/own-true");
  Profile profile = plain();
  profile.argv = {"own-true"};
  EXPECT_EQ(refused(profile), "sandbox.command_missing");
  profile.read_only_paths = {base};
  EXPECT_EQ(prepared(profile)->command, base + "/bin/own-true");
  profile.read_only_paths = {};
  profile.argv = {base + "/bin/own-true"};
  const auto hidden = prepared(profile);
  ASSERT_FALSE(hidden);
  EXPECT_NE(hidden.error().message.find("not visible in the sandbox"), std::string::npos);
  std::filesystem::remove_all(base);
}

// -- podman: only what it would be told, since it is rarely there

TEST(Podman, GetsTheSameConfinementInItsOwnWords) {
  Profile profile = plain();
  profile.engine = Engine::Podman;
  profile.image = "registry.example/server@sha256:" + std::string(64, 'a');
  profile.argv = {"server", "--flag"};
  profile.environment = {"TOKEN=secret"};
  profile.workspace = "/usr/share";
  const auto run = podman_run(profile, prepare(profile, {}).value());
  ASSERT_TRUE(run) << run.error().message;
  std::string line;
  for (const std::string& word : run->argv) line += word + " ";
  const char* caps = podman_caps_trees() ? "--pids-limit 128 " : "--ulimit nproc=128:128 ";
  const char* memory = podman_caps_trees() ? "--memory 1073741824 " : "--ulimit data=1073741824:1073741824 ";
  for (const char* part : {"--network none", "--read-only ", "--cap-drop ALL", "no-new-privileges", caps, memory,
                           "--volume /usr/share:/usr/share:ro", "--env TOKEN ", "--entrypoint server registry.example/server@sha256:"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  EXPECT_EQ(line.find("secret"), std::string::npos);
  EXPECT_TRUE(line.ends_with(" --flag "));
}

TEST(Podman, RefusesWhatItCannotConfine) {
  Profile profile = plain();
  profile.engine = Engine::Podman;
  EXPECT_EQ(refused(profile), "sandbox.image");
  profile.image = "server:1.2.3";
  profile.network = {"example.org"};
  EXPECT_EQ(podman_run(profile, prepare(profile, {}).value()).error().reason, "sandbox.network");
  profile.network = {};
  profile.environment = {"LD_PRELOAD=/x"};
  EXPECT_EQ(podman_run(profile, prepare(profile, {}).value()).error().reason, "sandbox.environment");
}

}  // namespace
}  // namespace callgate::sandbox
