// Any bytes on stderr, in any pieces: bounded, and nothing that steers a terminal comes out.
#include <cstdlib>

#include "sandbox/output_log.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace callgate;
  sandbox::OutputLog log({4096, 200, 1000});
  ManualClock clock;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (!bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + static_cast<unsigned char>(bytes.front()) % 64U);
    log.append(bytes.substr(0, piece), clock.now(), clock.mono());
    clock.advance(std::chrono::milliseconds(static_cast<unsigned char>(bytes.front())));
    bytes.remove_prefix(piece);
  }
  log.finish(clock.now());
  std::size_t kept = 0;
  for (const auto& line : log.lines()) {
    kept += line.text.size();
    if (line.text.size() > 200 * 3 + 64) std::abort();
    for (const char c : line.text) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    }
  }
  if (kept > 4096 + 700) std::abort();
  return 0;
}
