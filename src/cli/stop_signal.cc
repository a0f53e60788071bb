#include "cli/stop_signal.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace callgate::cli {
namespace {

volatile std::sig_atomic_t g_pipe = -1;

// Only what may be called inside a signal handler.
extern "C" void on_stop_signal(int) {
  const char byte = 1;
  if (g_pipe >= 0) [[maybe_unused]]
    const ssize_t wrote = ::write(g_pipe, &byte, 1);
}

}  // namespace

StopSignal::StopSignal() {
  if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) return;
  g_pipe = pipe_[1];
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

StopSignal::~StopSignal() {
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  g_pipe = -1;
  for (const int fd : pipe_)
    if (fd >= 0) ::close(fd);
}

}  // namespace callgate::cli
