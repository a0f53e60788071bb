#include "inspection/shell.h"

#include <algorithm>
#include <map>
#include <set>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

constexpr int kDepthMax = 12;
constexpr std::size_t kCommandsMax = 4000;

std::string base_name(std::string_view path) {
  auto slash = path.rfind('/');
  std::string name(slash == std::string_view::npos ? path : path.substr(slash + 1));
  for (char& c : name)  // some file systems do not tell RM from rm
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return name.empty() ? std::string(path) : name;
}

// xargs sh -c, parallel bash -c {}: what is read is run.
bool runs_its_input(const Words& inner, std::string_view mark) {
  if (inner.empty() || !is_shell(base_name(inner[0].text))) return false;
  for (std::size_t i = 1; i < inner.size(); ++i)
    if (inner[i].text.size() > 1 && inner[i].text[0] == '-' && inner[i].text.back() == 'c')
      return i + 1 == inner.size() || inner[i + 1].text == mark;
  return inner.size() == 1;
}

class Walk {
 public:
  explicit Walk(ShellAnalysis& out) : out_(out) {}
  void script(std::string_view text, int depth);
  void end() {
    if (auto why = variables_.unclear(); !why.empty()) unresolved(std::move(why));
  }

 private:
  void unresolved(std::string why) {
    out_.unresolved = true;
    if (out_.why_unresolved.empty()) out_.why_unresolved = std::move(why);
  }
  // Words run as a script: what an expansion puts into one may be any command.
  void code(const Words& words, std::size_t from, std::size_t to, int depth);
  bool spent() {
    if (commands_ > kCommandsMax || variables_.spent()) unresolved("too much to follow");
    return commands_ > kCommandsMax || variables_.spent();
  }
  bool put(std::string& text, std::string_view mark, std::string_view value);  // false: no mark in it
  void words(Words words, const Pipeline* before, int depth, bool more_args, bool remote);
  bool unwrap(const std::string& name, Words& words, const Pipeline* before, int depth, bool more_args, bool remote);
  void elsewhere(const std::string& name, const Words& words, int depth, bool more_args);
  void shell_command(const Words& words, const Pipeline* before, int depth, bool more_args);
  void find(const Words& words, int depth);
  void xargs(const Words& words, const Pipeline* before, int depth);
  void parallel(const Words& words, const Pipeline* before, int depth);
  void env(Words words, const Pipeline* before, int depth, bool more_args, bool remote);
  void fetched(const Call& call);
  ShellAnalysis& out_;
  std::size_t commands_ = 0;
  ShellVariables variables_;
  std::set<std::string, std::less<>> fetched_;  // names of files that came from elsewhere
  bool cloned_ = false;
};

// Drops options up to the first operand. `with_value` lists short letters and long names that take one.
std::size_t skip_options(const Words& words, std::size_t at, std::string_view letters, std::initializer_list<std::string_view> names = {}) {
  while (at < words.size()) {
    const std::string& text = words[at].text;
    if (text == "--") return at + 1;
    if (text.size() < 2 || text[0] != '-') return at;
    ++at;
    if (text[1] == '-') {
      if (std::find(names.begin(), names.end(), text) != names.end()) ++at;
    } else if (text.find_first_of(letters, 1) == text.size() - 1) {  // -u root, -nu root; not -uroot
      ++at;
    }
  }
  return std::min(at, words.size());
}

Words tail(const Words& words, std::size_t from) {
  return from >= words.size() ? Words{} : Words(words.begin() + static_cast<std::ptrdiff_t>(from), words.end());
}

// $0, $1 ... of `sh -c code $0 $1`. What is put in is not looked at again.
std::string with_arguments(std::string_view code, const Words& words, std::size_t first) {
  std::string out;
  for (std::size_t i = 0; i < code.size() && out.size() <= kShellBytesMax; ++i) {
    bool digit = code[i] == '$' && i + 1 < code.size() && code[i + 1] >= '0' && code[i + 1] <= '9';
    auto at = digit ? first + static_cast<std::size_t>(code[i + 1] - '0') : words.size();
    if (at >= words.size()) {
      out += code[i];
      continue;
    }
    out += words[at].text;
    ++i;
  }
  return out;
}

