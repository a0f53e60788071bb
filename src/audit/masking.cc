#include "audit/masking.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/same_bytes.h"

namespace callgate::audit {

namespace {

constexpr std::string_view kMask = "<secret>";

bool alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool token_char(char c) { return alnum(c) || c == '_' || c == '-'; }
bool token68(char c) { return token_char(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '='; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::size_t run(std::string_view text, std::size_t at, bool (*allowed)(char)) {
  std::size_t end = at;
  while (end < text.size() && allowed(text[end])) ++end;
  return end - at;
}

bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

// A prefix that stands at the start of a word, and how much of a token must follow.
struct Shape {
  std::string_view prefix;
  std::size_t length_min;
};
constexpr std::array<Shape, 40> kShapes = {{
    {"sk-", 16},    {"sk_live_", 12}, {"sk_test_", 12}, {"rk_live_", 12}, {"rk_test_", 12},    {"whsec_", 16},  {"ghp_", 20},
    {"gho_", 20},   {"ghu_", 20},     {"ghs_", 20},     {"ghr_", 20},     {"github_pat_", 20}, {"glpat-", 16},  {"gldt-", 16},
    {"AKIA", 16},   {"ASIA", 16},     {"AIza", 30},     {"ya29.", 16},    {"xoxb-", 10},       {"xoxp-", 10},   {"xoxa-", 10},
    {"xoxr-", 10},  {"xoxs-", 10},    {"xapp-", 10},    {"npm_", 30},     {"hf_", 20},         {"dop_v1_", 30}, {"SG.", 20},
    {"shpat_", 20}, {"sq0atp-", 16},  {"pypi-", 20},    {"glsa_", 20},    {"lin_api_", 20},    {"ntn_", 20},    {"dckr_pat_", 16},
    {"hvs.", 20},   {"cg_", 20},      {"cga_", 20},     {"tvly-", 16},    {"gsk_", 20},
}};

// The shapes by their first character: few characters can begin one, and then only a handful of shapes are compared.
struct ShapesByStart {
  std::array<std::int8_t, 256> first{};
  std::array<std::int8_t, kShapes.size()> next{};
};
constexpr ShapesByStart make_by_start() {
  ShapesByStart by_start;
  by_start.first.fill(-1);
  for (std::size_t i = kShapes.size(); i-- > 0;) {
    auto& head = by_start.first[static_cast<unsigned char>(kShapes[i].prefix[0])];
    by_start.next[i] = head;
    head = static_cast<std::int8_t>(i);
  }
  return by_start;
}
constexpr auto kByStart = make_by_start();

std::size_t prefixed_token(std::string_view text) {
  for (int i = kByStart.first[static_cast<unsigned char>(text[0])]; i >= 0; i = kByStart.next[static_cast<std::size_t>(i)]) {
    const Shape& shape = kShapes[static_cast<std::size_t>(i)];
    if (text.size() < shape.prefix.size() + shape.length_min || !text.starts_with(shape.prefix)) continue;
    std::size_t length = run(text, shape.prefix.size(), token_char);
    if (length >= shape.length_min) return shape.prefix.size() + length;
  }
  return 0;
}

// header.payload.signature, each in base64url; the first two are JSON objects, so they start with eyJ. `head` gets the length of
// the first part: another one cannot begin inside it when this one was none.
std::size_t web_token(std::string_view text, std::size_t& head) {
  if (!text.starts_with("eyJ")) return 0;
  head = run(text, 0, token_char);
  if (head < 10 || head + 1 >= text.size() || text[head] != '.') return 0;
  std::size_t body = run(text, head + 1, token_char);
  std::size_t end = head + 1 + body;
  if (body < 8) return 0;
  if (end < text.size() && text[end] == '.') end += 1 + run(text, end + 1, token_char);
  return end;
}

std::size_t private_key(std::string_view text) {
  if (!text.starts_with("-----BEGIN ")) return 0;
  std::size_t title_end = text.substr(0, 100).find("PRIVATE KEY-----");
  if (title_end == std::string_view::npos) return 0;
  constexpr std::string_view last = "PRIVATE KEY-----";
  std::size_t end = text.find("-----END ", title_end);
  if (end == std::string_view::npos) return text.size();
  std::size_t close = text.substr(end, 100).find(last);
  return close == std::string_view::npos ? text.size() : end + close + last.size();
}

// "Bearer abc..." and "Basic abc...": the word stays, what follows goes. `keep` gets the length of the word.
std::size_t authorization(std::string_view text, std::size_t& keep) {
  for (std::string_view scheme : {std::string_view("bearer "), std::string_view("basic ")}) {
    if (!starts_ignoring_case(text, scheme)) continue;
    std::size_t length = run(text, scheme.size(), token68);
    if (length < 12) continue;
    keep = scheme.size();
    return scheme.size() + length;
  }
  return 0;
}

// ://user:password@ behind a scheme: the password goes.
std::size_t url_password(std::string_view text, std::size_t& keep) {
  if (!text.starts_with("://")) return 0;
  std::size_t colon = 0;
  for (std::size_t i = 3; i < text.size() && i < 515; ++i) {
    char c = text[i];
    if (c == '/' || c == '?' || c == '#' || c == ' ' || c == '"' || c == '\n') return 0;
    if (c == ':' && colon == 0) colon = i;
    if (c != '@') continue;
    if (colon == 0 || colon + 1 == i) return 0;
    keep = colon + 1;
    return i;
  }
  return 0;
}

// Only at these characters can a shape begin: everything else is passed over quickly.
constexpr std::array<bool, 256> make_starts() {
  std::array<bool, 256> starts{};
  for (const Shape& shape : kShapes) starts[static_cast<unsigned char>(shape.prefix[0])] = true;
  for (char c : std::string_view("e-Bb:")) starts[static_cast<unsigned char>(c)] = true;
  return starts;
}
constexpr auto kStarts = make_starts();

}  // namespace

bool may_hold_secret(std::string_view text) {
  constexpr std::size_t kShapeBytesMin = 15;  // xoxb- and ten more; only passwords in URLs can be shorter
  static_assert(
      std::all_of(kShapes.begin(), kShapes.end(), [](const Shape& s) { return s.prefix.size() + s.length_min >= kShapeBytesMin; }));
  return text.size() >= kShapeBytesMin || text.find(':') != std::string_view::npos;
}

bool append_masked(std::string& out, std::string_view text) {
  if (!may_hold_secret(text)) {
    out.append(text);
    return false;
  }
  bool found = false;
  std::size_t copied = 0, no_web_token_before = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!kStarts[static_cast<unsigned char>(text[at])]) continue;
    if (at > 0 && alnum(text[at]) && alnum(text[at - 1])) continue;  // inside a word
    std::string_view rest = text.substr(at);
    std::size_t keep = 0, length = 0;
    if (rest[0] == ':') {
      length = url_password(rest, keep);
    } else if (rest[0] == '-') {
      length = private_key(rest);
    } else {
      length = prefixed_token(rest);
      if (length == 0 && at >= no_web_token_before) {
        std::size_t head = 0;
        length = web_token(rest, head);
        no_web_token_before = at + head;
      }
      if (length == 0) length = authorization(rest, keep);
    }
    if (length == 0) continue;
    out.append(text.substr(copied, at + keep - copied)).append(kMask);
    copied = at + length;
    at = copied - 1;
    found = true;
  }
  out.append(text.substr(copied));
  return found;
}

namespace {

// A key is sensitive when one of these is part of its name. Grouped by the first letter, to be found by it.
constexpr std::array<std::string_view, 16> kParts = {
    "accesskey",  "apikey", "authorization", "bearer",     "clientassertion", "connectionstring", "cookie",    "credential",
    "passphrase", "passwd", "password",      "privatekey", "recoverycode",    "secret",           "sessionid", "signingkey"};
static_assert(std::is_sorted(kParts.begin(), kParts.end()));

// A short name as one number.
constexpr std::uint64_t packed(std::string_view name) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < name.size(); ++i) word |= std::uint64_t{static_cast<unsigned char>(name[i])} << (8 * i);
  return word;
}
constexpr std::array<std::uint64_t, 13> kWholes = {packed("pwd"), packed("pass"), packed("auth"),   packed("jwt"), packed("pin"),
                                                   packed("otp"), packed("totp"), packed("cvv"),    packed("cvc"), packed("ssn"),
                                                   packed("pat"), packed("dsn"),  packed("mfacode")};
