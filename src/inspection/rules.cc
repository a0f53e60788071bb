// The catalogue: every rule of every pack in one sorted list. Tables of credentials become rules here; the others are written out.

#include <algorithm>
#include <deque>

#include "base/assert.h"
#include "inspection/packs.h"
#include "inspection/tables.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kVaultIt = "keep it in the vault and let the gateway add it; refer to it by name (process.env.SECRET_NAME)";

constexpr Rule kGeneral[] = {
    {"inspection.cap", "too large, too deep or too much work: not all of it was looked at", "send it in smaller parts", Pack::Inspection,
     Severity::Medium, Action::Ask},
    {"vault.known-secret", "a secret of this gateway's vault", "the gateway adds this credential itself: leave it out of the call",
     Pack::Vault, Severity::Critical, Action::Deny},
    {"secrets.private-key", "private key in PEM form", "keep keys in the vault or a key agent; send the public part", Pack::Secrets,
     Severity::Critical, Action::Redact},
    {"secrets.jwt", "JSON Web Token", "let the gateway add the token; it expires there, not in a text", Pack::Secrets, Severity::High,
     Action::Redact},
    {"secrets.url-password", "password in a URL", "pass credentials in a header that the gateway adds, not in the URL", Pack::Secrets,
     Severity::High, Action::Redact},
    {"secrets.database-url", "database URL with its password", "read it from the environment (process.env.DATABASE_URL)", Pack::Secrets,
     Severity::High, Action::Redact},
    {"secrets.authorization", "credential of an HTTP request", "let the gateway add the Authorization header", Pack::Secrets,
     Severity::High, Action::Redact},
    {"secrets.generic-password", "password behind its name", "read it from the environment (process.env.PASSWORD)", Pack::Secrets,
     Severity::Medium, Action::Redact},
    {"secrets.generic-key", "key, token or secret behind its name", "read it from the environment (process.env.API_KEY)", Pack::Secrets,
     Severity::Medium, Action::Redact},
};

struct Catalogue {
  std::deque<Rule> made;  // stable addresses
  std::vector<const Rule*> sorted;

  void add(const Rule& rule) { sorted.push_back(&rule); }
  void add_secret(std::string_view id, std::string_view description, std::string_view suggestion) {
    made.push_back({id, description, suggestion.empty() ? kVaultIt : suggestion, Pack::Secrets, Severity::High, Action::Redact});
    add(made.back());
  }
  Catalogue() {
    for (const Rule& rule : kGeneral) add(rule);
    for (const auto& table : token_tables())
      for (const auto& row : table.rules) add_secret(row.id, row.description, table.suggestion);
    for (const auto& table : context_tables())
      for (const auto& row : table.rules) add_secret(row.id, row.description, table.suggestion);
    for (auto pack : {seed_secret_rules(), personal_rules(), hidden_rules(), phrase_rules(), request_rules(), code_rules()})
      for (const Rule& rule : pack) add(rule);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->id < b->id; });
    for (std::size_t i = 1; i < sorted.size(); ++i) CG_ASSERT(sorted[i - 1]->id != sorted[i]->id);
  }
};

const Catalogue& catalogue() {
  static const Catalogue made;
  return made;
}

}  // namespace

std::span<const Rule* const> rules() { return catalogue().sorted; }

const Rule* find_rule(std::string_view id) {
  auto all = rules();
  auto at = std::lower_bound(all.begin(), all.end(), id, [](const Rule* rule, std::string_view wanted) { return rule->id < wanted; });
  return at != all.end() && (*at)->id == id ? *at : nullptr;
}

const Rule& rule_named(std::string_view id) {
  const Rule* rule = find_rule(id);
  CG_ASSERT(rule != nullptr);
  return *rule;
}

std::string_view severity_name(Severity severity) {
  constexpr std::string_view kNames[] = {"info", "low", "medium", "high", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}
std::string_view confidence_name(Confidence confidence) {
  constexpr std::string_view kNames[] = {"low", "medium", "high"};
  return kNames[static_cast<std::size_t>(confidence)];
}
std::string_view action_name(Action action) {
  constexpr std::string_view kNames[] = {"flag", "redact", "ask", "deny"};
  return kNames[static_cast<std::size_t>(action)];
}
std::string_view pack_name(Pack pack) {
  constexpr std::string_view kNames[] = {"inspection", "secrets", "seed-secrets", "personal-data", "poisoning", "code", "vault"};
  return kNames[static_cast<std::size_t>(pack)];
}

}  // namespace callgate::inspection
