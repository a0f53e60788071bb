// Every policy in examples/ and every yaml block of the reference compiles and passes its own tests.

#include <gtest/gtest.h>

#include <filesystem>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

void expect_sound(const std::string& text, const std::string& where) {
  auto made = Policy::compile("example", 1, text);
  ASSERT_TRUE(made.policy) << format_problems(made.problems, where);
  EXPECT_TRUE(made.problems.empty()) << format_problems(made.problems, where);
  for (const auto& result : made.policy->run_tests())
    EXPECT_TRUE(result.passed) << where << ':' << result.line << ' ' << result.pointer << ": " << result.message;
}

TEST(PolicyExamples, AllCompileAndPassTheirOwnTests) {
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(CALLGATE_SOURCE_DIR) + "/examples/policies")) {
    if (entry.path().extension() != ".yaml" && entry.path().extension() != ".json") continue;
    std::string text = testing::read_file(entry.path().string());
    expect_sound(text, entry.path().filename().string());
    EXPECT_NE(text.find("\ntests:\n"), std::string::npos) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 4);
}

int expect_sound_blocks(const std::string& file) {
  std::string page = testing::read_file(std::string(CALLGATE_SOURCE_DIR) + "/docs/" + file);
  int seen = 0;
  for (std::size_t at = 0; (at = page.find("```yaml\n", at)) != std::string::npos;) {
    at += 8;
    auto end = page.find("\n```", at);
    if (end == std::string::npos) end = page.size() - 1;
    auto line = std::count(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    expect_sound(page.substr(at, end + 1 - at), file + " block at line " + std::to_string(line));
    at = end;
    ++seen;
  }
  return seen;
}

TEST(PolicyExamples, EveryBlockOfTheReferenceCompilesAndPassesItsTests) { EXPECT_GE(expect_sound_blocks("reference/policy.md"), 8); }

TEST(PolicyExamples, SoDoThoseAboutSequences) { EXPECT_GE(expect_sound_blocks("howto/flows.md"), 3); }

}  // namespace
}  // namespace callgate::policy
