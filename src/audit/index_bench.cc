// How fast the index fills and answers. See README.md for the command and the numbers.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "audit/testing/many_calls.h"

using namespace callgate;

static double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

static void ask(audit::Index& index, const char* name, const audit::Query& query) {
  double best = 1e9;
  std::size_t found = 0;
  for (int i = 0; i < 5; ++i) {
    auto start = std::chrono::steady_clock::now();
    auto entries = index.query(query);
    if (!entries) std::abort();
    found = entries->size();
    best = std::min(best, milliseconds_since(start));
  }
  std::printf("%-44s %8.2f ms (%zu records)\n", name, best, found);
}

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::string place = argc > 2 ? argv[2] : "/tmp/callgate-index-bench";
  std::filesystem::remove_all(place);
  std::filesystem::create_directories(place);
  ManualClock clock;
  audit::testing::fill_journal(place + "/audit", clock, records, [](Record& record, std::size_t i) {
    record.effect = i % 50 == 0 ? Effect::Deny : Effect::Allow;
    record.reason = i % 50 == 0 ? "policy.deny_if" : "ok";
    record.arguments_json = R"({"amount":120,"currency":"usd","charge_id":"<string, 18 bytes>"})";
  });
  auto index = audit::Index::open(place + "/audit-index.db", place + "/audit");
  if (!index) return 1;
  auto start = std::chrono::steady_clock::now();
  if (!(*index)->catch_up()) return 1;
  double seconds = milliseconds_since(start) / 1000;
  std::printf("filled %zu records: %.0f records/s, %llu bytes of index each\n", records, static_cast<double>(records) / seconds,
              static_cast<unsigned long long>(std::filesystem::file_size(place + "/audit-index.db") / records));
  start = std::chrono::steady_clock::now();
  if (!(*index)->catch_up()) return 1;
  std::printf("nothing new: %.2f ms\n", milliseconds_since(start));
  WallTime middle = clock.now() - std::chrono::milliseconds(5 * records / 2);
  ask(**index, "newest 50", {});
  ask(**index, "one principal, newest 50", {.principal = "person77"});
  ask(**index, "one tool, newest 50", {.tool = "tool_7"});
  ask(**index, "newest 50 denied", {.effect = "deny"});
  ask(**index, "one principal and one tool (rare)", {.principal = "person77", .tool = "tool_7"});
  ask(**index, "one server, denied", {.server = "server3", .effect = "deny"});
  ask(**index, "a minute in the middle", {.since = middle, .until = middle + std::chrono::minutes(1)});
  ask(**index, "one principal, older half", {.until = middle, .principal = "person77"});
  ask(**index, "a decision", {.decision_id = "dec_01k0abcdefgh" + std::to_string(records / 3)});
  ask(**index, "text in the newest records", {.text = "person77\""});
  ask(**index, "text that is nowhere (reads everything)", {.text = "nowhere to be found"});
  std::filesystem::remove_all(place);
  return 0;
}
