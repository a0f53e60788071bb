#pragma once
// One row of a table of phrases: a regular expression that is tried wherever one of its literals stands. Internal to this room.

#include <span>
#include <string_view>

#include "inspection/tables.h"

namespace callgate::inspection {

struct PhraseRow {
  std::string_view rule;
  std::string_view pattern;   // RE2; in either case unless keeps_case
  std::string_view literals;  // separated by |; at least one of them is in every match. A leading = keeps its case
  Confidence confidence = Confidence::Medium;
  bool keeps_case = false;
  std::uint32_t back = 220, ahead = 320;
  // As literals: one of them is in every match, too. Saves the search where a literal stands without what goes with it. Single bytes are
  // looked for in the stretch itself, words by the prefilter.
  std::string_view needs = {};
};

std::span<const PhraseRow> phrase_rows();
std::span<const PhraseRow> request_rows();
void add_phrases(Scanner::Tables& tables, std::span<const PhraseRow> rows);

}  // namespace callgate::inspection
