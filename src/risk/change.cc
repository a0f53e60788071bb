#include "risk/change.h"

#include <algorithm>
#include <array>
#include <map>

#include "inspection/hidden.h"
#include "risk/steering.h"

namespace callgate::risk {
namespace {

constexpr std::size_t kFieldsMax = 20'000;  // leaves of one definition
constexpr double kInstruction = 0.5;        // from here on added text counts as an instruction

struct Leaf {
  json::Kind kind{};
  std::string text;  // of a string its text, else the raw value
};
using Leaves = std::map<std::string, Leaf, std::less<>>;

std::string pointer_part(std::string_view key) {
  std::string out;
  for (char c : key) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
  return out;
}

void collect(json::Value value, const std::string& pointer, Leaves& leaves) {
  if (leaves.size() >= kFieldsMax || !value.exists()) return;
  if (value.is_object() && value.size() > 0) {
    value.for_each_member([&](std::string_view key, json::Value member) { collect(member, pointer + "/" + pointer_part(key), leaves); });
  } else if (value.is_array() && value.size() > 0) {
    bool scalars = true;
    value.for_each_element([&](json::Value element) { scalars = scalars && !element.is_object() && !element.is_array(); });
    // A list of names (required, enum) is compared as a set: its order says nothing.
    std::size_t at = 0;
    value.for_each_element([&](json::Value element) {
      std::string_view text = element.is_string() ? element.string() : element.raw();
      if (scalars) leaves.emplace(pointer + "/" + pointer_part(text), Leaf{json::Kind::String, std::string(text)});
      else collect(element, pointer + "/" + std::to_string(at++), leaves);
    });
  } else {
    leaves.emplace(pointer, Leaf{value.kind(), std::string(value.is_string() ? value.string() : value.raw())});
  }
}

bool under(std::string_view pointer, std::string_view parent) {
  return pointer.starts_with(parent) && (pointer.size() == parent.size() || pointer[parent.size()] == '/');
}

bool names_list(std::string_view pointer, std::string_view list) {
  auto cut = pointer.rfind('/');
  return cut != pointer.npos && pointer.substr(0, cut).ends_with(list);
}

// `/inputSchema/properties/a/properties/b/type` -> `/inputSchema/properties/a/properties/b`; empty: not below a property.
std::string_view property_of(std::string_view pointer) {
  auto at = pointer.rfind("/properties/");
  if (at == pointer.npos) return {};
  auto end = pointer.find('/', at + 12);
  return pointer.substr(0, end);
}

bool hidden_in(std::string_view text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) >= 0x80) || static_cast<unsigned char>(c) < 0x20)
      return shown(text).find("\\u{") != std::string::npos;
  return false;
}

std::string added_text(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& piece : pieces)
    if (piece.edit == Edit::Added) out += piece.text + "\n";
  return out;
}

class Comparison {
 public:
  Comparison(json::Value before, json::Value after, const inspection::Scanner& scanner)
      : before_(before), after_(after), scanner_(scanner) {}
  Change run();

 private:
  void field(const std::string& pointer, const Leaf* was, const Leaf* is);
  void text(FieldChange& change, const std::string& is);
  void schema(FieldChange& change, const Leaf* was, const Leaf* is);
  void new_property(FieldChange& change, std::string_view property);
  void annotation(FieldChange& change, const Leaf* was, const Leaf* is);
  void whole();
  void add(Traits trait) { out_.traits = out_.traits | trait; }
  static void raise(FieldChange& change, double danger, std::string why) {
    change.danger = 1 - (1 - change.danger) * (1 - danger);
    if (danger >= 0.1) change.reasons.push_back(std::move(why));
  }
  bool is_new_property(std::string_view property) const {
    auto at = old_.lower_bound(property);
    return at == old_.end() || !under(at->first, property);
  }
  double poisoned(std::string_view text) const {
    findings_.clear();
    scanner_.scan(text, findings_);
    return findings_.score(inspection::Pack::Poisoning);
  }

  json::Value before_, after_;
  const inspection::Scanner& scanner_;
  mutable inspection::Findings findings_;
  Leaves old_, new_;
  Vocabulary known_;
  Classification was_, is_;  // without annotations
  Change out_;
};

// The definition without what the server says of itself.
Classification without_hints(json::Value definition) {
  Classification all = classify(definition);
  // Hints only raise; what remains without them decides whether a claim is a lie.
  Class risk = Class::Read;
  for (const Evidence& evidence : all.evidence)
    if (!evidence.where.starts_with("/annotations")) risk = std::max(risk, evidence.says);
  all.risk = risk;
  return all;
}

