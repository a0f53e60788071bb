// How fast the detectors are, all packs on: `bench_inspection`. Prints one JSON line for each row; `./dev bench --inspection` runs it and
// holds the figures against goals. Times are processor time of the thread, so that neighbours disturb little. Not part of the product.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "inspection/inspection.h"
#include "inspection/prefilter.h"
#include "inspection/shell.h"
#include "inspection/sql.h"
#include "inspection/tables.h"
#include "inspection/testing/hostile.h"
#include "inspection/urls.h"

namespace callgate::inspection {
namespace {

double now_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

template <class Fn> double time_of(Fn&& fn) {
  double begin = now_us();
  fn();
  return now_us() - begin;
}

// The fastest of some runs; enough of them to fill a few milliseconds.
template <class Fn> double best_of(Fn&& fn) {
  double best = time_of(fn), spent = best;
  for (int runs = 1; runs < 200 && (runs < 3 || spent < 5000); ++runs) {
    double took = time_of(fn);
    best = std::min(best, took);
    spent += took;
  }
  return best;
}

const Scanner& everything() {
  static const auto made = Scanner::create({.packs = {Pack::Secrets, Pack::SeedSecrets, Pack::PersonalData, Pack::Poisoning, Pack::Code}});
  return **made;
}

void prefilter() {
  Scanner::Tables tables;
  add_secrets(tables);
  add_seed_secrets(tables);
  add_poisoning(tables);
  add_code(tables);
  auto made = Prefilter::compile(tables.compiled);
  PrefilterScratch scratch;
  std::vector<Hit> hits;
  for (std::size_t size : {4096u, 65536u, 1048576u}) {
    std::string text = testing::plain_text(size, 0);
    double us = best_of([&] {
      hits.clear();
      (void)(*made)->scan(text, scratch, hits, 1'000'000);
    });
    std::printf("{\"case\":\"prefilter\",\"bytes\":%zu,\"us\":%.2f,\"gb_per_s\":%.3f,\"literals\":%zu}\n", size, us,
                static_cast<double>(size) / us / 1000, tables.compiled.size());
  }
}

// Every scan is timed, of texts that differ; the slow ones count.
void scans() {
  Findings findings;
  for (std::size_t size : {256u, 1024u, 4096u, 65536u}) {
    std::vector<std::string> texts;
    for (std::size_t turn = 0; turn < 40; ++turn) texts.push_back(testing::plain_text(size, turn));
    std::vector<double> times;
    std::size_t rounds = size > 10'000 ? 10 : 200;
    for (std::size_t round = 0; round < rounds + 1; ++round)
      for (const std::string& text : texts) {
        double took = time_of([&] {
          findings.clear();
          everything().scan(text, findings);
        });
        if (round > 0) times.push_back(took);  // the first makes the automata
      }
    std::sort(times.begin(), times.end());
    std::printf("{\"case\":\"scan\",\"bytes\":%zu,\"p50_us\":%.2f,\"p99_us\":%.2f}\n", size, times[times.size() / 2],
                times[times.size() * 99 / 100]);
  }
}

void calls() {
  Findings findings;
  KnownSecrets known;
  known.add("0123456789abcdef-upstream");
  for (std::string_view what : {"padding", "prose"}) {
    std::string text = what == "prose" ? testing::plain_text(900, 0) : std::string(900, 'x');
    std::erase_if(text, [](char c) { return c == '"' || c == '\n' || c == '\\'; });
    std::string arguments = "{\"charge_id\":\"ch_105\",\"amount\":5,\"currency\":\"usd\",\"note\":\"" + text + "\"}";
    std::string result = "{\"content\":[{\"type\":\"text\",\"text\":\"" + text + "\"}],\"isError\":false}";
    json::Document documents[2];
    if (!documents[0].parse(arguments) || !documents[1].parse(result)) return;
    double us = best_of([&] {
      for (const auto& document : documents) {
        findings.clear();
        everything().scan_value(document.root(), findings, &known);
      }
    });
    std::printf("{\"case\":\"call, both ways, %s\",\"bytes\":1024,\"us\":%.2f}\n", std::string(what).c_str(), us);
  }
}

// How much longer eight times as much takes.
void hostile() {
  constexpr std::size_t kSmall = 16 * 1024, kTimes = 8;
  auto small = testing::hostile_texts(kSmall), large = testing::hostile_texts(kSmall * kTimes);
  Findings findings;
  auto row = [](const char* what, std::string_view name, double few, double many) {
    std::printf("{\"case\":\"%s\",\"text\":\"%s\",\"bytes\":%zu,\"us\":%.1f,\"us_of_%zu_times\":%.1f,\"ratio\":%.2f,\"mb_per_s\":%.2f}\n",
                what, std::string(name).c_str(), kSmall, few, kTimes, many, many / std::max(few, 1.0),
                static_cast<double>(kSmall * kTimes) / std::max(many, 0.1));
  };
  auto compare = [&](const char* what, std::size_t at, auto&& work) {
    row(what, small[at].name, best_of([&] { work(small[at].text); }), best_of([&] { work(large[at].text); }));
  };
  for (std::size_t i = 0; i < small.size(); ++i) {
    compare("hostile scan", i, [&](std::string_view text) {
      findings.clear();
      everything().scan(text, findings);
    });
    if (small[i].name.starts_with("SQL"))
      for (auto dialect : {SqlDialect::PostgreSql, SqlDialect::MySql})
        compare("hostile sql", i, [&](std::string_view text) { (void)analyze_sql(text, dialect); });
    if (small[i].name.starts_with("shell")) compare("hostile shell", i, [&](std::string_view text) { (void)analyze_shell(text); });
    if (small[i].name.starts_with("URL")) compare("hostile url", i, [&](std::string_view text) { (void)analyze_url(text); });
  }
}

}  // namespace
}  // namespace callgate::inspection

int main() {
  using namespace callgate::inspection;
  prefilter();
  scans();
  calls();
  hostile();
  return 0;
}
