#pragma once
// What changed between two definitions of one tool, word by word, and how dangerous that looks (T-47). Every difference is listed; the rank
// is a hint for the person who decides. An author's harmless edit and an attack can look alike, so no rank makes a changed tool pass by
// itself: that is a rule of the operator's, and never for a schema that takes more or for text that tells the model what to do.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inspection/inspection.h"
#include "json/document.h"
#include "risk/risk.h"

namespace callgate::risk {

enum class Traits : std::uint32_t {
  None = 0,
  AnnotationsOnly = 1,    // nothing but annotations or titles
  WordingOnly = 2,        // nothing but descriptions
  SchemaWidened = 4,      // takes more than before: a new parameter, a new choice, a limit dropped
  SchemaNarrowed = 8,     // takes less
  NewInstructions = 16,   // new text speaks to the model, or of what the tool is not about
  HiddenCharacters = 32,  // new text holds characters a person does not see
  CollectsContext = 64,   // a new parameter asks for what the model knows
  RiskRaised = 128,       // of a higher class than before
  ClaimsLess = 256,       // says of itself to be harmless, and was not
  OutputChanged = 512,
};
constexpr Traits operator|(Traits a, Traits b) {
  return static_cast<Traits>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr bool has(Traits all, Traits one) { return (static_cast<std::uint32_t>(all) & static_cast<std::uint32_t>(one)) != 0; }
std::vector<std::string_view> trait_names(Traits traits);

enum class Edit : std::uint8_t { Same, Added, Removed };
struct Piece {
  Edit edit = Edit::Same;
  std::string text;  // as shown: hidden characters spelled out as \u{...}
};

struct FieldChange {
  std::string pointer;        // JSON pointer into the definition
  Edit edit = Edit::Same;     // Same: there before and after, with another value
  std::vector<Piece> pieces;  // word by word, in order
  double danger = 0;          // 0 to 1
  std::vector<std::string> reasons;
};

struct Change {
  std::vector<FieldChange> fields;  // most dangerous first; empty: nothing changed
  double danger = 0;
  Traits traits = Traits::None;
};

class ChangeRanker {
 public:
  static Result<std::shared_ptr<const ChangeRanker>> create();  // fails as inspection::Scanner does
  Change rank(json::Value old_definition, json::Value new_definition) const;
  double poisoning(json::Value definition) const;  // 0 to 1, of a definition as it stands

 private:
  explicit ChangeRanker(std::shared_ptr<const inspection::Scanner> scanner) : scanner_(std::move(scanner)) {}
  std::shared_ptr<const inspection::Scanner> scanner_;
};

// Text for a screen: hidden and control characters as \u{...}; line ends stay.
std::string shown(std::string_view text);
std::vector<Piece> diff_words(std::string_view old_text, std::string_view new_text);

}  // namespace callgate::risk
