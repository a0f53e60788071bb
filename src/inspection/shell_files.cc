// Files: what deletes, overwrites, opens up or reads what it should not; disks and permissions.

#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

bool any_of(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// The root, a home, a system folder, or all of them.
bool vital_path(std::string_view path) {
  while (path.size() > 1 && (path.ends_with('/') || path.ends_with("/*") || path.ends_with("/.")))
    path.remove_suffix(path.ends_with('/') ? 1 : 2);
  for (std::string_view home : {"~", "$HOME", "${HOME}", "/", "/*", "*", ".", "..", "./*", "../", ".*", "~/*"})
    if (path == home) return true;
  for (std::string_view top :
       {"/bin", "/boot", "/dev", "/etc",   "/home",   "/lib",     "/lib64",        "/opt",     "/proc", "/root",  "/run",  "/sbin", "/srv",
        "/sys", "/usr",  "/var", "/Users", "/System", "/Library", "/Applications", "/private", "/mnt",  "/media", "/data", "C:\\",  "C:/"})
    if (path == top) return true;
  return false;
}

bool temporary(std::string_view path) {
  if (path.find("..") != std::string_view::npos) return false;
  for (std::string_view top : {"/tmp/", "/var/tmp/", "$TMPDIR", "${TMPDIR", "/private/tmp/", "/private/var/folders/", "/dev/shm/"})
    if (path.starts_with(top)) return true;
  return path == "/tmp";
}

bool inside_here(std::string_view path) {  // a plain relative path that stays below
  if (path.empty() || path.starts_with('/') || path.starts_with('~') || path.starts_with('$') || path.starts_with('*')) return false;
  return path.find("..") == std::string_view::npos && path != "." && path != "./" && path != "./*" &&
         path.find('$') == std::string_view::npos;
}

void remove(const Call& call, Report& out) {
  bool recursive = call.flag('r') || call.flag('R') || call.option("--recursive"), force = call.flag('f') || call.option("--force");
  if (call.option("--no-preserve-root")) report(out, "shell.mass-delete", Severity::Critical, call.line());
  auto operands = call.operands();
  for (const auto& path : operands) {
    bool placeholder = path == "{}" || path.find("{}") != std::string::npos;
    if (recursive && vital_path(path)) report(out, "shell.mass-delete", Severity::Critical, call.line());
    else if (recursive && force && placeholder && call.more_args) report(out, "shell.mass-delete", Severity::High, call.line());
    else if (recursive && force && !placeholder && !temporary(path) && !inside_here(path))
      report(out, "shell.mass-delete", Severity::High, call.line());
    else if (vital_path(path) && force && path != ".") report(out, "shell.mass-delete", Severity::High, call.line());
    if (any_of(path, {"_history", "/var/log", ".git/", "/etc/", "/boot/"}) || path == ".git")
      report(out, "shell.destroys-evidence", Severity::High, call.line());
  }
  if (recursive && force && call.more_args && std::none_of(operands.begin(), operands.end(), [](const auto& p) { return p == "{}"; }))
    report(out, "shell.mass-delete", Severity::High, call.line());
}

void permissions(const Call& call, Report& out) {
  bool recursive = call.flag('R') || call.option("--recursive");
  auto operands = call.operands();
  if (call.name == "chmod") {
    std::string mode = operands.empty() ? "" : operands[0];
    for (const auto& arg : call.args)
      if (arg.starts_with("+s") || arg == "u+s" || arg == "g+s") mode = arg;
    bool digits = !mode.empty() && mode.find_first_not_of("01234567") == std::string::npos;
    bool setuid = mode.find("+s") != std::string::npos || mode.find("+xs") != std::string::npos || mode.find("=s") != std::string::npos ||
                  (mode.find('s') != std::string::npos && mode.find('+') != std::string::npos) ||
                  (digits && mode.size() == 4 && mode[0] >= '2' && mode[0] != '0' && (mode[0] - '0') >= 2);
    if (setuid) report(out, "shell.setuid", Severity::High, call.line());
    if ((mode == "777" || mode == "0777" || mode == "666" || mode == "a+rwx" || mode == "ugo+rwx" || mode == "o+w" || mode == "a+w") &&
        !operands.empty())
      report(out, "shell.opens-permissions", recursive ? Severity::High : Severity::Medium, call.line());
    if (recursive && (mode == "000" || mode == "a-rwx" || mode == "0")) report(out, "shell.opens-permissions", Severity::High, call.line());
  }
  for (std::size_t i = 1; i < operands.size(); ++i)
    if ((recursive && vital_path(operands[i]) && operands[i] != ".") || guarded_file(operands[i]))
      report(out, "shell.opens-permissions", Severity::High, call.line());
  if (call.name == "chown" && recursive && !operands.empty() && operands[0].starts_with("root"))
    report(out, "shell.opens-permissions", Severity::High, call.line());
  if (call.name == "chattr" && (std::find(call.args.begin(), call.args.end(), "-i") != call.args.end() ||
                                std::find(call.args.begin(), call.args.end(), "-a") != call.args.end()))
    report(out, "shell.opens-permissions", Severity::High, call.line());
}

void disks(const Call& call, Report& out) {
  const auto& name = call.name;
  bool help = call.option("--help") || call.option("--version") || call.flag('h') || call.flag('V');
  if (name == "dd") {
    for (const auto& arg : call.args)
      if (arg.starts_with("of=/dev/") && arg != "of=/dev/null" && arg != "of=/dev/stdout")
        report(out, "shell.overwrites-disk", Severity::Critical, call.line());
      else if (arg.starts_with("of=") && guarded_file(std::string_view(arg).substr(3)))
        report(out, "shell.writes-guarded-file", Severity::High, call.line());
    for (const auto& arg : call.args)
      if (arg.starts_with("if=") && sensitive_file(std::string_view(arg).substr(3)))
        report(out, "shell.reads-secrets", Severity::High, call.line());
    return;
  }
  if (name.starts_with("mkfs") || name == "wipefs" || name == "mkswap" || name == "blkdiscard" || name == "badblocks" || name == "hdparm" ||
      name == "sgdisk" || name == "sfdisk" || name == "diskpart")
    if (!help && !call.args.empty()) report(out, "shell.overwrites-disk", Severity::Critical, call.line());
  bool lists = call.flag('l') || call.option("--list");
  if ((name == "fdisk" || name == "parted" || name == "gdisk" || name == "cfdisk") && !lists && !help && !call.args.empty() &&
      std::find(call.args.begin(), call.args.end(), "print") == call.args.end())
    report(out, "shell.overwrites-disk", Severity::High, call.line());
  if (name == "shred" || name == "srm" || name == "wipe") report(out, "shell.destroys-evidence", Severity::High, call.line());
  if (name == "truncate" && !help) {
    std::string size = call.value_of("--size");
    if (size.empty()) size = call.value_of("-s");
    if (size == "0" || std::find(call.args.begin(), call.args.end(), "-s0") != call.args.end() || size.starts_with('-'))
      report(out, "shell.empties-file", Severity::High, call.line());
  }
}

void copies(const Call& call, Report& out) {
  auto operands = call.operands();
  if (operands.size() < 2) return;
  const std::string& target = operands.back();
  std::string to = call.value_of("-t");
  if (guarded_file(target) || guarded_file(to)) report(out, "shell.writes-guarded-file", Severity::High, call.line());
  if (operands[0] == "/dev/null" || target == "/dev/null") report(out, "shell.empties-file", Severity::High, call.line());
  if (call.name == "mv")
    for (std::size_t i = 0; i + 1 < operands.size(); ++i) {
      if (vital_path(operands[i]) && operands[i] != "*" && operands[i] != ".")
        report(out, "shell.mass-delete", Severity::High, call.line());
      if (operands[i].starts_with("/etc/") && guarded_file(operands[i]))
        report(out, "shell.writes-guarded-file", Severity::High, call.line());
    }
  for (std::size_t i = 0; i + 1 < operands.size(); ++i)
    if (sensitive_file(operands[i])) report(out, "shell.reads-secrets", Severity::High, call.line());
}

}  // namespace

