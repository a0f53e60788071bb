// How fast a back-test reads, judges and counts. docs/howto/backtest.md has the numbers, README.md the command.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "audit/audit.h"
#include "backtest/replay.h"

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
  auto journal = audit::Journal::open({.directory = place + "/audit"}, clock);
  if (!journal) std::abort();
  audit::Batch batch;
  std::uint64_t random = 1;
  for (std::size_t i = 1; i <= records; ++i) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    std::string n = std::to_string((random >> 33) % 5000), tool = "tool_" + std::to_string((random >> 40) % 200);
    std::string id = "usr_01k0abcdefghjkmn" + n, name = "person" + n, decision = "dec_01k0abcdefgh" + std::to_string(i);
    std::string server = "server" + std::to_string((random >> 50) % 20), grant = "grt_01k0abcdefgh" + n;
    std::string arguments = R"({"amount":)" + std::to_string(i % 120) + R"(,"currency":"usd","charge_id":"<string, 18 bytes>"})";
    Record record;
    record.time = clock.now();
    record.decision_id = decision;
    record.principal_id = id;
    record.principal_name = name;
    record.principal_kind = "user";
    record.grant_id = grant;
    record.grant_label = "laptop";
    record.client = "claude-code 2.1";
    record.remote_address = "10.1.2.3";
    record.session_id = "f3a9c1d27b";
    record.server_id = record.server_slug = server;
    record.method = "tools/call";
    record.tool = tool;
    record.reason = "ok";
    record.policy = "support";
    record.policy_version = 3;
    record.arguments_json = arguments;
    record.upstream_status = 200;
    record.outcome = "result";
    record.total_us = 1500;
    batch.add(record);
    clock.advance(std::chrono::milliseconds(5));
    if (batch.size() == 64 && !journal.value()->commit(batch)) std::abort();
  }
  if (!batch.empty() && !journal.value()->commit(batch)) std::abort();
}

static double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
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
    const double start = cpu_seconds();
    if (!index.value()->each(query, [&](const audit::Entry& entry) {
          ++read;
          if (judge) replay.add(entry.sequence, entry.payload);
          return true;
        }))
      return 1;
    replay.finish();
    const double seconds = cpu_seconds() - start;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%-9s %10zu records in %6.1f s of CPU, %9.0f a second, newly denied %llu, %ld MiB at most\n", judge ? "judged" : "read",
                read, seconds, static_cast<double>(read) / seconds, static_cast<unsigned long long>(replay.report().total[0]),
                usage.ru_maxrss / 1024);
  }
  return 0;
}
