// The founding document's code validator, pattern for pattern (C-02 to C-14).

#include <algorithm>

#include "inspection/regex.h"
#include "inspection/seed.h"
#include "json/writer.h"

namespace callgate::inspection {
namespace {

struct SeedPattern {
  std::string_view source;  // as printed there
  std::string_view re2;     // the same language, in RE2's words
};

// JavaScript's \s and . are wider and narrower than RE2's.
#define SP "[\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}]"
#define DOT "[^\\n\\r\\x{2028}\\x{2029}]"
#define QUOTE "['\"`]"

// The first one ends in (?!localhost|127\.0\.0\.1), which RE2 has not: first_match looks at what follows itself.
constexpr SeedPattern kDangerous[] = {
    {R"re(fetch\s*\(\s*['"`]https?:\/\/(?!localhost|127\.0\.0\.1))re", "fetch" SP "*\\(" SP "*" QUOTE "https?://"},
    {R"re(require\s*\(\s*['"`]https?)re", "require" SP "*\\(" SP "*" QUOTE "https?"},
    {R"re(import\s+.*\s+from\s+['"`]https?)re", "import" SP "+" DOT "*" SP "+from" SP "+" QUOTE "https?"},
    {R"re(fs\.writeFileSync\s*\(\s*['"`]\/(?:etc|usr|var|root))re", "fs\\.writeFileSync" SP "*\\(" SP "*" QUOTE "/(?:etc|usr|var|root)"},
    {R"re(fs\.unlinkSync\s*\(\s*['"`](?:\.\.\/|\.\.\\.))re", "fs\\.unlinkSync" SP "*\\(" SP "*" QUOTE "(?:\\.\\./|\\.\\.\\\\" DOT ")"},
    {R"re(process\.chdir\s*\(\s*['"`](?:\.\.\/|\.\.\\.))re", "process\\.chdir" SP "*\\(" SP "*" QUOTE "(?:\\.\\./|\\.\\.\\\\" DOT ")"},
    {R"re(exec\s*\(\s*['"`](?:rm|del|format|sudo))re", "exec" SP "*\\(" SP "*" QUOTE "(?:rm|del|format|sudo)"},
    {R"re(spawn\s*\(\s*['"`](?:rm|del|format|sudo))re", "spawn" SP "*\\(" SP "*" QUOTE "(?:rm|del|format|sudo)"},
    {R"re(child_process)re", "child_process"},
    {R"re(process\.env\s*\[\s*['"`](?:PASSWORD|SECRET|KEY|TOKEN))re",
     "process\\.env" SP "*\\[" SP "*" QUOTE "(?:PASSWORD|SECRET|KEY|TOKEN)"},
    {R"re(process\.argv)re", "process\\.argv"},
    {R"re(npm\s+(?:publish|install.*--global))re", "npm" SP "+(?:publish|install" DOT "*--global)"},
    {R"re(yarn\s+(?:publish|global\s+add))re", "yarn" SP "+(?:publish|global" SP "+add)"},
    {R"re(git\s+(?:push.*--force|reset.*--hard|clean.*-fd))re", "git" SP "+(?:push" DOT "*--force|reset" DOT "*--hard|clean" DOT "*-fd)"},
};

constexpr SeedPattern kSuspicious[] = {
    {R"re(eval\s*\()re", "eval" SP "*\\("},
    {R"re(Function\s*\()re", "Function" SP "*\\("},
    {R"re(setTimeout\s*\(\s*['"`])re", "setTimeout" SP "*\\(" SP "*" QUOTE},
    {R"re(setInterval\s*\(\s*['"`])re", "setInterval" SP "*\\(" SP "*" QUOTE},
    {R"re(atob\s*\()re", "atob" SP "*\\("},
    {R"re(btoa\s*\()re", "btoa" SP "*\\("},
    {R"re(Buffer\.from.*base64)re", "Buffer\\.from" DOT "*base64"},
    {R"re(import\s*\(\s*[^'"`\w])re", "import" SP "*\\(" SP "*[^'\"`0-9A-Za-z_]"},
    {R"re(require\s*\(\s*[^'"`\w])re", "require" SP "*\\(" SP "*[^'\"`0-9A-Za-z_]"},
};

std::vector<Regex> compile(std::span<const SeedPattern> patterns) {
  std::vector<Regex> made;
  for (const auto& pattern : patterns) made.emplace_back(pattern.re2);
  return made;
}

bool first_match(const Regex& regex, bool local_is_fine, std::string_view code, Span& match) {
  for (std::size_t at = 0; regex.search(code, at, code.size(), match); at = match.begin + 1) {
    auto rest = code.substr(match.end);
    if (!local_is_fine || (!rest.starts_with("localhost") && !rest.starts_with("127.0.0.1"))) return true;
  }
  return false;
}

void look(std::string_view code, std::span<const SeedPattern> patterns, const std::vector<Regex>& regexes, bool dangerous,
          Validation& out) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    Span match;
    if (!first_match(regexes[i], dangerous && i == 0, code, match)) continue;
    Violation violation;
    violation.type = dangerous ? "DANGEROUS_OPERATION" : "SUSPICIOUS_OPERATION";
    violation.pattern = patterns[i].source;
    violation.match = code.substr(match.begin, match.size());
    violation.severity = dangerous ? RiskLevel::High : RiskLevel::Medium;
    auto before = code.substr(0, match.begin);
    violation.line = 1 + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
    auto line_begin = before.rfind('\n');
    violation.column = static_cast<std::uint32_t>(match.begin - (line_begin == std::string_view::npos ? 0 : line_begin + 1)) + 1;
    out.violations.push_back(std::move(violation));
    out.safe = out.safe && !dangerous;
    out.risk_level = dangerous ? RiskLevel::High : std::max(out.risk_level, RiskLevel::Medium);
  }
}

void recommend(Validation& out) {
  auto any = [&](auto&& fn) { return std::any_of(out.violations.begin(), out.violations.end(), fn); };
  auto mentions = [](const Violation& v, std::string_view word) { return v.pattern.find(word) != std::string_view::npos; };
  if (any([](const Violation& v) { return v.type == "DANGEROUS_OPERATION"; }))
    out.recommendations.push_back(
        {"CRITICAL", "MANUAL_REVIEW_REQUIRED", "Code contains potentially dangerous operations that require security review"});
  // A violation without a pattern made the printed code throw; here it mentions nothing.
  if (any([&](const Violation& v) { return mentions(v, "fetch") || mentions(v, "http"); }))
    out.recommendations.push_back({"HIGH", "NETWORK_REVIEW", "Code makes external network requests - verify destinations are trusted"});
  if (any([&](const Violation& v) { return mentions(v, "env"); }))
    out.recommendations.push_back({"MEDIUM", "SECRETS_REVIEW", "Code accesses environment variables - ensure no secrets are exposed"});
}

}  // namespace

