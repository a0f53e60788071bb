// Sets about tools as a whole: what they may do, what changed in them, where their paths lead.

#include <memory>

#include "evaluate.h"
#include "inspection/files.h"
#include "policy/typed.h"
#include "risk/change.h"

namespace callgate::bench {
namespace {

void tool_risk(json::Value row, Table& table) {
  json::Document tool;
  if (!tool.parse(definition_of(row))) return;  // annotations are hidden
  auto found = risk::classify(tool.root());
  bool positive = row["label"].string() == "mutating";
  table.add("all", positive, found.mutates());
  table.add("origin " + std::string(row["label_origin"].string()), positive, found.mutates());
  table.add("fine " + std::string(row["fine"].string()), positive, found.mutates());
  std::string why(row["name"].string());
  for (const auto& evidence : found.evidence) why += " [" + evidence.where + " " + evidence.what + "]";
  if (positive != found.mutates()) table.miss(row, positive, why);
}

// A change counts as found when anything is listed; the ranks give the area under the curve.
void rugpull(json::Value row, Table& table) {
  static const auto ranker = risk::ChangeRanker::create();
  if (!ranker) return;
  auto change = (*ranker)->rank(row["before"], row["after"]);
  bool positive = row["label"].string() == "malicious_change";
  table.add("detected", true, !change.fields.empty());
  table.add("ranked dangerous", positive, change.danger >= 0.5);
  table.score("ranked dangerous", positive, change.danger);
  std::string what = std::to_string(change.danger);
  for (auto name : risk::trait_names(change.traits)) what += " " + std::string(name);
  if (!change.fields.empty()) what += " " + change.fields[0].pointer;
  if (positive != (change.danger >= 0.5)) table.miss(row, positive, what);
}

// As the policy of a file server asks it: below a root, from the working directory, by what the case says of home folder and file system;
// and nothing written that is run later. Counted apart: the same without knowing what opens the path. Symlinks cannot be seen from here.
void paths(json::Value row, Table& table) {
  std::vector<std::string> roots;
  row["allowed_roots"].for_each_element([&](json::Value root) {
    if (auto canonical = policy::canonical_root(root.string())) roots.push_back(std::move(*canonical));
  });
  std::string_view path = row["path"].string();
  const auto folder = [&](const char* name) {
    auto canonical = policy::canonical_root(row[name].string());
    return canonical && !roots.empty() && policy::same_system(*canonical, roots.front()) ? *canonical : std::string();
  };
  std::string base = folder("cwd"), home = folder("home");
  policy::PathOptions options{.base = base, .ignore_case = row["case_insensitive_fs"].is(json::Kind::True)};
  bool by_any = policy::path_within(path, roots, options) != policy::Answer::Yes;
  options.home = home;
  options.file_server = true;
  bool flagged = policy::path_within(path, roots, options) != policy::Answer::Yes;
  if (row["operation"].string() == "write" && (inspection::guarded_file(path) || inspection::sensitive_file(path))) flagged = by_any = true;
  bool positive = row["label"].string() == "deny";
  bool links = row["symlinks"].is_object() && row["symlinks"].size() > 0;
  bool windows = row["platform"].string() == "windows";
  std::string name(windows ? "windows" : links ? "symlinks" : "posix");
  table.add("all", positive, flagged);
  table.add(name, positive, flagged);
  if (!links) table.add("decidable from the text", positive, flagged);
  if (!links) table.add("decidable, opener unknown", positive, by_any);
  if (!windows && !links) table.add(std::string(row["why"].string()), positive, flagged);
  if (positive != flagged) table.miss(row, positive, name + " " + std::string(row["why"].string()) + " " + std::string(path));
}

}  // namespace

std::vector<Set> tool_sets() {
  return {{"risk", "tool_risk/cases.jsonl", tool_risk},
          {"rugpull", "tool_descriptions/rugpull_pairs.jsonl", rugpull},
          {"paths", "paths/cases.jsonl", paths}};
}

}  // namespace callgate::bench
