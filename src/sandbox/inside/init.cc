// The supervisor of one sandbox, a small static program carried inside the gate. It runs three times over:
//   outside  before bubblewrap: makes a network namespace with listeners for the egress proxy, where hosts are listed
//   inside   as process 1 of the sandbox: caps, start of the command, signals, reaping; its end is the end of everything
//   direct   without bubblewrap, for what runs unconfined: the same as `inside`, with a subreaper's means
// It holds no secret of the gate, and the command cannot reach its descriptors.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/plan.h"

namespace {

using namespace callgate::sandbox::plan;

constexpr int kEntriesMax = 4096;
constexpr int kTextMax = 1 << 22;

struct Entries {
  char* items[kEntriesMax + 1] = {};
  int count = 0;
};
Entries outer, arguments, environment, limits, listens, addresses;
char* path = nullptr;
char* directory = nullptr;

void report(char kind, int value, const char* what, int signal = 0) {
  Report message;
  message.kind = kind;
  message.value = value;
  message.signal = signal;
  snprintf(message.what, sizeof message.what, "%s", what);
  (void)!send(kControlFd, &message, sizeof message, MSG_NOSIGNAL);
}

[[noreturn]] void give_up(const char* step) {
  report(kFailed, errno, step);
  _exit(126);
}

void keep(Entries& list, char* text) {
  if (list.count == kEntriesMax) {
    errno = E2BIG;
    give_up("plan");
  }
  list.items[list.count++] = text;
}

void read_plan() {
  struct stat about;
  if (fstat(kPlanFd, &about) != 0 || about.st_size > kTextMax) give_up("plan");
  char* text = static_cast<char*>(malloc(static_cast<size_t>(about.st_size) + 1));
  if (text == nullptr || pread(kPlanFd, text, static_cast<size_t>(about.st_size), 0) != about.st_size) give_up("plan");
  text[about.st_size] = 0;
  for (char* at = text; at < text + about.st_size; at += strlen(at) + 1) {
    switch (*at) {
      case kOuterArgument: keep(outer, at + 1); break;
      case kArgument: keep(arguments, at + 1); break;
      case kEnvironment: keep(environment, at + 1); break;
      case kLimit: keep(limits, at + 1); break;
      case kListen: keep(listens, at + 1); break;
      case kAddress: keep(addresses, at + 1); break;
      case kPath: path = at + 1; break;
      case kDirectory: directory = at + 1; break;
      default: break;
    }
  }
}

// -- outside

void write_file(const char* name, const char* text) {
  const int file = open(name, O_WRONLY | O_CLOEXEC);
  const ssize_t size = static_cast<ssize_t>(strlen(text));
  if (file < 0 || write(file, text, static_cast<size_t>(size)) != size) give_up(name);
  close(file);
}

void make_network() {
  char line[64];
  const unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) give_up("network namespace");
  write_file("/proc/self/setgroups", "deny");
  snprintf(line, sizeof line, "1000 %u 1", uid);
  write_file("/proc/self/uid_map", line);
  snprintf(line, sizeof line, "1000 %u 1", gid);
  write_file("/proc/self/gid_map", line);
}

void raise_loopback() {
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {};
  snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (any < 0 || ioctl(any, SIOCSIFFLAGS, &request) != 0) give_up("loopback");
  for (int i = 0; i < addresses.count; ++i) {
    request = {};
    snprintf(request.ifr_name, sizeof request.ifr_name, "lo:%d", i + 1);
    struct sockaddr_in own = {};
    own.sin_family = AF_INET;
    inet_pton(AF_INET, addresses.items[i], &own.sin_addr);
    memcpy(&request.ifr_addr, &own, sizeof own);
    if (ioctl(any, SIOCSIFADDR, &request) != 0) give_up("address");
    own.sin_addr.s_addr = 0xffffffff;  // a host route only, or its neighbours would be taken in too
    memcpy(&request.ifr_netmask, &own, sizeof own);
    if (ioctl(any, SIOCSIFNETMASK, &request) != 0) give_up("netmask");
  }
  close(any);
}

int listener(const char* text) {
  char address[32] = {};
  int port = 0;
  struct sockaddr_in where = {};
  where.sin_family = AF_INET;
  if (sscanf(text, "%31s %d", address, &port) != 2 || inet_pton(AF_INET, address, &where.sin_addr) != 1) return -1;
  where.sin_port = htons(static_cast<unsigned short>(port));
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0 || bind(made, reinterpret_cast<struct sockaddr*>(&where), sizeof where) != 0 || listen(made, 64) != 0) return -1;
  return made;
}

void hand_over_listeners() {
  int made[kListenersMax];
  if (listens.count > kListenersMax) give_up("listeners");
  for (int i = 0; i < listens.count; ++i) {
    made[i] = listener(listens.items[i]);
    if (made[i] < 0) give_up("listener");
  }
  Report message;
  message.kind = kListeners;
  message.value = listens.count;
  struct iovec piece = {&message, sizeof message};
  alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof made)] = {};
  struct msghdr packet = {};
  packet.msg_iov = &piece;
  packet.msg_iovlen = 1;
  packet.msg_control = room;
  packet.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<size_t>(listens.count));
  struct cmsghdr* header = CMSG_FIRSTHDR(&packet);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<size_t>(listens.count));
  memcpy(CMSG_DATA(header), made, sizeof(int) * static_cast<size_t>(listens.count));
  if (sendmsg(kControlFd, &packet, MSG_NOSIGNAL) < 0) give_up("listeners");
  for (int i = 0; i < listens.count; ++i) close(made[i]);
}

