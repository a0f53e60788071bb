#include "cli/command.h"

namespace callgate::cli {

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  add_serve_commands(commands);
  add_server_commands(commands);
  add_connect_commands(commands);
  add_wrap_commands(commands);
  add_tool_commands(commands);
  add_policy_commands(commands);
  add_policy_file_commands(commands);
  add_backtest_commands(commands);
  add_shadow_commands(commands);
  add_who_commands(commands);
  add_grant_commands(commands);
  add_setup_commands(commands);
  add_principal_commands(commands);
  add_role_commands(commands);
  add_token_commands(commands);
  add_approval_commands(commands);
  add_audit_commands(commands);
  add_why_commands(commands);
  add_counter_commands(commands);
  add_flow_commands(commands);
  add_plan_commands(commands);
  add_doctor_commands(commands);
  add_config_commands(commands);
  return commands;
}

std::string_view group_summary(std::string_view group) {
  static const std::map<std::string_view, std::string_view> summaries = {
      {"serve", "run the gate"},
      {"server", "register and probe the MCP servers behind the gate"},
      {"tool", "see the tools of those servers"},
      {"policy", "write, test and explain what calls may do"},
      {"grant", "mint, rotate and revoke credentials for clients"},
      {"connect", "a stdio end for clients that cannot do HTTP"},
      {"wrap", "one local server behind a policy file, no daemon"},
      {"setup", "configure an AI client to use the gate"},
      {"user", "people"},
      {"robot", "agents and automation"},
      {"role", "named sets of servers and tools"},
      {"token", "API tokens for this command line and automation"},
      {"approval", "decide about calls that wait for a person"},
      {"audit", "search, export and verify the record"},
      {"counter", "see and reset limits"},
      {"flow", "see and clear what sessions have seen"},
      {"plan", "show what files in git would change"},
      {"apply", "make it so, all or nothing"},
      {"doctor", "find out what is wrong"},
      {"status", "what is inside"},
      {"config", "settings and where they come from"},
      {"completion", "shell completion"},
      {"version", "version of this binary"},
  };
  auto found = summaries.find(group);
  return found == summaries.end() ? std::string_view() : found->second;
}

const std::vector<Argument>& global_arguments() {
  static const std::vector<Argument> arguments = {
      {"--output", "form of results (also -o, CALLGATE_OUTPUT)", Takes::One, false, "FORM", "table|wide|json|jsonl|yaml|name"},
      {"--data", "data directory of the gate (also CALLGATE_DATA_DIR)", Takes::One, false, "DIR"},
      {"--url", "talk to this gate with CALLGATE_TOKEN instead of the control socket", Takes::One, false, "URL"},
      flag("--quiet", "results only, no remarks (also -q)"),
      flag("--yes", "do not ask (also -y)"),
      flag("--dry-run", "check and show, change nothing"),
      flag("--no-color", "no colours (also NO_COLOR)"),
  };
  return arguments;
}

}  // namespace callgate::cli
