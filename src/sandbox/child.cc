#include "sandbox/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "sandbox/inside_image.h"
#include "sandbox/output_log.h"
#include "sandbox/plan.h"

namespace callgate::sandbox {
namespace {

constexpr int kParking = 200;  // descriptors are parked from here on, clear of the numbers they shall get
constexpr int kFilesMax = 100;

Error start_error(std::string message, int number) {
  return Error{Code::Unavailable, "sandbox.start", std::move(message), errno_text(number)};
}

struct Pair {
  Descriptor ours, theirs;
};

Result<Pair> make_pipe(bool we_read) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(start_error("cannot make a pipe: raise the limit of open files", errno));
  Pair pair{Descriptor(ends[we_read ? 0 : 1]), Descriptor(ends[we_read ? 1 : 0])};
  ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

Result<Pair> make_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return tl::unexpected(start_error("cannot make a socket pair: raise the limit of open files", errno));
  }
  const int on = 1;
  ::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  return Pair{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Between fork and exec in a program with threads: only calls that are safe there, and no memory is asked for.
[[noreturn]] void become(const int* wanted, int count, int image, const Start& start) {
  for (const Descriptor& entrance : start.cgroup.entrances()) (void)!::write(entrance.get(), "0", 1);
  // The kernel's calls, not the library's, which would look for our other threads.
  if (start.uid != 0 && (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, start.gid, start.gid, start.gid) != 0 ||
                         ::syscall(SYS_setresuid, start.uid, start.uid, start.uid) != 0)) {
    ::_exit(126);
  }
  sigset_t none;
  ::sigemptyset(&none);
  for (int signal = 1; signal < 65; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int parked[kFilesMax + 8];
  for (int i = 0; i < count; ++i) parked[i] = ::fcntl(wanted[i], F_DUPFD, kParking);
  const int program = ::fcntl(image, F_DUPFD_CLOEXEC, kParking);
  for (int i = 0; i < count; ++i) {
    if (parked[i] < 0 || ::dup2(parked[i], i) < 0) ::_exit(126);
  }
  if (program < 0 || ::dup2(program, count) < 0) ::_exit(126);
  ::fcntl(count, F_SETFD, FD_CLOEXEC);
  ::close_range(static_cast<unsigned>(count) + 1, ~0U, 0);
  if (::chdir("/") != 0) ::_exit(126);
  ::umask(022);
  char outside[] = "outside", direct[] = "direct";
  char* words[] = {start.outside ? outside : direct, nullptr};
  char* nothing[] = {nullptr};
  ::syscall(SYS_execveat, count, "", words, nothing, 0x1000 /* AT_EMPTY_PATH */);
  ::_exit(126);
}

struct Packet {
  plan::Report report;
  int sender = 0;
  std::vector<Descriptor> carried;
};

// One report; nothing after `wait_max` or when the other side is gone.
std::optional<Packet> receive(int control, int wait_ms) {
  pollfd watched{control, POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&watched, 1, wait_ms)) < 0 && errno == EINTR) {}
  if (ready <= 0) return std::nullopt;
  Packet packet;
  iovec piece{&packet.report, sizeof packet.report};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int) * plan::kListenersMax) + CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  const ssize_t size = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); size >= 0 && header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred from{};
      std::memcpy(&from, CMSG_DATA(header), sizeof from);
      packet.sender = from.pid;
    } else if (header->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
        packet.carried.emplace_back(fd);
      }
    }
  }
  if (size != static_cast<ssize_t>(sizeof packet.report)) return std::nullopt;
  packet.report.what[sizeof packet.report.what - 1] = 0;
  return packet;
}

