// Cost of a record: serialise, chain, write. See README.md for the command and the numbers.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "audit/audit.h"

using namespace callgate;

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/tmp/callgate-journal-bench";
  SystemClock clock;
  for (std::size_t batch_size : {1U, 16U, 64U, 256U}) {
    std::filesystem::remove_all(directory);
    auto journal = audit::Journal::open({.directory = directory}, clock);
    if (!journal) return std::fprintf(stderr, "%s\n", journal.error().message.c_str()), 1;
    Record record;
    record.time = clock.now();
    record.decision_id = "dec_01k0abcdefghjkmnpqrst";
    record.principal_id = "usr_01k0abcdefghjkmnpqrst";
    record.principal_name = "ann.example";
    record.principal_kind = "user";
    record.grant_id = "grt_01k0abcdefghjkmnpqrst";
    record.client = "claude-code 2.1";
    record.remote_address = "10.1.2.3";
    record.server_slug = "stripe";
    record.era = "2025-11-25";
    record.method = "tools/call";
    record.tool = "refund_payment";
    record.reason = "ok";
    record.policy = "support";
    record.policy_version = 7;
    record.arguments_json = R"({"amount":120,"currency":"usd","charge_id":"<string, 18 bytes>"})";
    record.outcome = "result";
    record.decide_us = 12;
    record.total_us = 900;
    const std::size_t records = batch_size == 1 ? 200'000 : 1'000'000;
    audit::Batch batch;
    auto start = std::chrono::steady_clock::now();
    timespec cpu0{}, cpu1{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu0);
    for (std::size_t i = 0; i < records; i += batch_size) {
      for (std::size_t k = 0; k < batch_size; ++k) batch.add(record);
      if (!(*journal)->commit(batch)) return 1;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu1);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double cpu = static_cast<double>(cpu1.tv_sec - cpu0.tv_sec) + static_cast<double>(cpu1.tv_nsec - cpu0.tv_nsec) / 1e9;
    std::uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory)) bytes += file.file_size();
    std::printf("batch %4zu: %9.0f records/s, %.2f us cpu per record, %llu bytes each\n", batch_size,
                static_cast<double>(records) / seconds, cpu * 1e6 / static_cast<double>(records),
                static_cast<unsigned long long>(bytes / records));
  }
  std::filesystem::remove_all(directory);
  return 0;
}
