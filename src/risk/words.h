#pragma once
// Words of names and sentences, and what those that name an action say. Internal to this room.

#include <string>
#include <string_view>
#include <vector>

#include "risk/risk.h"

namespace callgate::risk {

struct Verb {
  std::string_view word;  // base form
  Class says = Class::Read;
  bool thing = false;  // as often the name of a thing (`order`, `test`): an action only where one must stand
};

const Verb* find_verb(std::string_view word);  // any form: creates, Creating, deleted; null: no action known
bool base_form(std::string_view word);         // `create`, not `creates` or `created`
bool money_word(std::string_view word);        // something that stands for money changing hands
bool links_words(std::string_view word);       // and, or, then, also

// `getUserById`, `get_user-by.id`: get user by id. Lower case.
std::vector<std::string> name_words(std::string_view name);

struct TextWord {
  std::string text;           // lower case
  bool opens = false;         // first of a sentence or of a line
  bool follows_mark = false;  // a comma or a slash stands before it
};
// At most `words_max` words of a text.
std::vector<TextWord> text_words(std::string_view text, std::size_t words_max);

}  // namespace callgate::risk
