#include <algorithm>

#include "inspection/detectors.h"
#include "inspection/secret_checks.h"

namespace callgate::inspection {
namespace {

Confidence judge(const Token& token, std::string_view found) {
  bool checked = (token.check == Check::GithubCrc || token.check == Check::NpmCrc) && base62_crc_holds(found);
  if (checked || token.shape.literal().size() >= 6) return Confidence::High;
  return token.shape.literal().size() >= 4 ? Confidence::High : Confidence::Medium;
}

// The name of a vendor, not a piece of another word: `sumoToken`, `my-sumo`, `mySumoKey`, but not `sumOfAll` or `rookTable`.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  auto lower = [&](std::size_t at) { return in_class('a', text[at]); };
  auto upper = [&](std::size_t at) { return in_class('U', text[at]); };
  if (begin > 0 && (lower(begin - 1) || upper(begin - 1)) && !(upper(begin) && lower(begin - 1))) return false;
  return end - begin >= 6 || end >= text.size() || !lower(end);
}

}  // namespace

void confirm_token(Workspace& work, const Token& token, std::uint32_t literal_end) {
  if (work.level().marks_only && !token.strong_mark()) return;
  Extent span;
  if (!token.shape.match(work.text(), literal_end, work.level().seams, span)) return;
  work.spend(span.end - span.begin);
  auto found = work.text().substr(span.begin, span.end - span.begin);
  auto body = found.substr(std::min(found.size(), literal_end - span.begin));
  if (body.size() < 8) body = found;
  if (token.entropy_min > 0 && (entropy_bits(body) < token.entropy_min || looks_like_sample(body))) return;
  switch (token.check) {
    case Check::AwsKeyId:
      if (found.ends_with("EXAMPLE")) return;
      break;
    case Check::Mixed:
      if (!has_digit_and_letter(body)) return;
      break;
    case Check::MixedCase:
      if (std::none_of(body.begin(), body.end(), [](char c) { return in_class('U', c); }) ||
          std::none_of(body.begin(), body.end(), [](char c) { return in_class('a', c); }))
        return;
      break;
    default: break;
  }
  work.report(*token.rule, span, judge(token, found));
}

void confirm_named(Workspace& work, const Named& named, std::uint32_t literal_end, std::uint32_t literal_size) {
  if (work.level().marks_only) return;
  Assigned assigned;
  auto text = work.text();
  if (!stands_alone(text, literal_end - literal_size, literal_end)) return;
  if (!parse_assigned(text, literal_end, assigned)) return;
  work.spend(assigned.value.end - literal_end);
  auto value = text.substr(assigned.value.begin, assigned.value.end - assigned.value.begin);
  if (looks_like_placeholder(value) || looks_like_reference(value)) return;
  for (const Shape& shape : named.shapes) {
    Extent span;
    if (!shape.match_at(text, assigned.value.begin, work.level().seams, span)) continue;
    if (span.end < assigned.value.end && in_class('t', text[span.end])) continue;  // only the front of something longer
    auto found = text.substr(span.begin, span.end - span.begin);
    if (entropy_bits(found) < named.entropy_min) continue;
    if (looks_like_words(found)) continue;
    // A name before it counts as part of a joined text, its value must be what crosses or follows the cut.
    return work.report(*named.rule, {work.level().seams.at ? literal_end : span.begin, span.end}, Confidence::Medium, span);
  }
}

void confirm_private_key(Workspace& work, std::uint32_t literal_end) {
  static const Rule& rule = rule_named("secrets.private-key");
  auto text = work.text();
  auto from = literal_end > 90 ? literal_end - 90 : 0;
  auto begin = text.substr(from, literal_end - from).rfind("-----BEGIN");
  if (begin == std::string_view::npos) return;
  begin += from;
  auto body = text.find("-----", literal_end);
  if (body == std::string_view::npos || body > literal_end + 16) return;
  body += 5;
  auto limit = std::min(text.size(), body + 16 * 1024);
  if (!work.spend(limit - body)) return;
  auto end = text.substr(0, limit).find("-----END", body);
  auto stop = end == std::string_view::npos ? limit : end;
  std::size_t letters = 0;
  for (std::size_t i = body; i < stop; ++i) letters += in_class('e', text[i]);
  if (letters < 24 || looks_like_placeholder(text.substr(body, std::min<std::size_t>(stop - body, 40)))) return;
  if (end == std::string_view::npos) {  // cut short: only what looks like the body
    stop = body;
    while (stop < limit &&
           (in_class('e', text[stop]) || text[stop] == '\n' || text[stop] == '\r' || text[stop] == ' ' || text[stop] == '\\'))
      ++stop;
  } else if (auto close = text.find("-----", end + 8); close != std::string_view::npos && close < end + 100) {
    stop = close + 5;
  }
  work.report(rule, {begin, stop}, Confidence::High, {begin, begin + 5});
}

