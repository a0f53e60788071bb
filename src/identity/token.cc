#include "identity/token.h"

#include <fmt/core.h>

#include <array>

namespace callgate::identity {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kSecretChars = 43;
constexpr std::size_t kCheckChars = 6;
constexpr std::size_t kQuotedMax = 64;

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}();

std::array<char, kCheckChars> check_chars(std::string_view text) {
  std::uint32_t crc = 0xffffffffu;
  for (char c : text) crc = kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  crc = ~crc;
  std::array<char, kCheckChars> chars{};
  for (std::size_t i = kCheckChars; i-- > 0; crc /= 62) chars[i] = kAlphabet[crc % 62];
  return chars;
}

bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool variable_name(std::string_view text) {
  if (text.empty() || text.size() > kQuotedMax) return false;
  for (char c : text)
    if (!alphanumeric(c) && c != '_' && c != ':' && c != '.' && c != '-' && c != ' ') return false;
  return true;
}

// ${NAME}, ${env:NAME}, $NAME, %NAME%, {{NAME}}, {env:NAME}: a client that did not expand its configuration.
bool unexpanded_variable(std::string_view text) {
  auto between = [&](std::string_view open, std::string_view close) {
    return text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close) &&
           variable_name(text.substr(open.size(), text.size() - open.size() - close.size()));
  };
  return between("${", "}") || between("$", "") || between("%", "%") || between("{{", "}}") || between("{", "}");
}

tl::unexpected<Error> malformed(std::string message) { return fail(Code::Unauthenticated, "identity.malformed", std::move(message)); }

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]) != lower[i]) return false;
  return true;
}

}  // namespace

Secret make_token(std::string_view prefix) {
  std::string token(prefix);
  token.reserve(prefix.size() + kSecretChars + kCheckChars);
  Secret random(random_token(32));
  token += random.reveal();
  auto check = check_chars(token);
  token.append(check.data(), check.size());
  return Secret(std::move(token));
}

Result<void> check_token(std::string_view token, std::string_view prefix) {
  if (!token.starts_with(prefix)) {
    if (prefix == kGrantPrefix && token.starts_with(kApiPrefix))
      return malformed("this is a token for the admin API: send the grant's token, which begins with `cg_`");
    if (prefix == kApiPrefix && token.starts_with(kGrantPrefix))
      return malformed("this is a grant's token: the admin API needs one that begins with `cga_`");
    return malformed(fmt::format("this is not a callgate token: it must begin with `{}`", prefix));
  }
  if (token.size() != prefix.size() + kSecretChars + kCheckChars)
    return malformed(fmt::format("the token has {} characters instead of {}: copy it again, whole", token.size(),
                                 prefix.size() + kSecretChars + kCheckChars));
  for (char c : token.substr(prefix.size()))
    if (!alphanumeric(c)) return malformed("the token holds a character no token has: copy it again");
  auto check = check_chars(token.substr(0, token.size() - kCheckChars));
  if (token.substr(token.size() - kCheckChars) != std::string_view(check.data(), check.size()))
    return malformed("the token is mistyped or cut off, its check characters do not match: copy it again");
  return {};
}

Result<std::string_view> bearer_token(std::string_view authorization) {
  if (authorization.empty())
    return fail(Code::Unauthenticated, "identity.missing", "no credentials: send the header `Authorization: Bearer <token of your grant>`");
  auto space = authorization.find(' ');
  if (space == std::string_view::npos) {
    if (equal_ignoring_case(authorization, "bearer"))
      return malformed("the token is empty: look whether its variable is set in the client");
    return malformed("the Authorization header must be `Bearer`, one space and the token");
  }
  if (!equal_ignoring_case(authorization.substr(0, space), "bearer"))
    return malformed("the Authorization scheme must be `Bearer`, then one space and the token");
  auto token = authorization.substr(space + 1);
  if (token.empty()) return malformed("the token is empty: look whether its variable is set in the client");
  if (unexpanded_variable(token))
    return malformed(
        fmt::format("the client sent the variable name `{}` instead of its value: export it before starting the client", token));
  for (char c : token)
    if (!alphanumeric(c) && c != '_')
      return malformed(
          "the Authorization header must be `Bearer`, one space and one token, nothing else: no quotes, commas or further spaces");
  return token;
}

}  // namespace callgate::identity
