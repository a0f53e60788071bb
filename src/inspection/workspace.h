#pragma once
// One scan at work: the text at hand, where it came from, and the one place findings go through. Owned by a Findings, used by one thread.
// A text that was decoded out of another is a Level below it; spans are carried up to the text that was handed in. Internal to this room.

#include <string>
#include <string_view>
#include <vector>

#include "inspection/inspection.h"
#include "inspection/prefilter.h"
#include "inspection/tables.h"
#include "inspection/token_shape.h"

namespace callgate::inspection {

// A text to look at. `origin` maps each byte (and the end) to the text above; without it the whole of `whole` stands for any part.
struct Level {
  std::string_view text;
  const Level* above = nullptr;
  const std::vector<std::uint32_t>* origin = nullptr;
  Extent whole{0, 0};
  std::string_view way;  // how it was made: `base64`
  std::uint32_t depth = 0;
  bool marks_only = false;  // only credentials with a mark of their own: the text is guessed (reversed, folded)
  Seams seams;              // set: only what crosses one of them is new
};

class Workspace {
 public:
  void begin(const Scanner::Tables& tables, Findings& out, const KnownSecrets* known);
  // The budgets of one value or text.
  void scan_text(std::string_view text);
  void scan_level(const Level& level);
  void scan_joined();  // all strings of a value one after the other, and in pairs: what was cut in two
  void finish();       // drops what a better finding covers; sorts

  void report(const Rule& rule, Extent span, Confidence confidence, Extent shown);
  void report(const Rule& rule, Extent span, Confidence confidence) { report(rule, span, confidence, span); }
  // A text made from this one: from a span of it, or byte by byte.
  void look_below(std::string_view text, Extent whole, std::string_view way) { below(text, nullptr, whole, way, false); }
  void look_below(std::string_view text, const std::vector<std::uint32_t>& origin, std::string_view way) {
    below(text, &origin, {}, way, false);
  }
  void cap(std::string_view what);
  // Confirmation work, in bytes looked at. False: the budget is gone.
  bool spend(std::size_t bytes);

  const Level& level() const { return *level_; }
  std::string_view text() const { return level_->text; }
  const Scanner::Tables& tables() const { return *tables_; }

  // One string of a value, for scan_joined.
  void remember(std::string_view text);

  std::string pointer;  // of the string at hand
  bool in_key = false;

 private:
  struct Piece {
    std::uint32_t begin;  // in joined_
    std::uint32_t size;
    std::uint32_t where;  // index into wheres_
  };
  void triggers();
  void scan_order(const std::vector<Piece>& order);
  void decode();
  void known_secrets();
  bool below(std::string_view text, const std::vector<std::uint32_t>* origin, Extent whole, std::string_view way, bool marks_only);
  void add(const Rule& rule, Extent span, Confidence confidence, std::string masked, std::string via);
  friend class Decoder;

  const Scanner::Tables* tables_ = nullptr;
  const KnownSecrets* known_ = nullptr;  // null: none
  Findings* out_ = nullptr;
  const Level* level_ = nullptr;
  std::vector<Piece> pieces_;  // of all strings, in order
  std::vector<Piece> order_;   // of the joined text at hand; empty otherwise
  std::vector<std::string> wheres_;
  std::string joined_;
  std::size_t work_left_ = 0, decoded_left_ = 0;
  PrefilterScratch scratch_;
  std::vector<Hit> hits_;
  std::vector<std::uint32_t> looked_until_;  // per regex rule: how far it has been searched
};

}  // namespace callgate::inspection