void Walk::code(const Words& words, std::size_t from, std::size_t to, int depth) {
  from = std::min(from, words.size());
  for (std::size_t i = from; i < to; ++i)
    if (words[i].expands) unresolved("the script holds an expansion: " + words[i].text);
  script(joined({words.begin() + static_cast<std::ptrdiff_t>(from), words.begin() + static_cast<std::ptrdiff_t>(to)}, 0), depth + 1);
}

void Walk::shell_command(const Words& words, const Pipeline* before, int depth, bool more_args) {
  std::size_t at = 1;
  bool reads_input = true;
  for (; at < words.size(); ++at) {
    const std::string& text = words[at].text;
    if (text == "--" || (text == "-o" || text == "+o" || text == "-O" || text == "--rcfile" || text == "--init-file")) {
      at += text != "--";
      continue;
    }
    if (text.size() > 1 && text[0] == '-' && text[1] != '-' && text.find('c') != std::string::npos) {
      std::size_t code = at + 1;
      while (code < words.size() &&
             (words[code].text == "--" || (words[code].text.size() > 1 && (words[code].text[0] == '-' || words[code].text[0] == '+'))))
        ++code;
      if (code >= words.size()) {
        if (more_args) unresolved("the script comes from the arguments of another command");
        if (more_args && before && before->known) script(before->text, depth + 1);
        return;
      }
      this->code(words, code, code + 1, depth);
      if (code + 1 == words.size()) return;
      variables_.set("@", false);
      return script(with_arguments(words[code].text, words, code + 1), depth + 1);
    }
    if (text.size() > 1 && (text[0] == '-' || text[0] == '+')) {
      if (text == "-s") break;
      continue;
    }
    reads_input = text == "-" || text == "/dev/stdin";
    break;
  }
  bool substituted = at < words.size() && words[at].text.find("<(...)") != std::string::npos;
  if (substituted && out_.commands.size() < 4096) {
    // The substitution itself is judged on its own; here it feeds a shell.
    report(out_.findings, "shell.pipe-to-shell", Severity::Critical, joined(words, 0));
  }
  if (!reads_input || !before) return;
  if (before->known) return script(before->text, depth + 1);
  bool bad = before->fetches || before->decodes;
  report(out_.findings, "shell.pipe-to-shell", bad ? Severity::Critical : Severity::High, "... | " + joined(words, 0));
}

void Walk::find(const Words& words, int depth) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& text = words[i].text;
    if (text == "-delete") report(out_.findings, "shell.mass-delete", Severity::High, joined(words, 0));
    if (text.starts_with("-fprint") || text == "-fls")
      report(out_.findings, "shell.writes-through-option", Severity::High, joined(words, 0));
    if (text != "-exec" && text != "-execdir" && text != "-ok" && text != "-okdir") continue;
    Words inner;
    for (++i; i < words.size() && words[i].text != ";" && words[i].text != "+"; ++i) inner.push_back(words[i]);
    std::string name = inner.empty() ? std::string() : base_name(inner[0].text);
    const std::string& start = words[1].text;
    bool far = start == "/" || start == "~" || (start.starts_with('/') && !start.starts_with("/tmp/"));
    if (far && (name == "rm" || name == "unlink" || name == "shred"))
      report(out_.findings, "shell.mass-delete", Severity::High, joined(words, 0));
    this->words(std::move(inner), nullptr, depth + 1, true, false);
  }
}

