#include "policy/typed.h"

#include <algorithm>
#include <array>

namespace callgate::policy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// A DNS name: labels of letters, digits, '-' and '_', no empty label, at most 253 bytes, not a number in disguise.
bool dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t from = 0;
  std::string_view last;
  for (;;) {
    auto dot = std::min(text.find('.', from), text.size());
    last = text.substr(from, dot - from);
    if (last.empty() || last.size() > 63 || last.front() == '-' || last.back() == '-') return false;
    for (char c : last)
      if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_') return false;
    if (dot == text.size()) break;
    from = dot + 1;
  }
  // 0x7f.1, 2130706433, 127.1: resolvers read a last label of digits or 0x... as part of an address
  bool digits = std::all_of(last.begin(), last.end(), is_digit);
  bool hex = last.size() >= 2 && last[0] == '0' && lower(last[1]) == 'x';
  return !digits && !hex;
}

bool equal_folded(std::string_view text, std::string_view low) {
  return text.size() == low.size() && std::equal(text.begin(), text.end(), low.begin(), [](char a, char b) { return lower(a) == b; });
}

Answer name_in(std::string_view name, const std::vector<HostPattern>& patterns) {
  for (const auto& pattern : patterns) {
    if (pattern.address) continue;
    if (!pattern.below && equal_folded(name, pattern.name)) return Answer::Yes;
    if (pattern.below && name.size() > pattern.name.size() + 1 && name[name.size() - pattern.name.size() - 1] == '.' &&
        equal_folded(name.substr(name.size() - pattern.name.size()), pattern.name))
      return Answer::Yes;
  }
  return Answer::No;
}

Answer address_in(const IpAddress& address, const std::vector<HostPattern>& patterns) {
  for (const auto& pattern : patterns)
    if (pattern.address && *pattern.address == address) return Answer::Yes;
  return Answer::No;
}

bool plain_word_char(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '+' || c == ':' || c == '@' || c == ',' ||
         c == '%';
}

struct Words {
  std::array<std::string_view, 8> word;  // the leading plain words
  std::size_t count = 0;
};

// False: not one simple command.
bool split_command(std::string_view line, Words& out) {
  enum class Quote { None, Single, Double } quote = Quote::None;
  std::size_t begin = 0;
  bool in_word = false, plain = true, leading = true;
  auto end_word = [&](std::size_t at) {
    if (!in_word) return;
    in_word = false;
    leading = leading && plain;
    if (leading && out.count < out.word.size()) out.word[out.count++] = line.substr(begin, at - begin);
  };
  for (std::size_t at = 0; at < line.size(); ++at) {
    char c = line[at];
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') return false;
    if (c == 0x7f) return false;
    if (quote == Quote::Single) {
      if (c == '\'') quote = Quote::None;
      continue;
    }
    if (c == '$' || c == '`' || c == '\\' || c == '!') return false;
    if (quote == Quote::Double) {
      if (c == '"') quote = Quote::None;
      continue;
    }
    if (c == ' ' || c == '\t') {
      end_word(at);
      continue;
    }
    if (std::string_view(";|&<>()").find(c) != std::string_view::npos) return false;
    if (!in_word) begin = at, in_word = true, plain = true;
    if (c == '\'') quote = Quote::Single;
    if (c == '"') quote = Quote::Double;
    plain = plain && plain_word_char(c);
  }
  end_word(line.size());
  return quote == Quote::None && out.count > 0;
}

}  // namespace

Answer url_host_in(std::string_view url, const std::vector<HostPattern>& hosts) {
  if (url.size() > 8192) return Answer::Unclear;
  for (char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '\\') return Answer::Unclear;
  auto colon = url.find("://");
  if (colon == std::string_view::npos || !(equal_folded(url.substr(0, colon), "http") || equal_folded(url.substr(0, colon), "https")))
    return Answer::Unclear;
  auto rest = url.substr(colon + 3);
  auto authority = rest.substr(0, std::min(rest.find_first_of("/?#"), rest.size()));
  if (authority.find_first_of("@%") != std::string_view::npos) return Answer::Unclear;
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    auto close = authority.find(']');
    if (close == std::string_view::npos) return Answer::Unclear;
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':') return Answer::Unclear;
  } else if (auto at = authority.find(':'); at != std::string_view::npos) {
    host = authority.substr(0, at);
    port = authority.substr(at);
  }
  if (!port.empty()) {
    port.remove_prefix(1);
    if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return Answer::Unclear;
  }
  bool bracketed = authority.starts_with('[');
  if (bracketed == (host.find(':') != std::string_view::npos))
    if (auto address = IpAddress::parse(host)) return address_in(*address, hosts);
  if (bracketed || !dns_name(host)) return Answer::Unclear;
  return name_in(host, hosts);
}

std::optional<HostPattern> parse_host_pattern(std::string_view text) {
  HostPattern pattern;
  auto inner = text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
  if (auto address = IpAddress::parse(inner)) {
    pattern.address = address;
    pattern.name = text;
    return pattern;
  }
  if (text.starts_with("*.")) {
    pattern.below = true;
    text.remove_prefix(2);
  }
  if (!dns_name(text)) return std::nullopt;
  for (char c : text) pattern.name += lower(c);
  return pattern;
}

Answer email_domain_in(std::string_view address, const std::vector<HostPattern>& domains) {
  auto at = address.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || address.find('@', at + 1) != std::string_view::npos) return Answer::Unclear;
  for (char c : address.substr(0, at))
    if (!is_letter(c) && !is_digit(c) && std::string_view(".!#$&'*+-/=?^_{|}~").find(c) == std::string_view::npos) return Answer::Unclear;
  auto domain = address.substr(at + 1);
  if (!dns_name(domain)) return Answer::Unclear;
  return name_in(domain, domains);
}

Answer cidr_in(std::string_view text, const std::vector<IpRange>& ranges) {
  auto address = IpAddress::parse(text);
  if (!address) return Answer::Unclear;
  for (const auto& range : ranges)
    if (range.contains(*address)) return Answer::Yes;
  return Answer::No;
}

Answer command_is(std::string_view line, const std::vector<CommandWords>& commands) {
  Words words;
  if (!split_command(line, words)) return Answer::Unclear;
  Answer answer = Answer::No;
  for (const auto& command : commands) {
    std::size_t same = 0;
    while (same < command.words.size() && same < words.count && words.word[same] == command.words[same]) ++same;
    if (same == command.words.size()) return Answer::Yes;
    // /bin/rm may or may not be the rm that was meant
    if (same == 0 && words.word[0].ends_with(command.words[0]) &&
        words.word[0].substr(0, words.word[0].size() - command.words[0].size()).ends_with('/'))
      answer = Answer::Unclear;
  }
  return answer;
}

std::optional<CommandWords> parse_command_words(std::string_view text) {
  Words words;
  if (!split_command(text, words)) return std::nullopt;
  CommandWords out;
  std::size_t size = 0;
  for (std::size_t i = 0; i < words.count; ++i) {
    out.words.emplace_back(words.word[i]);
    size += words.word[i].size() + (i ? 1 : 0);
  }
  return size == text.size() ? std::optional(out) : std::nullopt;  // every word plain, single spaces
}

}  // namespace callgate::policy
