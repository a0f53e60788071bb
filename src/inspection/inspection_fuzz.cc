// Any bytes, as text and as JSON: scanning ends, spans lie inside, what was redacted is not there any more, redacted JSON is JSON.

#include "inspection/inspection.h"
#include "inspection/seed.h"
#include "inspection/shell.h"
#include "inspection/sql.h"
#include "inspection/urls.h"

namespace {

using namespace callgate;
using namespace callgate::inspection;

const Scanner& scanner() {
  static const auto made = Scanner::create({.packs = {Pack::Secrets, Pack::SeedSecrets, Pack::PersonalData, Pack::Poisoning, Pack::Code}});
  return **made;
}

void check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  static Findings findings;
  findings.clear();
  scanner().scan(text, findings);
  for (const Finding& finding : findings.all()) {
    check(finding.begin <= finding.end && finding.end <= text.size());
    check(find_rule(finding.rule) != nullptr);
  }
  redact_text(text, findings, [](const Finding&) { return true; });
  TextStream stream(scanner());
  Findings streamed;
  for (std::size_t at = 0; at < size; at += 37) stream.add(text.substr(at, 37), streamed);
  stream.finish(streamed);

  for (int dialect = 0; dialect < 7; ++dialect) {
    auto analysis = analyze_sql(text, static_cast<SqlDialect>(dialect));
    check(!analysis.read_only() || analysis.why().empty());
  }
  analyze_shell(text);
  analyze_url(text);
  validation_json(validate_code(text));

  json::Document document, again;
  if (!document.parse(text)) return 0;
  findings.clear();
  scanner().scan_value(document.root(), findings);
  std::string clean = redact_value(document.root(), findings, [](const Finding& finding) { return !finding.in_key; });
  check(again.parse(clean).has_value());
  return 0;
}
