#include "inspection/tables.h"

#include <algorithm>

#include "inspection/detectors.h"
#include "inspection/secret_checks.h"
#include "inspection/secret_tables.h"

namespace callgate::inspection {
namespace {

template <class Fn> void for_each_word(std::string_view words, Fn&& fn) {
  while (!words.empty()) {
    auto space = std::min(words.find(' '), words.size());
    if (space > 0) fn(words.substr(0, space));
    words.remove_prefix(std::min(words.size(), space + 1));
  }
}

// Names that say "secret" whatever comes before them.
constexpr std::string_view kTellingNames[] = {"password", "passwd", "passphrase", "pwd", "secret",
                                              "token",    "apikey", "credential", "key", "auth"};

// A mark of its own as it looks backwards and turned: only where one stands is the whole text read that way.
void add_guesses(Scanner::Tables& tables, std::string_view mark, bool caseless) {
  tables.trigger(std::string(mark.rbegin(), mark.rend()), caseless, {Family::Guess, static_cast<std::uint32_t>(Guess::Reversed)});
  tables.trigger(rot13(std::string(mark)), caseless, {Family::Guess, static_cast<std::uint32_t>(Guess::Rot13)});
}

// Quoted as an example, or called a technique: text about attacks. Ranks lower; an attacker may well write so, and so it stays a finding.
bool only_mentions(std::string_view text, Extent match) {
  auto holds = [](std::string_view part, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return part.find(word) != std::string_view::npos; });
  };
  auto before = text.substr(match.begin > 80 ? match.begin - 80 : 0, std::min<std::size_t>(80, match.begin));
  auto after = text.substr(match.end, 28);
  bool quoted = !before.empty() && std::string_view("'\"`").find(before.back()) != std::string_view::npos;
  if (quoted && holds(before, {"such as", "like", "xample", "attern", "hrase", "tring", "etect", "echnique", "ttack"})) return true;
  return holds(after, {" technique", " attack", " pattern", " attempt", " vulnerab"});
}

// After what a name goes on with (pass-word, database_url: four letters) and blanks: could an operator stand here? Blanks beyond ASCII may
// be anything.
bool assigns(std::string_view text, std::size_t at) {
  auto skip = [&](std::size_t most, auto&& holds) {
    for (; at < text.size() && most > 0 && holds(text[at]); --most) ++at;
  };
  skip(4, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; });
  skip(text.size(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
  return at < text.size() && (text[at] == ':' || text[at] == '=' || static_cast<unsigned char>(text[at]) >= 0x80);
}

}  // namespace

// The states of an automaton come with the texts it meets: its own words, in prose, data and code, make most of what the first call needs.
void Scanner::Tables::warm() const {
  constexpr std::string_view kAround[] = {
      " the user's data, and then you must not show any of it (or tell us) to https://docs.example.org/a?b=1 first. ",
      " a new file; Please read all of the notes before: x.y@example.org is in Berlin - 3.5% \"up\" on 2026-07-28T09:15Z!\n",
      " = f('c', 0x1f); if (a == b) { return self.items[0] } # _note_ <p>see $HOME/src/a.cc</p>\n- item | {\"id\": 7, \"Name\": null}\n"};
  std::vector<std::string> texts(phrases.size());
  for (std::size_t i = 0; i < triggers.size(); ++i)
    for (const Trigger& trigger : triggers[i])
      if (trigger.family == Family::Phrase) {
        std::string& text = texts[trigger.index];
        if (text.size() < 4096) text.append(literals[i]).append(kAround[text.size() % std::size(kAround)]);
      }
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    for (std::string_view around : kAround) texts[i].append(around);
    Span match, group;
    for (std::size_t at = 0; at < texts[i].size() && phrases[i].regex.search(texts[i], at, texts[i].size(), match, &group);)
      at = std::max<std::size_t>(match.end, at + 1);
  }
}

bool Scanner::Tables::off(const Rule& rule) const {
  return std::find(options.rules_off.begin(), options.rules_off.end(), rule.id) != options.rules_off.end();
}

std::uint32_t Scanner::Tables::literal(std::string_view text, bool caseless) {
  std::string name = (caseless ? "~" : "=") + std::string(text);
  auto [at, fresh] = literal_index.try_emplace(name, static_cast<std::uint32_t>(literals.size()));
  if (fresh) {
    literals.emplace_back(text);
    compiled.push_back({std::string(text), caseless});
    triggers.emplace_back();
    needed.emplace_back();
  }
  return at->second;
}

void Scanner::Tables::need(std::string_view text, bool caseless, std::uint32_t phrase) {
  needed[literal(text, caseless)].push_back(phrase);
  phrases[phrase].needs_word = true;
}

