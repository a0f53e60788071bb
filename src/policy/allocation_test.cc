// decide() must not allocate once the Scratch is warm: every allocation through operator new is counted.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "policy/testing/call.h"

namespace {
std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (!memory) std::abort();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace callgate::policy {
namespace {

constexpr std::string_view kEverything = R"(
version: "1"
hide: [secret, "del_*"]
all_tools:
  limits: [{counter: burst, window: minute, max: 30}, {counter: session_burst, window: minute, max: 30, scope: session}]
tools:
  "*":
    deny_if: [{mode: shadow, conditions: [{path: args.amount, op: gt, value: 1}]}]
  "p?y": {}
  pay:
    require:
      - conditions:
          - {path: args.currency, op: in, value: [usd, eur, gbp]}
          - {path: args.note, op: matches, value: "[a-z ,]*(urgent|later).*"}
      - conditions:
          - {path: args.file, op: path_within, value: [/workspace, /data]}
          - {path: args.url, op: url_host_in, value: "*.example.com"}
      - conditions:
          - {path: args.mail, op: email_domain_in, value: example.com}
          - {path: args.ip, op: cidr_in, value: 10.0.0.0/8}
      - conditions:
          - {path: args.items, all: [{path: price, op: lt, value: 100.5}, {path: name, op: glob, value: "a*"}]}
          - {path: time.weekday, op: in, value: [tue]}
          - {path: time.iso, op: starts_with, value: "2026"}
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 1000}]
      - conditions: [{any_of: [{path: principal.kind, op: eq, value: robot}, {not: {path: args.note, op: contains, value: urgent}}]}]
    limits: [{counter: spend, window: day, max: 5000, increment_from: args.amount}, {counter: tools, window: day, max: 5000, scope: tool}]
)";

TEST(PolicyDecide, DoesNotAllocateOnceWarm) {
  auto policy = testing::compiled(kEverything);
  ASSERT_TRUE(policy);
  testing::Call call("pay",
                     R"({"amount":12.50,"currency":"eur","note":"please, urgent and rather long so that it is no short string",
    "file":"/workspace/a/../b","url":"https://docs.example.com/x",
    "mail":"anna@example.com","ip":"10.1.2.3","command":"git status -s","items":[{"price":1,"name":"ab"},{"price":2,"name":"ac"}]})");
  testing::Call refused("pay", R"({"amount":12.50})"), unlisted("ppy"), hidden("del_x"), broken("pay\xc2\xa0");
  Scratch scratch;
  auto all = [&] {
    EXPECT_EQ(policy->decide(call.input, scratch).effect, Effect::Allow) << policy->decide(call.input, scratch).rule;
    EXPECT_EQ(scratch.claims.size(), 4u);
    EXPECT_EQ(scratch.shadow.size(), 1u);
    EXPECT_EQ(policy->decide(refused.input, scratch).effect, Effect::Deny);
    policy->decide(unlisted.input, scratch);
    policy->decide(hidden.input, scratch);
    policy->decide(broken.input, scratch);
  };
  for (int i = 0; i < 3; ++i) all();
  auto before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    policy->decide(call.input, scratch);
    policy->decide(refused.input, scratch);
    policy->decide(unlisted.input, scratch);
    policy->decide(hidden.input, scratch);
    policy->decide(broken.input, scratch);
  }
  EXPECT_EQ(allocations.load() - before, 0u);
  auto counting = std::make_unique<std::string>(100, 'x');
  EXPECT_GT(allocations.load() - before, 0u) << "the counter itself must work";
}

}  // namespace
}  // namespace callgate::policy
