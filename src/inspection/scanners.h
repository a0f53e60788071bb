#pragma once
// One compiled Scanner for each set of packs that was ever asked for. Making one takes about a tenth of a second, so this belongs to
// whoever builds the configuration, never to the data path. One thread at a
// time.

#include <map>

#include "inspection/inspection.h"

namespace callgate::inspection {

class Scanners {
 public:
  explicit Scanners(Caps caps = {}) : caps_(caps) {}
  // Reasons as Scanner::create. The vault needs no tables: its bit changes nothing here.
  Result<std::shared_ptr<const Scanner>> get(PackMask packs);

 private:
  Caps caps_;
  std::map<PackMask, std::shared_ptr<const Scanner>> made_;
};

}  // namespace callgate::inspection
