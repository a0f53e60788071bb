// How fast a back-test reads, judges and counts. docs/howto/backtest.md has the numbers, README.md the command.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "audit/testing/many_calls.h"
#include "backtest/replay.h"
#include "base/testing/cpu_time.h"

using namespace callgate;

static const char* const kDraft = R"(
version: "1"
default: deny
all_tools:
  limits:
    - {counter: burst, window: minute, max: 600, scope: grant}
tools:
  "tool_*":
    require:
      - conditions: [{path: args.currency, op: in, value: [usd, eur]}]
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 115}]
    limits:
      - {counter: daily, window: day, max: 100000, scope: grant, increment_from: args.amount}
)";

static void fill(const std::string& place, std::size_t records) {
  ManualClock clock;
  std::string arguments;
  audit::testing::fill_journal(place + "/audit", clock, records, [&](Record& record, std::size_t i) {
    arguments = R"({"amount":)" + std::to_string(i % 120) + R"(,"currency":"usd","charge_id":"<string, 18 bytes>"})";
    record.principal_kind = "user";
    record.grant_label = "laptop";
    record.session_id = "f3a9c1d27b";
    record.server_id = record.server_slug;
    record.policy_version = 3;
    record.arguments_json = arguments;
    record.upstream_status = 200;
    record.outcome = "result";
    record.total_us = 1500;
  });
}

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::string place = argc > 2 ? argv[2] : "/tmp/callgate-backtest-bench";
  if (!std::filesystem::exists(place)) {
    std::filesystem::create_directories(place);
    fill(place, records);
  }
  auto index = audit::Index::open(place + "/index.db", place + "/audit");
  if (!index || !index.value()->catch_up()) return 1;
  auto draft = policy::Policy::compile("support", 0, kDraft).policy;
  Principal principal;
  Grant grant;
  Server server;
  for (bool judge : {false, true}) {
    backtest::Replay replay(draft, {}, [&](const backtest::RecordedCall&) {
      return backtest::Today{&principal, &grant, &server, "write"};
    });
    audit::Query query;
    query.kind = "call";
    query.policy = "support";
    query.oldest_first = true;
    query.limit = 512;
    std::size_t read = 0;
    const double start = bench::cpu_ms();
    if (!index.value()->each(query, [&](const audit::Entry& entry) {
          ++read;
          if (judge) replay.add(entry.sequence, entry.payload);
          return true;
        }))
      return 1;
    replay.finish();
    const double seconds = (bench::cpu_ms() - start) / 1e3;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%-9s %10zu records in %6.1f s of CPU, %9.0f a second, newly denied %llu, %ld MiB at most\n", judge ? "judged" : "read",
                read, seconds, static_cast<double>(read) / seconds, static_cast<unsigned long long>(replay.report().total[0]),
                usage.ru_maxrss / 1024);
  }
  return 0;
}
