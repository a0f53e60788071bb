// Precision and recall of the detectors on labelled cases: `evaluate DIR [--misses SET]`. DIR holds one folder per set with JSON Lines;
// nothing of it is kept here. Prints one JSON line per set and class; `./dev eval` runs it and holds the figures against thresholds.
// Not part of the product.

#include "evaluate.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "inspection/inspection.h"
#include "inspection/shell.h"
#include "inspection/sql.h"
#include "inspection/urls.h"
#include "json/writer.h"

namespace callgate::bench {

void Table::add(const std::string& name, bool positive, bool flagged) {
  Counts& counts = classes_[name];
  ++(positive ? (flagged ? counts.hit : counts.missed) : (flagged ? counts.alarm : counts.quiet));
}

void Table::score(const std::string& name, bool positive, double score) { scores_[name].emplace_back(score, positive); }

void Table::miss(json::Value row, bool positive, std::string_view what) const {
  if (!tell_) return;
  std::string line(what);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  std::printf("  %s %.*s %s\n", positive ? "missed" : "ALARM ", int(row["id"].string().size()), row["id"].string().data(), line.c_str());
}

void Table::print(std::string_view set) const {
  for (const auto& [name, c] : classes_) {
    std::string line;
    json::Writer out(line);
    const auto count = [&](const char* what, std::size_t value) { out.member(what, static_cast<std::int64_t>(value)); };
    out.begin_object().member("set", set).member("class", name);
    count("positive", c.hit + c.missed);
    count("found", c.hit);
    count("negative", c.alarm + c.quiet);
    count("alarms", c.alarm);
    if (auto scored = scores_.find(name); scored != scores_.end()) {
      double pairs = 0, won = 0;
      for (const auto& [bad, positive] : scored->second)
        for (const auto& [good, other] : scored->second)
          if (positive && !other) pairs += 1, won += bad > good ? 1 : bad == good ? 0.5 : 0;
      if (pairs > 0) out.key("auc").raw(std::to_string(won / pairs));
    }
    out.end_object();
    std::puts(line.c_str());
  }
}

std::string family(std::string_view name) { return std::string(name.substr(0, name.find(':'))); }

std::string definition_of(json::Value row, bool with_hints) {
  std::string text = "{\"name\":" + std::string(row["name"].raw()) + ",\"description\":" + std::string(row["description"].raw());
  if (row["inputSchema"].exists()) text += ",\"inputSchema\":" + std::string(row["inputSchema"].raw());
  if (with_hints && row["annotations"].is_object()) text += ",\"annotations\":" + std::string(row["annotations"].raw());
  return text + "}";
}

namespace {

using namespace inspection;

std::shared_ptr<const Scanner> scanner(std::vector<Pack> packs) {
  ScannerOptions options;
  options.packs = std::move(packs);
  auto made = Scanner::create(std::move(options));
  if (!made) std::exit(2);
  return *made;
}

void secrets(json::Value row, Table& table) {
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
  if (table.tells() && positive != flagged)
    table.miss(row, positive,
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

void descriptions(json::Value row, Table& table) {
  static Findings findings;
  findings.clear();
  const std::string text = definition_of(row);
  json::Document tool;
  if (!tool.parse(text)) return;
  poison().scan_value(tool.root(), findings);
  bool positive = row["label"].string() == "poisoned", flagged = findings.score(Pack::Poisoning) >= kFlag;
  std::string origin(row["origin"].string());
  table.add("all", positive, flagged);
  table.add("origin " + origin, positive, flagged);
  if (positive && (origin == "lab" || origin == "public-text")) table.add("published", positive, flagged);
  table.add(std::string(row["attack_class"].string()), positive, flagged);
  if (table.tells() && positive != flagged)
    table.miss(row, positive, hints(findings) + " | " + std::string(row["description"].string().substr(0, 260)));
}

void results(json::Value row, Table& table) {
  static Findings findings;
  findings.clear();
  poison().scan(row["text"].string(), findings);
  bool positive = row["label"].string() == "injection", flagged = findings.score(Pack::Poisoning) >= kFlag;
  std::string cls(row["cls"].string());
  bool hard = cls.starts_with("bipia") || cls == "agentdojo_no_marker" || cls == "security_doc";
  table.add("all", positive, flagged);
  if (cls != "security_doc") table.add("without security_doc", positive, flagged);
  if (!hard) table.add("without bipia, no_marker, sec.doc", positive, flagged);
  table.add(cls.starts_with("bipia") && positive ? "bipia" : cls, positive, flagged);
  if (table.tells() && positive != flagged && !cls.starts_with("bipia")) {
    auto text = row["text"].string();
    auto at = row["goal"].is_string() ? text.find(row["goal"].string().substr(0, 20)) : 0;
    if (at == std::string_view::npos) at = 0;
    table.miss(row, positive, cls + " " + hints(findings) + " | " + std::string(text.substr(at > 160 ? at - 160 : 0, 300)));
  }
}

void sql(json::Value row, Table& table) {
  auto dialect = parse_sql_dialect(row["dialect"].string());
  bool positive = row["label"].string() == "mutating";
  auto analysis = analyze_sql(row["sql"].string(), dialect.value_or(SqlDialect::PostgreSql));
  bool flagged = !dialect || !analysis.read_only();
  std::string name(row["dialect"].string());
  table.add("all", positive, flagged);
  if (family(row["category"].string()) == "tricky") table.add("tricky", positive, flagged);
  table.add(name, positive, flagged);
  table.add(name + " " + family(row["category"].string()), positive, flagged);
  if (table.tells() && positive != flagged)
    table.miss(row, positive,
               name + " " + std::string(row["category"].string()) + " [" + analysis.why() + "] " +
                   std::string(row["sql"].string().substr(0, 200)));
}

void shell(json::Value row, Table& table) {
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
  if (table.tells() && positive != flagged)
    table.miss(row, positive,
               cls + " [" +
                   (flagged               ? std::string(analysis.findings[0].rule)
                    : analysis.unresolved ? "unresolved"
                                          : "") +
                   "] " + std::string(row["command"].string().substr(0, 200)));
}

// Whole messages: a call, a page, a frame. Flagged by any detector that needs nothing but the message.
void egress(json::Value row, Table& table) {
  static const auto scan = scanner({Pack::Secrets, Pack::PersonalData, Pack::Poisoning});
  static Findings findings;
  findings.clear();
  json::Value payload = row["payload"];
  scan->scan_value(payload, findings);
  bool flagged = findings.score(Pack::Secrets) >= kFlag || findings.score(Pack::Poisoning) >= kFlag;
  for (std::string_view rule : {"personal.card", "personal.iban"}) flagged |= findings.has(rule);
  std::function<void(json::Value)> walk = [&](json::Value value) {
    value.for_each_element(walk);
    value.for_each_member([&](std::string_view key, json::Value member) {
      std::string_view text = member.string();
      if (text.starts_with("http://") || text.starts_with("https://")) {
        auto url = analyze_url(text);
        flagged |= !url.understood || url.inside();
        for (const auto& finding : url.findings) flagged |= finding.severity >= Severity::High;
      }
      if (key == "command" && row["input_type"].string() == "mcp_tool_call") {
        auto shell = analyze_shell(text);
        flagged |= shell.dangerous() || shell.unresolved;
      }
      walk(member);
    });
  };
  walk(payload);
  bool positive = row["label"].string() == "block";
  table.add("all", positive, flagged);
  table.add(std::string(row["category"].string()), positive, flagged);
  if (positive != flagged) table.miss(row, positive, std::string(row["why"].string()) + " " + hints(findings));
}

// What a tool says its purpose is, where that is an attack. Not what the Poisoning pack is for: measured to say so.
void overt(json::Value row, Table& table) {
  static Findings findings;
  findings.clear();
  poison().scan(row["description"].string(), findings);
  bool positive = row["label"].string() == "overt_malicious", flagged = findings.score(Pack::Poisoning) >= kFlag;
  table.add("all", positive, flagged);
  if (positive != flagged) table.miss(row, positive, row["description"].string().substr(0, 200));
}

// A manifest as a file that is written: what its install scripts and dependencies would do, by the rules for code and commands.
void manifest(json::Value row, Table& table) {
  static const auto scan = scanner({Pack::Code});
  static Findings findings;
  findings.clear();
  scan->scan(row["package_json"].raw(), findings);
  bool positive = row["label"].string() == "malicious", flagged = findings.score(Pack::Code) >= kFlag;
  table.add("all", positive, flagged);
  table.add(std::string(row["cls"].string()), positive, flagged);
  if (positive != flagged) table.miss(row, positive, hints(findings) + std::string(row["package_json"].raw().substr(0, 260)));
}

}  // namespace

std::vector<Set> text_sets() {
  return {{"secrets", "secrets/cases.jsonl", secrets},
          {"descriptions", "tool_descriptions/cases.jsonl", descriptions},
          {"overt", "tool_descriptions/overt_purpose.jsonl", overt},
          {"results", "tool_output_injection/cases.jsonl", results},
          {"direct", "tool_output_injection/direct_prompts.jsonl", results},
          {"evasion", "tool_output_injection/evasion_attacks.jsonl", results},
          {"sql", "sql_readonly/cases.jsonl", sql},
          {"shell", "shell_commands/cases.jsonl", shell},
          {"egress", "egress_flows/cases.jsonl", egress},
          {"manifests", "packages/package_json.jsonl", manifest}};
}

}  // namespace callgate::bench

int main(int argc, char** argv) {
  using namespace callgate;
  if (argc < 2) {
    std::fputs("usage: evaluate DIR [--misses SET]\n", stderr);
    return 2;
  }
  std::string root = argv[1], wanted = argc > 3 && !std::strcmp(argv[2], "--misses") ? argv[3] : "";
  auto sets = bench::text_sets();
  for (auto& set : bench::tool_sets()) sets.push_back(std::move(set));
  for (const bench::Set& set : sets) {
    std::ifstream in(root + "/" + set.file);
    if (!in) continue;  // the runner says which sets it did not see
    bench::Table table(wanted == set.name);
    json::Document document;
    std::string line;
    while (std::getline(in, line)) {
      auto parsed = document.parse(line);
      if (parsed) set.judge(document.root(), table);
      else std::fprintf(stderr, "%s: a line cannot be read: %s\n", set.file, parsed.error().message.c_str());
    }
    std::string name(set.file);
    table.print(name.substr(0, name.find('.')));
  }
  return 0;
}
