// Runs one command in a sandbox from a shell, for tests: sandbox_run [options] -- command args
// Its streams are passed through; what the launcher says goes to stderr as lines that begin with `sandbox:`.
// At the end of its own input the command's input is closed. SIGTERM ends the command with --grace. Exits with the command's code.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>

#include "sandbox/output_log.h"
#include "sandbox/sandbox.h"

using namespace callgate;
using namespace callgate::sandbox;

namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Options {
  Profile profile;
  LauncherOptions launcher;
  std::chrono::milliseconds grace{200};
  bool features = false;
  bool log = false;  // stderr goes through an OutputLog, shown at the end
};

bool read_option(Options& options, const std::string& name, const char* value) {
  Profile& p = options.profile;
  const std::map<std::string, std::function<void()>> table{
      {"--workspace", [&] { p.workspace = value, p.access = Access::ReadOnly; }},
      {"--workspace-rw", [&] { p.workspace = value, p.access = Access::ReadWrite; }},
      {"--home", [&] { p.home = value; }},
      {"--read-only", [&] { p.read_only_paths.emplace_back(value); }},
      {"--env", [&] { p.environment.emplace_back(value); }},
      {"--network", [&] { p.network.emplace_back(value); }},
      {"--memory", [&] { p.memory_bytes_max = number(value); }},
      {"--processes", [&] { p.processes_max = static_cast<std::uint32_t>(number(value)); }},
      {"--files", [&] { p.files_max = static_cast<std::uint32_t>(number(value)); }},
      {"--file-bytes", [&] { p.file_bytes_max = number(value); }},
      {"--scratch", [&] { p.scratch_bytes_max = number(value); }},
      {"--disk-free", [&] { p.disk_free_min = number(value); }},
      {"--cpu", [&] { p.cpu_seconds_max = std::chrono::seconds(number(value)); }},
      {"--hidden", [&] { options.launcher.hidden_paths.emplace_back(value); }},
      {"--grace", [&] { options.grace = std::chrono::milliseconds(number(value)); }},
  };
  const auto found = table.find(name);
  if (found == table.end()) return false;
  found->second();
  return true;
}

bool read_options(Options& options, int argc, char** argv) {
  options.profile.name = "test";
  for (int at = 1; at < argc; ++at) {
    const std::string word = argv[at];
    if (word == "--") {
      options.profile.argv.assign(argv + at + 1, argv + argc);
      return true;
    }
    if (word == "--unconfined") {
      options.profile.confined = false;
    } else if (word == "--no-cgroups") {
      options.launcher.cgroup_roots.clear();
    } else if (word == "--private-egress") {
      options.launcher.allow_private_egress = true;
    } else if (word == "--features") {
      return options.features = true;
    } else if (word == "--log") {
      options.log = true;
    } else if (at + 1 >= argc || !read_option(options, word, argv[++at])) {
      return false;
    }
  }
  return false;
}

int asked_to_stop[2];

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(fd, bytes.data(), bytes.size());
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Moves what there is; false at the end of the stream.
bool pass(int from, int to, OutputLog* log) {
  char piece[65536];
  const ssize_t got = ::read(from, piece, sizeof piece);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  const SystemClock clock;
  if (log != nullptr) {
    log->append({piece, static_cast<std::size_t>(got)}, clock.now(), clock.mono());
  } else {
    write_all(to, {piece, static_cast<std::size_t>(got)});
  }
  return true;
}

int run(Options& options) {
  auto launcher = Launcher::create(options.launcher);
  if (!launcher) return 99;
  auto process = (*launcher)->launch(options.profile);
  if (!process) {
    std::fprintf(stderr, "sandbox: refused %.*s: %s\n", static_cast<int>(process.error().reason.size()), process.error().reason.data(),
                 process.error().message.c_str());
    return 98;
  }
  for (const std::string& reason : (*process)->weakened()) std::fprintf(stderr, "sandbox: weakened: %s\n", reason.c_str());
  std::fprintf(stderr, "sandbox: started %d\n", (*process)->pid());
  OutputLog log;
  pollfd watched[5] = {{0, POLLIN, 0},
                       {(*process)->output_fd(), POLLIN, 0},
                       {(*process)->error_fd(), POLLIN, 0},
                       {(*process)->exit_fd(), POLLIN, 0},
                       {asked_to_stop[0], POLLIN, 0}};
  ::fcntl((*process)->input_fd(), F_SETFL, 0);
  while (::poll(watched, 5, -1) > 0 || errno == EINTR) {
    if (watched[0].revents != 0 && !pass(0, (*process)->input_fd(), nullptr)) {
      (*process)->close_input();
      watched[0].fd = -1;
    }
    if (watched[1].revents != 0 && !pass(watched[1].fd, 1, nullptr)) watched[1].fd = -1;
    if (watched[2].revents != 0 && !pass(watched[2].fd, 2, options.log ? &log : nullptr)) watched[2].fd = -1;
    if (watched[4].revents != 0) {
      (*process)->terminate(options.grace);
      watched[4].fd = -1;
    }
    if (watched[3].revents != 0 && watched[1].fd < 0 && watched[2].fd < 0) break;
    if (watched[3].revents != 0) watched[3].fd = -1, watched[0].fd = -1;
    if (watched[3].fd < 0 && watched[1].fd < 0 && watched[2].fd < 0) break;
  }
  const auto ended = (*process)->wait(std::chrono::seconds(5));
  for (const auto& line : log.lines()) std::fprintf(stderr, "log: %s\n", line.text.c_str());
  if (options.log) {
    std::fprintf(stderr, "sandbox: log %zu lines, %llu seen, %llu dropped\n", log.lines().size(),
                 static_cast<unsigned long long>(log.bytes_seen()), static_cast<unsigned long long>(log.bytes_dropped()));
  }
  std::fprintf(stderr, "sandbox: %s\n", ended ? ended->text().c_str() : "still running");
  return ended ? ended->code : 97;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(options, argc, argv)) {
    std::fputs("sandbox_run [options] -- command args\n", stderr);
    return 96;
  }
  if (options.features) {
    for (const Feature& feature : detect().all) {
      std::printf("%s %s%s %s; %s\n", feature.available ? "yes" : "no ", feature.name.c_str(), feature.required ? " (required)" : "",
                  feature.why.c_str(), feature.fix.c_str());
    }
    return 0;
  }
  if (::pipe(asked_to_stop) != 0) return 99;
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGTERM, [](int) { (void)!::write(asked_to_stop[1], "t", 1); });
  return run(options);
}