bool sensitive_file(std::string_view path) {
  if (path.ends_with(".pub") || path.ends_with(".example") || path.ends_with(".sample") || path.ends_with(".template") ||
      path.ends_with(".dist"))
    return false;
  if (any_of(path, {"/.ssh/id_",
                    "id_rsa",
                    "id_ed25519",
                    "id_ecdsa",
                    "id_dsa",
                    ".ssh/authorized_keys",
                    ".aws/credentials",
                    ".aws/config",
                    ".kube/config",
                    ".docker/config.json",
                    ".netrc",
                    ".npmrc",
                    ".pypirc",
                    ".git-credentials",
                    ".gnupg/",
                    ".config/gcloud",
                    ".azure/",
                    "/etc/shadow",
                    "/etc/gshadow",
                    "/etc/sudoers",
                    "_history",
                    "Login Data",
                    "cookies.sqlite",
                    "key4.db",
                    "logins.json",
                    "Cookies.binarycookies",
                    "wallet.dat",
                    "keychain",
                    "Keychain",
                    "/proc/self/environ",
                    ".pgpass",
                    ".my.cnf",
                    ".vault-token",
                    ".terraform.d/credentials",
                    "secrets.yml",
                    "secrets.yaml",
                    "credentials.json",
                    "service-account",
                    ".claude.json",
                    ".mcp.json",
                    "claude_desktop_config",
                    "/etc/krb5.keytab",
                    ".config/gh/hosts",
                    "NTDS",
                    "opasswd",
                    "master.passwd"}))
    return true;
  if (path.find("/proc/") != std::string_view::npos && (path.ends_with("/environ") || path.ends_with("/mem") || path.ends_with("/maps")))
    return true;
  auto slash = path.rfind('/');
  auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name == ".env" || name.starts_with(".env.") || name == ".history" || name.ends_with(".pem") || name.ends_with(".key") ||
         name.ends_with(".kdbx") || name.ends_with(".p12") || name.ends_with(".pfx") || path == "~/.ssh" || path == "$HOME/.ssh" ||
         path == "~/.aws" || path.ends_with("/.ssh") || path.ends_with("/.ssh/") || path.ends_with("/.aws");
}

