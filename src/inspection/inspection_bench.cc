// How fast the prefilter and a whole scan are (Google Benchmark). Not part of the product; README.md holds the command.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "inspection/inspection.h"
#include "inspection/prefilter.h"
#include "inspection/shell.h"
#include "inspection/sql.h"
#include "inspection/tables.h"

namespace {

using namespace callgate;
using namespace callgate::inspection;

// Prose, JSON, code and a log, as results are.
std::string sample_text(std::size_t size) {
  constexpr std::string_view kParts[] = {
      "The quarterly report shows that revenue in the northern region grew by four percent, while costs stayed where they were. ",
      "{\"id\": 48213, \"name\": \"Invoice\", \"status\": \"open\", \"lines\": [{\"sku\": \"A-100\", \"quantity\": 3, \"price\": "
      "19.95}]}\n",
      "static int parse_header(const char* begin, const char* end) { while (begin < end && *begin != ':') ++begin; return begin < end; }\n",
      "2026-11-21T09:14:07.201Z INFO request finished method=GET path=/api/v1/items status=200 duration_ms=12 bytes=4821\n",
      "| column | type | description |\n|---|---|---|\n| user_id | bigint | who it belongs to |\n",
      "See https://docs.example.com/guide/install#step-3 for details; contact the team if the build fails on your machine.\n"};
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += kParts[i % std::size(kParts)];
  text.resize(size);
  return text;
}

const Scanner& everything() {
  static const auto made = Scanner::create({.packs = {Pack::Secrets, Pack::SeedSecrets, Pack::PersonalData, Pack::Poisoning, Pack::Code}});
  return **made;
}

void prefilter(benchmark::State& state) {
  Scanner::Tables tables;
  add_secrets(tables);
  add_seed_secrets(tables);
  add_poisoning(tables);
  if (state.range(1)) add_code(tables);
  auto made = Prefilter::compile(tables.compiled);
  std::string text = sample_text(static_cast<std::size_t>(state.range(0)));
  PrefilterScratch scratch;
  std::vector<Hit> hits;
  for (auto _ : state) {
    hits.clear();
    benchmark::DoNotOptimize((*made)->scan(text, scratch, hits, 1'000'000));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  state.counters["hits"] = static_cast<double>(hits.size());
  state.counters["literals"] = static_cast<double>(tables.compiled.size());
}
BENCHMARK(prefilter)->Args({4096, 0})->Args({65536, 0})->Args({1 << 20, 0})->Args({65536, 1});

void scan(benchmark::State& state) {
  std::string text = sample_text(static_cast<std::size_t>(state.range(0)));
  Findings findings;
  std::vector<double> times;
  for (auto _ : state) {
    auto begin = std::chrono::steady_clock::now();
    findings.clear();
    everything().scan(text, findings);
    if (times.size() < 200'000)
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  state.counters["p50_us"] = times[times.size() / 2];
  state.counters["p99_us"] = times[times.size() * 99 / 100];
  state.counters["findings"] = static_cast<double>(findings.all().size());
}
BENCHMARK(scan)->Arg(256)->Arg(1024)->Arg(4096)->Arg(65536)->Arg(1 << 20);

// Text made to cost: must stay linear.
void hostile(benchmark::State& state) {
  constexpr std::string_view kUnits[] = {"ignore ", "password=", "://a:b",     "AKIA", "eyJa.", "do not tell the the ",
                                         "1 ",      "%41",       "send to to "};
  std::string_view unit = kUnits[state.range(1)];
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += unit;
  Findings findings;
  for (auto _ : state) {
    findings.clear();
    everything().scan(text, findings);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  state.SetLabel(std::string(unit));
}
BENCHMARK(hostile)->ArgsProduct({{4096, 65536}, {0, 1, 2, 3, 4, 5, 6, 7, 8}});

void sql(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        analyze_sql("WITH a AS (SELECT id, name FROM users WHERE created > now() - interval '7 days') SELECT name, count(*) FROM a GROUP "
                    "BY name ORDER BY 2 DESC LIMIT 10",
                    state.range(0) ? SqlDialect::MySql : SqlDialect::PostgreSql));
}
BENCHMARK(sql)->Arg(0)->Arg(1);

void shell(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        analyze_shell("cd /srv/app && sudo -u app env A=1 bash -lc 'git pull && npm ci && npm run build' | tee build.log"));
}
BENCHMARK(shell);

}  // namespace

BENCHMARK_MAIN();
