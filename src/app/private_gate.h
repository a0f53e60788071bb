#pragma once
// A whole gate inside this process for as long as one command runs (`callgate wrap`): the same rooms, on a loopback port of its own and a
// data directory of its own.

#include <memory>
#include <string>

#include "base/result.h"
#include "config/settings.h"

namespace callgate::app {

class PrivateGate {
 public:
  // Listens on 127.0.0.1 and a free port whatever the settings say. Conflict app.locked: another process uses the data directory.
  static Result<std::unique_ptr<PrivateGate>> start(const config::Settings& settings);
  ~PrivateGate();  // an ordered stop
  const config::Settings& settings() const;
  std::string url() const;

 private:
  PrivateGate();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::app