bool guarded_file(std::string_view path) {
  if (path.empty() || path == "/dev/null" || path == "/dev/stdout" || path == "/dev/stderr" || path == "/dev/tty" ||
      path.starts_with("/dev/fd/") || path.starts_with("/dev/tcp") || path == "/dev/full" || path == "/dev/zero")
    return false;
  for (std::string_view top :
       {"/etc/", "/boot/", "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/sys/", "/proc/", "/var/spool/cron", "/var/log",
        "/roo"
        "t/",
        "/dev/", "/System/", "/Library/", "/private/etc/", "/var/lib/docker"})
    if (path.starts_with(top)) return true;
  if (any_of(path, {".bashrc",
                    ".zshrc",
                    ".bash_profile",
                    ".profile",
                    ".zprofile",
                    ".zshenv",
                    ".bash_login",
                    ".bash_logout",
                    "authorized_keys",
                    ".ssh/config",
                    ".ssh/rc",
                    ".git/hooks",
                    ".husky/",
                    ".git/config",
                    ".gitconfig",
                    ".config/autostart",
                    "LaunchAgents",
                    "LaunchDaemons",
                    ".vscode/tasks.json",
                    ".vscode/settings.json",
                    ".claude/settings",
                    ".cursor/rules",
                    "copilot-instructions.md",
                    ".mcp.json",
                    ".cursor/mcp.json",
                    ".npmrc",
                    ".pypirc",
                    ".config/systemd",
                    "crontab",
                    ".inputrc",
                    ".vimrc",
                    ".aws/",
                    ".kube/config",
                    ".netrc",
                    "pam.d",
                    ".github/workflows",
                    ".config/fish/config.fish",
                    ".tmux.conf",
                    ".xinitrc",
                    ".xprofile",
                    "_history",
                    ".gnupg"}))
    return true;
  // What agents read as orders.
  for (std::string_view name : {"CLAUDE.md", "AGENTS.md", "GEMINI.md", ".cursorrules", ".windsurfrules", ".clinerules"})
    if (path.ends_with(name) && (path.size() == name.size() || path[path.size() - name.size() - 1] == '/')) return true;
  return path.starts_with("C:\\Windows");
}

