// git: what throws work away, rewrites what others have, or runs programs of its own.

#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

bool guarded_branch(std::string_view name) {
  auto slash = name.rfind('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  return name == "main" || name == "master" || name == "production" || name == "prod" || name == "release" || name == "trunk" ||
         name == "HEAD:main" || name.ends_with(":main") || name.ends_with(":master");
}

struct Git {
  std::string verb;
  Call call;  // args after the verb
};

// Global options first: -C dir, -c name=value, --git-dir=...
bool split(const Call& call, Git& out, Report& found) {
  std::size_t at = 0;
  for (; at < call.args.size(); ++at) {
    const std::string& text = call.args[at];
    if (text == "-c" || text == "--config-env") {
      const std::string value = at + 1 < call.args.size() ? call.args[at + 1] : "";
      for (std::string_view runs :
           {"core.sshcommand", "core.pager", "core.editor", "core.fsmonitor", "alias.", "core.hookspath", "diff.external",
            "credential.helper", "sequence.editor", "gpg.program", "protocol.ext", "core.gitproxy", "filter.", "uploadpack", "pager."}) {
        std::string lower = value;
        for (char& c : lower)
          if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if (lower.starts_with(runs)) report(found, "shell.git-runs-program", Severity::High, call.line());
      }
      ++at;
    } else if (text == "-C" || text == "--git-dir" || text == "--work-tree" || text == "--namespace" || text == "--exec-path") {
      ++at;
    } else if (text.empty() || text[0] != '-') {
      break;
    }
  }
  if (at >= call.args.size()) return false;
  out.verb = call.args[at];
  out.call = call;
  out.call.args.assign(call.args.begin() + static_cast<std::ptrdiff_t>(at) + 1, call.args.end());
  out.call.literal.assign(call.literal.begin() + static_cast<std::ptrdiff_t>(at) + 1, call.literal.end());
  return true;
}

// Letters of short options up to one that takes a value: `-bname` is no -n.
bool short_flag(const Call& call, char letter, std::string_view takes_value = {}) {
  for (const auto& text : call.args) {
    if (text == "--") return false;
    if (text.size() < 2 || text[0] != '-' || text[1] == '-') continue;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == letter) return true;
      if (takes_value.find(text[i]) != std::string_view::npos) break;
    }
  }
  return false;
}

// Long options may be cut short: --hard, --har.
bool long_flag(const Call& call, std::string_view name, std::size_t least) {
  for (const auto& text : call.args) {
    if (text == "--") return false;
    std::string_view bare(text);
    bare = bare.substr(0, bare.find('='));
    if (bare.starts_with("--") && bare.size() >= least + 2 && name.starts_with(bare.substr(2))) return true;
  }
  return false;
}

void push(const Call& call, Report& found) {
  bool lease = long_flag(call, "force-with-lease", 7) && !long_flag(call, "force", 5);
  for (const auto& text : call.args) lease = lease || text.starts_with("--force-with-lease") || text.starts_with("--force-if-includes");
  bool force = short_flag(call, 'f', "o") || std::find(call.args.begin(), call.args.end(), "--force") != call.args.end() ||
               std::find(call.args.begin(), call.args.end(), "--forc") != call.args.end();
  auto operands = call.operands();
  bool plus = false, removes = long_flag(call, "delete", 3) || short_flag(call, 'd', "o") || long_flag(call, "prune", 3), guarded = false;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    plus = plus || (i > 0 && operands[i].starts_with('+'));
    removes = removes || (i > 0 && operands[i].starts_with(':') && operands[i].size() > 1);
    guarded = guarded || (i > 0 && guarded_branch(operands[i].starts_with('+') ? operands[i].substr(1) : operands[i]));
  }
  if (force || plus) report(found, "shell.git-force-push", guarded ? Severity::Critical : Severity::High, call.line());
  else if (lease && guarded) report(found, "shell.git-force-push", Severity::High, call.line());
  if (long_flag(call, "mirror", 2)) report(found, "shell.git-force-push", Severity::Critical, call.line());
  if (removes) report(found, "shell.git-delete-remote", Severity::High, call.line());
  if (long_flag(call, "receive-pack", 6) || long_flag(call, "exec", 2))
    report(found, "shell.git-runs-program", Severity::High, call.line());
  for (const auto& operand : operands)
    if (operand.starts_with("ext::")) report(found, "shell.git-runs-program", Severity::Critical, call.line());
}

void checkout(const Git& git, Report& found) {
  const Call& call = git.call;
  auto lost = [&] { report(found, "shell.git-discards-changes", Severity::High, "git " + git.verb + " " + call.line()); };
  bool creates = short_flag(call, 'b') || short_flag(call, 'B') || short_flag(call, 'c') || short_flag(call, 'C') ||
                 long_flag(call, "orphan", 2) || long_flag(call, "create", 3) || long_flag(call, "force-create", 7);
  bool discards = long_flag(call, "discard-changes", 3);
  if (git.verb == "switch") {
    if (discards || (short_flag(call, 'f', "cC") || (long_flag(call, "force", 3) && !long_flag(call, "force-create", 7)))) lost();
    return;
  }
  if (git.verb == "restore") {
    bool staged = short_flag(call, 'S', "s") || long_flag(call, "staged", 2),
         tree = short_flag(call, 'W', "s") || long_flag(call, "worktree", 1);
    bool help = long_flag(call, "help", 1) || short_flag(call, 'h');
    if ((!staged || tree) && !help) lost();
    return;
  }
  if (short_flag(call, 'f', "bB") || long_flag(call, "force", 1) || long_flag(call, "pathspec-from-file", 9) ||
      long_flag(call, "ours", 2) || long_flag(call, "theirs", 2))
    return lost();
  if (creates) return;
  auto dashes = std::find(call.args.begin(), call.args.end(), "--");
  if (dashes != call.args.end() && dashes + 1 != call.args.end()) return lost();
  std::vector<std::string> operands;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (call.args[i] == "--conflict" || call.args[i] == "--track-from") ++i;
    else if ((call.args[i] == "-t" || call.args[i] == "--track") && i + 1 < call.args.size() &&
             (call.args[i + 1] == "direct" || call.args[i + 1] == "inherit"))
      ++i;
    else if (!call.args[i].starts_with('-')) operands.push_back(call.args[i]);
  }
  if (operands.size() >= 2 ||
      (operands.size() == 1 && (operands[0] == "." || operands[0].starts_with("./") || operands[0].starts_with(":/"))))
    lost();
}

