// The machine itself: services, users, kernel, firewall, history, start-up; and interpreters that run code given on the line.

#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

bool has(const Call& call, std::initializer_list<std::string_view> words) {
  return std::any_of(call.args.begin(), call.args.end(),
                     [&](const std::string& arg) { return std::find(words.begin(), words.end(), arg) != words.end(); });
}

bool holds(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

struct ProgramRule {
  std::string_view name;
  std::string_view words;  // any of these, separated by |; empty: always
  std::string_view rule;
  Severity severity = Severity::High;
};

constexpr ProgramRule kPrograms[] = {
    {"shutdown", "", "shell.stops-machine"},
    {"reboot", "", "shell.stops-machine"},
    {"halt", "", "shell.stops-machine"},
    {"poweroff", "", "shell.stops-machine"},
    {"init", "0|6", "shell.stops-machine"},
    {"telinit", "0|6|1", "shell.stops-machine"},
    {"pm-hibernate", "", "shell.stops-machine"},
    {"systemctl", "stop|disable|mask|kill|isolate|poweroff|reboot|halt|emergency|rescue|enable|link|edit|set-property|daemon-reload|start",
     "shell.changes-services", Severity::Medium},
    {"service", "stop|restart", "shell.changes-services"},
    {"launchctl", "load|bootstrap|unload|bootout|remove|submit|enable|disable", "shell.changes-services"},
    {"rc-service", "stop", "shell.changes-services"},
    {"update-rc.d", "", "shell.changes-services"},
    {"chkconfig", "", "shell.changes-services"},
    {"killall", "", "shell.kills"},
    {"pkill", "", "shell.kills"},
    {"insmod", "", "shell.loads-kernel-code", Severity::Critical},
    {"modprobe", "", "shell.loads-kernel-code"},
    {"rmmod", "", "shell.loads-kernel-code"},
    {"kextload", "", "shell.loads-kernel-code"},
    {"kextunload", "", "shell.loads-kernel-code"},
    {"kmutil", "load|install|unload", "shell.loads-kernel-code"},
    {"kexec", "", "shell.loads-kernel-code"},
    {"bpftool", "", "shell.loads-kernel-code"},
    {"sysctl", "-w", "shell.changes-system"},
    {"iptables", "-F|-X|-D|-P|--flush|-A|-I", "shell.opens-firewall"},
    {"ip6tables", "-F|-X|-D|-P|--flush|-A|-I", "shell.opens-firewall"},
    {"nft", "flush|delete", "shell.opens-firewall"},
    {"ufw", "disable|reset|delete|allow", "shell.opens-firewall"},
    {"firewall-cmd", "", "shell.opens-firewall"},
    {"pfctl", "-d|-F", "shell.opens-firewall"},
    {"setenforce", "0|Permissive", "shell.opens-firewall"},
    {"aa-disable", "", "shell.opens-firewall"},
    {"aa-complain", "", "shell.opens-firewall"},
    {"auditctl", "-D|-e", "shell.destroys-evidence"},
    {"journalctl", "--rotate|--flush", "shell.destroys-evidence"},
    {"logrotate", "-f", "shell.destroys-evidence"},
    {"dmesg", "-C|-c", "shell.destroys-evidence"},
    {"useradd", "", "shell.changes-users"},
    {"adduser", "", "shell.changes-users"},
    {"usermod", "", "shell.changes-users"},
    {"userdel", "", "shell.changes-users"},
    {"deluser", "", "shell.changes-users"},
    {"groupadd", "", "shell.changes-users"},
    {"gpasswd", "", "shell.changes-users"},
    {"passwd", "", "shell.changes-users"},
    {"chpasswd", "", "shell.changes-users"},
    {"chsh", "", "shell.changes-users"},
    {"visudo", "", "shell.changes-users"},
    {"vipw", "", "shell.changes-users"},
    {"dscl", "-create|create|-append|append|-delete|-passwd", "shell.changes-users"},
    {"sysadminctl", "", "shell.changes-users"},
    {"dseditgroup", "", "shell.changes-users"},
    {"realm", "join|leave", "shell.changes-users"},
    {"ldapadd", "", "shell.changes-users"},
    {"ldapmodify", "", "shell.changes-users"},
    {"samba-tool", "", "shell.changes-users"},
    {"pw", "useradd|usermod|userdel", "shell.changes-users"},
    {"net", "user", "shell.changes-users"},
    {"crontab", "-r|-", "shell.persists"},
    {"at", "", "shell.persists"},
    {"batch", "", "shell.persists"},
    {"atq", "-none", "shell.persists"},
    {"systemd-run", "", "shell.persists"},
    {"schtasks", "", "shell.persists"},
    {"security",
     "find-generic-password|find-internet-password|dump-keychain|add-trusted-cert|find-certificate|import|unlock-keychain|export|"
     "authorizationdb|delete-keychain|set-keychain-settings",
     "shell.reads-secrets"},
    {"xattr", "com.apple.quarantine|-c|-cr", "shell.disables-protection"},
    {"spctl", "--master-disable|--global-disable|--add", "shell.disables-protection"},
    {"csrutil", "disable", "shell.disables-protection"},
    {"defaults", "write|delete", "shell.changes-system"},
    {"tmutil", "disable|delete|deletelocalsnapshots", "shell.mass-delete"},
    {"nvram", "", "shell.changes-system"},
    {"bless", "", "shell.changes-system"},
    {"pmset", "", "shell.changes-system"},
    {"scutil", "--set", "shell.changes-system"},
    {"secretsdump.py", "", "shell.reads-secrets", Severity::Critical},
    {"mimikatz", "", "shell.reads-secrets", Severity::Critical},
    {"mimipenguin", "", "shell.reads-secrets", Severity::Critical},
    {"laZagne.py", "", "shell.reads-secrets", Severity::Critical},
    {"unshadow", "", "shell.reads-secrets"},
    {"john", "", "shell.reads-secrets"},
    {"hashcat", "", "shell.reads-secrets"},
    {"hydra", "", "shell.attacks"},
    {"nmap", "", "shell.attacks", Severity::Medium},
    {"masscan", "", "shell.attacks"},
    {"sqlmap", "", "shell.attacks"},
    {"msfvenom", "", "shell.attacks", Severity::Critical},
    {"msfconsole", "", "shell.attacks", Severity::Critical},
    {"tcpdump", "", "shell.attacks", Severity::Medium},
    {"tshark", "", "shell.attacks", Severity::Medium},
    {"xmrig", "", "shell.attacks", Severity::Critical},
    {"update-ca-certificates", "", "shell.changes-system"},
    {"update-ca-trust", "", "shell.changes-system"},
    {"certutil", "-A", "shell.changes-system"},
    {"grub-install", "", "shell.changes-system"},
    {"swapoff", "", "shell.changes-system"},
    {"umount", "-f|-l", "shell.changes-system"},
    {"mount", "--bind|-o", "shell.changes-system", Severity::Medium},
    {"ldconfig", "", "shell.changes-system"},
    {"ip", "-none", "shell.changes-system"},
    {"hostnamectl", "set-hostname", "shell.changes-system"},
    {"timedatectl", "set-time", "shell.changes-system"},
    {"trap", "DEBUG|EXIT|ERR", "shell.persists"},
    {"screencapture", "", "shell.attacks"},
    {"xwd", "", "shell.attacks"},
    {"osascript", "", "shell.runs-code", Severity::Medium},
    {"installer", "-pkg", "shell.changes-system"},
    {"profiles", "install|-I", "shell.changes-system"},
    {"wipefs", "", "shell.overwrites-disk"},
    {"crontab", "", "shell.persists"},
};

void history(const Call& call, Report& out) {
  std::string line = call.line();
  if (call.name == "history" && (call.flag('c') || call.flag('d') || call.flag('w')))
    report(out, "shell.destroys-evidence", Severity::High, line);
  if ((call.name == "unset" || call.name == "export" || call.name == "set") &&
      holds(line, {"HISTFILE", "HISTSIZE=0", "HISTFILESIZE=0", "HISTCONTROL", "+o history", "HISTIGNORE"}))
    report(out, "shell.destroys-evidence", Severity::High, line);
  if (call.name == "touch" && (call.flag('t') || call.flag('r') || call.flag('d') || call.option("--reference") || call.option("--date")))
    report(out, "shell.destroys-evidence", Severity::High, line);
  if (call.name == "kill" && has(call, {"-1"}) && call.args.size() > 1) report(out, "shell.kills", Severity::High, line);
}

// Options of harmless programs that run something or write somewhere.
void options(const Call& call, Report& out) {
  const auto& name = call.name;
  std::string line = call.line();
  auto runs = [&] { report(out, "shell.runs-through-option", Severity::High, line); };
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    const std::string& arg = call.args[i];
    const std::string next = i + 1 < call.args.size() ? call.args[i + 1] : "";
    if (name == "tar" &&
        (arg.starts_with("--checkpoint-action") || arg.starts_with("--to-command") || arg.starts_with("--use-compress-program") ||
         arg.starts_with("--rsh-command") || arg.starts_with("--info-script") || (arg == "-I" && next.find(' ') != std::string::npos)))
      runs();
    if (name == "tar" && (arg == "-P" || arg == "--absolute-names")) report(out, "shell.writes-guarded-file", Severity::High, line);
    if ((name == "tar" || name == "unzip") && (arg == "-C" || arg == "-d" || arg.starts_with("--directory")) &&
        (guarded_file(next) || next == "/"))
      report(out, "shell.writes-guarded-file", Severity::High, line);
    if (name == "sort" && arg.starts_with("--compress-program")) runs();
    if ((name == "sort" || name == "uniq") && (arg == "-o" || arg.starts_with("--output")) &&
        guarded_file(arg == "-o" ? next : arg.substr(arg.find('=') + 1)))
      report(out, "shell.writes-guarded-file", Severity::High, line);
    if (name == "split" && arg.starts_with("--filter")) runs();
    if (name == "rg" && (arg.starts_with("--pre=") || arg == "--pre" || arg.starts_with("--hostname-bin"))) runs();
    if (name == "zip" && (arg.starts_with("-TT") || arg == "--unzip-command" || arg.starts_with("--unzip-command"))) runs();
    if (name == "man" && (arg == "-P" || arg.starts_with("--pager") || arg == "-H" || arg.starts_with("--html="))) runs();
    if ((name == "vim" || name == "vi" || name == "view" || name == "nvim" || name == "ex" || name == "less" || name == "more") &&
        (holds(arg, {":!", "+!", ":py", ":lua", "system("}) || (arg == "-c" && next.starts_with("!"))))
      runs();
    if ((name == "awk" || name == "gawk" || name == "mawk" || name == "nawk") &&
        (holds(arg, {"system(", "system (", "|&", "/inet/", "getline <", "|getline", "| getline"}) ||
         (arg.find("| \"") != std::string::npos && arg.find("print") != std::string::npos)))
      runs();
    if ((name == "sed" || name == "gsed") && !arg.starts_with('-')) {
      bool executes = arg == "e" || arg.starts_with("1e") || arg.starts_with("e ") || arg.find(";e ") != std::string::npos ||
                      arg.find("1e ") != std::string::npos ||
                      (arg.size() > 4 && arg[0] == 's' &&
                       (arg.ends_with(std::string(1, arg[1]) + "e") || arg.ends_with(std::string(1, arg[1]) + "ge")));
      if (executes) runs();
      if (holds(arg, {"w /etc", "w /root", "w ~/."})) report(out, "shell.writes-guarded-file", Severity::High, line);
    }
    if (name == "make" && (arg.starts_with("--eval") || arg.starts_with("SHELL="))) runs();
    if ((name == "docker" || name == "podman") &&
        (arg == "--privileged" || arg.starts_with("--privileged=") || holds(arg, {"/var/run/docker.sock"}) ||
         ((arg == "-v" || arg == "--volume") && next.starts_with("/:")) || arg.starts_with("-v/:") || arg == "--pid=host" ||
         arg == "--cap-add=ALL" || (arg == "--mount" && next.find("source=/,") != std::string::npos)))
      report(out, "shell.leaves-container", Severity::High, line);
    if (name == "gdb" && (arg.starts_with("-ex") || arg == "-x" || arg == "--eval-command")) runs();
    if (name == "nmap" && arg.starts_with("--script")) runs();
    if (name == "openssl" && (arg == "s_client" || arg == "s_server") && call.before)
      report(out, "shell.reverse-shell", Severity::High, line);
    if (name == "openssl" && arg == "enc" && holds(line, {"-pass", "-k "}) && !holds(line, {" -d"}))
      report(out, "shell.encrypts", Severity::High, line);
    if ((name == "gpg" || name == "7z" || name == "zip" || name == "ccrypt") &&
        (arg == "--symmetric" || arg == "-c" || (name == "zip" && arg == "-P") || (name == "7z" && arg.starts_with("-p"))) &&
        holds(line, {"passphrase", "--batch", "-P ", " -p"}))
      report(out, "shell.encrypts", Severity::High, line);
    if ((name == "mysql" || name == "psql" || name == "sqlite3") &&
        holds(arg, {"\\!", ".shell", ".system", "COPY ", "TO PROGRAM", "FROM PROGRAM", "INTO OUTFILE"}) &&
        holds(arg, {"\\!", ".shell", ".system", "PROGRAM", "OUTFILE"}))
      runs();
    if (name == "env" && arg.starts_with("-S")) runs();
    if (name == "journalctl" && arg.starts_with("--vacuum")) report(out, "shell.destroys-evidence", Severity::High, line);
    if (name == "php" && (arg == "-S" || arg == "-d")) report(out, "shell.opens-door", Severity::Medium, line);
  }
  if (name == "emacs" && has(call, {"--eval", "-f", "--batch"})) runs();
  if (name == "ar" || name == "ctags") return;
}

