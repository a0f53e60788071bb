#pragma once
// Runs an untrusted command (a stdio MCP server) so that it sees its own files and nothing else: bubblewrap with namespaces, a seccomp
// filter, caps on memory, processes and files, and no network but the hosts that were listed. Never a shell, never the gate's own
// environment, never silently weaker: what this machine cannot confine is refused, or listed in Process::weakened().

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace callgate::sandbox {

enum class Access : std::uint8_t { None, ReadOnly, ReadWrite };
enum class Engine : std::uint8_t { Bubblewrap, Podman };

struct Profile {
  std::string name;                      // for logs: the server's slug
  std::vector<std::string> argv;         // argv[0]: absolute, or looked up in the sandbox's own PATH
  std::vector<std::string> environment;  // NAME=value: all there is beside PATH, HOME, TMPDIR, LANG, USER and the proxy variables
  std::string workspace;                 // absolute path of a directory, bound at that very path; working directory. Empty: none
  Access access = Access::ReadOnly;
  std::vector<std::string> read_only_paths;  // further trees it may read (a runtime outside /usr); `P/bin` joins PATH
  std::string home;                          // a directory kept as $HOME between runs; empty: a fresh one in memory each time
  std::vector<std::string> network;          // `host`, `host:port`, `*.host`, an IP literal; empty: none; "*": the machine's own network
  bool confined = true;                      // false: only the clean environment, the caps and the supervision
  Engine engine = Engine::Bubblewrap;
  std::string image;  // Podman: name@sha256:... or an exact tag
  // 0: no cap.
  std::uint64_t memory_bytes_max = 1024UL * 1024 * 1024;  // of the whole tree with a cgroup, else of each process
  std::uint32_t processes_max = 128;                      // threads count
  std::uint32_t files_max = 1024;                         // open files per process
  std::uint64_t file_bytes_max = 1024UL * 1024 * 1024;    // of one file
  std::uint64_t scratch_bytes_max = 256UL * 1024 * 1024;  // of /tmp, $HOME and /dev/shm each
  std::chrono::seconds cpu_seconds_max{0};                // per process
  std::uint64_t disk_free_min = 256UL * 1024 * 1024;      // a server is ended when what it may write to has less left
};

struct Exit {
  int code = 0;     // exit code; 128 + n when signal n ended it
  int signal = 0;   // 0: it ended by itself
  std::string why;  // the cap that was reached, in words; empty: none that is known
  std::string text() const;
};

// One running command and everything it started. The descriptors are non-blocking, close-on-exec and may be watched on any loop.
// Used by one thread at a time. Destroying it kills the whole tree.
class Process {
 public:
  virtual ~Process() = default;
  virtual int pid() const = 0;               // of the supervising process
  virtual int input_fd() const = 0;          // its stdin, -1 after close_input()
  virtual int output_fd() const = 0;         // its stdout
  virtual int error_fd() const = 0;          // its stderr
  virtual int exit_fd() const = 0;           // a pidfd: readable (EPOLLIN) when the whole tree is gone
  virtual void close_input() = 0;            // the polite way to end a stdio server
  virtual std::optional<Exit> exited() = 0;  // does not block; empty while it runs
  // SIGTERM to every process of the tree now, SIGKILL to the whole tree after `grace`. Returns at once; zero kills at once.
  virtual void terminate(std::chrono::milliseconds grace) = 0;
  // Waits for the end, for tests and the ordered stop; empty after `wait_max`.
  virtual std::optional<Exit> wait(std::chrono::milliseconds wait_max) = 0;
  // What this machine could not confine as asked, in plain words with the fix. Already logged; show it.
  virtual const std::vector<std::string>& weakened() const = 0;
};

// What this machine offers. `why` and `fix` are plain words, empty when it is there.
struct Feature {
  std::string name;
  bool required = false;  // launch() refuses without it
  bool available = false;
  std::string why;
  std::string fix;
};
struct Features {
  std::vector<Feature> all;
  const Feature* find(std::string_view name) const;
  bool complete() const;  // every required one is there
};
// Tries them for real; takes some tens of milliseconds.
Features detect();

struct LauncherOptions {
  std::vector<std::string> hidden_paths;  // the data directory and the like: a profile that would show one of these is refused
  std::chrono::milliseconds start_timeout{10'000};
  bool allow_private_egress = false;                        // tests: a listed name may resolve to a private or loopback address
  std::vector<std::string> cgroup_roots{"/sys/fs/cgroup"};  // tests: empty list means no cgroups at all
};

// Owns one thread: it starts processes (they die with it), reaps them, kills late ones, and is the egress proxy for listed hosts.
class Launcher {
 public:
  static Result<std::unique_ptr<Launcher>> create(LauncherOptions options = {});
  virtual ~Launcher() = default;  // after every Process
  // Blocks until the command runs or could not be started, some 10 to 30 ms: not for a network loop. Any thread.
  // Errors: InvalidArgument sandbox.{command,environment,workspace,network,image}; Unavailable sandbox.{missing,start};
  // NotFound sandbox.command_missing.
  virtual Result<std::unique_ptr<Process>> launch(const Profile& profile) = 0;
  // What launch() would not confine as asked, in plain words; a profile that would not start at all is told as that.
  virtual std::vector<std::string> weakened(const Profile& profile) = 0;
  // Looks at a profile without running it; the same errors.
  virtual Result<void> check(const Profile& profile) const = 0;
};

}  // namespace callgate::sandbox
