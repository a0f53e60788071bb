#pragma once
// The credential kinds we know, as data. Three forms: tokens that carry their own mark, values that only their surroundings give away,
// and names that say "this is a secret" whatever the vendor. Facts about formats, written down by us. Internal to this room.
// Adding a kind: one row here in its table, one positive and one negative in secrets_test.cc.

#include <span>
#include <string_view>

namespace callgate::inspection {

enum class Check : unsigned char {
  None,
  GithubCrc,  // base62 CRC-32 at the end
  NpmCrc,     // the same form
  AwsKeyId,   // base32, and not the key of the documentation
  Mixed,      // letters and digits both
  MixedCase,  // upper and lower case both: a hash has one
};

struct TokenRule {
  std::string_view id, description;
  std::string_view shapes;   // token_shape.h; separated by spaces
  double entropy_min = 2.5;  // bits per character of the part after the literal
  Check check = Check::None;
};

// A value that stands behind a name: `adafruit_key = "..."`. Every shape must fit the whole value.
struct ContextRule {
  std::string_view id, description;
  std::string_view names;  // lower case, separated by spaces; looked for in either case
  std::string_view shapes;
  double entropy_min = 2.8;
};

struct TokenTable {
  std::span<const TokenRule> rules;
  std::string_view suggestion;
};
struct ContextTable {
  std::span<const ContextRule> rules;
  std::string_view suggestion;
};

std::span<const TokenTable> token_tables();
std::span<const ContextTable> context_tables();

TokenTable cloud_tokens();
TokenTable hosting_tokens();
TokenTable code_tokens();
TokenTable build_tokens();
TokenTable payment_tokens();
TokenTable message_tokens();
TokenTable model_tokens();
TokenTable watch_tokens();
TokenTable service_tokens();
ContextTable platform_contexts();
ContextTable product_contexts();

}  // namespace callgate::inspection
