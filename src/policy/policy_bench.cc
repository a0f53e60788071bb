// How long one decision takes, by rules and by tools in the document. Prints a table; never a timed test.
// Not part of the product and not wired into CMake; README.md holds the command.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "policy/policy.h"

namespace {

using namespace callgate;
using namespace callgate::policy;

std::string document(int rules, int tools) {
  std::string text = "version: \"1\"\nall_tools: {limits: [{counter: burst, window: minute, max: 30}]}\ntools:\n";
  for (int t = 0; t < tools - 1; ++t)
    text += "  tool_" + std::to_string(t) + ": {deny_if: [{conditions: [{path: args.a, op: gt, value: 5}]}]}\n";
  text += "  refund_payment:\n    require:\n";
  for (int r = 0; r < rules / 2; ++r) {
    text += r % 2 ? "      - conditions: [{path: args.currency, op: in, value: [usd, eur, gbp]}]\n"
                  : "      - conditions: [{path: args.charge_id, op: starts_with, value: ch_}]\n";
  }
  text += "    deny_if:\n";
  for (int r = 0; r < rules - rules / 2; ++r) {
    text += r % 4 == 3 ? "      - conditions: [{path: args.note, op: contains, value: password}]\n"
                       : "      - conditions: [{path: args.amount, op: gt, value: " + std::to_string(1000 + r) + "}]\n";
  }
  return text + "    limits: [{counter: daily, window: day, max: 5000, increment_from: args.amount}]\n";
}

// Of this thread: what else runs on the machine does not count.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double measure(const Policy& policy) {
  json::Document arguments;
  if (!arguments.parse(R"({"charge_id":"ch_105","amount":49.90,"currency":"eur","note":"customer asked twice"})")) return -1;
  Grant grant;
  grant.id = "grt_0000000000000000001";
  Input input;
  input.method = "tools/call";
  input.tool = "refund_payment";
  input.arguments = arguments.root();
  input.grant = &grant;
  Scratch scratch;
  constexpr int kRounds = 200'000;
  double best = 1e9;
  std::size_t allowed = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    double start = cpu_seconds();
    for (int i = 0; i < kRounds; ++i) allowed += policy.decide(input, scratch).effect == Effect::Allow;
    best = std::min(best, (cpu_seconds() - start) * 1e9 / kRounds);
  }
  return allowed == 7u * kRounds ? best : -1;
}

}  // namespace

int main() {
  for (int rules : {2, 5, 20, 50, 100})
    for (int tools : {1, 100, 10'000}) {
      auto made = Policy::compile("bench", 1, document(rules, tools));
      if (!made.policy) {
        std::fputs(format_problems(made.problems, "bench").c_str(), stderr);
        return 1;
      }
      std::printf("%4d rules %6d tools  %7.0f ns per decision\n", rules, tools, measure(*made.policy));
    }
  return 0;
}