void Walk::xargs(const Words& words, const Pipeline* before, int depth) {
  // --replace and --max-lines take their value only with `=`.
  std::size_t at = skip_options(words, 1, "aEILnPsdJRS",
                                {"--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-chars", "--process-slot-var"});
  std::string mark = "{}";
  for (std::size_t i = 1; i < words.size() && i < at; ++i) {
    const std::string& text = words[i].text;
    if ((text == "-I" || text == "-J") && i + 1 < words.size()) mark = words[i + 1].text;
    else if (text.starts_with("-I") || text.starts_with("-i")) mark = text.size() > 2 ? text.substr(2) : "{}";
    else if (text.starts_with("--replace=") && text.size() > 10) mark = text.substr(10);
  }
  Words inner = tail(words, at);
  if (inner.empty()) return;
  if (runs_its_input(inner, mark)) report(out_.findings, "shell.runs-input", Severity::High, joined(words, 0));
  bool from_file = std::any_of(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at),
                               [](const ShellWord& w) { return w.text.starts_with("-a") || w.text.starts_with("--arg-file"); });
  if (!before || !before->known || from_file) return this->words(std::move(inner), nullptr, depth + 1, true, false);
  bool replaced = false;
  const auto line = std::min(before->text.find('\n'), before->text.size());
  for (ShellWord& word : inner) replaced = put(word.text, mark, before->text.substr(0, line)) || replaced;
  if (replaced && before->text.find_first_not_of('\n', line) != std::string::npos) unresolved("xargs runs it for every line");
  if (!replaced)
    for (const auto& command : lex_shell(before->text).commands) {
      for (const auto& assignment : command.assignments) inner.push_back({assignment});
      for (const auto& word : command.words) inner.push_back(word);
    }
  this->words(std::move(inner), before, depth + 1, false, false);
}

bool Walk::put(std::string& text, std::string_view mark, std::string_view value) {
  std::size_t marks = 0;
  for (auto found = mark.empty() ? std::string::npos : text.find(mark); found != std::string::npos;
       found = text.find(mark, found + mark.size()))
    ++marks;
  if (marks == 0) return false;
  if (!variables_.charge_growth(marks * value.size())) return unresolved("too much to follow"), true;
  text = replace_all(text, mark, value);
  return true;
}

void Walk::parallel(const Words& words, const Pipeline* before, int depth) {
  std::size_t at =
      skip_options(words, 1, "jNnLIaSd",
                   {"--jobs", "--arg-file", "--max-args", "--colsep", "--delay", "--timeout", "--joblog", "--results", "--sshlogin"});
  Words inner;
  std::vector<std::string> given;
  for (; at < words.size() && !words[at].text.starts_with(":::"); ++at) inner.push_back(words[at]);
  for (++at; at < words.size(); ++at)
    if (!words[at].text.starts_with(":::")) given.push_back(words[at].text);
  if (inner.empty()) {  // every argument is a command of its own
    for (const auto& line : given) script(line, depth + 1);
    if (given.empty() && before && before->known) script(before->text, depth + 1);
    else if (given.empty()) unresolved("parallel runs what it reads");
    return;
  }
  if (given.empty() && runs_its_input(inner, "{}")) report(out_.findings, "shell.runs-input", Severity::High, joined(words, 0));
  if (given.empty() && before && before->known) {
    given.push_back(before->text.substr(0, before->text.find('\n')));
    if (before->text.find_first_not_of('\n', given[0].size()) != std::string::npos) unresolved("parallel runs it for every line");
  }
  if (given.empty()) return this->words(std::move(inner), nullptr, depth + 1, true, false);
  for (const auto& value : given) {
    if (spent()) return;
    Words filled = inner;
    bool replaced = false;
    for (ShellWord& word : filled) {
      for (std::string_view mark : {"{}", "{1}", "{2}", "{3}", "{.}", "{/}"}) replaced = put(word.text, mark, value) || replaced;
      if (!variables_.charge_growth(word.text.size())) return unresolved("too much to follow");
    }
    if (!replaced) filled.push_back({value});
    this->words(std::move(filled), nullptr, depth + 1, false, false);
  }
}

void Walk::env(Words words, const Pipeline* before, int depth, bool more_args, bool remote) {
  std::size_t at = 1;
  for (; at < words.size(); ++at) {
    const std::string& text = words[at].text;
    if (text == "--") {
      ++at;
      break;
    }
    if (text == "-S" || text == "--split-string" || text.starts_with("-S") || text.starts_with("--split-string=")) {
      report(out_.findings, "shell.runs-through-option", Severity::High, joined(words, 0));
      std::string code = text == "-S" || text == "--split-string" ? (++at < words.size() ? words[at].text : "")
                                                                  : text.substr(text.find_first_of("S=") + 1);
      return script(code + " " + joined(words, at + 1), depth + 1);
    }
    if (text == "-u" || text == "-C" || text == "-P" || text == "--unset" || text == "--chdir") ++at;
    else if (text.starts_with("-")) continue;
    else if (text.find('=') == std::string::npos) break;
    else {
      judge_assignment(text, true, out_.findings);
      variables_.set(text, false);
    }
  }
  this->words(tail(words, at), before, depth + 1, more_args, remote);
}

