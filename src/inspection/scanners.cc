#include "inspection/scanners.h"

namespace callgate::inspection {

Result<std::shared_ptr<const Scanner>> Scanners::get(PackMask packs) {
  constexpr Pack kWithTables[] = {Pack::Secrets, Pack::SeedSecrets, Pack::PersonalData, Pack::Poisoning, Pack::Code};
  ScannerOptions options;
  options.caps = caps_;
  options.packs.clear();
  PackMask wanted = 0;
  for (Pack pack : kWithTables)
    if ((packs & mask_of(pack)) != 0) {
      options.packs.push_back(pack);
      wanted |= mask_of(pack);
    }
  auto& known = made_[wanted];
  if (known) return known;
  CG_TRY(known, Scanner::create(std::move(options)));
  return known;
}

}  // namespace callgate::inspection
