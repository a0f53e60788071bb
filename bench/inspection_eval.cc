// Precision and recall of the inspection packs on labelled cases: `inspection_eval DIR [--misses SET]`. DIR holds one folder per set with
// JSON Lines; nothing of it is kept here. Prints one line per set and class. Not part of the product.

#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "inspection/inspection.h"
#include "inspection/shell.h"
#include "inspection/sql.h"

namespace {

using namespace callgate;
using namespace callgate::inspection;

struct Counts {
  std::size_t hit = 0, missed = 0, alarm = 0, quiet = 0;
};

struct Table {
  std::map<std::string, Counts> classes;
  void add(const std::string& name, bool positive, bool flagged) {
    Counts& counts = classes[name];
    ++(positive ? (flagged ? counts.hit : counts.missed) : (flagged ? counts.alarm : counts.quiet));
  }
  void print(const char* set) const {
    for (const auto& [name, c] : classes) {
      double recall = c.hit + c.missed ? double(c.hit) / double(c.hit + c.missed) : -1;
      double precision = c.hit + c.alarm ? double(c.hit) / double(c.hit + c.alarm) : -1;
      double rate = c.alarm + c.quiet ? double(c.alarm) / double(c.alarm + c.quiet) : -1;
      std::printf("%-22s %-34s +%5zu/%-5zu -%5zu/%-5zu  P %6.3f  R %6.3f  FPR %6.4f\n", set, name.c_str(), c.hit, c.hit + c.missed, c.alarm,
                  c.alarm + c.quiet, precision, recall, rate);
    }
  }
};

using Judge = std::function<void(json::Value, Table&, bool misses)>;

void run(const std::string& root, const char* file, bool misses, const Judge& judge) {
  std::ifstream in(root + "/" + file);
  if (!in) return;
  Table table;
  json::Document document;
  std::string line;
  while (std::getline(in, line))
    if (document.parse(line)) judge(document.root(), table, misses);
  table.print(file);
}

void miss(json::Value row, bool positive, std::string_view what) {
  std::printf("  %s %.*s %.*s\n", positive ? "missed" : "ALARM ", int(row["id"].string().size()), row["id"].string().data(),
              int(what.size()), what.data());
}

std::shared_ptr<const Scanner> scanner(std::vector<Pack> packs) {
  ScannerOptions options;
  options.packs = std::move(packs);
  auto made = Scanner::create(std::move(options));
  if (!made) std::exit(2);
  return *made;
}

std::string family(std::string_view name) { return std::string(name.substr(0, name.find(':'))); }

void secrets(json::Value row, Table& table, bool misses) {
  static const auto scan = scanner({Pack::Secrets});
  static Findings findings;
  findings.clear();
  auto text = row["text"].string();
  json::Document inner;  // encoded cases are arguments
  if (row["origin"].string().starts_with("encoded") && inner.parse(text)) scan->scan_value(inner.root(), findings);
  else scan->scan(text, findings);
  bool positive = row["label"].string() == "secret", flagged = !findings.empty();
  table.add("all", positive, flagged);
  table.add(family(row["origin"].string()), positive, flagged);
  if (row["origin"].string().starts_with("encoded")) table.add(std::string(row["origin"].string()), positive, flagged);
  if (misses && positive != flagged)
    miss(row, positive,
         std::string(row["rule"].string()) + " " + (flagged ? std::string(findings.all()[0].rule) + " " : "") +
             std::string(text.substr(0, 200)));
}

const Scanner& poison() {
  static const auto made = scanner({Pack::Poisoning});
  return *made;
}

// Flagged: the hints together say more likely than not.
constexpr double kFlag = 0.5;

std::string hints(const Findings& findings) {
  std::string out;
  for (const auto& finding : findings.all())
    if (out.find(finding.rule) == std::string::npos) out += std::string(finding.rule) + " (" + finding.masked.substr(0, 60) + ") ";
  return out;
}

void descriptions(json::Value row, Table& table, bool misses) {
  static Findings findings;
  findings.clear();
  std::string text = "{\"name\":" + std::string(row["name"].raw()) + ",\"description\":" + std::string(row["description"].raw()) +
                     ",\"inputSchema\":" + std::string(row["inputSchema"].raw()) + "}";
  json::Document tool;
  if (!tool.parse(text)) return;
  poison().scan_value(tool.root(), findings);
  bool positive = row["label"].string() == "poisoned", flagged = findings.score(Pack::Poisoning) >= kFlag;
  std::string origin(row["origin"].string());
  table.add("all", positive, flagged);
  table.add("origin " + origin, positive, flagged);
  if (positive && (origin == "lab" || origin == "public-text")) table.add("published", positive, flagged);
  table.add(std::string(row["attack_class"].string()), positive, flagged);
  if (misses && positive != flagged) miss(row, positive, hints(findings) + " | " + std::string(row["description"].string().substr(0, 260)));
}

void results(json::Value row, Table& table, bool misses) {
  static Findings findings;
  findings.clear();
  poison().scan(row["text"].string(), findings);
  bool positive = row["label"].string() == "injection", flagged = findings.score(Pack::Poisoning) >= kFlag;
  std::string cls(row["cls"].string());
  bool hard = cls.starts_with("bipia") || cls == "agentdojo_no_marker" || cls == "security_doc";
  table.add("all", positive, flagged);
  if (!hard) table.add("without bipia, no_marker, sec.doc", positive, flagged);
  table.add(cls.starts_with("bipia") && positive ? "bipia" : cls, positive, flagged);
  if (misses && positive != flagged && !cls.starts_with("bipia")) {
    auto text = row["text"].string();
    auto at = row["goal"].is_string() ? text.find(row["goal"].string().substr(0, 20)) : 0;
    if (at == std::string_view::npos) at = 0;
    miss(row, positive, cls + " " + hints(findings) + " | " + std::string(text.substr(at > 160 ? at - 160 : 0, 300)));
  }
}

void sql(json::Value row, Table& table, bool misses) {
  auto dialect = parse_sql_dialect(row["dialect"].string());
  bool positive = row["label"].string() == "mutating";
  auto analysis = analyze_sql(row["sql"].string(), dialect.value_or(SqlDialect::PostgreSql));
  bool flagged = !dialect || !analysis.read_only();
  std::string name(row["dialect"].string());
  table.add(name, positive, flagged);
  table.add(name + " " + family(row["category"].string()), positive, flagged);
  if (misses && positive != flagged)
    miss(row, positive,
         name + " " + std::string(row["category"].string()) + " [" + analysis.why() + "] " +
             std::string(row["sql"].string().substr(0, 200)));
}

void shell(json::Value row, Table& table, bool misses) {
  bool positive = row["label"].string() == "dangerous";
  auto analysis = analyze_shell(row["command"].string());
  bool flagged = analysis.dangerous();
  table.add("all", positive, flagged);
  table.add("all, unresolved asks too", positive, flagged || analysis.unresolved);
  std::string cls(row["cls"].string());
  table.add(cls.starts_with("pack:") || cls.starts_with("art:") || cls.starts_with("tldr:") || cls.starts_with("ccsn") ||
                    cls.starts_with("corpus:")
                ? family(cls)
                : "hand " + cls,
            positive, flagged);
  if (misses && positive != flagged)
    miss(row, positive,
         cls + " [" +
             (flagged               ? std::string(analysis.findings[0].rule)
              : analysis.unresolved ? "unresolved"
                                    : "") +
             "] " + std::string(row["command"].string().substr(0, 200)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: inspection_eval DIR [--misses SET]\n", stderr);
    return 2;
  }
  std::string root = argv[1], wanted = argc > 3 && !std::strcmp(argv[2], "--misses") ? argv[3] : "";
  run(root, "secrets/cases.jsonl", wanted == "secrets", secrets);
  run(root, "tool_descriptions/cases.jsonl", wanted == "descriptions", descriptions);
  run(root, "tool_output_injection/cases.jsonl", wanted == "results", results);
  run(root, "tool_output_injection/direct_prompts.jsonl", wanted == "direct", results);
  run(root, "tool_output_injection/evasion_attacks.jsonl", wanted == "evasion", results);
  run(root, "sql_readonly/cases.jsonl", wanted == "sql", sql);
  run(root, "shell_commands/cases.jsonl", wanted == "shell", shell);
  return 0;
}