// What bubblewrap said before it gave up, one cleaned line.
std::string said(int errors) {
  std::string text(4096, 0);
  const ssize_t got = ::read(errors, text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  OutputLog log;
  log.append(text, WallTime{}, MonoTime{});
  log.finish(WallTime{});
  return log.lines().empty() ? std::string() : log.lines().back().text;
}

Error explain(const plan::Report& report, const std::string& command) {
  const std::string_view step = report.what;
  if (step == "command") {
    const char* fix = report.value == ENOENT    ? "its interpreter (the `#!` line) is not visible in the sandbox"
                      : report.value == EACCES  ? "it is not executable there"
                      : report.value == ENOEXEC ? "it is no program and has no `#!` line"
                                                : "see the log";
    return Error{Code::Unavailable, "sandbox.start", "command `" + command + "` did not start: " + fix, errno_text(report.value)};
  }
  if (step == "network namespace" || step.starts_with("/proc/self/")) {
    return Error{Code::Unavailable, "sandbox.missing",
                 "cannot make a network namespace for listed hosts: allow unprivileged user namespaces (sysctl user.max_user_namespaces, "
                 "kernel.apparmor_restrict_unprivileged_userns=0), or list no hosts",
                 errno_text(report.value)};
  }
  if (step == "bubblewrap") {
    return Error{Code::Unavailable, "sandbox.missing", "bubblewrap cannot be run: install the package `bubblewrap`",
                 errno_text(report.value)};
  }
  return Error{Code::Unavailable, "sandbox.start", "the sandbox did not start at step `" + std::string(step) + "`",
               errno_text(report.value)};
}

}  // namespace

void signal_pidfd(int pidfd, int signal) {
  if (pidfd >= 0) ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

Result<Started> fork_start(Start& start) {
  if (start.files.size() > kFilesMax) {
    return fail(Code::InvalidArgument, "sandbox.workspace", "too many folders are to be shown: name at most 80");
  }
  CG_TRY(Pair input, make_pipe(false));
  CG_TRY(Pair output, make_pipe(true));
  CG_TRY(Pair errors, make_pipe(true));
  CG_TRY(Pair control, make_control());
  CG_TRY(Descriptor plan, memory_file("callgate-plan", start.plan));
  CG_TRY(Descriptor image, inside_image());
  std::array<int, kFilesMax + 8> wanted{};
  int count = 0;
  for (const Descriptor* each : {&input.theirs, &output.theirs, &errors.theirs, &control.theirs, &plan}) {
    wanted[static_cast<std::size_t>(count++)] = each->get();
  }
  for (const Descriptor& file : start.files) wanted[static_cast<std::size_t>(count++)] = file.get();
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected(start_error("cannot start a process: too many are running", errno));
  if (pid == 0) become(wanted.data(), count, image.get(), start);
  Started started;
  started.pid = pid;
  started.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!started.pidfd.open()) {
    const int why = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(Code::Unavailable, "sandbox.missing", "this kernel has no pidfd: use Linux 5.9 or newer", errno_text(why));
  }
  started.input = std::move(input.ours);
  started.output = std::move(output.ours);
  started.errors = std::move(errors.ours);
  started.control = std::move(control.ours);
  start.cgroup.close_entrances();
  return started;
}

Result<Handshake> follow_start(Started& started, std::chrono::milliseconds wait_max, const std::string& command) {
  Handshake made;
  const auto wait_ms = static_cast<int>(wait_max.count());
  for (;;) {
    auto packet = receive(started.control.get(), wait_ms);
    if (!packet) {
      const std::string words = said(started.errors.get());
      return fail(Code::Unavailable, "sandbox.start",
                  words.empty() ? "the sandbox did not start in time: look at the load of this machine, then try again"
                                : "the sandbox did not start: " + words,
                  words);
    }
    switch (packet->report.kind) {
      case plan::kListeners: made.listeners = std::move(packet->carried); break;
      case plan::kReady: {
        made.supervisor.reset(static_cast<int>(::syscall(SYS_pidfd_open, packet->sender, 0)));
        if (!made.supervisor.open()) return tl::unexpected(start_error("the sandbox ended while it started", errno));
        if (::send(started.control.get(), &plan::kGo, 1, MSG_NOSIGNAL) != 1)
          return tl::unexpected(start_error("the sandbox ended while it started", errno));
        break;
      }
      case plan::kStarted: return made;
      case plan::kFailed: return tl::unexpected(explain(packet->report, command));
      default: return tl::unexpected(start_error("the sandbox ended while it started", 0));
    }
  }
}

}  // namespace callgate::sandbox
