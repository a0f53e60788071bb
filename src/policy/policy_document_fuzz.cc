// Any bytes as a document: compile() must answer, and what compiles must decide, explain and run its tests.

#include "policy/policy.h"

namespace {

using namespace callgate;
using namespace callgate::policy;

constexpr std::string_view kArguments[] = {
    "{}",
    R"({"amount":50,"currency":"usd","charge_id":"ch_105","path":"/workspace/a/../b",
        "url":"https://docs.example.com/","command":"git status","name":"report_x","parameters":[{"value":"x"}]})",
    R"({"amount":"-1","currency":["usd"],"path":"~/x","items":[[],{},null,1e300],"a":{"b":{"c":[1,"2",true]}},"v":"x\ny","paths":[1]})",
};
constexpr std::string_view kTools[] = {"refund_payment", "t", "read_file", "get_issue", "update_rows", ""};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto made = Policy::compile("fuzz", 1, text);
  format_problems(made.problems, "fuzz");
  bool refused = false;
  for (const auto& problem : made.problems) refused = refused || !problem.warning;
  if (refused == static_cast<bool>(made.policy)) __builtin_trap();  // nothing half applied, nothing refused without a reason
  if (!made.policy) return 0;
  Principal principal;
  principal.id = "usr_1";
  Grant grant;
  grant.id = "grt_1";
  Server server;
  server.id = "srv";
  Scratch scratch;
  for (auto arguments : kArguments) {
    json::Document document;
    if (!document.parse(arguments)) __builtin_trap();
    for (auto tool : kTools) {
      Input input;
      input.method = "tools/call";
      input.tool = tool;
      input.arguments = document.root();
      input.principal = &principal;
      input.grant = &grant;
      input.server = &server;
      input.session_id = "s";
      auto decision = made.policy->decide(input, scratch);
      if (decision.effect == Effect::Deny && (decision.message.empty() || !decision.claims.empty())) __builtin_trap();
      if ((decision.effect == Effect::Ask) == decision.ask.rules.empty()) __builtin_trap();
      Effect effect = decision.effect;
      if (made.policy->explain(input).effect != effect) __builtin_trap();
    }
  }
  if (size < 4096) made.policy->run_tests();
  return 0;
}
