#pragma once
// The one walk through a program's layers, shared by decide(), explain() and the tests runner, so that they cannot disagree.

#include "policy/program.h"
#include "policy/suppose.h"

namespace callgate::policy {

// Told about every rule that was looked at. explain() builds its steps here; decide() passes none.
class Trace {
 public:
  virtual ~Trace() = default;
  virtual void fact(std::string_view layer, std::string_view pointer, std::uint32_t line, std::string_view condition,
                    std::string_view outcome) = 0;
  virtual void rule(std::string_view layer, const Rule& rule, bool denies, bool shadow, Truth truth, Reader& reader) = 0;
  virtual void limit(const Limit& limit, bool usable, const Claim& claim) = 0;
  virtual void doubt(const Doubt& doubt, const Rule* rule, Reader& reader) = 0;
};

class Walk {
 public:
  Walk(const Program& program, const Input& input, Scratch& scratch, Trace* trace, Supposition* supposed = nullptr)
      : program_(program), input_(input), scratch_(scratch), trace_(trace), supposed_(supposed), reader_(input, program.paths, scratch) {}
  Decision run();

 private:
  bool deny(std::string_view reason, std::string_view message, std::string_view rule, std::uint32_t line, bool shadow);
  void decide_tool();
  void decide_method();
  void judge_method();
  bool fundamentals();
  bool hidden_or_silent();
  void gather();
  bool require(const Entry& entry);
  bool deny_if(const Entry& entry);
  bool ask(const Entry& entry);
  void wants_person(const AskRule& rule, std::string_view message);
  void hold();
  bool settled(Doubt::Layer layer, const Rule& rule, bool ignore_missing, Truth& truth);  // suppose.cc
  bool amount_known(const Limit& limit, Seen& seen);
  // walk_flows.cc
  bool is_tool_call() const { return input_.method == "tools/call"; }
  const FlowState& seen_before() const;
  bool tracked() const;
  void begin_flow();
  void end_flow();
  void add_label(std::string_view name);
  void label(const Entry& entry);
  Truth unless_false(std::uint32_t begin, std::uint32_t end);
  bool speaks_of_call(const FlowRule& rule);
  std::optional<std::string> same_value(const FlowRule& rule);
  std::optional<std::string_view> in_the_way(const FlowRule& rule);
  bool flows(bool asks);
  bool claim(const Entry& entry);
  bool claim_one(const Limit& limit);
  bool take_amount(const Limit& limit, Claim& claim);
  bool append_scope_id(const Limit& limit);
  void merge_last();
  void reserve_keys();
  std::size_t keys_bound(const Entry& entry) const;
  template <class Fn> bool each_entry(Fn fn);

  const Program& program_;
  const Input& input_;
  Scratch& scratch_;
  Trace* trace_;
  Supposition* supposed_;  // null on the data path: everything is known
  Reader reader_;
  Decision decision_;
  bool refused_ = false, tracked_ = false;
};

}  // namespace callgate::policy