// Commands that run other commands. True when the rest has been judged.
bool Walk::unwrap(const std::string& name, Words& words, const Pipeline* before, int depth, bool more_args, bool remote) {
  auto go = [&](std::size_t from, bool elsewhere = false) {
    this->words(tail(words, from), before, depth + 1, more_args, remote || elsewhere);
    return true;
  };
  if (is_shell(name)) {
    shell_command(words, before, depth, more_args);
    return false;
  }
  if (name == "sudo" || name == "doas") {
    std::size_t at =
        skip_options(words, 1, "ugpCcDRTthrUa", {"--user", "--group", "--prompt", "--chdir", "--chroot", "--host", "--role", "--type"});
    for (; at < words.size() && words[at].text.find('=') != std::string::npos && words[at].text[0] != '/'; ++at)
      variables_.set(words[at].text, false);
    return go(at);
  }
  if (name == "env") return env(words, before, depth, more_args, remote), true;
  if (name == "command" || name == "builtin") {
    if (words.size() > 1 && (words[1].text == "-v" || words[1].text == "-V")) return true;
    return go(skip_options(words, 1, ""));
  }
  if (name == "exec") return go(skip_options(words, 1, "a"));
  if (name == "nohup" || name == "setsid" || name == "time" || name == "unbuffer" || name == "catchsegv" || name == "busybox" ||
      name == "toybox" || name == "proxychains" || name == "proxychains4" || name == "torsocks" || name == "then" || name == "caffeinate" ||
      name == "noglob" || name == "nocorrect")
    return go(skip_options(words, 1, "fo"));
  if (name == "nice" || name == "ionice" || name == "chrt" || name == "stdbuf" || name == "taskset")
    return go(skip_options(words, 1, "ncpioe", {"--adjustment"}) + (name == "taskset" || name == "chrt"));
  if (name == "timeout" || name == "gtimeout") return go(skip_options(words, 1, "ks", {"--signal", "--kill-after"}) + 1);
  if (name == "strace" || name == "ltrace") return go(skip_options(words, 1, "eopsuaOS"));
  if (name == "chroot" || name == "flock") {
    std::size_t at = skip_options(words, 1, "wE") + 1;
    if (at < words.size() && words[at].text == "-c" && at + 1 < words.size()) return code(words, at + 1, at + 2, depth), true;
    return go(at);
  }
  if (name == "watch") return code(words, skip_options(words, 1, "n", {"--interval"}), words.size(), depth), true;
  if (name == "eval") {
    for (std::string_view fetch : {"$(curl ", "$(wget ", "`curl ", "`wget ", "$(fetch ", "$(http "})
      if (joined(words, 1).find(fetch) != std::string::npos)
        report(out_.findings, "shell.runs-fetched-code", Severity::Critical, joined(words, 0));
    return code(words, 1, words.size(), depth), false;
  }
  if (name == "alias") {
    for (std::size_t i = 1; i < words.size(); ++i)
      if (auto equals = words[i].text.find('='); equals != std::string::npos)
        script(std::string_view(words[i].text).substr(equals + 1), depth + 1);
    return true;
  }
  if (name == "xargs") return xargs(words, before, depth), false;
  if (name == "parallel") return parallel(words, before, depth), true;
  if (name == "find" || name == "fd" || name == "fdfind") {
    if (name == "find") find(words, depth);
    else
      for (std::size_t i = 1; i < words.size(); ++i)
        if (words[i].text == "-x" || words[i].text == "--exec" || words[i].text == "-X" || words[i].text == "--exec-batch")
          return this->words(tail(words, i + 1), nullptr, depth + 1, true, false), false;
    return false;
  }
  elsewhere(name, words, depth, more_args);
  return false;
}