std::string_view risk_level_name(RiskLevel level) {
  constexpr std::string_view kNames[] = {"LOW", "MEDIUM", "HIGH"};
  return kNames[static_cast<std::size_t>(level)];
}

Validation validate_code(std::string_view code, const CodeContext& context) {
  static const std::vector<Regex> dangerous = compile(kDangerous), suspicious = compile(kSuspicious);
  Validation out;
  look(code, kDangerous, dangerous, true, out);
  look(code, kSuspicious, suspicious, false, out);
  if (context.web_app && code.find("process.env") != std::string_view::npos) {
    Violation violation;
    violation.type = "ENVIRONMENT_ACCESS";
    violation.description = "Web application accessing process environment";
    out.violations.push_back(violation);
  }
  recommend(out);
  return out;
}

std::string validation_json(const Validation& validation) {
  std::string out;
  json::Writer json(out);
  json.begin_object()
      .member("safe", validation.safe)
      .member("riskLevel", risk_level_name(validation.risk_level))
      .key("violations")
      .begin_array();
  for (const Violation& violation : validation.violations) {
    json.begin_object().member("type", violation.type);
    if (violation.pattern.empty()) json.member("description", violation.description);
    else json.member("pattern", violation.pattern).key("matches").begin_array().string(violation.match).end_array();
    json.member("severity", risk_level_name(violation.severity)).end_object();
  }
  json.end_array().key("recommendations").begin_array();
  for (const Recommendation& one : validation.recommendations)
    json.begin_object().member("priority", one.priority).member("action", one.action).member("description", one.description).end_object();
  json.end_array().end_object();
  return out;
}

}  // namespace callgate::inspection
