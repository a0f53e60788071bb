// Values given away by their names: `password = ...`, `api_key: "..."`. The catch-all behind the rules that know a vendor.

#include <algorithm>

#include "inspection/detectors.h"
#include "inspection/secret_checks.h"

namespace callgate::inspection {
namespace {

constexpr std::size_t kTailMax = 40, kValueMax = 512;

bool name_char(char c) { return in_class('t', c) || c == '.'; }
bool space(char c) { return c == ' ' || c == '\t'; }
bool quote(char c) { return c == '"' || c == '\'' || c == '`'; }

// After these a name no longer says that its value is secret.
constexpr std::string_view kHarmlessEnds[] = {
    "type",   "id",       "ids",         "name",  "names",    "url",      "uri",     "path",      "file",   "count",
    "length", "limit",    "limits",      "size",  "expires",  "expiry",   "ttl",     "at",        "policy", "version",
    "field",  "header",   "prefix",      "regex", "pattern",  "required", "enabled", "env",       "ref",    "arn",
    "in",     "endpoint", "description", "label", "hint",     "title",    "format",  "algorithm", "min",    "max",
    "usage",  "used",     "budget",      "per",   "status",   "scope",    "scopes",  "location",  "dir",    "column",
    "store",  "manager",  "provider",    "class", "key_name", "variable", "var",     "index",     "mode",   "reset"};

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

enum class NameKind { None, Password, Key, Weak };

// `name` is the whole identifier, `begin` and `end` say where the telling word is in it.
NameKind kind_of(std::string_view name, std::size_t begin, std::size_t end) {
  auto word = lower(name.substr(begin, end - begin));
  auto after = lower(name.substr(end));
  if (after.starts_with("s") && (after.size() == 1 || !in_class('b', after[1]))) after.erase(0, 1);  // plural
  auto last = after.find_last_of("_-.");
  std::string tail = last == std::string::npos ? after : after.substr(last + 1);
  for (auto end_word : kHarmlessEnds)
    if (tail == end_word || (last == std::string::npos && after == end_word)) return NameKind::None;
  if (word.starts_with("pass") || word == "pwd") return NameKind::Password;
  if (word == "key") {
    auto before = lower(name.substr(0, begin));
    for (std::string_view plain :
         {"public", "primary", "foreign", "sort", "partition", "cache", "mon", "hot", "tur", "don", "object", "route", "lookup"})
      if (before.ends_with(plain) || before.ends_with(std::string(plain) + "_") || before.ends_with(std::string(plain) + "-"))
        return NameKind::None;
    return NameKind::Weak;
  }
  return NameKind::Key;
}

bool good_password(std::string_view value, bool quoted) {
  if (value.size() < (quoted ? 6u : 8u) || value.size() > 128) return false;
  if (value.find("()") != std::string_view::npos || (!quoted && value.find_first_of("(){}[]") != std::string_view::npos)) return false;
  bool spaces = value.find(' ') != std::string_view::npos;
  if (spaces || entropy_bits(value) < 2.5) return false;
  std::size_t kinds = 0;
  bool lower_case = false, upper = false, digit = false, other = false;
  for (char c : value) {
    lower_case = lower_case || (c >= 'a' && c <= 'z');
    upper = upper || (c >= 'A' && c <= 'Z');
    digit = digit || (c >= '0' && c <= '9');
    other = other || !in_class('w', c);
  }
  kinds = static_cast<std::size_t>(lower_case) + upper + digit + other;
  return kinds >= 2 && !looks_like_words(value) && (quoted || digit);
}

bool good_key(std::string_view value, NameKind kind) {
  bool weak = kind == NameKind::Weak;
  if (value.size() < (weak ? 20u : 10u) || value.size() > 400 || !has_digit_and_letter(value)) return false;
  for (char c : value)
    if (!in_class('x', c) && c != ':' && c != '$' && c != '!' && c != '@' && c != '#' && c != '*') return false;
  return entropy_bits(value) >= (weak ? 3.8 : 3.4) && !looks_like_words(value);
}

}  // namespace

bool parse_assigned(std::string_view text, std::size_t at, Assigned& out) {
  std::size_t start = at, limit = std::min(text.size(), at + kTailMax);
  while (at < limit && (name_char(text[at]) || space(text[at]))) ++at;
  out.tail = {start, at};
  std::size_t closers = std::min(text.size(), at + 5);
  while (at < closers && (quote(text[at]) || space(text[at]) || text[at] == ']' || text[at] == ')' || text[at] == '\\')) ++at;
  std::size_t operator_begin = at;
  while (at < text.size() && at < operator_begin + 4 && std::string_view(":=?|>,+").find(text[at]) != std::string_view::npos) ++at;
  if (at == operator_begin || text[at - 1] == '?' || text[at - 1] == '+') return false;
  bool markup = text[at - 1] == '>' && at == operator_begin + 1;
  std::size_t open = std::min(text.size(), at + (markup ? 24 : 8));
  char opened = 0;
  while (at < open && (space(text[at]) || quote(text[at]) || text[at] == '\\' || text[at] == '(' ||
                       (markup && (text[at] == '\n' || text[at] == '\r')))) {
    if (quote(text[at])) opened = text[at];
    ++at;
  }
  std::size_t end = at, most = std::min(text.size(), at + kValueMax);
  while (end < most) {
    char c = text[end];
    if (c == '\n' || c == '\r' || (opened && c == opened)) break;
    if (!opened && (c == ' ' || c == '\t' || quote(c) || c == ',' || c == ';' || c == '<' || c == '&' || c == '}' || c == ')')) break;
    if (c == '\\' && end + 1 < most && (text[end + 1] == 'n' || text[end + 1] == 'r' || quote(text[end + 1]))) break;
    ++end;
  }
  if (end == at) return false;
  out.value = {at, end};
  out.quoted = opened != 0;
  return true;
}

void confirm_name(Workspace& work, std::uint32_t begin, std::uint32_t end) {
  static const Rule& password_rule = rule_named("secrets.generic-password");
  static const Rule& key_rule = rule_named("secrets.generic-key");
  if (work.level().marks_only) return;
  auto text = work.text();
  std::size_t name_begin = begin, name_end = end;
  while (name_begin > 0 && begin - name_begin < 48 && name_char(text[name_begin - 1])) --name_begin;
  while (name_end < text.size() && name_end - end < 48 && name_char(text[name_end])) ++name_end;
  auto kind = kind_of(text.substr(name_begin, name_end - name_begin), begin - name_begin, end - name_begin);
  Assigned assigned;
  if (kind == NameKind::None || !parse_assigned(text, end, assigned)) return;
  if (!work.spend(assigned.value.end - end)) return;
  auto value = text.substr(assigned.value.begin, assigned.value.end - assigned.value.begin);
  bool password = kind == NameKind::Password;
  if (password ? !good_password(value, assigned.quoted) : !good_key(value, kind)) return;
  if (looks_like_placeholder(value) || looks_like_reference(value)) return;
  Extent span = assigned.value;
  if (work.level().seams.at) span.begin = end;
  work.report(password ? password_rule : key_rule, span, Confidence::Low, assigned.value);
}

}  // namespace callgate::inspection
