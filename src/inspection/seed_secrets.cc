// The seven patterns of the founding document, with its results: type, value, line, confidence (C-30 to C-34). See seed.h.

#include "inspection/seed.h"

#include <array>

#include "inspection/packs.h"
#include "inspection/secret_checks.h"
#include "inspection/tables.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kSuggestion = "process.env.SECRET_NAME";
constexpr Rule kRules[] = {
    {"seed-secrets.password", "password assignment", "process.env.PASSWORD", Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.api-key", "API key assignment", "process.env.API_KEY", Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.secret", "secret or token assignment", kSuggestion, Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.database-url", "database URL assignment", "process.env.DATABASE_URL", Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.openai-key", "OpenAI API key", kSuggestion, Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.github-token", "GitHub token", kSuggestion, Pack::SeedSecrets, Severity::High, Action::Flag},
    {"seed-secrets.slack-token", "Slack token", kSuggestion, Pack::SeedSecrets, Severity::High, Action::Flag},
};

// JavaScript's \s; its `i` flag without `u` folds ASCII only, so letters are spelled in both cases where RE2 would fold more.
#define JS_S "[\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}]"
#define JS_ASSIGNED JS_S "*[:=]" JS_S "*['\"`]([^'\"`]+)['\"`]"

struct Pattern {
  std::string_view type, pattern;
  std::array<std::string_view, 4> literals;
};
constexpr Pattern kPatterns[] = {
    {"password", "(?:[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|[Pp][Ww][Dd]|[Pp][Aa][Ss][Ss])" JS_ASSIGNED, {"pass", "pwd"}},
    {"api-key", "(?:[Aa][Pp][Ii][_-]?[Kk][Ee][Yy]|[Aa][Pp][Ii][Kk][Ee][Yy])" JS_ASSIGNED, {"apikey", "api_key", "api-key"}},
    {"secret", "(?:[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn])" JS_ASSIGNED, {"secret", "token"}},
    {"database-url",
     "(?:[Dd][Aa][Tt][Aa][Bb][Aa][Ss][Ee][_-]?[Uu][Rr][Ll]|[Dd][Bb][_-]?[Uu][Rr][Ll])" JS_ASSIGNED,
     {"database", "dburl", "db_url", "db-url"}},
    {"openai-key", "sk-[a-zA-Z0-9]{32,}", {"sk-"}},
    {"github-token", "ghp_[a-zA-Z0-9]{36}", {"ghp_"}},
    {"slack-token", "xoxb-[a-zA-Z0-9-]+", {"xoxb-"}},
};

const std::vector<Regex>& regexes() {
  static const std::vector<Regex> made = [] {
    std::vector<Regex> all;
    for (const auto& pattern : kPatterns) all.emplace_back(pattern.pattern);
    return all;
  }();
  return made;
}

}  // namespace

std::span<const Rule> seed_secret_rules() { return kRules; }

void add_seed_secrets(Scanner::Tables& tables) {
  for (std::size_t i = 0; i < std::size(kPatterns); ++i) {
    tables.phrases.push_back({Regex(kPatterns[i].pattern), &rule_named(kRules[i].id), 0, 0, Confidence::Medium, true, i < 4});
    for (auto literal : kPatterns[i].literals)
      if (!literal.empty()) tables.trigger(literal, i < 4, {Family::Phrase, static_cast<std::uint32_t>(tables.phrases.size() - 1)});
  }
}

std::vector<SeedSecret> scan_for_secrets(std::string_view code) {
  std::vector<SeedSecret> found;
  for (std::size_t i = 0; i < std::size(kPatterns); ++i) {
    Span match, group;
    for (std::size_t at = 0; at < code.size() && regexes()[i].search(code, at, code.size(), match, &group); at = match.end) {
      SeedSecret secret;
      secret.type = kPatterns[i].type;
      secret.value = code.substr(group.begin, group.size());
      secret.line = 1 + static_cast<std::uint32_t>(std::count(code.begin(), code.begin() + match.begin, '\n'));
      auto whole = code.substr(match.begin, match.size());
      secret.confidence = looks_like_placeholder(secret.value) ? Confidence::Low
                          : i >= 4 || entropy_bits(whole) >= 4 ? Confidence::High
                                                               : Confidence::Medium;
      found.push_back(secret);
    }
  }
  return found;
}

std::string_view suggest_secure_alternative(std::string_view type) {
  if (type == "api-key") return "process.env.API_KEY";
  if (type == "password") return "process.env.PASSWORD";
  if (type == "database-url") return "process.env.DATABASE_URL";
  if (type == "jwt-secret") return "process.env.JWT_SECRET";
  return kSuggestion;
}

}  // namespace callgate::inspection