constexpr std::size_t kWholeBytesMax = 7;

struct Group {
  std::uint8_t begin = 0, end = 0;
};
constexpr std::array<Group, 128> make_groups() {
  std::array<Group, 128> groups{};
  for (std::uint8_t i = 0; i < kParts.size(); ++i) {
    Group& group = groups[static_cast<unsigned char>(kParts[i][0])];
    if (group.end == 0) group.begin = i;
    group.end = static_cast<std::uint8_t>(i + 1);
  }
  return groups;
}
constexpr auto kGroups = make_groups();

bool holds_part(std::string_view name) {
  for (std::size_t at = 0; at < name.size(); ++at) {
    const Group group = kGroups[static_cast<unsigned char>(name[at])];
    for (std::size_t i = group.begin; i < group.end; ++i)
      if (name.size() - at > 1 && name[at + 1] == kParts[i][1] && name.substr(at).starts_with(kParts[i])) return true;
  }
  return false;
}

bool names_secret(std::string_view key) {
  std::array<char, 64> buffer;
  std::size_t size = 0;
  for (char c : key) {
    if (!alnum(c)) continue;
    if (size == buffer.size()) break;
    buffer[size++] = lower(c);
  }
  std::string_view name(buffer.data(), size);
  if (holds_part(name)) return true;
  if (size <= kWholeBytesMax && std::ranges::find(kWholes, packed(name)) != kWholes.end()) return true;
  // token, access_token, tokenValue; but not max_tokens, tokenizer
  std::size_t token = name.find("token");
  if (token == std::string_view::npos) return false;
  std::string_view behind = name.substr(token + 5);
  return !behind.starts_with("s") && !behind.starts_with("iz") && !behind.starts_with("count") && !behind.starts_with("limit");
}

// A key that was judged lately: arguments have the same few names again and again.
struct JudgedKey {
  static constexpr std::size_t kBytesMax = 30;
  std::uint8_t size = 0;
  bool sensitive = false;
  std::array<char, kBytesMax> text;
};

}  // namespace

bool sensitive_key(std::string_view key) {
  if (key.empty() || key.size() > JudgedKey::kBytesMax) return names_secret(key);
  thread_local std::array<JudgedKey, 64> judged;
  const unsigned place =
      static_cast<unsigned char>(key.front()) * 5U + static_cast<unsigned char>(key.back()) * 3U + static_cast<unsigned>(key.size());
  JudgedKey& one = judged[place % judged.size()];
  if (one.size != key.size() || !same_bytes(one.text.data(), key.data(), key.size())) {
    one.sensitive = names_secret(key);
    one.size = static_cast<std::uint8_t>(key.size());
    std::memcpy(one.text.data(), key.data(), key.size());
  }
  return one.sensitive;
}

}  // namespace callgate::audit
