#pragma once
// How much a new piece of text looks like something said to the model rather than about the tool. Internal to this room.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::risk {

struct Steering {
  double danger = 0;
  std::vector<std::string> reasons;
};

using Vocabulary = std::set<std::string, std::less<>>;  // words a definition used before

Steering judge_text(std::string_view added, const Vocabulary& known);
// A parameter that is new: does it ask for what the model knows, rather than for what the tool needs?
Steering judge_parameter(std::string_view name, std::string_view description, bool required);

void add_words(Vocabulary& vocabulary, std::string_view text);

}  // namespace callgate::risk
