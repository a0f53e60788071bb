// The network: what sends files out, opens doors in, or fetches to run; packages from elsewhere.

#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

bool local_host(std::string_view url) {
  auto scheme = url.find("://");
  auto host = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/:?"));
  return host == "localhost" || host == "127.0.0.1" || host == "0.0.0.0" || host == "[" || host.ends_with(".local") ||
         host.ends_with(".internal");
}

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos && (text.starts_with("http") || text.starts_with("ftp") || text.starts_with("git") ||
                                                        text.starts_with("ssh") || text.starts_with("file"));
}

bool any_flag(const Call& call, std::initializer_list<std::string_view> names) {
  return std::any_of(call.args.begin(), call.args.end(), [&](const std::string& arg) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return arg == name || (name.starts_with("--") && arg.starts_with(std::string(name) + "="));
    });
  });
}

void curl(const Call& call, Report& out) {
  std::string line = call.line();
  bool local = true;
  for (const auto& arg : call.args)
    if (is_url(arg) && !local_host(arg)) local = false;
  bool uploads = false;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    const std::string& arg = call.args[i];
    const std::string next = i + 1 < call.args.size() ? call.args[i + 1] : "";
    bool data = arg == "-d" || arg.starts_with("--data") || arg == "-F" || arg == "--form" || arg == "--json" || arg == "--url-query";
    std::string value = data && arg.find('=') == std::string::npos ? next : arg;
    if (arg.starts_with("-d@") || (arg.starts_with("-F") && arg.size() > 2)) value = arg;
    if (data || arg.starts_with("-d@") || arg.starts_with("-F")) {
      auto sign = value.find('@');
      bool file =
          sign != std::string::npos && (sign == 0 || value[sign - 1] == '=' || value[sign - 1] == 'd') && value.substr(sign) != "@-";
      uploads = uploads || file;
      if (value.find("$(") != std::string::npos || value.find('`') != std::string::npos)
        report(out, "shell.sends-data", Severity::High, line);
      if (value.find("@-") != std::string::npos && call.before && call.before->secrets)
        report(out, "shell.sends-data", Severity::Critical, line);
      if (sensitive_file(value)) report(out, "shell.sends-data", Severity::Critical, line);
    }
    if (arg == "-T" || arg == "--upload-file" || arg.starts_with("-T")) uploads = true;
    if (is_url(arg) && (arg.find("$(") != std::string::npos || arg.find('`') != std::string::npos))
      report(out, "shell.sends-data", Severity::High, line);
    bool output = arg == "-o" || arg == "--output" || arg == "-O";
    if (output && arg != "-O" && guarded_file(next)) report(out, "shell.writes-guarded-file", Severity::High, line);
    if (arg == "-K" || arg == "--config" || arg == "--engine") report(out, "shell.runs-through-option", Severity::Medium, line);
    if (arg.starts_with("file://") && sensitive_file(arg)) report(out, "shell.reads-secrets", Severity::High, line);
    if (arg.find("169.254.169.254") != std::string::npos || arg.find("metadata.google.internal") != std::string::npos)
      report(out, "shell.cloud-metadata", Severity::High, line);
    bool deletes = (arg == "-X" || arg == "--request") && (next == "DELETE" || next == "delete");
    if (deletes || arg == "-XDELETE" || arg == "--request=DELETE") report(out, "shell.deletes-remotely", Severity::High, line);
    if (arg.find("_delete_by_query") != std::string::npos || arg.find("/_close") != std::string::npos || arg.ends_with("/doDelete"))
      report(out, "shell.deletes-remotely", Severity::High, line);
  }
  if (uploads && !local) report(out, "shell.sends-data", Severity::High, line);
}

void wget(const Call& call, Report& out) {
  for (const auto& arg : call.args) {
    if (arg.starts_with("--post-file") || arg.starts_with("--body-file")) report(out, "shell.sends-data", Severity::High, call.line());
    if (arg.starts_with("--use-askpass")) report(out, "shell.runs-through-option", Severity::High, call.line());
    if (is_url(arg) && arg.find("$(") != std::string::npos) report(out, "shell.sends-data", Severity::High, call.line());
    if (arg.find("169.254.169.254") != std::string::npos) report(out, "shell.cloud-metadata", Severity::High, call.line());
    if (arg == "--method=DELETE") report(out, "shell.deletes-remotely", Severity::High, call.line());
  }
  if (guarded_file(call.value_of("-O")) || guarded_file(call.value_of("-P")))
    report(out, "shell.writes-guarded-file", Severity::High, call.line());
}

