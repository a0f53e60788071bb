#pragma once
// Words for conditions: what explain shows, and the standard sentence of a rule that has no on_deny.

#include <string>

#include "policy/program.h"

namespace callgate::policy {

std::string describe(const Program& program, std::uint32_t begin, std::uint32_t end);  // args.amount gt 1000 and ...
std::string describe_value(const Seen& seen);                                          // quoted, at most 80 characters
std::string describe_inputs(const Program& program, std::uint32_t begin, std::uint32_t end, Reader& reader);

// Standard messages. They say what to change, and end with what to do.
std::string require_message(const Program& program, const Rule& rule);
std::string deny_if_message(const Program& program, const Rule& rule);
std::string ask_message(const Program& program, const Rule& rule);
std::string unmet_message(const Program& program, const Rule& rule);

// describe_flows.cc
std::string describe_flow(const Program& program, const FlowRule& rule);
std::string flow_message_of(const Program& program, const FlowRule& rule, bool unusable);  // unusable: a value is missing or mistyped

}  // namespace callgate::policy
