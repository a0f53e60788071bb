// Any bytes as a ledger: every entry handed out is one a counter can hold, and the end never lies behind the file.

#include <cstdlib>

#include "limits/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callgate::limits;
  bool follows = false;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::uint64_t end = parse_ledger(bytes, 1, follows, [](const LedgerEntry& entry) {
    if (entry.tag >= 18 || entry.used.negative() || entry.max.negative() || entry.key.size() > kKeyBytesMax) std::abort();
  });
  if (end > size) std::abort();
  return 0;
}
