#pragma once
// What a Scanner is compiled to: one list of literals for the prefilter, and for each what to do when it is there.
// Immutable once made. Internal to this room.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inspection/inspection.h"
#include "inspection/prefilter.h"
#include "inspection/regex.h"
#include "inspection/secret_tables.h"
#include "inspection/token_shape.h"

namespace callgate::inspection {

enum class Family : std::uint8_t { Token, Context, Name, PrivateKey, Jwt, Userinfo, Header, Phrase, Guess };
enum class Guess : std::uint8_t { Reversed, Rot13 };

struct Trigger {
  Family family;
  std::uint32_t index;  // into the family's table
};

// A credential with a mark of its own, one shape of it.
struct Token {
  Shape shape;
  const Rule* rule;
  double entropy_min;
  Check check;
  bool strong_mark() const { return shape.literal().size() >= 4; }  // does not come about by chance
};

// A value given away by a name before it.
struct Named {
  std::vector<Shape> shapes;
  const Rule* rule;
  double entropy_min;
};

// A regular expression, tried around a literal that must be near.
struct Phrase {
  Regex regex;
  const Rule* rule;
  std::uint32_t back, ahead;  // how far from the literal it may reach
  Confidence confidence;
  bool whole_text = false;  // search everything once, as the seed does
  bool assigned = false;    // `:` or `=` follows the name that the literal is in
  // Cheap to see, and in every match as well: one of some words (Tables::needed), or one of these bytes. Nothing: no such.
  bool needs_word = false;
  std::string needs_byte = {};
};

struct Scanner::Tables {
  ScannerOptions options;
  std::unique_ptr<Prefilter> prefilter;
  std::vector<std::string> literals;
  std::vector<std::vector<Trigger>> triggers;      // by literal
  std::vector<std::vector<std::uint32_t>> needed;  // by literal: phrases that need it beside another
  std::vector<Token> tokens;
  std::vector<Named> named;
  std::vector<Phrase> phrases;
  std::unordered_map<std::string, std::uint32_t> literal_index;
  bool secrets = false, personal = false, poisoning = false;

  bool off(const Rule& rule) const;
  void trigger(std::string_view literal, bool caseless, Trigger what);
  void need(std::string_view literal, bool caseless, std::uint32_t phrase);
  std::uint32_t literal(std::string_view text, bool caseless);  // its number; made when it is new
  void warm() const;  // phrases make their automata at the first use: that is now, not in the first call
  std::vector<Literal> compiled;
};

// What a pack adds to the tables.
void add_secrets(Scanner::Tables& tables);
void add_seed_secrets(Scanner::Tables& tables);
void add_poisoning(Scanner::Tables& tables);
void add_code(Scanner::Tables& tables);

// One rule by its id; ends the process when there is none (ids in code are ours).
const Rule& rule_named(std::string_view id);

}  // namespace callgate::inspection
