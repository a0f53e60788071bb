// Rules over sequences in words.

#include "policy/describe.h"

namespace callgate::policy {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// "labels private, untrusted", "tools a, b", or both; `join` between them.
std::string selector(const std::vector<std::string>& labels, const std::vector<std::string>& tools, std::string_view join) {
  std::string out;
  if (!labels.empty()) out = (labels.size() == 1 ? "label " : "labels ") + joined(labels);
  if (!labels.empty() && !tools.empty()) out += join;
  if (!tools.empty()) out += (tools.size() == 1 ? "tool " : "tools ") + joined(tools);
  return out;
}

std::string calls_of(const FlowRule& rule) {
  std::string out = selector(rule.labels, rule.tools, " or ");
  return out.empty() ? "any call" : "calls of " + out;
}

std::string paths_of(const Program& program, const FlowRule& rule) {
  std::string out;
  for (auto path : rule.same) out += (out.empty() ? "" : ", ") + program.paths[path].text;
  return out;
}

}  // namespace

std::string describe_flow(const Program& program, const FlowRule& rule) {
  std::string out = rule.name + ": ";
  switch (rule.kind) {
    case FlowRule::Kind::After:
      out += "after " + selector(rule.after_labels, rule.after_tools, " and ");
      if (rule.within.count() != 0) out += " within " + std::to_string(rule.within.count()) + "s";
      out += ", " + calls_of(rule);
      if (rule.begin != rule.end) out += " when " + describe(program, rule.begin, rule.end);
      return out;
    case FlowRule::Kind::Same: return out + "the same " + paths_of(program, rule) + " in " + calls_of(rule);
    case FlowRule::Kind::Count: return out + "at most " + std::to_string(rule.calls_max) + " of " + calls_of(rule);
  }
  return out;
}

std::string flow_message_of(const Program& program, const FlowRule& rule, bool unusable) {
  std::string why;
  switch (rule.kind) {
    case FlowRule::Kind::After:
      if (!rule.after_labels.empty()) why = "has seen data labelled " + joined(rule.after_labels);
      if (!rule.after_tools.empty()) why += (why.empty() ? "" : " and ") + ("has called " + joined(rule.after_tools));
      why = "this session " + why;
      break;
    case FlowRule::Kind::Same:
      why = unusable ? paths_of(program, rule) + " must be given as text or numbers"
                     : "this session began with another " + paths_of(program, rule);
      break;
    case FlowRule::Kind::Count: why = "this session has made its " + std::to_string(rule.calls_max) + " of " + calls_of(rule); break;
  }
  if (rule.asks) return "A person has to approve this call: " + why + " (`" + rule.name + "`).";
  return "Blocked by policy: " + why + ", so this call is closed to it (`" + rule.name + "`). Do not try it another way; tell the user.";
}

}  // namespace callgate::policy
