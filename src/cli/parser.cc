// The one file that sees CLI11.
#include "cli/parser.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "config/settings.h"

namespace callgate::cli {
namespace {

bool is_group(const std::vector<Command>& commands, std::string_view word) {
  for (const auto& command : commands)
    if (command.path.starts_with(std::string(word) + " ")) return true;
  return false;
}

const Command* find(const std::vector<Command>& commands, std::string_view path) {
  for (const auto& command : commands)
    if (command.path == path) return &command;
  return nullptr;
}

std::string not_known(std::string_view what, std::string_view word, const std::vector<std::string_view>& known, std::string_view help) {
  auto near = config::suggest(word, known);
  std::string text = "there is no " + std::string(what) + " `" + std::string(word.substr(0, 60)) + "`";
  return text + (near.empty() ? "" : "; did you mean `" + near + "`?") + "\n" + "see `callgate " + std::string(help) + "--help`";
}

// Takes the command's words off the front. Global options may stand before them.
const Command* take_command(const std::vector<Command>& commands, std::vector<std::string>& words, Parsed& parsed) {
  std::vector<std::string> before;
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with('-')) {
    bool valued = words[at] == "-o" || words[at] == "--output" || words[at] == "--data" || words[at] == "--url";
    before.push_back(words[at++]);
    if (valued && at < words.size()) before.push_back(words[at++]);
  }
  bool wants_help =
      std::find(before.begin(), before.end(), "--help") != before.end() || std::find(before.begin(), before.end(), "-h") != before.end();
  if (at == words.size() || words[at] == "help") {
    if (at < words.size() && at + 1 < words.size()) {
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
      words.push_back("--help");
      return take_command(commands, words, parsed);
    }
    if (at == words.size() && !wants_help && words.size() > 0 && words[0] == "--version") return find(commands, "version");
    parsed.help = help_of_all(commands);
    return nullptr;
  }
  std::string path = words[at++];
  if (const Command* leaf = find(commands, path); !leaf) {
    std::vector<std::string_view> known;
    for (const auto& command : commands) known.push_back(command.path.substr(0, command.path.find(' ')));
    if (!is_group(commands, path)) {
      parsed.error = not_known("command", path, known, "");
      return nullptr;
    }
    if (at == words.size() || words[at] == "--help" || words[at] == "-h") {
      parsed.help = help_of_group(commands, path);
      return nullptr;
    }
    std::string group = path;
    path += " " + words[at++];
    if (!find(commands, path)) {
      known.clear();
      for (const auto& command : commands)
        if (command.path.starts_with(group + " ")) known.push_back(command.path.substr(group.size() + 1));
      parsed.error = not_known("command", std::string_view(path).substr(group.size() + 1), known, group + " ");
      parsed.error.insert(parsed.error.find('`') + 1, group + " ");
      return nullptr;
    }
  }
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
  words.insert(words.begin(), before.begin(), before.end());
  return find(commands, path);
}

std::string cli11_name(const Argument& argument) {
  if (argument.name == "--output") return "-o,--output";
  if (argument.name == "--quiet") return "-q,--quiet";
  if (argument.name == "--yes") return "-y,--yes";
  if (argument.name == "--follow") return "-f,--follow";
  if (argument.name == "--file") return "-f,--file";
  return std::string(argument.name);
}

void declare(CLI::App& app, const Argument& argument, Args& args) {
  std::string key(argument.name);
  if (argument.takes == Takes::Flag) {
    app.add_flag_callback(cli11_name(argument), [&args, key] { args.values[key] = {"true"}; });
    return;
  }
  CLI::Option* option = nullptr;
  if (argument.takes == Takes::One) {  // given twice is an error
    option =
        app.add_option_function<std::string>(cli11_name(argument), [&args, key](const std::string& value) { args.values[key] = {value}; });
  } else {
    option = app.add_option_function<std::vector<std::string>>(
        cli11_name(argument), [&args, key](const std::vector<std::string>& values) { args.values[key] = values; });
    if (argument.name.starts_with("--")) option->expected(1)->take_all();
    else option->expected(-1);
  }
  if (argument.required) option->required();
  if (!argument.choices.empty()) {
    std::vector<std::string> choices;
    for (std::string_view rest = argument.choices; !rest.empty();) {
      auto bar = rest.find('|');
      choices.emplace_back(rest.substr(0, bar));
      rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
    }
    option->check([choices](const std::string& value) -> std::string {
      if (std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
      std::string known;
      for (const auto& choice : choices) known += (known.empty() ? "" : ", ") + choice;
      return "`" + value.substr(0, 60) + "` is none of " + known;
    });
  }
}

std::string explain(const Command& command, const CLI::Error& error, const std::vector<std::string>& unparsed) {
  if (!unparsed.empty()) {
    std::vector<std::string_view> known;
    for (const auto& argument : command.arguments) known.push_back(argument.name);
    for (const auto& argument : global_arguments()) known.push_back(argument.name);
    if (unparsed.front().starts_with('-'))
      return not_known("option", std::string_view(unparsed.front()).substr(0, unparsed.front().find('=')), known,
                       std::string(command.path) + " ");
    return "`" + unparsed.front() + "` is one argument too many\nsee `callgate " + std::string(command.path) + " --help`";
  }
  return std::string(error.what()) + "\nsee `callgate " + std::string(command.path) + " --help`";
}

}  // namespace

Parsed parse(const std::vector<Command>& commands, std::vector<std::string> words) {
  Parsed parsed;
  if (auto dashes = std::find(words.begin(), words.end(), "--"); dashes != words.end()) {
    parsed.args.has_rest = true;
    parsed.args.rest.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  parsed.command = take_command(commands, words, parsed);
  if (!parsed.command) return parsed;
  const Command& command = *parsed.command;
  if (std::find(words.begin(), words.end(), "--help") != words.end() || std::find(words.begin(), words.end(), "-h") != words.end()) {
    parsed.help = help_of(command);
    return parsed;
  }
  CLI::App app;
  app.set_help_flag();
  app.allow_extras(false);
  try {
    for (const auto& argument : command.arguments) declare(app, argument, parsed.args);
    for (const auto& argument : global_arguments()) declare(app, argument, parsed.args);
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(words);
  } catch (const CLI::Error& error) {
    parsed.error = explain(command, error, app.remaining());
  }
  return parsed;
}

}  // namespace callgate::cli