void Comparison::text(FieldChange& change, const std::string& is) {
  std::string added = added_text(change.pieces);
  if (hidden_in(is) && shown(added).find("\\u{") != std::string::npos) {
    add(Traits::HiddenCharacters);
    raise(change, 0.9, "holds characters a person does not see");
  }
  Steering steering = judge_text(added, known_);
  double danger = steering.danger;
  for (std::string& why : steering.reasons) change.reasons.push_back(std::move(why));
  change.danger = 1 - (1 - change.danger) * (1 - danger * 0.9);
  std::string removed;
  for (const Piece& piece : change.pieces)
    if (piece.edit != Edit::Added) removed += piece.text;
  double poison = poisoned(is), poison_before = poisoned(removed);
  if (poison >= 0.5 && poison > poison_before)
    raise(change, poison, "reads like an attack: " + std::string(findings_.empty() ? "" : findings_.all()[0].rule));
  if (change.danger >= kInstruction) add(Traits::NewInstructions);
}

void Comparison::new_property(FieldChange& change, std::string_view property) {
  add(Traits::SchemaWidened);
  std::string base(property), name(property.substr(property.rfind('/') + 1));
  bool required = false;
  auto list = property.substr(0, property.rfind("/properties/"));
  required = new_.contains(std::string(list) + "/required/" + name);
  auto told = new_.find(base + "/description");
  Steering steering = judge_parameter(name, told == new_.end() ? "" : told->second.text, required);
  for (std::string& why : steering.reasons) change.reasons.push_back("the new parameter " + why);
  change.danger = 1 - (1 - change.danger) * (1 - steering.danger);
  if (steering.danger >= kInstruction) add(Traits::CollectsContext);
  if (required) raise(change, 0.1, "a new parameter has to be given");
}

void Comparison::schema(FieldChange& change, const Leaf* was, const Leaf* is) {
  std::string_view pointer = change.pointer;
  std::string_view property = property_of(pointer);
  if (was == nullptr && !property.empty() && is_new_property(property)) return new_property(change, property);
  auto last = pointer.substr(pointer.rfind('/') + 1);
  bool prose = last == "description" || last == "title" || last == "$comment" || last == "default" || names_list(pointer, "/examples") ||
               names_list(pointer, "/enum");
  if (prose && is != nullptr && is->kind == json::Kind::String) text(change, is->text);
  if (last == "description" || last == "title" || last == "$comment" || last == "$schema") return;
  if (names_list(pointer, "/required"))
    return add(was == nullptr ? Traits::SchemaNarrowed : Traits::SchemaWidened),
           raise(change, was == nullptr ? 0.1 : 0.03, "what has to be given changed");
  bool limit = false;
  for (std::string_view word : {"maximum", "maxLength", "maxItems", "minimum", "minLength", "pattern", "format", "const",
                                "additionalProperties", "minItems", "uniqueItems"})
    limit |= last == word;
  if (limit && is == nullptr) return add(Traits::SchemaWidened), raise(change, 0.12, "a limit was dropped");
  if (limit && was == nullptr) return add(Traits::SchemaNarrowed);
  if (was == nullptr) return add(Traits::SchemaWidened), raise(change, 0.03, "takes more");
  if (is == nullptr) return add(Traits::SchemaNarrowed), raise(change, 0.02, "takes less");
  add(Traits::SchemaWidened | Traits::SchemaNarrowed);
  raise(change, 0.05, "takes something else");
}

void Comparison::annotation(FieldChange& change, const Leaf* was, const Leaf* is) {
  bool reads = change.pointer == "/annotations/readOnlyHint", harms = change.pointer == "/annotations/destructiveHint";
  bool claims = (reads && is != nullptr && is->kind == json::Kind::True) || (harms && is != nullptr && is->kind == json::Kind::False);
  bool withdrawn = harms && was != nullptr && was->kind == json::Kind::True && (is == nullptr || is->kind != json::Kind::True);
  if (claims || withdrawn) {
    bool lie = is_.mutates() && reads;
    bool contradicts = was != nullptr && was->kind != (is == nullptr ? json::Kind::Null : is->kind);
    if (lie || contradicts || withdrawn) add(Traits::ClaimsLess);
    if (lie) raise(change, 0.8, "says that it only reads, which its name and text do not bear out");
    else if (contradicts && reads) raise(change, 0.3, "says that it only reads, and said otherwise before");
    else if (withdrawn) raise(change, 0.2, "no longer says that it destroys");
    return;
  }
  if (is != nullptr && is->kind == json::Kind::String) text(change, is->text);
}

