#include <algorithm>

#include "inspection/detectors.h"
#include "inspection/secret_checks.h"
#include "inspection/workspace.h"

namespace callgate::inspection {
namespace {

void append_pointer(std::string& pointer, std::string_view token) {
  pointer.push_back('/');
  for (char c : token) {
    if (c == '~') pointer += "~0";
    else if (c == '/') pointer += "~1";
    else pointer.push_back(c);
  }
}

// Walks a value without recursion; the boundary allows 64 levels, a stack of positions holds them.
template <class Fn> void walk_strings(json::Value value, std::string& pointer, Fn& fn, std::uint32_t depth = 0) {
  if (depth > 128) return fn.too_deep();
  if (value.is_string()) return fn(value.string(), false);
  auto size = pointer.size();
  value.for_each_member([&](std::string_view key, json::Value child) {
    append_pointer(pointer, key);
    fn(key, true);
    walk_strings(child, pointer, fn, depth + 1);
    pointer.resize(size);
  });
  std::uint32_t index = 0;
  value.for_each_element([&](json::Value child) {
    append_pointer(pointer, std::to_string(index++));
    walk_strings(child, pointer, fn, depth + 1);
    pointer.resize(size);
  });
}

// `type`, `amount`: fewer letters than anything that is looked for; the shortest is `sidecar`.
bool too_short_to_tell(std::string_view key) {
  return key.size() <= 6 && std::all_of(key.begin(), key.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

Findings::Findings() = default;
Findings::~Findings() = default;
Findings::Findings(Findings&&) noexcept = default;
Findings& Findings::operator=(Findings&&) noexcept = default;

bool Findings::has(std::string_view rule) const {
  return std::any_of(items_.begin(), items_.end(), [&](const Finding& finding) { return finding.rule == rule; });
}

Severity Findings::worst() const {
  Severity worst = Severity::Info;
  for (const Finding& finding : items_) worst = std::max(worst, finding.severity);
  return worst;
}

// Independent hints add up: 1 minus the product of what each leaves open. Of one rule the surest finding counts.
double Findings::score(Pack pack) const {
  constexpr double kWeight[] = {0.05, 0.2, 0.4, 0.65, 0.85};
  constexpr double kSure[] = {0.5, 0.8, 1.0};
  double open = 1;
  std::vector<std::string_view> counted;
  for (const Finding& finding : items_) {
    if (finding.pack != pack || std::find(counted.begin(), counted.end(), finding.rule) != counted.end()) continue;
    counted.push_back(finding.rule);
    Confidence surest = finding.confidence;
    for (const Finding& other : items_)
      if (other.rule == finding.rule) surest = std::max(surest, other.confidence);
    open *= 1 - kWeight[static_cast<std::size_t>(finding.severity)] * kSure[static_cast<std::size_t>(surest)];
  }
  return 1 - open;
}

void Findings::clear() {
  items_.clear();
  capped_ = false;
}

Scanner::Scanner(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Scanner::~Scanner() = default;

Result<std::shared_ptr<const Scanner>> Scanner::create(ScannerOptions options) {
  for (const auto& id : options.rules_off)
    if (!find_rule(id))
      return fail(Code::InvalidArgument, "inspection.rule", "there is no rule `" + id + "`: see `callgate inspect rules`");
  auto tables = std::make_unique<Tables>();
  tables->options = std::move(options);
  for (Pack pack : tables->options.packs) switch (pack) {
      case Pack::Secrets:
        tables->secrets = true;
        add_secrets(*tables);
        break;
      case Pack::SeedSecrets: add_seed_secrets(*tables); break;
      case Pack::PersonalData: tables->personal = true; break;
      case Pack::Poisoning:
        tables->poisoning = true;
        add_poisoning(*tables);
        break;
      case Pack::Code: add_code(*tables); break;
      case Pack::Inspection:
      case Pack::Vault: break;
    }
  if (tables->compiled.empty()) tables->trigger("-----BEGIN PRIVATE KEY-----", false, {Family::PrivateKey, 0});
  CG_TRY(tables->prefilter, Prefilter::compile(tables->compiled));
  tables->warm();
  return std::shared_ptr<const Scanner>(new Scanner(std::move(tables)));
}

void Scanner::scan(std::string_view text, Findings& out, const KnownSecrets* known) const {
  if (!out.workspace_) out.workspace_ = std::make_unique<Workspace>();
  out.workspace_->begin(*tables_, out, known);
  out.workspace_->scan_text(text);
  out.workspace_->finish();
}

void Scanner::scan_value(json::Value value, Findings& out, const KnownSecrets* known) const {
  if (!out.workspace_) out.workspace_ = std::make_unique<Workspace>();
  Workspace& work = *out.workspace_;
  work.begin(*tables_, out, known);
  struct Visit {
    Workspace& work;
    std::size_t left;
    void too_deep() { work.cap("depth"); }
    void operator()(std::string_view text, bool is_key) {
      if (text.size() > left) return work.cap("value");
      left -= text.size();
      if (is_key && too_short_to_tell(text)) return;
      work.in_key = is_key;
      work.scan_text(text);
      work.in_key = false;
      if (is_key || text.size() < 4) return;
      work.remember(text);
    }
  };
  Visit visit{work, tables_->options.caps.value_bytes_max};
  walk_strings(value, work.pointer, visit);
  work.scan_joined();
  work.finish();
}

}  // namespace callgate::inspection