void confirm_jwt(Workspace& work, std::uint32_t literal_end) {
  static const Rule& rule = rule_named("secrets.jwt");
  auto text = work.text();
  std::size_t begin = literal_end - 3, at = begin;
  if (begin > 0 && in_class('b', text[begin - 1])) return;
  std::size_t dots[2] = {0, 0};
  for (std::size_t part = 0; part < 3; ++part) {
    while (at < text.size() && at < begin + 16 * 1024 && in_class('t', text[at])) ++at;
    if (part == 2 || at >= text.size() || text[at] != '.') break;
    dots[part] = at++;
  }
  if (!work.spend(at - begin) || dots[1] == 0 || dots[1] - dots[0] < 12) return;
  auto header = decode_base64(text.substr(begin, dots[0] - begin), 4096);
  if (!header || header->find("\"alg\"") == std::string::npos) return;
  while (at < text.size() && text[at] == '=') ++at;
  work.report(rule, {begin, at}, Confidence::High);
}

void confirm_userinfo(Workspace& work, std::uint32_t literal_end) {
  if (work.level().marks_only) return;
  static const Rule& plain = rule_named("secrets.url-password");
  static const Rule& database = rule_named("secrets.database-url");
  auto text = work.text();
  std::size_t colon = 0, at = literal_end, limit = std::min<std::size_t>(text.size(), literal_end + 512u);
  // Up to the last @ before the path: passwords may hold one.
  std::size_t sign = 0;
  for (; at < limit; ++at) {
    char c = text[at];
    if (c == '@') sign = at;
    if (c == ':' && colon == 0) colon = at;
    if (c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '<' || c == '>' || c == '\\') break;
    if (sign && (c == '/' || c == '?' || c == '#')) break;
    if (!sign && (c == '/' || c == '?') && colon == 0) break;
  }
  if (!work.spend(at - literal_end) || sign == 0 || colon == 0 || colon >= sign) return;
  auto password = text.substr(colon + 1, sign - colon - 1);
  auto user = text.substr(literal_end, colon - literal_end);
  if (password.size() < 3 || looks_like_reference(password) || looks_like_placeholder(password)) return;
  if (password.find('/') != std::string_view::npos && password.find_first_not_of("0123456789") > 0 &&
      user.find('.') != std::string_view::npos)
    return;  // host:port/path@
  for (auto stand_in : {"password", "pass", "passwd", "pwd", "secret", "token", "user", "pw", "%s", "[password]"})
    if (password == stand_in || password == user) return;
  std::size_t scheme = literal_end - 3;
  while (scheme > 0 && (in_class('b', text[scheme - 1]) || text[scheme - 1] == '+' || text[scheme - 1] == '-')) --scheme;
  bool http = text.substr(scheme, 4) == "http" || text.substr(scheme, 3) == "ftp" || text.substr(scheme, 2) == "ws";
  work.report(http ? plain : database, {colon + 1, sign}, Confidence::High);
}

void confirm_header(Workspace& work, std::uint32_t literal_end) {
  if (work.level().marks_only) return;
  static const Rule& rule = rule_named("secrets.authorization");
  auto text = work.text();
  std::size_t at = literal_end, limit = std::min<std::size_t>(text.size(), literal_end + 40u);
  while (at < limit && (text[at] == ' ' || text[at] == ':' || text[at] == '=' || text[at] == '"' || text[at] == '\'' || text[at] == '\\'))
    ++at;
  bool user =
      literal_end >= 2 && (text[literal_end - 1] == ' ' || text[literal_end - 1] == '=' || text[literal_end - 1] == 'u');  // curl -u
  auto is_word = [&](std::string_view word) {
    if (text.size() - at < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i)
      if ((text[at + i] | 0x20) != word[i]) return false;
    return true;
  };
  for (std::string_view scheme : {"bearer", "basic", "token", "apikey", "api-token", "digest", "key"})
    if (is_word(scheme)) {
      at += scheme.size();
      while (at < text.size() && (text[at] == ' ' || text[at] == ':' || text[at] == '=')) ++at;
      break;
    }
  std::size_t end = at;
  while (end < text.size() && end < at + 2048 &&
         (in_class('x', text[end]) || (user && text[end] > ' ' && text[end] != '"' && text[end] != '\'')))
    ++end;
  if (!work.spend(end - literal_end)) return;
  auto value = text.substr(at, end - at);
  if (looks_like_reference(value) || looks_like_placeholder(value)) return;
  if (user) {
    auto colon = value.find(':');
    if (colon == std::string_view::npos) return;
    auto password = value.substr(colon + 1);
    if (password.size() < 4 || looks_like_placeholder(password) || looks_like_reference(password) || looks_like_words(password)) return;
    return work.report(rule, {at + colon + 1, end}, Confidence::Medium);
  }
  if (value.size() < 12 || entropy_bits(value) < 3.0 || looks_like_words(value)) return;
  work.report(rule, {at, end}, Confidence::Medium);
}

}  // namespace callgate::inspection
