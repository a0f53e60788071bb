#pragma once
// For benches: a journal of calls by 5,000 people with 200 tools of 20 servers, the same ones in every run, 5 ms apart.

#include <cstdlib>
#include <string>

#include "audit/audit.h"

namespace callgate::audit::testing {

// finish(record, number) says what the caller wants otherwise; texts it points to must live on. The clock ends at the last record.
template <class Fn> void fill_journal(const std::string& directory, ManualClock& clock, std::size_t records, Fn&& finish) {
  constexpr std::size_t kTogether = 256;
  auto journal = Journal::open({.directory = directory}, clock);
  if (!journal) std::abort();
  Batch batch;
  std::uint64_t random = 1;
  for (std::size_t i = 1; i <= records; ++i) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::string n = std::to_string((random >> 33) % 5000), tool = "tool_" + std::to_string((random >> 40) % 200);
    const std::string id = "usr_01k0abcdefghjkmn" + n, name = "person" + n, decision = "dec_01k0abcdefgh" + std::to_string(i);
    const std::string server = "server" + std::to_string((random >> 50) % 20), grant = "grt_01k0abcdefgh" + n;
    Record record;
    record.time = clock.now();
    record.decision_id = decision;
    record.principal_id = id;
    record.principal_name = name;
    record.grant_id = grant;
    record.client = "claude-code 2.1";
    record.remote_address = "10.1.2.3";
    record.server_slug = server;
    record.method = "tools/call";
    record.tool = tool;
    record.reason = "ok";
    record.policy = "support";
    finish(record, i);
    batch.add(record);
    clock.advance(std::chrono::milliseconds(5));
    if (batch.size() == kTogether && !(*journal)->commit(batch)) std::abort();
  }
  if (!batch.empty() && !(*journal)->commit(batch)) std::abort();
}

}  // namespace callgate::audit::testing
