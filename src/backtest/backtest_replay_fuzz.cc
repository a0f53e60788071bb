// Any bytes as records, one a line: a back-test reads them all, and every one is counted exactly once.

#include <cstdlib>

#include "backtest/replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callgate;
  static const auto draft = policy::Policy::compile("p", 0, R"({version: "1", default: deny, tools: {pay: {
    require: [{conditions: [{path: args.a, op: gt, value: 5}]}], deny_if: [{conditions: [{path: args.b.c, op: contains, value: x}]}],
    ask: [{conditions: [{path: args.d, any: [{path: ., op: eq, value: blue}]}]}],
    limits: [{counter: n, window: day, max: 10, increment_from: args.a}]}}})")
                                .policy;
  backtest::Replay replay(draft, {}, [](const backtest::RecordedCall&) { return backtest::Today{}; });
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::uint64_t lines = 0;
  while (!bytes.empty()) {
    std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    replay.add(++lines, line);
  }
  replay.finish();
  const backtest::Report& report = replay.report();
  std::uint64_t counted = 0;
  for (std::uint64_t count : report.total) counted += count;
  if (report.read != lines || counted != report.judged || report.judged + report.unreadable > lines) std::abort();
  if (report.differences.size() + report.not_kept > counted) std::abort();
  return 0;
}