// On another machine, as another user, in a container: judged like here.
void Walk::elsewhere(const std::string& name, const Words& words, int depth, bool more_args) {
  if (name == "ssh") {
    std::size_t at = skip_options(words, 1, "bcDEeFIiJLlmOopQRSWw") + 1;
    if (at < words.size()) code(words, at, words.size(), depth);
    return;
  }
  if (name == "su" || name == "runuser" || name == "script" || name == "machinectl") {
    for (std::size_t i = 1; i + 1 < words.size(); ++i)
      if (words[i].text == "-c" || words[i].text == "--command") code(words, i + 1, i + 2, depth);
    return;
  }
  if (name == "gcloud" || name == "az" || name == "fly" || name == "flyctl" || name == "vagrant") {
    for (std::size_t i = 1; i < words.size(); ++i)
      for (std::string_view option : {"--command", "-C", "-c"}) {
        if (words[i].text == option && i + 1 < words.size()) code(words, i + 1, i + 2, depth);
        else if (words[i].text.starts_with(std::string(option) + "="))
          code({{words[i].text.substr(option.size() + 1), words[i].expands}}, 0, 1, depth);
      }
    return;
  }
  const bool orchestrated = name == "kubectl" || name == "oc";
  if ((orchestrated || name == "docker" || name == "podman" || name == "nerdctl" || name == "docker-compose" || name == "podman-compose") &&
      words.size() > 1) {
    // `docker exec -it box psql -c ...`, `docker compose exec db ...`; after `--` and shells look below.
    InContainer inside = orchestrated ? InContainer{} : in_container(name, words);
    if (!inside.understood) unresolved("what runs in the container is not clear: " + joined(words, 0));
    if (inside.at > 0) {
      if (inside.at < words.size()) this->words(tail(words, inside.at), nullptr, depth + 1, more_args, true);
      return;
    }
    std::size_t dashes = 0;
    for (std::size_t i = 1; i < words.size(); ++i)
      if (words[i].text == "--" || (is_shell(base_name(words[i].text)) && i > 1)) {
        dashes = words[i].text == "--" ? i + 1 : i;
        break;
      }
    if (orchestrated && dashes == 0 && std::any_of(words.begin(), words.end(), [](const auto& word) { return word.text == "exec"; }))
      unresolved("what runs in the container is not clear: " + joined(words, 0));
    if (dashes > 0 && dashes < words.size()) this->words(tail(words, dashes), nullptr, depth + 1, more_args, true);
    return;
  }
}

void Walk::words(Words words, const Pipeline* before, int depth, bool more_args, bool remote) {
  if (words.empty()) return;
  if (depth > kDepthMax || ++commands_ > kCommandsMax) return unresolved("nested too deep");
  const ShellWord& first = words[0];
  if (first.expands) {
    // $CMD, $(which x): the name is known only to the shell.
    unresolved("the program is an expansion: " + first.text);
    if (words.size() == 1 && first.text.find_first_of("$`") != std::string::npos) return;
  }
  if (first.text.find('/') != std::string::npos) out_.plain = false;
  Call call;
  call.name = base_name(first.text);
  for (std::size_t i = 1; i < words.size(); ++i) {
    call.args.push_back(words[i].text);
    call.literal.push_back(!words[i].expands);
  }
  call.more_args = more_args;
  call.remote = remote;
  call.before = before;
  std::vector<std::string> plain{call.name};
  plain.insert(plain.end(), call.args.begin(), call.args.end());
  if (unwrap(call.name, words, before, depth, more_args, remote)) return;
  out_.commands.push_back(std::move(plain));
  fetched(call);
  variables_.set_by(call);
  if (auto why = decided_by_expansion(call); !why.empty()) unresolved(std::move(why));
  if (cloned_ && first.text.starts_with("./")) report(out_.findings, "shell.runs-fetched-code", Severity::High, joined(words, 0));
  judge_call(call, out_.findings);
  if (is_interpreter(call.name) && depth < kDepthMax)
    // Shell words where a program was expected do no harm there, but show what was meant.
    for (std::size_t i = 0; i + 1 < call.args.size(); ++i)
      if ((call.args[i] == "-e" || call.args[i] == "-c") && call.args[i + 1].starts_with("rm ")) script(call.args[i + 1], depth + 1);
}

