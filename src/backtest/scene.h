#pragma once
// A recorded call as a policy sees it: what the record holds, what is taken from today, and what is not known.

#include <functional>

#include "backtest/recorded.h"
#include "policy/suppose.h"

namespace callgate::backtest {

// What a record does not hold, as it is today; null or nothing: not known any more.
struct Today {
  const Principal* principal = nullptr;
  const Grant* grant = nullptr;
  const Server* server = nullptr;
  std::optional<std::string_view> risk;
  bool covered = true;  // the grant's servers and role cover the tool
};
using Lookup = std::function<Today(const RecordedCall&)>;

class Scene {  // `input` points into it and into the call
 public:
  Scene() = default;
  Scene(const Scene&) = delete;
  void set(const RecordedCall& call, const Today& today);

  policy::Input input;
  policy::Unknown unknown;
  bool named = true;   // the record holds the name of what was called
  bool whole = false;  // and all of its arguments
  const Principal& principal() const { return principal_; }
  const Grant& grant() const { return grant_; }
  const Server& server() const { return server_; }

 private:
  Principal principal_;
  Grant grant_;
  Server server_;
  json::Document arguments_;
};

}  // namespace callgate::backtest
