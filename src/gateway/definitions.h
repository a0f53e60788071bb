#pragma once
// Tools whose definition the policy denies (T-43): they are not listed, not found and cannot be called, whatever pins say. A definition is
// known from the catalog, and from the lists servers give to callers, which may show another one where pins are off.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/filter.h"
#include "gateway/snapshot.h"
#include "inspection/inspection.h"

namespace callgate::gateway {

// What inspection needs beside what it looks at.
struct Inspector {
  const Snapshot& snapshot;
  inspection::Findings& findings;  // of the scan at hand
  std::size_t bytes_max = 0;
};

// A definition as the policy lets it be shown: nothing: not at all; empty: as it is; else what is left of it.
std::optional<std::string> shown_definition(const Inspector& with, const policy::Policy& policy, std::string_view tool,
                                            json::Value definition);

// What was made of the catalog's definitions, one per worker: a definition is looked through once per configuration.
class DefinitionMemo {
 public:
  bool withheld(const std::shared_ptr<const Snapshot>& snapshot, const Inspector& with, const Visibility& who, std::string_view tool);

 private:
  std::shared_ptr<const Snapshot> of_;
  std::unordered_map<const void*, std::unordered_map<const void*, bool>> known_;  // by policy, by definition
};

// What lists of servers showed, by server and policy. Memory only, thread-safe; asking costs one load while nothing is withheld.
class WithheldTools {
 public:
  void note(std::string_view server_id, const policy::Policy& policy, std::string_view tool, bool withheld);
  bool about(std::string_view server_id, const policy::Policy& policy, std::string_view tool) const;

 private:
  struct Of {
    std::int64_t version = 0;  // of the policy: another one is asked anew
    std::set<std::string, std::less<>> tools;
    bool all = false;  // too many to be told apart
  };
  mutable std::mutex mutex_;
  std::atomic<bool> any_{false};
  std::map<std::pair<std::string, std::string>, Of> known_;  // by server id and policy
};

}  // namespace callgate::gateway
