#include "gateway/elicitation.h"

#include <algorithm>
#include <string>

namespace callgate::gateway {
namespace {

// The words of a name: `apiKey`, `api_key` and `API key` are the same two.
std::string plain_words(std::string_view name) {
  std::string words = " ";
  bool after_lower = false;
  for (char c : name) {
    bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
    if (!upper && !lower && !digit) {
      if (words.back() != ' ') words += ' ';
    } else {
      if (upper && after_lower) words += ' ';
      words += upper ? static_cast<char>(c + 32) : c;
    }
    after_lower = lower;
  }
  return words += ' ';
}

bool names_secret(std::string_view name) {
  std::string words = plain_words(name);
  for (std::string_view secret :
       {" password ",    " passwords ",     " passwd ",      " pwd ",      " passphrase ", " passcode ",    " secret ",      " secrets ",
        " token ",       " tokens ",        " api key ",     " apikey ",   " access key ", " private key ", " secret key ",  " credential ",
        " credentials ", " pin ",           " pin code ",    " cvv ",      " cvc ",        " card number ", " credit card ", " ssn ",
        " otp ",         " one time code ", " seed phrase ", " mnemonic ", " mfa code "})
    if (words.find(secret) != std::string::npos) return true;
  return false;
}

Result<void> check_form(json::Value params) {
  json::Value schema = params["requestedSchema"];
  if (!schema.is_object() || !schema["properties"].is_object())
    return fail(Code::Denied, "elicitation.schema", "the server's form has no `requestedSchema` with properties");
  Result<void> outcome;
  schema["properties"].for_each_member([&](std::string_view name, json::Value field) {
    if (!outcome) return;
    std::string_view type = field["type"].string();
    bool flat = type == "string" || type == "number" || type == "integer" || type == "boolean" || type == "array" ||
                (type.empty() && (field["enum"].is_array() || field["oneOf"].is_array()));
    if (!flat) outcome = fail(Code::Denied, "elicitation.schema", "the server's form nests fields, which forms may not");
    else if (names_secret(name) || names_secret(field["title"].string()) || field["format"].string() == "password")
      outcome = fail(Code::Denied, "elicitation.secret", "the server's form asks for a secret, which forms may not: it must use a link");
  });
  return outcome;
}

Result<void> check_link(std::string_view url) {
  bool plain = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
  std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  std::string_view rest = url.substr(scheme);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#\\"));
  bool loopback = authority == "localhost" || authority.starts_with("localhost:") || authority.starts_with("127.0.0.1") ||
                  authority.starts_with("[::1]");
  if (!plain || scheme == 0 || authority.empty() || url.size() > 2048 || authority.find('@') != std::string_view::npos ||
      (scheme == 7 && !loopback))
    return fail(Code::Denied, "elicitation.url", "the server's link is not a plain https address");
  return {};
}

}  // namespace

Result<void> check_elicitation(json::Value params) {
  if (!params["message"].is_string()) return fail(Code::Denied, "elicitation.schema", "the server's question has no message");
  json::Value mode = params["mode"];
  if (!mode.exists() || mode.string() == "form") return check_form(params);
  if (mode.string() == "url") return check_link(params["url"].string());
  return fail(Code::Denied, "elicitation.mode", "the server asks in a mode this gate does not know");
}

}  // namespace callgate::gateway
