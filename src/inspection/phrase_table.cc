// From rows of phrases to tables of a scanner.

#include "inspection/phrases.h"

namespace callgate::inspection {
namespace {

template <class Fn> void each_literal(std::string_view words, Fn&& fn) {
  while (!words.empty()) {
    auto bar = words.find('|', words.starts_with("<|") || words.starts_with("=<|") ? 2 : 0);
    auto word = words.substr(0, bar);
    bool exact = word.size() > 1 && word.front() == '=';
    if (exact) word.remove_prefix(1);
    fn(word, exact);
    words.remove_prefix(bar == std::string_view::npos ? words.size() : bar + 1);
  }
}

}  // namespace

void add_phrases(Scanner::Tables& tables, std::span<const PhraseRow> rows) {
  for (const PhraseRow& row : rows) {
    std::string pattern = row.keeps_case ? std::string(row.pattern) : "(?is)" + std::string(row.pattern);
    auto index = static_cast<std::uint32_t>(tables.phrases.size());
    tables.phrases.push_back({Regex(pattern), &rule_named(row.rule), row.back, row.ahead, row.confidence});
    each_literal(row.literals, [&](std::string_view word, bool exact) { tables.trigger(word, !exact, {Family::Phrase, index}); });
    each_literal(row.needs, [&](std::string_view word, bool exact) {
      if (word.size() == 1) tables.phrases.back().needs_byte += word;
      else tables.need(word, !exact, index);
    });
  }
}

}  // namespace callgate::inspection