[[noreturn]] void outside() {
  if (listens.count > 0) {
    make_network();
    raise_loopback();
    hand_over_listeners();
  }
  char language[] = "LANG=C";
  char look[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  char* plain[] = {look, language, nullptr};
  execve(outer.items[0], outer.items, plain);
  give_up("bubblewrap");
}

// -- inside, and direct

void drop_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) give_up("capabilities");
}

void apply_limits() {
  for (int i = 0; i < limits.count; ++i) {
    int which = 0;
    unsigned long long value = 0;
    if (sscanf(limits.items[i], "%d %llu", &which, &value) != 2) continue;
    struct rlimit now = {};
    if (getrlimit(static_cast<__rlimit_resource_t>(which), &now) != 0) give_up("limit");
    const rlim_t wanted = now.rlim_max != RLIM_INFINITY && value > now.rlim_max ? now.rlim_max : value;
    const struct rlimit set = {wanted, wanted};
    if (setrlimit(static_cast<__rlimit_resource_t>(which), &set) != 0) give_up("limit");
  }
}

// Everything below this process, for want of a pid namespace. Orphans come to us, for we are the subreaper.
void signal_children(int parent, int signal, int depth) {
  char name[64], text[8192];
  snprintf(name, sizeof name, "/proc/%d/task/%d/children", parent, parent);
  const int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return;
  text[size] = 0;
  for (char *at = text, *end = text; depth > 0; at = end) {
    const long child = strtol(at, &end, 10);
    if (end == at) break;
    if (signal == SIGKILL) kill(static_cast<pid_t>(child), SIGSTOP);  // so that it cannot fork while we look below it
    signal_children(static_cast<int>(child), signal, depth - 1);
    kill(static_cast<pid_t>(child), signal);
  }
}

void signal_all(bool first, int signal) {
  if (first) {
    kill(-1, signal);  // all of the pid namespace but ourselves
  } else {
    signal_children(getpid(), signal, 64);
  }
}

[[noreturn]] void end_all(bool first, int code) {
  if (first) _exit(code);  // the kernel kills the rest of the pid namespace
  for (int round = 0; round < 10000; ++round) {
    signal_children(getpid(), SIGKILL, 64);
    pid_t gone;
    while ((gone = waitpid(-1, nullptr, WNOHANG)) > 0) {}
    if (gone < 0) break;
    poll(nullptr, 0, 1);
  }
  _exit(code);
}

pid_t start_command(const sigset_t& before) {
  int result[2];
  if (pipe2(result, O_CLOEXEC) != 0) give_up("pipe");
  const pid_t child = fork();
  if (child < 0) give_up("fork");
  if (child == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    setpgid(0, 0);
    if (directory == nullptr || chdir(directory) == 0) execve(path, arguments.items, environment.items);
    const int why = errno;
    (void)!write(result[1], &why, sizeof why);
    _exit(127);
  }
  close(result[1]);
  int why = 0;
  ssize_t got;
  while ((got = read(result[0], &why, sizeof why)) < 0 && errno == EINTR) {}
  close(result[0]);
  if (got > 0) {
    errno = why;
    give_up("command");
  }
  return child;
}

void reap(pid_t command, bool first) {
  int status = 0;
  pid_t gone;
  while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
    if (gone != command) continue;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const int code = signal != 0 ? 128 + signal : WEXITSTATUS(status);
    report(kExited, code, "", signal);
    end_all(first, code);
  }
}

[[noreturn]] void supervise(bool first) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up("no_new_privs");
  if (first) {
    drop_capabilities();
  } else {
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);  // the closed control channel tells; a signal would leave the children behind
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setsid();
  }
  report(kReady, 0, "");
  char order = 0;
  if (recv(kControlFd, &order, 1, 0) != 1 || order != kGo) _exit(125);

  setpriority(PRIO_PROCESS, 0, 5);  // the gate comes first
  apply_limits();
  sigset_t children, before;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, &before);
  const int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) give_up("signalfd");
  const pid_t command = start_command(before);
  report(kStarted, 0, "");
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; ++i) dup2(nothing, i);  // its streams are its own
  struct pollfd watched[2] = {{signals, POLLIN, 0}, {kControlFd, POLLIN, 0}};
  for (;;) {
    poll(watched, 2, -1);
    if (watched[0].revents != 0) {
      struct signalfd_siginfo drained;
      while (read(signals, &drained, sizeof drained) > 0) {}
      reap(command, first);
    }
    if (watched[1].revents == 0) continue;
    const ssize_t got = recv(kControlFd, &order, 1, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) end_all(first, 137);  // the gate is gone
    if (got == 1 && order == kTerminate) signal_all(first, SIGTERM);
    if (got == 1 && order == kKill) end_all(first, 137);
  }
}

}  // namespace

int main(int argc, char** argv) {
  fcntl(kControlFd, F_SETFD, argc > 0 && strcmp(argv[0], "outside") == 0 ? 0 : FD_CLOEXEC);
  read_plan();
  if (argc > 0 && strcmp(argv[0], "outside") == 0) outside();
  close(kPlanFd);
  close_range(kFirstFreeFd, ~0U, 0);
  supervise(argc > 0 && getpid() == 1);
}