void sockets(const Call& call, Report& out) {
  const auto& name = call.name;
  std::string line = call.line();
  if (name == "nc" || name == "ncat" || name == "netcat" || name == "nc.traditional") {
    if (call.flag('e') || call.flag('c') || call.option("--exec") || call.option("--sh-exec"))
      report(out, "shell.reverse-shell", Severity::Critical, line);
    else if (call.flag('l') || call.option("--listen")) report(out, "shell.opens-door", Severity::High, line);
    else if (call.before) report(out, "shell.sends-data", call.before->secrets ? Severity::Critical : Severity::High, line);
  }
  if (name == "socat" &&
      (line.find("exec:") != std::string::npos || line.find("EXEC:") != std::string::npos || line.find("SYSTEM:") != std::string::npos ||
       line.find("system:") != std::string::npos || line.find("LISTEN") != std::string::npos))
    report(out, "shell.reverse-shell", Severity::Critical, line);
  if (name == "telnet" && call.before) report(out, "shell.reverse-shell", Severity::High, line);
  if (name == "ssh" || name == "sftp" || name == "scp") {
    for (const auto& arg : call.args)
      if (arg.find("ProxyCommand") != std::string::npos || arg.find("LocalCommand") != std::string::npos ||
          arg.find("PermitLocalCommand") != std::string::npos)
        report(out, "shell.runs-through-option", Severity::High, line);
    if (name == "ssh" && (call.flag('R') || call.flag('D') || call.flag('w'))) report(out, "shell.opens-door", Severity::High, line);
    if (name == "ssh" && call.before && call.before->secrets) report(out, "shell.sends-data", Severity::Critical, line);
  }
  if (name == "scp" || name == "rsync" || name == "rclone" || name == "sftp") {
    bool remote = false, secret = false;
    auto operands = call.operands();
    if (!operands.empty()) remote = operands.back().find(':') != std::string::npos && !operands.back().starts_with('/');
    for (const auto& operand : operands) secret = secret || sensitive_file(operand);
    if (remote && secret) report(out, "shell.sends-data", Severity::Critical, line);
    if (name == "rsync") {
      std::string shell = call.value_of("-e") + call.value_of("--rsh") + call.value_of("--rsync-path");
      if (shell.find("sh -c") != std::string::npos || shell.starts_with("sh") || shell.find("bash") != std::string::npos)
        report(out, "shell.runs-through-option", Severity::High, line);
      for (const auto& arg : call.args)
        if (arg.starts_with("--delete") || arg == "--remove-source-files") report(out, "shell.mass-delete", Severity::High, line);
    }
  }
  bool dns = name == "dig" || name == "nslookup" || name == "host" || name == "ping";
  if (dns)
    for (std::size_t i = 0; i < call.args.size(); ++i)
      if (!call.literal[i] && call.args[i].find('(') != std::string::npos) report(out, "shell.sends-data", Severity::High, line);
  if ((name == "mail" || name == "mailx" || name == "sendmail" || name == "mutt") &&
      ((call.before && call.before->secrets) || std::any_of(call.args.begin(), call.args.end(), sensitive_file)))
    report(out, "shell.sends-data", Severity::Critical, line);
  if (name == "ngrok" || name == "cloudflared" || name == "localtunnel" || name == "chisel" || name == "frpc" || name == "bore")
    report(out, "shell.opens-door", Severity::High, line);
}

std::string package_verb(const Call& call) {
  auto operands = call.operands();
  return operands.empty() ? "" : operands[0];
}

bool foreign_registry(std::string_view url) {
  for (std::string_view known : {"registry.npmjs.org", "registry.yarnpkg.com", "pypi.org", "files.pythonhosted.org", "rubygems.org",
                                 "crates.io", "npm.pkg.github.com", "proxy.golang.org"})
    if (url.find(known) != std::string_view::npos && url.find("https://") == 0 && url.substr(8).starts_with(known)) return false;
  return !url.empty() && !local_host(url);
}

}  // namespace

void judge_network(const Call& call, Report& out) {
  if (call.name == "curl") curl(call, out);
  else if (call.name == "wget") wget(call, out);
  else sockets(call, out);
  bool sends = (call.name == "gh" && call.line().find("gist create") != std::string::npos) || call.name == "aws" || call.name == "gsutil" ||
               call.name == "gcloud" || call.name == "azcopy" || call.name == "s3cmd" || call.name == "ipfs" || call.name == "croc" ||
               call.name == "wormhole" || call.name == "ftp" || call.name == "lftp" || call.name == "tftp" || call.name == "magic-wormhole";
  if (sends)
    for (const auto& operand : call.operands())
      if (sensitive_file(operand)) report(out, "shell.sends-data", Severity::Critical, call.line());
  if ((call.name == "http" || call.name == "https" || call.name == "xh") && !call.args.empty() && call.args[0] == "DELETE")
    report(out, "shell.deletes-remotely", Severity::High, call.line());
  if ((call.name == "http" || call.name == "https" || call.name == "xh") && call.before && call.before->secrets)
    report(out, "shell.sends-data", Severity::High, call.line());
}

