// Help, completion and the reference page, all from the table of commands. Examples come first.
#include <algorithm>

#include "cli/cli.h"
#include "cli/command.h"

namespace callgate::cli {
namespace {

std::string_view group_of(std::string_view path) { return path.substr(0, path.find(' ')); }

std::string usage_of(const Command& command) {
  std::string out = "callgate " + std::string(command.path);
  for (const auto& argument : command.arguments) {
    if (argument.name.starts_with("--")) continue;
    std::string name = std::string(argument.name) + (argument.takes == Takes::Many ? "..." : "");
    out += argument.required ? " " + name : " [" + name + "]";
  }
  return out + " [options]";
}

std::string option_line(const Argument& argument) {
  std::string left = std::string(argument.name);
  if (argument.name.starts_with("--") && argument.takes != Takes::Flag) left += " " + std::string(argument.value);
  std::string out = "  " + left + std::string(left.size() < 26 ? 26 - left.size() : 1, ' ') + std::string(argument.doc);
  if (!argument.choices.empty()) {
    std::string choices(argument.choices);
    for (auto bar = choices.find('|'); bar != std::string::npos; bar = choices.find('|')) choices.replace(bar, 1, ", ");
    out += ": " + choices;
  }
  if (argument.takes == Takes::Many && argument.name.starts_with("--")) out += " (may be repeated)";
  if (argument.required && argument.name.starts_with("--")) out += " (required)";
  return out + "\n";
}

void append_examples(std::string& out, const std::vector<std::string_view>& examples) {
  if (examples.empty()) return;
  out += "Examples:\n";
  for (auto example : examples) out += "  " + std::string(example) + "\n";
  out += "\n";
}

std::vector<std::string_view> groups_of(const std::vector<Command>& commands) {
  std::vector<std::string_view> groups;
  for (const auto& command : commands)
    if (std::find(groups.begin(), groups.end(), group_of(command.path)) == groups.end()) groups.push_back(group_of(command.path));
  return groups;
}

std::string words_below(const std::vector<Command>& commands, std::string_view group) {
  std::string words;
  for (const auto& command : commands)
    if (group_of(command.path) == group && command.path.size() > group.size())
      words += (words.empty() ? "" : " ") + std::string(command.path.substr(group.size() + 1));
  return words;
}

std::string options_of(const Command& command) {
  std::string words;
  for (const auto& argument : command.arguments)
    if (argument.name.starts_with("--") && !argument.hidden) words += std::string(argument.name) + " ";
  for (const auto& argument : global_arguments()) words += std::string(argument.name) + " ";
  return words + "--help";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string out =
      "_callgate() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" word i\n"
      "  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n    word=\"${COMP_WORDS[i]}\"\n"
      "    [[ $word == -* ]] && break\n    path+=\"${path:+ }$word\"\n  done\n  local words=\"\"\n  case \"$path\" in\n    '') words=\"";
  for (auto group : groups_of(commands)) out += std::string(group) + " ";
  out += "\" ;;\n";
  for (auto group : groups_of(commands))
    if (auto below = words_below(commands, group); !below.empty()) out += "    '" + std::string(group) + "') words=\"" + below + "\" ;;\n";
  for (const auto& command : commands) {
    bool leaf = command.path.find(' ') == std::string_view::npos;
    out += "    '" + std::string(command.path) + "'" + (leaf ? "*" : "") + ") words=\"" + options_of(command) + "\" ;;\n";
  }
  return out +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -o filenames -F _callgate callgate\n";
}

std::string fish_script(const std::vector<Command>& commands) {
  auto quoted = [](std::string_view text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? "\\'" : std::string(1, c);
    return out + "'";
  };
  std::string out = "complete -c callgate -n __fish_use_subcommand -f\n";
  for (auto group : groups_of(commands))
    out += "complete -c callgate -n __fish_use_subcommand -a " + std::string(group) + " -d " + quoted(group_summary(group)) + "\n";
  for (const auto& command : commands) {
    auto group = std::string(group_of(command.path));
    std::string seen = "'__fish_seen_subcommand_from " + group + "'";
    if (command.path.size() > group.size()) {
      auto word = std::string(command.path.substr(group.size() + 1));
      out += "complete -c callgate -n " + seen + " -a " + word + " -d " + quoted(command.summary) + "\n";
      seen = "'__fish_seen_subcommand_from " + group + "; and __fish_seen_subcommand_from " + word + "'";
    }
    for (const auto& argument : command.arguments)
      if (argument.name.starts_with("--") && !argument.hidden)
        out += "complete -c callgate -n " + seen + " -l " + std::string(argument.name.substr(2)) +
               (argument.takes == Takes::Flag ? "" : " -r") + " -d " + quoted(argument.doc) + "\n";
  }
  return out;
}

}  // namespace

std::string help_of(const Command& command) {
  std::string out = std::string(command.path) + ": " + std::string(command.summary) + "\n\n";
  append_examples(out, command.examples);
  out += "Usage:\n  " + usage_of(command) + "\n";
  std::string arguments, options;
  for (const auto& argument : command.arguments)
    if (!argument.hidden) (argument.name.starts_with("--") ? options : arguments) += option_line(argument);
  if (!arguments.empty()) out += "\nArguments:\n" + arguments;
  if (!options.empty()) out += "\nOptions:\n" + options;
  out += "\nEverywhere:\n";
  for (const auto& argument : global_arguments()) out += option_line(argument);
  if (!command.notes.empty()) out += "\n" + std::string(command.notes) + "\n";
  return out;
}

std::string help_of_group(const std::vector<Command>& commands, std::string_view group) {
  std::string out = std::string(group) + ": " + std::string(group_summary(group)) + "\n\n";
  std::vector<std::string_view> examples;
  for (const auto& command : commands)
    if (group_of(command.path) == group && !command.examples.empty() && examples.size() < 4) examples.push_back(command.examples.front());
  append_examples(out, examples);
  out += "Commands:\n";
  for (const auto& command : commands)
    if (group_of(command.path) == group) {
      std::string name(command.path);
      out += "  " + name + std::string(name.size() < 20 ? 20 - name.size() : 1, ' ') + std::string(command.summary) + "\n";
    }
  return out + "\n`callgate " + std::string(group) + " COMMAND --help` says more.\n";
}

std::string help_of_all(const std::vector<Command>& commands) {
  std::string out =
      "callgate: the security gateway for MCP. Every tool call passes one gate that authenticates, decides, limits and records it.\n\n";
  append_examples(out,
                  {"callgate serve", "callgate server add refunds https://mcp.example.com/mcp", "callgate policy put refunds refunds.yaml",
                   "callgate grant mint 'ada laptop' --for ada --server refunds --policy refunds", "callgate audit tail -f"});
  out += "Commands:\n";
  for (auto group : groups_of(commands)) {
    std::string name(group);
    out += "  " + name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + std::string(group_summary(group)) + "\n";
  }
  out += "\nEverywhere:\n";
  for (const auto& argument : global_arguments()) out += option_line(argument);
  return out + "\n`callgate COMMAND --help` says more.\n";
}

std::string completion_script(const std::vector<Command>& commands, std::string_view shell) {
  if (shell == "fish") return fish_script(commands);
  if (shell == "zsh") return "#compdef callgate\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(commands);
  return bash_script(commands);
}

std::string cli_markdown() {
  auto commands = all_commands();
  std::string out =
      "# Command line\n\n"
      "Generated from the table of commands in `src/cli/`; a test compares the two.\n\n"
      "The command line talks to the running gate: over the control socket in its data directory (whoever may open it is the operator), or "
      "with\n"
      "`--url` and an API token in `CALLGATE_TOKEN` or the file named by `CALLGATE_TOKEN_FILE`. Results go to stdout, remarks and errors "
      "to stderr.\n"
      "`policy check`, `test`, `explain`, `schema` and `new` work on files without a gate; `audit verify` works on the data directory.\n\n"
      "## Exit codes\n\n"
      "| code | meaning |\n|---|---|\n| 0 | done |\n| 1 | failed |\n| 2 | wrong usage |\n| 3 | not found |\n| 4 | denied by policy, or a "
      "role is missing |\n"
      "| 5 | an approval is open |\n| 6 | not authenticated |\n| 7 | conflict: exists already, or changed meanwhile |\n| 8 | a value is "
      "wrong, or a policy test failed |\n"
      "| 9 | no gate answers |\n| 10 | cannot be done now; try again |\n| 11 | needs an operator: journal, keys or publishing |\n"
      "| 12 | a thing named inside the request does not exist |\n"
      "| 20 | `plan` found changes; `policy backtest` found what `--fail-on` names |\n\n"
      "## Options everywhere\n\n```\n";
  for (const auto& argument : global_arguments()) out += option_line(argument);
  out += "```\n";
  for (const auto& command : commands) {
    out += "\n## " + std::string(command.path) + "\n\n" + std::string(command.summary) + "\n\n```\n" + usage_of(command) + "\n";
    bool any = false;
    for (const auto& argument : command.arguments) any = any || !argument.hidden;
    if (any) out += "\n";
    for (const auto& argument : command.arguments)
      if (!argument.hidden) out += option_line(argument);
    out += "```\n";
    if (!command.examples.empty()) {
      out += "\n```sh\n";
      for (auto example : command.examples) out += std::string(example) + "\n";
      out += "```\n";
    }
    if (!command.notes.empty()) out += "\n" + std::string(command.notes) + "\n";
  }
  return out;
}

}  // namespace callgate::cli
