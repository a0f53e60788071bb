#pragma once
// What a snapshot needs to inspect: the compiled scanners its policies ask for, and the gate's own secrets by hash. Made when a snapshot is
// published, on the thread that changes the configuration; scanners are kept from one snapshot to the next. Policies that
// inspect nothing cost nothing.

#include <memory>
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "inspection/scanners.h"

namespace callgate::gateway {

class Inspection {
 public:
  // Never fails: a scanner that cannot be made is missing, and calls that need it are refused.
  static std::shared_ptr<const Inspection> make(const catalog::Catalog& catalog, inspection::Scanners& scanners);

  const inspection::Scanner* scanner(const policy::Policy& policy) const;  // null: there is none
  const inspection::KnownSecrets* known() const { return known_.empty() ? nullptr : &known_; }

 private:
  std::vector<std::pair<inspection::PackMask, std::shared_ptr<const inspection::Scanner>>> scanners_;  // by the packs of a policy
  inspection::KnownSecrets known_;
};

}  // namespace callgate::gateway
