#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

bool name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// $1, $@, $*: all of them are what a function, `set` or `sh -c` was given.
std::string_view common_name(std::string_view name) {
  return !name.empty() && (name == "*" || (name[0] >= '0' && name[0] <= '9')) ? std::string_view("@") : name;
}

}  // namespace

bool ShellVariables::charge_growth(std::size_t bytes) { return charge(bytes * 8); }

bool ShellVariables::charge(std::size_t bytes) {
  bytes_ += bytes;
  spent_ = spent_ || bytes_ > kShellBytesMax * 16;
  return !spent_;
}

void ShellVariables::set(std::string_view assignment, bool exact) {
  auto equals = assignment.find('=');
  auto name = assignment.substr(0, equals);
  std::string value(equals == std::string_view::npos ? std::string_view{} : assignment.substr(equals + 1));
  const bool adds = name.ends_with('+');
  if (adds) name.remove_suffix(1);
  name = name.substr(0, name.find('['));
  // With other blanks nothing is split as it is here.
  if (name == "IFS" && unclear_.empty()) unclear_ = "IFS is set";
  exact = exact && !adds && equals != std::string_view::npos && value.find_first_of("$`(") == std::string::npos;
  if (!exact) value = fill(value);
  auto known = set_.find(name);
  if (known == set_.end()) {
    set_.emplace(name, Variable{std::move(value), exact && !used_.contains(name)});
    return;
  }
  known->second.exact = false;
  if (adds) value = known->second.value + value;
  if (charge_growth(value.size()) && value.size() <= kShellBytesMax) known->second.value = std::move(value);
}

void ShellVariables::set_by(const Call& call) {
  const auto& args = call.args;
  const bool writes_out = call.name == "export" || call.name == "readonly" || call.name == "local";
  if (call.name == "printf") {
    if (args.empty() || !args[0].starts_with("-v")) return;
    if (args[0].size() > 2) set(args[0].substr(2), false);
    else if (args.size() > 1) set(args[1], false);
  } else if (call.name == "set") {
    if (!call.operands().empty()) set("@", false);
  } else if (writes_out || call.name == "declare" || call.name == "typeset" || call.name == "read" || call.name == "mapfile" ||
             call.name == "readarray" || call.name == "getopts" || call.name == "let") {
    const bool options =
        std::any_of(args.begin(), args.end(), [](const auto& arg) { return arg.starts_with('-') || arg.starts_with('+'); });
    set("REPLY", false);
    set("MAPFILE", false);
    for (const auto& operand : args)
      if (operand.find('=') != std::string::npos || !(writes_out || operand.starts_with('-'))) set(operand, writes_out && !options);
  } else {
    return;
  }
  for (std::size_t i = 0; i < args.size(); ++i)
    if (!call.literal[i] && unclear_.empty() && args[i].find('$') < args[i].find('='))
      unclear_ = "sets a variable that only the shell knows";
}

void ShellVariables::use(std::string_view name, bool exact) {
  used_.emplace(name);
  if ((name == "_" || name.starts_with("BASH")) && unclear_.empty())
    unclear_ = "what `$" + std::string(name) + "` holds is up to the shell";
  // ${A:-x}, ${A#x}: what comes out is another value.
  if (auto found = set_.find(name); found == set_.end()) {
    if (!exact) set_.emplace(name, Variable{"", false});
  } else if (!exact) {
    found->second.exact = false;
  }
}

std::string ShellVariables::fill(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool braced = text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{';
    std::size_t begin = i + 1 + braced, end = begin;
    if (text[i] == '$') {
      if (braced && end < text.size() && text[end] == '!' && unclear_.empty()) unclear_ = "a variable is named by another";
      while (end < text.size() && name_char(text[end])) ++end;
      if (end == begin && end < text.size() && (text[end] == '@' || text[end] == '*')) ++end;
      if (end > begin && !braced && text[begin] >= '0' && text[begin] <= '9') end = begin + 1;  // $10 is ${1}0
    }
    if (text[i] != '$' || end == begin) {
      out += text[i++];
      continue;
    }
    auto name = common_name(std::string_view(text).substr(begin, end - begin));
    const bool plain = !braced || (end < text.size() && text[end] == '}');
    if (!plain) {
      // ${HOME%/}: shorter, but not another text than the one from outside.
      const bool shortens = end < text.size() && (text[end] == '%' || text[end] == '#') && !set_.contains(name);
      use(name, shortens);
      out.append(text, i, end - i);
      i = end;
      continue;
    }
    use(name, true);
    auto known = set_.find(name);
    if (known == set_.end() || name == "@") {
      out.append(text, i, end + braced - i);
    } else {
      if (!charge_growth(known->second.value.size())) return text;
      out += known->second.value;
    }
    i = end + braced;
  }
  return out;
}

Words ShellVariables::fill(const Words& words) {
  Words out;
  for (const ShellWord& word : words) {
    if (spent_) return words;
    std::string text = word.expands ? fill(word.text) : std::string();
    if (!word.expands || text == word.text) {
      out.push_back(word);
      continue;
    }
    if (word.quoted || text.find('(') != std::string::npos || text.find('`') != std::string::npos) {
      out.push_back({std::move(text), true, word.quoted, word.glob});
      continue;
    }
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at;
      while (end < text.size() && !blank(text[end])) ++end;
      std::string part = text.substr(at, end - at);
      const bool glob = word.glob || part.find_first_of("*?[") != std::string::npos;
      if (!part.empty()) out.push_back({std::move(part), true, false, glob});
      at = end + 1;
    }
  }
  return out;
}

std::string decided_by_expansion(const Call& call) {
  constexpr std::string_view kVerbs[] = {"git",     "kubectl", "oc",   "helm", "terraform", "aws", "gcloud", "az", "systemctl",
                                         "service", "npm",     "yarn", "pnpm", "npx",       "pip", "pip3",   "uv", "brew",
                                         "apt",     "apt-get", "dnf",  "yum",  "cargo",     "go",  "gh"};
  constexpr std::string_view kValued[] = {"-C",        "-c",       "-n",        "-f",       "--namespace",
                                          "--context", "--region", "--profile", "--prefix", "--project"};
  auto among = [](const auto& list, std::string_view name) { return std::find(std::begin(list), std::end(list), name) != std::end(list); };
  const bool verbs = among(kVerbs, call.name);
  const bool runs = is_interpreter(call.name) || call.name == "psql" || call.name == "mysql" || call.name == "sqlite3";
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    const bool valued = i > 0 && among(kValued, call.args[i - 1]);
    if (runs && !call.literal[i] && i > 0 && (call.args[i - 1] == "-c" || call.args[i - 1] == "-e" || call.args[i - 1] == "-r"))
      return "the code is an expansion: " + call.args[i];
    if (!verbs || valued || call.args[i].starts_with('-')) continue;
    return call.literal[i] ? "" : "what `" + call.name + "` is to do is an expansion: " + call.args[i];
  }
  return {};
}

std::string ShellVariables::unclear() const {
  if (!unclear_.empty()) return unclear_;
  for (const auto& name : used_)
    if (auto found = set_.find(name); found != set_.end() && !found->second.exact)
      return "what `$" + name + "` holds is not written out once before it is used";
  return {};
}

}  // namespace callgate::inspection
