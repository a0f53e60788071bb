#include "app/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "app/daemon.h"
#include "telemetry/log.h"

namespace callgate::app {
namespace {

void report(const Error& error) {
  std::fprintf(stderr, "callgate: %s\n", error.message.c_str());
  if (!error.detail.empty()) telemetry::log_error("start failed", {{"reason", std::string(error.reason)}, {"detail", error.detail}});
}

telemetry::Level level_of(const std::string& name) {
  if (name == "debug") return telemetry::Level::Debug;
  if (name == "warn") return telemetry::Level::Warn;
  if (name == "error") return telemetry::Level::Error;
  return telemetry::Level::Info;
}

// Every open stream is a socket to the client and one to the server: the usual soft limit of 1024 would be a queue at the door.
void raise_file_limit() {
  constexpr rlim_t kWanted = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  rlimit more{std::max(limit.rlim_cur, kWanted), std::max(limit.rlim_max, kWanted)};
  if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;  // only for those who may raise the hard limit
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 8'192)
    telemetry::log_warn("few files may be open: at most half as many streams can be", {{"limit", std::to_string(limit.rlim_cur)}});
}

void print_welcome(Daemon& daemon) {
  std::printf("Callgate %s listens on %s\n", CALLGATE_VERSION, daemon.url().c_str());
  auto code = daemon.setup_code();
  if (code && *code) {
    // Shown once, on this terminal only: it makes the first owner and then never works again.
    std::printf(
        "\nNo user exists yet. Make the first one within 24 hours, either\n  here:            callgate user add NAME --owner\n"
        "  or in a browser: %s/setup#%s   (works once)\n\n",
        daemon.url().c_str(), std::string((*code)->reveal()).c_str());
  }
  std::fflush(stdout);
}

}  // namespace

int serve(const config::Settings& settings, const ServeOptions& options) {
  telemetry::configure_log(level_of(settings.log.level), settings.log.format == "json");
  init_crypto();
  if (auto fit = config::check_for_serving(settings); !fit) {
    report(fit.error());
    return 2;
  }
  raise_file_limit();
  // Blocked before any thread starts, so that only sigwait() below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is a write that fails, and so a refusal

  Daemon daemon(settings, options);
  if (auto started = daemon.start(); !started) {
    report(started.error());
    return 1;
  }
  print_welcome(daemon);
  if (options.unsafe_no_audit) telemetry::log_warn("nothing is recorded: --unsafe-no-audit is for benchmarks only");
  if (!options.ready_file.empty()) std::ofstream(options.ready_file) << daemon.url() << '\n';
  int signal = 0;
  sigwait(&signals, &signal);
  telemetry::log_info("stopping", {{"signal", std::to_string(signal)}});
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends at once
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  daemon.stop();
  return 0;
}

}  // namespace callgate::app
