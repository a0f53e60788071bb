#pragma once
// The code validator and the secret scanner of the founding document, pattern for pattern and result for result (C-02 to C-14, C-30 to
// C-34). Kept because people know them and compare; they miss much and see ghosts (security tests 5.5). The packs beside them are ours.
// Not-quite equal to JavaScript only for lone surrogates, which no JSON that enters here can hold.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspection/inspection.h"

namespace callgate::inspection {

enum class RiskLevel : std::uint8_t { Low, Medium, High };
std::string_view risk_level_name(RiskLevel level);  // LOW, MEDIUM, HIGH

struct Violation {
  std::string_view type;     // DANGEROUS_OPERATION, SUSPICIOUS_OPERATION, ENVIRONMENT_ACCESS
  std::string_view pattern;  // its source as printed; empty for ENVIRONMENT_ACCESS
  std::string match;         // the first match
  std::string_view description;
  RiskLevel severity = RiskLevel::Medium;
  std::uint32_t line = 0, column = 0;  // of the match, from 1; 0 when there is none
};

struct Recommendation {
  std::string_view priority, action, description;
};

struct Validation {
  bool safe = true;
  RiskLevel risk_level = RiskLevel::Low;
  std::vector<Violation> violations;
  std::vector<Recommendation> recommendations;
};

struct CodeContext {
  bool web_app = false;  // projectType === 'web-app'
};

Validation validate_code(std::string_view code, const CodeContext& context = {});
std::string validation_json(const Validation& validation);

struct SeedSecret {
  std::string_view type;   // password, api-key, secret, database-url, openai-key, github-token, slack-token
  std::string_view value;  // part of the code handed in: never log it
  std::uint32_t line = 0;
  Confidence confidence = Confidence::Medium;
};
std::vector<SeedSecret> scan_for_secrets(std::string_view code);
std::string_view suggest_secure_alternative(std::string_view type);

}  // namespace callgate::inspection