void judge_files(const Call& call, Report& out) {
  const auto& name = call.name;
  if (name == "rm" || name == "grm") return remove(call, out);
  if (name == "rmdir" || name == "unlink") {
    for (const auto& path : call.operands())
      if (vital_path(path)) report(out, "shell.mass-delete", Severity::High, call.line());
    return;
  }
  if (name == "rimraf" || name == "del-cli" || name == "trash-empty") return report(out, "shell.mass-delete", Severity::High, call.line());
  if (name == "chmod" || name == "chown" || name == "chgrp" || name == "chattr" || name == "setfacl") return permissions(call, out);
  if (name == "setcap") return report(out, "shell.setuid", Severity::High, call.line());
  disks(call, out);
  if (name == "cp" || name == "mv" || name == "install" || name == "ln" || name == "rsync" || name == "scp") copies(call, out);
  if (name == "tee" || name == "sponge")
    for (const auto& path : call.operands())
      if (guarded_file(path)) report(out, "shell.writes-guarded-file", Severity::High, call.line());
  bool edits = (name == "sed" || name == "gsed" || name == "perl") && (call.flag('i') || call.option("--in-place"));
  if (edits || name == "ed" || name == "ex" || name == "visudo" || name == "patch" || name == "ee")
    for (const auto& path : call.operands())
      if (guarded_file(path) || (edits && sensitive_file(path))) report(out, "shell.writes-guarded-file", Severity::High, call.line());
  bool reads = name == "cat" || name == "less" || name == "more" || name == "head" || name == "tail" || name == "strings" ||
               name == "xxd" || name == "od" || name == "base64" || name == "grep" || name == "awk" || name == "sed" || name == "cut" ||
               name == "sort" || name == "nl" || name == "tac" || name == "bat" || name == "vim" || name == "vi" || name == "nano" ||
               name == "zip" || name == "tar" || name == "gzip" || name == "jq" || name == "rg" || name == "hexdump" || name == "sqlite3" ||
               name == "plutil" || name == "cpio" || name == "7z" || name == "unshadow" || name == "egrep" || name == "ee" ||
               name == "gpg" || name == "diff" || name == "rev" || name == "split" || name == "iconv" || name == "paste" ||
               name == "fold" || (name == "openssl" && !call.args.empty() && (call.args[0] == "enc" || call.args[0] == "base64"));
  if (reads)
    for (const auto& path : call.operands())
      if (sensitive_file(path)) report(out, "shell.reads-secrets", Severity::High, call.line());
  if (name == "find" && (call.value_of("-perm").find("000") != std::string::npos || call.value_of("-perm").find("=s") != std::string::npos))
    report(out, "shell.attacks", Severity::Medium, call.line());
  if (name == "find" || name == "locate" || name == "mdfind" || name == "fd")
    for (const auto& arg : call.args)
      if (sensitive_file(arg) ||
          any_of(arg, {"id_rsa", "*.pem", "*.key", "credential", "password", "accessTokens", "_token", "secret", "*.kdbx", "*.p12"}))
        report(out, "shell.reads-secrets", Severity::High, call.line());
}

void judge_redirect(std::string_view op, std::string_view target, Report& out) {
  bool writes = op.find('>') != std::string_view::npos;
  bool disk = target.starts_with("/dev/sd") || target.starts_with("/dev/nvme") || target.starts_with("/dev/disk") ||
              target.starts_with("/dev/vd") || target.starts_with("/dev/hd") || target.starts_with("/dev/mem");
  if (writes && disk) report(out, "shell.overwrites-disk", Severity::Critical, std::string(op) + std::string(target));
  else if (target.starts_with("/dev/tcp/") || target.starts_with("/dev/udp/"))
    report(out, "shell.reverse-shell", Severity::Critical, std::string(op) + std::string(target));
  else if (writes && guarded_file(target))
    report(out, "shell.writes-guarded-file", Severity::High, std::string(op) + " " + std::string(target));
}

}  // namespace callgate::inspection