void clean_and_reset(const Git& git, Report& found) {
  const Call& call = git.call;
  std::string line = "git " + git.verb + " " + call.line();
  if (git.verb == "reset" && (long_flag(call, "hard", 3) || long_flag(call, "merge", 2) || long_flag(call, "keep", 1)))
    report(found, "shell.git-discards-changes", Severity::High, line);
  if (git.verb == "clean" && (short_flag(call, 'f', "e") || long_flag(call, "force", 1)) && !short_flag(call, 'n', "e") &&
      !long_flag(call, "dry-run", 2))
    report(found, "shell.git-discards-changes", Severity::High, line);
  if (git.verb == "clean" && call.more_args) report(found, "shell.git-discards-changes", Severity::Medium, line);
}

void history(const Git& git, Report& found) {
  const Call& call = git.call;
  std::string line = "git " + git.verb + " " + call.line();
  const std::string sub = call.operands().empty() ? "" : call.operands()[0];
  auto destroys = [&] { report(found, "shell.git-loses-history", Severity::High, line); };
  if (git.verb == "branch") {
    bool removes = short_flag(call, 'd', "u") || long_flag(call, "delete", 3),
         force = short_flag(call, 'f', "u") || long_flag(call, "force", 1);
    if (short_flag(call, 'D', "u") || short_flag(call, 'M', "u") || short_flag(call, 'C', "u") || (removes && force) || force) destroys();
  }
  if (git.verb == "stash" && (sub == "drop" || sub == "clear")) destroys();
  if (git.verb == "reflog" && (sub == "expire" || sub == "delete")) destroys();
  if (git.verb == "filter-branch" || git.verb == "filter-repo") destroys();
  if (git.verb == "gc" && long_flag(call, "prune", 2) && !call.value_of("--prune").ends_with("ago")) destroys();
  if (git.verb == "prune" && !short_flag(call, 'n')) destroys();
  if (git.verb == "update-ref" && short_flag(call, 'd')) destroys();
  if (git.verb == "worktree" && sub == "remove" && (short_flag(call, 'f') || long_flag(call, "force", 1))) destroys();
  if (git.verb == "tag" && (short_flag(call, 'd', "mFu") || long_flag(call, "delete", 3)) && short_flag(call, 'f', "mFu")) destroys();
  if (git.verb == "submodule" && sub == "deinit" && (short_flag(call, 'f') || long_flag(call, "force", 1))) destroys();
  if (git.verb == "remote" && (sub == "remove" || sub == "rm")) report(found, "shell.git-loses-history", Severity::Medium, line);
  if (git.verb == "rm" && (short_flag(call, 'f') || long_flag(call, "force", 1)) && short_flag(call, 'r')) destroys();
}

void programs(const Git& git, Report& found) {
  const Call& call = git.call;
  std::string line = "git " + git.verb + " " + call.line();
  bool runs = false;
  for (const auto& text : call.args)
    runs = runs || text.starts_with("--upload-pack") || text.starts_with("--open-files-in-pager") || text.starts_with("ext::") ||
           text.starts_with("--exec=") || text.starts_with("--ext-diff-command");
  if (git.verb == "grep" &&
      std::any_of(call.args.begin(), call.args.end(), [](const auto& a) { return a.starts_with("-O") && a.size() > 2; }))
    runs = true;
  if (git.verb == "rebase" && (short_flag(call, 'x') || long_flag(call, "exec", 2))) runs = true;
  if (git.verb == "bisect" && !call.operands().empty() && call.operands()[0] == "run")
    runs = call.operands().size() > 1 && (is_shell(call.operands()[1]) || call.operands()[1] == "rm");
  if (git.verb == "config") {
    auto operands = call.operands();
    for (const auto& operand : operands)
      for (std::string_view key : {"core.sshcommand", "core.hookspath", "core.pager", "core.editor", "core.fsmonitor", "credential.helper",
                                   "core.gitproxy", "diff.external", "core.sshCommand", "core.hooksPath"})
        runs = runs || (operand == key && operands.size() > 1);
    for (std::size_t i = 0; i + 1 < operands.size(); ++i)
      runs = runs || (operands[i].starts_with("alias.") && operands[i + 1].starts_with('!'));
  }
  if (runs) report(found, "shell.git-runs-program", Severity::High, line);
  for (const auto& text : call.args)
    if (text.starts_with("--output=") && (git.verb == "diff" || git.verb == "log" || git.verb == "show" || git.verb == "format-patch"))
      report(found, "shell.writes-through-option", Severity::High, line);
}

}  // namespace

void judge_git(const Call& call, Report& found) {
  Git git;
  if (!split(call, git, found)) return;
  if (git.verb == "push") return push(git.call, found);
  if (git.verb == "checkout" || git.verb == "switch" || git.verb == "restore") return checkout(git, found);
  clean_and_reset(git, found);
  history(git, found);
  programs(git, found);
}

}  // namespace callgate::inspection
