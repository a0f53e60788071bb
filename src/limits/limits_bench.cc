// Cost of a reservation with two claims, and that it does not grow with the number of counters. See README.md.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "limits/limits.h"

using namespace callgate;

int main() {
  const std::string place = "/tmp/callgate-limits-bench";
  for (std::size_t counters : {10U, 10'000U, 500'000U}) {
    std::filesystem::remove_all(place);
    std::filesystem::create_directories(place);
    SystemClock clock;
    auto database = store::open_sqlite(place + "/callgate.db");
    auto opened = limits::Counters::open(**database, clock, place);
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < counters; ++i) keys.push_back("grant/grt_01k0abcdefghjkmn" + std::to_string(i) + "/burst");
    limits::Reservation reservation;
    auto run = [&](std::size_t calls, std::size_t calls_per_flush) {
      auto start = std::chrono::steady_clock::now();
      for (std::size_t i = 0; i < calls; ++i) {
        policy::Claim claims[2];
        for (std::size_t k = 0; k < 2; ++k) {
          claims[k].key = keys[(i * 7919 + k * (counters / 2)) % counters];
          claims[k].counter = "burst";
          claims[k].max = Decimal(1'000'000'000);
          claims[k].amount = Decimal(1);
        }
        auto outcome = (*opened)->reserve(claims, clock.now(), reservation);
        if (!outcome || !outcome->reserved) std::abort();
        if (i % calls_per_flush == 0 && !(*opened)->flush()) std::abort();
        (*opened)->settle(reservation, limits::Settle::Keep);
      }
      return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(calls);
    };
    run(counters, 64);
    double best = 1e9, flushed = 1e9;
    for (int i = 0; i < 5; ++i) {
      best = std::min(best, run(100'000, 1'000'000));
      (void)(*opened)->flush();
      flushed = std::min(flushed, run(100'000, 16));
    }
    std::printf("%7zu counters: %.2f us per call of two claims, %.2f us with a flush every 16 calls\n", counters, best, flushed);
  }
  std::filesystem::remove_all(place);
  return 0;
}