void Comparison::field(const std::string& pointer, const Leaf* was, const Leaf* is) {
  FieldChange change;
  change.pointer = pointer;
  change.edit = was == nullptr ? Edit::Added : is == nullptr ? Edit::Removed : Edit::Same;
  change.pieces = diff_words(was == nullptr ? "" : was->text, is == nullptr ? "" : is->text);
  if (under(pointer, "/annotations")) annotation(change, was, is);
  else if (under(pointer, "/inputSchema") || under(pointer, "/arguments")) schema(change, was, is);
  else if (is != nullptr && is->kind == json::Kind::String) text(change, is->text);
  if (under(pointer, "/name")) raise(change, 0.5, "has another name");
  if (under(pointer, "/outputSchema")) add(Traits::OutputChanged);
  out_.fields.push_back(std::move(change));
}

void Comparison::whole() {
  bool annotations = true, wording = true;
  for (const FieldChange& change : out_.fields) {
    bool title = change.pointer == "/title" || change.pointer.ends_with("/title");
    annotations &= under(change.pointer, "/annotations") || change.pointer == "/title";
    wording &= change.pointer == "/description" || title || (change.pointer.ends_with("/description") && change.edit == Edit::Same);
  }
  if (!out_.fields.empty()) {
    if (annotations) add(Traits::AnnotationsOnly);
    if (wording && !annotations) add(Traits::WordingOnly);
  }
  if (is_.risk > was_.risk) add(Traits::RiskRaised);
  std::stable_sort(out_.fields.begin(), out_.fields.end(), [](const FieldChange& a, const FieldChange& b) { return a.danger > b.danger; });
  if (out_.fields.empty()) return;
  out_.danger = out_.fields.front().danger;
  if (is_.risk > was_.risk) out_.danger = 1 - (1 - out_.danger) * 0.9;
}

Change Comparison::run() {
  collect(before_, "", old_);
  collect(after_, "", new_);
  for (const auto& [pointer, leaf] : old_) {
    add_words(known_, leaf.text);
    add_words(known_, pointer);
  }
  was_ = without_hints(before_);
  is_ = without_hints(after_);
  auto a = old_.begin(), b = new_.begin();
  while (a != old_.end() || b != new_.end()) {
    if (b == new_.end() || (a != old_.end() && a->first < b->first)) {
      field(a->first, &a->second, nullptr);
      ++a;
    } else if (a == old_.end() || b->first < a->first) {
      field(b->first, nullptr, &b->second);
      ++b;
    } else {
      if (a->second.text != b->second.text || a->second.kind != b->second.kind) field(a->first, &a->second, &b->second);
      ++a, ++b;
    }
  }
  // Members in another order, or `1` that became `1.0`: nothing above differs, but the bytes do.
  whole();
  return std::move(out_);
}

constexpr std::array<std::pair<Traits, std::string_view>, 10> kTraits{{{Traits::AnnotationsOnly, "annotations_only"},
                                                                       {Traits::WordingOnly, "wording_only"},
                                                                       {Traits::SchemaWidened, "schema_widened"},
                                                                       {Traits::SchemaNarrowed, "schema_narrowed"},
                                                                       {Traits::NewInstructions, "new_instructions"},
                                                                       {Traits::HiddenCharacters, "hidden_characters"},
                                                                       {Traits::CollectsContext, "collects_context"},
                                                                       {Traits::RiskRaised, "risk_raised"},
                                                                       {Traits::ClaimsLess, "claims_less"},
                                                                       {Traits::OutputChanged, "output_changed"}}};

}  // namespace

std::vector<std::string_view> trait_names(Traits traits) {
  std::vector<std::string_view> names;
  for (const auto& [trait, name] : kTraits)
    if (has(traits, trait)) names.push_back(name);
  return names;
}

Result<std::shared_ptr<const ChangeRanker>> ChangeRanker::create() {
  inspection::ScannerOptions options;
  options.packs = {inspection::Pack::Poisoning};
  CG_TRY(auto scanner, inspection::Scanner::create(std::move(options)));
  return std::shared_ptr<const ChangeRanker>(new ChangeRanker(std::move(scanner)));
}

Change ChangeRanker::rank(json::Value old_definition, json::Value new_definition) const {
  return Comparison(old_definition, new_definition, *scanner_).run();
}

double ChangeRanker::poisoning(json::Value definition) const {
  inspection::Findings findings;
  scanner_->scan_value(definition, findings);
  return findings.score(inspection::Pack::Poisoning);
}

}  // namespace callgate::risk
