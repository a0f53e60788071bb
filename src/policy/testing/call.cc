#include "policy/testing/call.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace callgate::policy::testing {

Call::Call(std::string_view tool, std::string_view arguments) {
  principal.id = "usr_anna";
  principal.name = "anna";
  grant.id = "grt_1";
  grant.label = "dev-laptop";
  server.id = "0b0e";
  server.slug = "payments";
  server.name = "Payments";
  json::Caps caps;
  caps.bytes_max = 32 * 1024 * 1024;
  auto parsed = document.parse(arguments, caps);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  input.method = "tools/call";
  input.tool = tool;
  input.arguments = document.root();
  input.principal = &principal;
  input.grant = &grant;
  input.server = &server;
  input.session_id = "s-1";
  input.client = "claude-code 2.0";
  input.now = WallTime(std::chrono::seconds(1'785'229'200));  // 2026-07-28T09:00:00Z, a Tuesday
}

std::shared_ptr<const Policy> compiled(std::string_view text) {
  auto made = Policy::compile("test", 7, text);
  EXPECT_TRUE(made.policy) << format_problems(made.problems, "p");
  return made.policy;
}

std::string problems_of(std::string_view text) { return format_problems(Policy::compile("test", 1, text).problems, "p"); }

std::string document_with(std::string_view layer, std::string_view condition, std::string_view rule_fields) {
  return "version: \"1\"\ntools:\n  t:\n    " + std::string(layer) + ":\n      - conditions: [" + std::string(condition) + "]\n" +
         (rule_fields.empty() ? "" : "        " + std::string(rule_fields) + "\n");
}

Effect effect_of(const Policy& policy, std::string_view tool, std::string_view arguments) {
  Call call(tool, arguments);
  Scratch scratch;
  return policy.decide(call.input, scratch).effect;
}

std::string rule_of(const Policy& policy, std::string_view tool, std::string_view arguments) {
  Call call(tool, arguments);
  Scratch scratch;
  auto decision = policy.decide(call.input, scratch);
  return decision.effect == Effect::Allow ? "allowed" : std::string(decision.rule);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

}  // namespace callgate::policy::testing