// Remembers what was downloaded, and sees when it is run.
void Walk::fetched(const Call& call) {
  auto known = [&](const std::string& path) { return fetched_.contains(base_name(path)); };
  auto operands = call.operands();
  bool runs = known(call.name) || ((is_shell(call.name) || is_interpreter(call.name) || call.name == "source" || call.name == ".") &&
                                   !operands.empty() && known(operands[0]));
  if (runs) report(out_.findings, "shell.runs-fetched-code", Severity::Critical, call.line());
  if (call.name == "git" && !operands.empty() && operands[0] == "clone") cloned_ = true;
  if (call.name != "curl" && call.name != "wget" && call.name != "aria2c") return;
  for (std::string_view option : {"-o", "--output", "-O", "--output-document"})
    if (auto path = call.value_of(option); !path.empty() && path != "-") fetched_.insert(base_name(path));
  for (const auto& operand : operands)
    if (operand.find("://") != std::string::npos || operand.find('/') != std::string::npos) fetched_.insert(base_name(operand));
}

void Walk::script(std::string_view text, int depth) {
  if (depth > kDepthMax) return unresolved("nested too deep");
  if (text.size() > kShellBytesMax) return unresolved("too long");
  if (!variables_.charge(text.size()) || spent()) return unresolved("too much to follow");
  ShellScript script = lex_shell(text);
  if (script.broken) unresolved("a quote or parenthesis is not closed");
  // A function that calls itself in a pipe: the fork bomb.
  std::map<std::string_view, std::size_t> calls;
  for (const auto& command : script.commands)
    if (!command.words.empty()) ++calls[command.words[0].text];
  for (const auto& function : script.functions)
    if (auto called = calls.find(function); called != calls.end() && called->second >= 3)
      report(out_.findings, "shell.fork-bomb", Severity::Critical, std::string(text.substr(0, 60)));
  if (!script.functions.empty()) variables_.set("@", false);  // $1 is what the function is given
  for (const auto& loop : script.loops) variables_.set(loop, true);
  Pipeline pipeline;
  for (ShellCommand& command : script.commands) {
    if (spent()) return;
    command.words = variables_.fill(command.words);
    if (!command.words.empty() && command.words[0].text.find("]=") != std::string::npos) variables_.set(command.words[0].text, false);
    for (auto& redirect : command.redirects)
      if (redirect.target.expands) redirect.target.text = variables_.fill(redirect.target.text);
    if (!command.piped) pipeline = {};
    Pipeline before = pipeline;
    bool fed = command.piped;
    if (command.after_group) before.known = false;  // more than the last of them may speak
    if (!command.input.empty() && !command.words.empty()) {
      before.known = true;
      before.text = command.input;
      fed = true;
    }
    for (const auto& assignment : command.assignments) {
      judge_assignment(assignment, !command.words.empty(), out_.findings);
      variables_.set(assignment, command.words.empty());
    }
    for (const auto& redirect : command.redirects) {
      judge_redirect(redirect.op, redirect.target.text, out_.findings);
      const std::string& target = redirect.target.text;
      bool descriptor = redirect.op.ends_with('&') && target.find_first_not_of("0123456789-") == std::string::npos;
      if (redirect.op.find('>') != std::string::npos && target != "/dev/null" && !descriptor) out_.plain = false;
    }
    if (!command.assignments.empty()) out_.plain = false;
    if (command.words.empty()) continue;
    std::string name = base_name(command.words[0].text);
    note(name, command, pipeline);
    words(command.words, fed ? &before : nullptr, depth + 1, false, false);
  }
  for (const auto& inner : script.substitutions) this->script(inner, depth + 1);
}

}  // namespace

bool ShellAnalysis::has(std::string_view rule) const {
  return std::any_of(findings.begin(), findings.end(), [&](const ShellFinding& finding) { return finding.rule == rule; });
}

Action ShellAnalysis::action() const {
  for (const ShellFinding& finding : findings)
    if (finding.severity == Severity::Critical) return Action::Deny;
  return dangerous() || unresolved ? Action::Ask : Action::Flag;
}

ShellAnalysis analyze_shell(std::string_view text) {
  ShellAnalysis out;
  Walk walk(out);
  walk.script(text, 0);
  walk.end();
  return out;
}

}  // namespace callgate::inspection
