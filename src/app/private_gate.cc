#include "app/private_gate.h"

#include <csignal>

#include "app/daemon.h"
#include "telemetry/log.h"

namespace callgate::app {

struct PrivateGate::Inner {
  explicit Inner(const config::Settings& given) : settings(given), daemon(settings, options) {}
  config::Settings settings;
  ServeOptions options;
  Daemon daemon;
};

PrivateGate::PrivateGate() = default;

Result<std::unique_ptr<PrivateGate>> PrivateGate::start(const config::Settings& settings) {
  // Standard error is the client's log: only what a person should know, a sandbox that is weaker than asked among it.
  telemetry::configure_log(settings.log.level == "debug" ? telemetry::Level::Debug : telemetry::Level::Warn, false);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  config::Settings own = settings;
  own.listen = "127.0.0.1:0";
  own.listen_address = "127.0.0.1";
  own.listen_port = 0;
  own.public_url.clear();
  own.hosts.clear();
  own.origins.clear();
  own.tls = {};
  own.url.clear();
  own.token = Secret();
  if (own.workers == 0) own.workers = 1;
  std::unique_ptr<PrivateGate> gate(new PrivateGate());
  gate->inner_ = std::make_unique<Inner>(own);
  CG_CHECK(gate->inner_->daemon.start());
  return gate;
}

PrivateGate::~PrivateGate() {
  if (inner_) inner_->daemon.stop();
}

const config::Settings& PrivateGate::settings() const { return inner_->settings; }
std::string PrivateGate::url() const { return inner_->daemon.url(); }

}  // namespace callgate::app
