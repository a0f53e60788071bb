#pragma once
// One command, declared. Inner header of cli/.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::cli {

class Session;

enum class Takes : unsigned char { One, Many, Flag };

struct Argument {
  std::string_view name;  // "SERVER": positional; "--slug": option
  std::string_view doc;
  Takes takes = Takes::One;
  bool required = false;
  std::string_view value = "TEXT";  // shown in help
  std::string_view choices = {};    // "a|b"
  bool hidden = false;
};

class Args {
 public:
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::string>& list(std::string_view name) const;
  bool given(std::string_view name) const { return !list(name).empty(); }
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // "--slug" or "SERVER"
  std::vector<std::string> rest;                                        // after --
  bool has_rest = false;
};

struct Command {
  std::string_view path;  // "server add"
  std::string_view summary;
  std::vector<std::string_view> examples;
  std::vector<Argument> arguments;
  int (*run)(Session&, const Args&) = nullptr;
  std::string_view notes = {};  // more text below the options
};

inline Argument positional(std::string_view name, std::string_view doc, bool required = true) {
  return {name, doc, Takes::One, required, {}, {}, false};
}
inline Argument flag(std::string_view name, std::string_view doc) { return {name, doc, Takes::Flag, false, {}, {}, false}; }

std::vector<Command> all_commands();
std::string_view group_summary(std::string_view group);
void add_serve_commands(std::vector<Command>& commands);
void add_server_commands(std::vector<Command>& commands);
void add_connect_commands(std::vector<Command>& commands);
void add_wrap_commands(std::vector<Command>& commands);
void add_tool_commands(std::vector<Command>& commands);
void add_policy_commands(std::vector<Command>& commands);
void add_policy_file_commands(std::vector<Command>& commands);
void add_backtest_commands(std::vector<Command>& commands);
void add_shadow_commands(std::vector<Command>& commands);
void add_who_commands(std::vector<Command>& commands);
void add_why_commands(std::vector<Command>& commands);
void add_grant_commands(std::vector<Command>& commands);
void add_principal_commands(std::vector<Command>& commands);
void add_role_commands(std::vector<Command>& commands);
void add_token_commands(std::vector<Command>& commands);
void add_approval_commands(std::vector<Command>& commands);
void add_audit_commands(std::vector<Command>& commands);
void add_counter_commands(std::vector<Command>& commands);
void add_flow_commands(std::vector<Command>& commands);
void add_plan_commands(std::vector<Command>& commands);
void add_doctor_commands(std::vector<Command>& commands);
void add_setup_commands(std::vector<Command>& commands);
void add_config_commands(std::vector<Command>& commands);

// Options every command takes.
const std::vector<Argument>& global_arguments();

// Help and completion, from the table.
std::string help_of(const Command& command);
std::string help_of_group(const std::vector<Command>& commands, std::string_view group);
std::string help_of_all(const std::vector<Command>& commands);
std::string completion_script(const std::vector<Command>& commands, std::string_view shell);

}  // namespace callgate::cli