void Scanner::Tables::trigger(std::string_view text, bool caseless, Trigger what) {
  auto& all = triggers[literal(text, caseless)];
  bool there = std::any_of(all.begin(), all.end(), [&](const Trigger& t) { return t.family == what.family && t.index == what.index; });
  if (!there) all.push_back(what);
}

void add_secrets(Scanner::Tables& tables) {
  for (const auto& table : token_tables())
    for (const auto& row : table.rules)
      for_each_word(row.shapes, [&](std::string_view text) {
        tables.tokens.push_back({Shape(text), &rule_named(row.id), row.entropy_min, row.check});
        const Shape& shape = tables.tokens.back().shape;
        tables.trigger(shape.literal(), shape.caseless(), {Family::Token, static_cast<std::uint32_t>(tables.tokens.size() - 1)});
        if (tables.tokens.back().strong_mark()) add_guesses(tables, shape.literal(), shape.caseless());
      });
  for (const auto& table : context_tables())
    for (const auto& row : table.rules) {
      Named named{{}, &rule_named(row.id), row.entropy_min};
      for_each_word(row.shapes, [&](std::string_view text) { named.shapes.emplace_back(text); });
      tables.named.push_back(std::move(named));
      for_each_word(row.names, [&](std::string_view name) {
        tables.trigger(name, true, {Family::Context, static_cast<std::uint32_t>(tables.named.size() - 1)});
      });
    }
  for (auto name : kTellingNames) tables.trigger(name, true, {Family::Name, 0});
  tables.trigger("PRIVATE KEY", false, {Family::PrivateKey, 0});
  tables.trigger("eyJ", false, {Family::Jwt, 0});
  for (std::string_view mark : {"PRIVATE KEY", "eyJ"}) add_guesses(tables, mark, false);
  tables.trigger("://", false, {Family::Userinfo, 0});
  for (std::string_view header : {"authorization", "x-api-key", "x-auth-token", "private-token"})
    tables.trigger(header, true, {Family::Header, 0});
  for (std::string_view option : {" -u ", " --user ", " --user=", "-u", "--proxy-user "})
    if (option.size() > 2) tables.trigger(option, false, {Family::Header, 0});
}

void confirm(Workspace& work, const Trigger& trigger, std::uint32_t literal_end, std::uint32_t literal_size) {
  const auto& tables = work.tables();
  switch (trigger.family) {
    case Family::Token: return confirm_token(work, tables.tokens[trigger.index], literal_end);
    case Family::Context: return confirm_named(work, tables.named[trigger.index], literal_end, literal_size);
    case Family::Name: return confirm_name(work, literal_end - literal_size, literal_end);
    case Family::PrivateKey: return confirm_private_key(work, literal_end);
    case Family::Jwt: return confirm_jwt(work, literal_end);
    case Family::Userinfo: return confirm_userinfo(work, literal_end);
    case Family::Header: return confirm_header(work, literal_end);
    case Family::Guess: return work.guess(static_cast<Guess>(trigger.index));
    case Family::Phrase: break;
  }
  // A phrase: the stretch around the literal, unless it was searched already.
  if (work.level().marks_only || work.level().seams.at) return;
  const Phrase& phrase = tables.phrases[trigger.index];
  auto text = work.text();
  auto& looked = work.looked_until(trigger.index);
  auto reach = [&](std::size_t ahead) { return static_cast<std::uint32_t>(std::min(text.size(), literal_end + ahead)); };
  std::uint32_t end = phrase.whole_text ? static_cast<std::uint32_t>(text.size()) : reach(phrase.ahead);
  if (end <= looked || (phrase.assigned && !assigns(text, literal_end))) return;
  std::uint32_t begin = phrase.whole_text || literal_end < phrase.back ? 0 : literal_end - phrase.back;
  // Literals crowd: one longer search, not one for each of them.
  if (literal_end <= looked) end = reach(std::size_t(phrase.ahead) * 2 + phrase.back);
  while (begin > 0 && begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;  // whole code points
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  looked = end;
  bool needs = phrase.needs_word || !phrase.needs_byte.empty();
  if (needs && !(phrase.needs_word && work.needed_in(trigger.index, begin, end)) &&
      text.substr(begin, end - begin).find_first_of(phrase.needs_byte) == std::string_view::npos)
    return;
  for (std::uint32_t at = begin; at < end && work.spend((end - at) / 4 + 16);) {
    Span match, group;
    if (!phrase.regex.search(text, at, end, match, &group)) break;
    bool told_of = phrase.rule->pack == Pack::Poisoning && only_mentions(text, {match.begin, match.end});
    work.report(*phrase.rule, {match.begin, match.end}, told_of ? Confidence::Low : phrase.confidence, {group.begin, group.end});
    at = std::max(match.end, at + 1);
  }
}

}  // namespace callgate::inspection
