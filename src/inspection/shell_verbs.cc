// Command lines of services: cloud, clusters, databases, stores. Their destructive verbs are much alike, so one rule reads them all.

#include <algorithm>

#include "inspection/shell_walk.h"
#include "inspection/sql.h"

namespace callgate::inspection {
namespace {

// Programs whose operands are data, not verbs.
constexpr std::string_view kPlain[] = {
    "echo",   "printf",  "grep",     "egrep",    "fgrep",  "rg",       "cat",       "ls",       "man",       "which",    "type",
    "cd",     "test",    "[",        "true",     "false",  "sed",      "awk",       "gawk",     "head",      "tail",     "less",
    "more",   "wc",      "sort",     "uniq",     "cut",    "tr",       "tee",       "touch",    "mkdir",     "cp",       "mv",
    "rm",     "ln",      "find",     "file",     "stat",   "diff",     "cmp",       "git",      "npm",       "yarn",     "pnpm",
    "pip",    "pip3",    "uv",       "node",     "python", "python3",  "ruby",      "perl",     "php",       "go",       "cargo",
    "make",   "cmake",   "ninja",    "gcc",      "g++",    "clang",    "javac",     "java",     "mvn",       "gradle",   "code",
    "vim",    "vi",      "nano",     "emacs",    "jq",     "yq",       "curl",      "wget",     "ssh",       "scp",      "rsync",
    "tar",    "zip",     "unzip",    "gzip",     "gunzip", "basename", "dirname",   "realpath", "date",      "sleep",    "seq",
    "ps",     "top",     "df",       "du",       "free",   "uname",    "uptime",    "whoami",   "id",        "export",   "unset",
    "set",    "read",    "shift",    "return",   "exit",   "local",    "declare",   "alias",    "history",   "pwd",      "pushd",
    "popd",   "bash",    "sh",       "zsh",      "tldr",   "help",     "info",      "apropos",  "whatis",    "xdg-open", "open",
    "pytest", "jest",    "eslint",   "prettier", "tsc",    "black",    "mypy",      "ruff",     "poetry",    "bundle",   "gem",
    "rake",   "dotnet",  "nslookup", "dig",      "ping",   "host",     "sha256sum", "md5sum",   "nl",        "tac",      "rev",
    "fold",   "column",  "paste",    "join",     "comm",   "watch",    "env",       "xargs",    "transform", "terminal", "trap",
    "ffmpeg", "convert", "magick"};

bool plain(std::string_view name) { return std::find(std::begin(kPlain), std::end(kPlain), name) != std::end(kPlain); }

constexpr std::string_view kStrong[] = {
    "delete",     "destroy",   "purge",      "terminate",  "drop",      "flush",       "flushall", "flushdb",      "truncate", "wipe",
    "erase",      "nuke",      "unregister", "deregister", "uninstall", "revoke",      "undeploy", "decommission", "prune",    "forget",
    "obliterate", "clobber",   "shred",      "rmi",        "rmb",       "rb",          "remove",   "rm",           "del",      "reset",
    "drain",      "unpublish", "disable",    "detach",     "cancel",    "deactivate",  "evict",    "kill",         "delall",   "removeall",
    "clear",      "seal",      "rollback",   "shutdown",   "abort",     "dropdatabase"};
// These alone, as a word of its own, say little: only with a service around them.
constexpr std::string_view kSoft[] = {"reset", "disable",  "detach",   "cancel", "deactivate", "kill",   "clear",
                                      "seal",  "rollback", "shutdown", "abort",  "drain",      "remove", "rm",
                                      "del",   "flush",    "evict",    "stop",   "prune",      "forget"};

bool listed(std::string_view word, const std::string_view* begin, const std::string_view* end) {
  return std::find(begin, end, word) != end;
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

// `delete-stack`, `stacks:destroy`, `delete_queue`, `DeleteStack`: a verb at either end of a compound.
bool destructive(std::string_view operand) {
  std::string text = lower(operand);
  if (listed(text, std::begin(kStrong), std::end(kStrong))) return true;
  for (std::string_view verb : kStrong) {
    bool soft = listed(verb, std::begin(kSoft), std::end(kSoft));
    for (char mark : {'-', '_', ':', '.'}) {
      if (text.starts_with(std::string(verb) + mark) && (!soft || mark != '.')) return true;
      if (mark != '.' && text.ends_with(std::string(1, mark) + std::string(verb))) return true;
    }
  }
  return text == "terminate-instances" || text.starts_with("schedule-key-deletion") || text.starts_with("batch-delete") ||
         text.starts_with("bulk-delete");
}

void databases(const Call& call, Report& out) {
  const auto& name = call.name;
  bool sql = name == "psql" || name == "mysql" || name == "mariadb" || name == "sqlite3" || name == "duckdb" ||
             name == "clickhouse-client" || name == "cockroach" || name == "sqlcmd" || name == "snowsql" || name == "bq" ||
             name == "usql" || name == "pgcli" || name == "mycli";
  std::vector<std::string> texts;
  if (sql) {
    for (const auto& arg : call.args)
      if (arg.find(' ') != std::string::npos || arg.find(';') != std::string::npos)
        texts.push_back(arg.starts_with("-c") || arg.starts_with("-e") ? arg.substr(2) : arg);
    if (call.before && call.before->known) texts.push_back(call.before->text);
  }
  for (const auto& text : texts) {
    auto analysis = analyze_sql(text, name == "psql" || name == "pgcli" || name == "cockroach" ? SqlDialect::PostgreSql
                                      : name == "sqlite3"                                      ? SqlDialect::Sqlite
                                                                                               : SqlDialect::MySql);
    for (const auto& statement : analysis.statements) {
      bool whole = statement.kind == "delete" || statement.kind == "update";
      bool no_where = whole && lower(text).find("where") == std::string::npos;
      if (statement.kind.starts_with("drop") || statement.kind == "truncate" || no_where ||
          statement.why.find("writes inside") != std::string::npos)
        report(out, "shell.destroys-data", Severity::High, call.line());
    }
    std::string low = lower(text);
    if (!analysis.understood && (low.find("drop ") != std::string::npos || low.find("truncate ") != std::string::npos))
      report(out, "shell.destroys-data", Severity::High, call.line());
  }
  if (name == "dropdb" || name == "dropuser" || name == "pg_dropcluster" || name == "pg_resetwal")
    report(out, "shell.destroys-data", Severity::High, call.line());
  if (name == "mongo" || name == "mongosh" || name == "redis-cli" || name == "valkey-cli" || name == "cqlsh") {
    std::string line = lower(call.line());
    for (std::string_view bad :
         {"dropdatabase", ".drop(", "deletemany({})", "remove({})", "flushall", "flushdb", "config set", "shutdown", "debug ", "eval ",
          "slaveof", "replicaof", "module load", "script flush", "drop keyspace", "drop table", " del ", " unlink "})
      if (line.find(bad) != std::string::npos) return report(out, "shell.destroys-data", Severity::High, call.line());
  }
  if ((name == "pg_restore" || name == "mongorestore" || name == "mysqldump") &&
      (call.option("--clean") || call.option("--drop") || call.flag('c')))
    report(out, "shell.destroys-data", Severity::High, call.line());
}

}  // namespace

void judge_destructive_verbs(const Call& call, Report& out) {
  databases(call, out);
  // To most others -n is a name or a namespace.
  bool dry = call.option("--dry-run") || (call.flag('n') && (call.name == "rsync" || call.name == "rclone" || call.name == "restic" ||
                                                             call.name == "borg" || call.name == "ansible" || call.name == "svn"));
  if (plain(call.name) || is_shell(call.name) || call.option("--help") || dry || call.args.empty()) return;
  const auto& name = call.name;
  auto operands = call.operands();
  std::string line = call.line();
  bool cloud_copy = (name == "aws" || name == "gsutil" || name == "s3cmd" || name == "rclone" || name == "mc" || name == "azcopy" ||
                     name == "restic" || name == "borg");
  for (std::size_t i = 0; i < operands.size() && i < 5; ++i) {
    const std::string& word = operands[i];
    if (word.find('/') != std::string::npos && i > 0 && word.find(':') == std::string::npos) break;  // from here on, things
    if (word == "get" || word == "list" || word == "ls" || word == "describe" || word == "show" || word == "status" || word == "inspect" ||
        word == "view" || word == "help" || word == "info" || word == "logs" || word == "read" || word == "check" || word == "search")
      break;
    if (destructive(word)) return report(out, "shell.destroys-remotely", Severity::High, line);
  }
  for (const auto& arg : call.args) {
    auto bare = arg.substr(0, arg.find('='));
    for (std::string_view bad :
         {"--delete", "--purge", "--delete-excluded", "--force-delete", "--delete-emptydir-data", "--delete-local-data", "--destroy",
          "--reset-offsets", "--remove-orphans", "--volumes", "--prune", "--force-conflicts", "--remove-source-files", "--delete-after",
          "--delete-before", "--delete-during", "--cleanup", "--overwrite-existing", "--wipe"})
      if (bare == bad && !(bad == "--prune" && name == "fetch")) return report(out, "shell.destroys-remotely", Severity::High, line);
  }
  const std::string first = operands.empty() ? "" : operands[0], second = operands.size() > 1 ? operands[1] : "";
  bool force = call.flag('f') || call.option("--force");
  if ((name == "rclone" && (first == "sync" || first == "move" || first == "cleanup" || first == "dedupe" || first == "deletefile" ||
                            first == "rmdirs" || first == "rmdir")) ||
      (name == "borg" && (first == "compact" || first == "recreate" || first == "break-lock")) ||
      (name == "restic" &&
       (first == "unlock" || (first == "key" && second == "remove") || (first == "cache" && call.option("--cleanup")))) ||
      ((name == "terraform" || name == "tofu" || name == "terragrunt") &&
       (first == "apply" && (call.option("-auto-approve") || call.option("--auto-approve") || call.option("-destroy")))) ||
      ((name == "terraform" || name == "tofu") &&
       (first == "taint" || first == "force-unlock" ||
        (first == "state" && (second == "rm" || second == "mv" || second == "push" || second == "replace-provider")))) ||
      (name == "kubectl" && (first == "cordon" || first == "taint" || (first == "scale" && line.find("replicas=0") != std::string::npos) ||
                             (first == "replace" && force) || (first == "apply" && call.option("--prune")))) ||
      ((name == "docker" || name == "podman") && (first == "kill" || (first == "stop") || (first == "rm" && force))) ||
      (name == "helm" && first == "rollback") || (name == "ansible" && line.find("state=absent") != std::string::npos) ||
      (name == "vault" && (first == "lease" && second == "revoke")) ||
      (name == "gh" && first == "api" && (call.value_of("-X") == "DELETE" || call.value_of("--method") == "DELETE")) ||
      ((name == "glab" || name == "http") && call.value_of("-X") == "DELETE") ||
      (name == "aws" &&
       (second == "stop-instances" || second == "put-bucket-policy" || second == "put-bucket-lifecycle-configuration" ||
        second == "modify-db-instance" || second == "update-secret" || second == "put-secret-value" || second == "rotate-secret" ||
        second == "restore-secret" || second == "put-resource-policy" || second == "set-queue-attributes")) ||
      (name == "gcloud" && line.find(" instances stop") != std::string::npos) || (name == "zfs" && first == "rollback") ||
      (name == "cryptsetup" && (first == "luksFormat" || first == "luksErase" || first == "erase")) ||
      (name == "mdadm" && (call.option("--zero-superblock") || call.option("--stop"))) || name == "lvremove" || name == "vgremove" ||
      name == "pvremove" || name == "lvreduce" || (name == "nginx" && call.value_of("-s") == "stop") ||
      (name == "apachectl" && first == "stop") ||
      (name == "rabbitmqctl" && (first == "stop_app" || first == "forget_cluster_node" || first == "force_reset" || first == "stop" ||
                                 first == "close_all_connections" || first == "force_boot")) ||
      (name.starts_with("kafka-") && call.option("--delete")) || name == "kafka-delete-records" || name == "kafka-delete-records.sh" ||
      name == "kafka-leader-election" || (name == "kafka-configs" && call.option("--alter")) ||
      (name == "kafka-configs.sh" && call.option("--alter")) || (name == "kafka-reassign-partitions" && call.option("--execute")) ||
      (name == "op" && (first == "item" || first == "document" || first == "vault" || first == "user" || first == "group") &&
       (second == "delete" || second == "edit" || second == "suspend")))
    report(out, "shell.destroys-remotely", Severity::High, line);
  if (cloud_copy && name == "aws" && first == "s3" && (second == "rm" || second == "rb" || second == "mv"))
    report(out, "shell.destroys-remotely", Severity::High, line);
}

void judge_call(const Call& call, Report& out) {
  if (call.name == "git") return judge_git(call, out);
  judge_files(call, out);
  judge_network(call, out);
  judge_packages(call, out);
  judge_system(call, out);
  judge_interpreters(call, out);
  judge_destructive_verbs(call, out);
}

void report(Report& out, std::string_view rule, Severity severity, std::string what) {
  if (what.size() > 120) what.resize(120);
  for (ShellFinding& finding : out)
    if (finding.rule == rule && finding.what == what) {
      finding.severity = std::max(finding.severity, severity);
      return;
    }
  if (out.size() < 64) out.push_back({rule, severity, std::move(what)});
}

bool Call::flag(char letter) const {
  for (const auto& arg : args) {
    if (arg == "--") return false;
    if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-' && arg.find(letter) != std::string::npos && arg.find('=') == std::string::npos &&
        arg.size() < 8)
      return true;
  }
  return false;
}

bool Call::option(std::string_view wanted) const {
  for (const auto& arg : args) {
    if (arg == "--") return false;
    if (std::string_view(arg).substr(0, arg.find('=')) == wanted) return true;
  }
  return false;
}

std::string Call::value_of(std::string_view wanted) const {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == wanted) return i + 1 < args.size() ? args[i + 1] : "";
    if (wanted.starts_with("--") && args[i].starts_with(std::string(wanted) + "=")) return args[i].substr(wanted.size() + 1);
    if (wanted.size() == 2 && args[i].size() > 2 && args[i].starts_with(wanted)) return args[i].substr(2);
  }
  return {};
}

std::vector<std::string> Call::operands() const {
  std::vector<std::string> out;
  bool all = false;
  for (const auto& arg : args) {
    if (!all && arg == "--") all = true;
    else if (all || arg.empty() || arg[0] != '-' || arg == "-") out.push_back(arg);
  }
  return out;
}

std::string Call::line() const {
  std::string text = name;
  for (const auto& arg : args) text += " " + arg;
  return text;
}

}  // namespace callgate::inspection
