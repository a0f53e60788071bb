#pragma once
// Tools that a live list has just shown otherwise than they were approved (T-47). Until their server was looked at again and the pins have
// said what is held, they cannot be called either: the look takes a moment, and no call must slip through before it. Memory only: a start
// knows no lists. Bounded by the tools that are approved. Thread-safe; asking costs one load while nothing is in doubt.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::gateway {

class Doubts {
 public:
  void raise(std::string_view server_id, const std::vector<std::string>& tools);
  bool about(std::string_view server_id, std::string_view tool) const;
  bool about_any(std::string_view server_id) const;
  // Taken before a server is looked at, and given back once what came of it is in the snapshot that calls begin with: what was raised
  // meanwhile stays.
  std::uint64_t raised() const;
  void settle(std::string_view server_id, std::uint64_t raised);

 private:
  mutable std::mutex mutex_;
  std::atomic<bool> any_{false};
  std::uint64_t raised_ = 0;
  std::map<std::string, std::map<std::string, std::uint64_t, std::less<>>, std::less<>> tools_;  // by server id; when each was raised
};

}  // namespace callgate::gateway
