#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sandbox/child.h"
#include "sandbox/plan.h"

namespace callgate::sandbox {

std::string Exit::text() const {
  const std::string words = signal != 0 ? "ended by signal " + std::to_string(signal) : "ended with " + std::to_string(code);
  return why.empty() ? words : words + ": " + why;
}

Tree::Tree(Started& started, Handshake& handshake, Cgroup cgroup, bool confined)
    : pidfd_(std::move(started.pidfd)),
      supervisor_(std::move(handshake.supervisor)),
      control_(std::move(started.control)),
      confined_(confined),
      cgroup_(std::move(cgroup)) {}

void Tree::ask() { (void)!::send(control_.get(), &plan::kTerminate, 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

void Tree::kill(std::string why) {
  {
    const std::lock_guard hold(mutex_);
    if (exit_) return;
    if (!why.empty()) why_ = std::move(why);
    cgroup_.kill();
  }
  if (!confined_) {
    (void)!::send(control_.get(), &plan::kKill, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  signal_pidfd(supervisor_.get(), SIGKILL);  // process 1: the kernel ends the whole namespace with it
  if (!supervisor_.open()) signal_pidfd(pidfd_.get(), SIGKILL);
}

void Tree::kill_supervisor() {
  signal_pidfd(supervisor_.get(), SIGKILL);
  signal_pidfd(pidfd_.get(), SIGKILL);
}

std::optional<Exit> Tree::reap() {
  const std::lock_guard hold(mutex_);
  if (exit_) return exit_;
  siginfo_t about{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &about, WEXITED | WNOHANG) != 0) {
    exit_ = Exit{255, 0, {}};  // somebody else's waitpid(-1) took it
    return exit_;
  }
  if (about.si_pid == 0) return std::nullopt;
  Exit ended;
  if (about.si_code == CLD_EXITED) {
    ended.code = about.si_status;
  } else {
    ended = {128 + about.si_status, about.si_status, {}};
  }
  if (ended.signal == 0 && ended.code == 128 + SIGKILL) ended.signal = SIGKILL;  // as bubblewrap tells it
  plan::Report report;
  while (::recv(control_.get(), &report, sizeof report, MSG_DONTWAIT) == static_cast<ssize_t>(sizeof report)) {
    if (report.kind == plan::kExited) ended = {report.value, report.signal, {}};
  }
  if (ended.signal == SIGXCPU) ended.why = "its processor cap was reached";
  if (ended.signal == SIGXFSZ) ended.why = "its cap on the size of one file was reached";
  if (cgroup_.out_of_memory()) ended.why = "its memory cap was reached";
  if (!why_.empty()) ended.why = why_;
  exit_ = ended;
  return exit_;
}

bool Tree::sweep() {
  const std::lock_guard hold(mutex_);
  return cgroup_.remove();
}

}  // namespace callgate::sandbox
