#pragma once
// Turns the document tree into a Program and notes every problem on the way. Split by subject: compile.cc (document and
// tools), compile_rules.cc (rules, conditions, limits), compile_asks.cc, compile_flows.cc, compile_inspect.cc,
// compile_tests.cc (the tests block).

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/document.h"
#include "policy/problems.h"
#include "policy/program.h"

namespace callgate::policy {

struct Compiler {
  static constexpr std::size_t kGlobsMax = 1'000;              // below tools: looked through one by one for a name that is not listed
  static constexpr std::size_t kPatternsMax = 1'000;           // matches and glob conditions: each may take up to 1 MiB at work
  static constexpr std::size_t kRefusedPatternSteps = 10'000;  // a pattern that RE2 refuses has cost time too
  static constexpr std::size_t kPatternStepsMax = 500'000;     // of all together: half a second to compile

  Compiler(Program& into, Problems& notes) : program(into), problems(notes) {}

  void document(const Node& root);

  // Refuses anything but a map whose keys are among `fields`; members with wrong names are reported one by one.
  bool fields(const Node& node, const std::string& pointer, std::string_view what, std::span<const std::string_view> known);
  // The text of a scalar that must be one of `choices`; the default when absent; nothing, and a problem, when wrong.
  std::size_t choice(const Node& map, const std::string& pointer, std::string_view field, std::span<const std::string_view> choices,
                     std::size_t fallback);
  std::optional<std::string> text_field(const Node& map, const std::string& pointer, std::string_view field);
  std::optional<bool> bool_field(const Node& map, const std::string& pointer, std::string_view field);
  bool shadow_mode(const Node& map, const std::string& pointer);  // `mode: shadow`; enforce when absent
  static bool plain_name(std::string_view name);                  // of roles, labels and rules of flows

  void version(const Node& root);
  void hide(const Node& list);
  void methods(const Node& map);
  void tools(const Node& map);
  void entry(const Node& node, Entry& out, std::span<const std::string_view> known);
  void plan();
  void overlaps();

  void rules(const Node& map, Entry& out, bool deny);
  bool rule(const Node& node, Rule& out, bool deny);
  void asks(const Node& map, Entry& out);
  bool ask(const Node& node, AskRule& out);
  void who_decides(const Node& rule, AskRule& out);
  void approvers(const Node& node, AskRule& out);
  void message(const Node& node, Rule& out, bool deny);
  void conditions(const Node& list, const std::string& pointer, bool relative);
  void condition(const Node& node, const std::string& pointer, bool relative);
  void leaf(const Node& node, const std::string& pointer, bool relative);
  void path_options(const Node& node, const std::string& pointer, Op op, Constant& constant);
  void check_root(const Node& node, const std::string& pointer, const Path& path, Op op);
  std::uint32_t intern(Path path);
  std::optional<std::uint32_t> path(const Node& node, const std::string& pointer, bool relative);

  std::optional<std::uint32_t> inspect(const Node& map, const std::string& pointer);
  void inspect_words(const Node& map, const std::string& pointer, InspectBlock& out, std::span<const Direction> ways);
  std::optional<InspectWord> inspect_word(const Node& node, const std::string& pointer);

  void labels(const Node& map, Entry& out);
  bool label_name(const Node& node, const std::string& pointer);
  void flows(const Node& root);
  void flow(const Node& node, FlowRule& out);
  void flow_kind(const Node& node, FlowRule& out);
  void flow_same(const Node& node, FlowRule& out);
  void flow_selector(const Node& map, const std::string& pointer, std::vector<std::string>& labels, std::vector<std::string>& tools);
  std::vector<std::string> names(const Node& map, const std::string& pointer, std::string_view field, bool labels);
  void flow_message(const Node& node, FlowRule& out);
  void unset_labels();

  void limits(const Node& list, Entry& out);
  void limit(const Node& node, Limit& out);
  std::optional<Decimal> amount(const Node& map, const std::string& pointer, std::string_view field);
  void same_counter(const Node& node, const Limit& limit);

  void tests(const Node& list);
  void test(const Node& node, TestCase& out);
  void test_arguments(const Node& node, TestCase& out);
  void test_caller(const Node& node, TestCase& out);
  void test_times(const Node& node, TestCase& out);
  void test_session(const Node& node, TestCase& out);
  void test_server(const Node& node, TestCase& out);
  void test_after(const Node& node, TestCase& out);
  std::vector<std::string> test_names(const Node& map, const std::string& pointer, std::string_view field, bool labels);

  Program& program;
  Problems& problems;
  std::size_t patterns = 0, pattern_steps = 0;
  std::unordered_map<std::string, std::string> counters;    // counter key -> how it counts and where
  std::unordered_map<std::string, std::uint32_t> interned;  // path text -> index
  struct UsedLabel {
    std::string name, pointer;
    std::uint32_t line = 0, column = 0;
  };
  std::vector<UsedLabel> used_labels;  // by rules
  std::vector<std::string> set_labels;
  const Node* tools_node = nullptr;
  const Node* methods_node = nullptr;
};

}  // namespace callgate::policy