bool python(std::string_view name) { return name.starts_with("python") || name == "pypy" || name == "pypy3" || name == "ipython"; }

}  // namespace

bool is_shell(std::string_view name) {
  for (std::string_view shell : {"sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "csh", "tcsh", "mksh", "rbash", "pwsh"})
    if (name == shell) return true;
  return false;
}

bool is_interpreter(std::string_view name) {
  return python(name) || name == "perl" || name == "ruby" || name == "node" || name == "nodejs" || name == "php" || name == "lua" ||
         name == "deno" || name == "bun" || name == "osascript" || name == "tclsh" || name == "Rscript" || name == "julia";
}

static void judge_powershell(const Call& call, Report& out) {
  for (std::string arg : call.args) {
    for (char& c : arg) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (arg.size() > 1 && std::string_view("-encodedcommand").starts_with(arg))
      report(out, "shell.runs-decoded-code", Severity::Critical, call.line());
  }
}

void judge_interpreters(const Call& call, Report& out) {
  if (call.name == "powershell" || call.name == "pwsh" || call.name == "powershell.exe") judge_powershell(call, out);
  const std::string& name = call.name;
  if (name == "source" || name == ".") {
    for (const auto& arg : call.args)
      if (arg.find("<(...)") != std::string::npos || arg == "/dev/stdin")
        report(out, "shell.pipe-to-shell", Severity::Critical, call.line());
    return;
  }
  if (!is_interpreter(name)) return;
  std::string code;
  bool file = false;
  for (std::size_t i = 0; i < call.args.size() && code.empty(); ++i) {
    const std::string& arg = call.args[i];
    bool gives = arg == "-e" || arg == "-c" || arg == "-r" || arg == "-E" || arg == "--eval" || arg == "-p" || arg == "-pe" ||
                 arg == "-ne" || arg == "-le" || arg == "-lne" || arg == "-Mo" || arg == "eval";
    gives = gives || (name == "perl" && arg.size() > 1 && arg[0] == '-' && arg.back() == 'e' && arg[1] != '-');
    if (gives && i + 1 < call.args.size()) code = call.args[i + 1];
    else if (arg.starts_with("-c") && arg.size() > 2) code = arg.substr(2);
    if (python(name) && arg == "-m" && i + 1 < call.args.size()) {
      const std::string& module = call.args[i + 1];
      if (module == "http.server" || module == "SimpleHTTPServer" || module == "pyftpdlib")
        report(out, "shell.opens-door", Severity::High, call.line());
      if (module == "pip" || module == "uv") {
        Call inner = call;
        inner.name = module;
        inner.args.assign(call.args.begin() + static_cast<std::ptrdiff_t>(i) + 2, call.args.end());
        inner.literal.assign(inner.args.size(), true);
        judge_packages(inner, out);
      }
      file = true;
    }
    file = file || (!arg.starts_with('-'));
  }
  if (holds(code, {"$(curl ", "$(wget ", "`curl ", "`wget ", "$(fetch ", "$(http "}))
    report(out, "shell.runs-fetched-code", Severity::Critical, call.line());
  if (code.empty()) {
    if (!file && call.before && !call.before->known)
      report(out, "shell.pipe-to-shell", call.before->fetches || call.before->decodes ? Severity::Critical : Severity::Medium,
             "... | " + call.line());
    if (!file && call.before && call.before->known) code = call.before->text;
    if (code.empty()) return;
  }
  if (holds(code, {"socket", "TCPSocket", "fsockopen", "net.Socket", "net.connect", "Socket::INET", "pty.spawn", "dup2"}) &&
      holds(code, {"sh", "exec", "spawn", "popen", "IO.popen", "connect"}))
    report(out, "shell.reverse-shell", Severity::Critical, call.line());
  if (holds(code, {"urlopen", "requests.", "urllib", "http.get", "https.get", "require('http", "require(\"http", "fetch(", "LWP",
                   "open-uri", "file_get_contents(\"http", "file_get_contents('http", "Net::HTTP", "urlretrieve"}) &&
      holds(code, {"exec", "eval", "system", "spawn", "popen", "subprocess", ".read()", "os."}))
    report(out, "shell.runs-fetched-code", Severity::Critical, call.line());
  if (holds(code, {"b64decode", "base64", "atob(", "unpack(", "pack(\"H", "fromhex", "decode('hex"}) &&
      holds(code, {"exec", "eval", "system", "Function("}))
    report(out, "shell.runs-decoded-code", Severity::Critical, call.line());
  if (holds(code, {"os.system", "subprocess", "os.popen", "os.exec", "child_process", "execSync", "shell_exec", "passthru", "system(",
                   "exec(", "`", "pty.spawn", "os.setuid", "posix.setuid", "setuid(0", "%x("}))
    report(out, "shell.runs-code", Severity::High, call.line());
  if (holds(code, {"shutil.rmtree", "os.remove", "os.unlink", "unlink", "rmtree", "rmSync", "rm_rf", "FileUtils.rm", "fs.rm", "File.delete",
                   "rmdir"}))
    report(out, "shell.mass-delete", Severity::High, call.line());
  if (holds(code, {"os.environ", "process.env", "ENV.to", "%ENV", "getenv"}) &&
      holds(code, {"http", "requests", "urlopen", "fetch", "socket"}))
    report(out, "shell.sends-data", Severity::Critical, call.line());
  if (sensitive_file(code)) report(out, "shell.reads-secrets", Severity::High, call.line());
  if (holds(code, {"/etc/passwd", "/etc/sudoers", "authorized_keys"}) && holds(code, {"'w'", "\"w\"", "'a'", "\"a\"", "write"}))
    report(out, "shell.writes-guarded-file", Severity::High, call.line());
}

void judge_assignment(std::string_view assignment, bool before_command, Report& out) {
  auto name = assignment.substr(0, assignment.find('='));
  auto value = assignment.size() > name.size() ? assignment.substr(name.size() + 1) : std::string_view{};
  for (std::string_view runs :
       {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "PROMPT_COMMAND", "PYTHONSTARTUP", "PERL5OPT", "PERL5DB", "RUBYOPT",
        "NODE_OPTIONS", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "DYLD_INSERT_LIBRARIES", "LESSOPEN"})
    if (name == runs && !value.empty() && !(name == "NODE_OPTIONS" && !holds(value, {"require", "import", "-r ", "loader"})))
      report(out, "shell.runs-through-variable", Severity::High, std::string(assignment));
  if ((name == "GIT_SSH_COMMAND" || name == "GIT_SSH" || name == "PAGER" || name == "GIT_PAGER" || name == "EDITOR" || name == "VISUAL" ||
       name == "GIT_EDITOR" || name == "MANPAGER" || name == "BROWSER" || name == "GIT_ASKPASS" || name == "SSH_ASKPASS") &&
      before_command && holds(value, {"sh -c", "bash", "curl", "wget", "/tmp/", "nc ", "python", "eval", ";", "`", "$("}))
    report(out, "shell.runs-through-variable", Severity::High, std::string(assignment));
  if (holds(name, {"HISTFILE", "HISTSIZE", "HISTFILESIZE", "HISTCONTROL"}) &&
      (value.empty() || value == "0" || value == "/dev/null" || value == "ignorespace" || value == "ignoreboth"))
    report(out, "shell.destroys-evidence", Severity::High, std::string(assignment));
  for (std::string_view index : {"NPM_CONFIG_REGISTRY", "npm_config_registry", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "GOPROXY",
                                 "UV_INDEX_URL", "YARN_REGISTRY", "GOINSECURE", "GONOSUMDB", "GONOSUMCHECK", "GOFLAGS", "GOSUMDB"})
    if (name == index && (holds(value, {"://"}) || name.starts_with("GO")) &&
        !holds(value, {"registry.npmjs.org", "pypi.org", "proxy.golang.org", "-mod=", "-race", "-v"}))
      report(out, "shell.foreign-package", Severity::High, std::string(assignment));
}

void judge_system(const Call& call, Report& out) {
  bool asks = call.option("--help") || call.option("--version");
  for (const ProgramRule& rule : kPrograms) {
    if (rule.name != call.name || asks) continue;
    if (rule.words.empty()) {
      bool lists = (call.name == "crontab" && (call.flag('l') || call.flag('e'))) || (call.name == "at" && call.flag('l')) ||
                   (call.name == "passwd" && call.flag('S')) || (call.name == "modprobe" && call.option("--show-depends"));
      if (!lists && !(call.args.empty() && call.name == "crontab" && !call.before)) report(out, rule.rule, rule.severity, call.line());
      continue;
    }
    std::string_view words = rule.words;
    while (!words.empty()) {
      auto bar = std::min(words.find('|'), words.size());
      if (has(call, {words.substr(0, bar)})) {
        report(out, rule.rule, rule.severity, call.line());
        break;
      }
      words.remove_prefix(std::min(words.size(), bar + 1));
    }
  }
  history(call, out);
  options(call, out);
}

}  // namespace callgate::inspection