void judge_packages(const Call& call, Report& out) {
  const auto& name = call.name;
  std::string line = call.line();
  bool npm = name == "npm" || name == "pnpm" || name == "yarn" || name == "bun" || name == "npx" || name == "bunx" || name == "cnpm";
  bool python = name == "pip" || name == "pip3" || name == "uv" || name == "uvx" || name == "pipx" || name == "poetry" ||
                name == "easy_install" || name.starts_with("pip3.");
  bool ruby = name == "gem" || name == "bundle";
  bool other = name == "cargo" || name == "go" || name == "composer" || name == "dotnet" || name == "brew" || name == "apt" ||
               name == "apt-get" || name == "dnf" || name == "yum" || name == "apk" || name == "pacman" || name == "conda" ||
               name == "helm" || name == "cpan" || name == "luarocks" || name == "deno" || name == "nuget" || name == "snap" ||
               name == "flatpak" || name == "dpkg" || name == "rpm";
  if (!npm && !python && !ruby && !other) return;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    std::string arg = call.args[i], value = i + 1 < call.args.size() ? call.args[i + 1] : "";
    if (auto equals = arg.find('='); equals != std::string::npos && arg.starts_with("--")) {
      value = arg.substr(equals + 1);
      arg.resize(equals);
    }
    bool index = arg == "--registry" || arg == "--index-url" || arg == "--extra-index-url" || arg == "--default-index" ||
                 arg == "--index" || arg == "--find-links" || arg == "--source" || arg == "--repository" || arg == "--clear-sources" ||
                 arg == "--package" || ((arg == "-i" || arg == "-f") && python) || (arg == "-s" && (ruby || name == "dotnet")) ||
                 (arg == "--git" && name == "cargo") || (arg == "--repo" && name == "helm");
    if (index && (foreign_registry(value) || arg == "--clear-sources") && (is_url(value) || value.find('.') != std::string::npos))
      report(out, "shell.foreign-package", Severity::High, line);
    if (arg == "--trusted-host" || arg == "--script-shell" || arg == "--node-gyp" || arg == "--allow-unauthenticated" ||
        arg == "--no-gpg-check" || arg == "--allow-downgrades")
      report(out, "shell.foreign-package", Severity::High, line);
    bool source = arg.starts_with("git+") || arg.starts_with("git://") || arg.starts_with("git@") || arg.starts_with("github:") ||
                  arg.starts_with("gitlab:") || arg.starts_with("bitbucket:") || arg.starts_with("gist:") ||
                  (is_url(arg) && !local_host(arg)) || arg.find("@git+") != std::string::npos ||
                  arg.find("@https://") != std::string::npos || arg.find("@http://") != std::string::npos;
    std::string verb = package_verb(call);
    bool installs = verb == "install" || verb == "i" || verb == "add" || verb == "ci" || verb == "get" || verb == "exec" || verb == "dlx" ||
                    verb == "x" || verb == "update" || name == "npx" || name == "uvx" || name == "bunx" || verb == "run" ||
                    verb == "tool" || verb == "pip" || verb == "tap" || name == "easy_install" || verb == "require" || name == "rpm" ||
                    name == "dpkg" || verb == "set";
    if (source && (installs || i == 0) && verb != "remote" && verb != "fund") report(out, "shell.foreign-package", Severity::High, line);
    if (arg.starts_with("Dpkg::") || arg.starts_with("APT::Update::")) report(out, "shell.runs-through-option", Severity::High, line);
  }
  std::string verb = package_verb(call);
  auto operands = call.operands();
  if ((npm && (verb == "publish" || verb == "unpublish" || verb == "deprecate" || verb == "owner")) ||
      (name == "gem" && (verb == "push" || verb == "yank")) || (name == "cargo" && (verb == "publish" || verb == "yank")) ||
      (name == "poetry" && verb == "publish"))
    report(out, "shell.publishes", Severity::High, line);
  if (npm && verb == "config" && operands.size() > 2 && operands[1] == "set" &&
      (operands[2].starts_with("registry") || operands[2].find(":registry") != std::string::npos ||
       operands[2].starts_with("script-shell")))
    report(out, "shell.foreign-package", Severity::High, line);
  if (python && verb == "config" && operands.size() > 2 && operands[1] == "set" && operands[2].find("index") != std::string::npos)
    report(out, "shell.foreign-package", Severity::High, line);
  if (name == "go" && (verb == "install" || verb == "get" || verb == "run"))
    for (std::size_t i = 1; i < operands.size(); ++i) {
      auto slash = operands[i].find('/');
      auto host = operands[i].substr(0, slash);
      bool known = host == "github.com" || host == "golang.org" || host == "google.golang.org" || host == "gopkg.in" ||
                   host == "go.uber.org" || host == "k8s.io" || host == "sigs.k8s.io" || host == "honnef.co";
      if (slash != std::string::npos && host.find('.') != std::string::npos && host != "." && host != ".." && host != "..." && !known)
        report(out, "shell.foreign-package", Severity::High, line);
    }
  if (name == "go" && any_flag(call, {"-exec", "-toolexec"})) report(out, "shell.runs-through-option", Severity::High, line);
  if (name == "cargo" && any_flag(call, {"--config"})) report(out, "shell.runs-through-option", Severity::Medium, line);
}

}  // namespace callgate::inspection
