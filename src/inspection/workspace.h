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

  // One string of a value, for scan_joined; it has to stay where it is until then.
  void remember(std::string_view text);
  // There is a mark of a credential written backwards, or turned by 13 letters: the text is looked at that way too.
  void guess(Guess way) { guesses_[static_cast<std::size_t>(way)] = true; }
  // How far a phrase has been searched in the text at hand.
  std::uint32_t& looked_until(std::uint32_t phrase) {
    Looked& looked = looked_[phrase];
    if (looked.turn != turn_) looked = {turn_, 0};
    return looked.until;
  }

  // Stands one of the words that the phrase needs in this stretch of the text at hand?
  bool needed_in(std::uint32_t phrase, std::uint32_t begin, std::uint32_t end) const;

  std::string pointer;  // of the string at hand
  bool in_key = false;

 private:
  struct Part {  // a string of the value
    std::string_view text;
    std::uint32_t where, where_size;  // its pointer, in wheres_
    std::uint32_t left, right;        // how many bytes at its beginning and end could belong to a credential that goes on
    bool names;                       // something that gives a value away stands near its end
  };
  struct Piece {  // of a joined text
    std::uint32_t begin, size;
    std::uint32_t part, from;  // which string, and where in it
  };
  struct Looked {
    std::uint64_t turn = 0;
    std::uint32_t until = 0;
  };
  struct Needed {
    std::uint64_t turn = 0;
    std::vector<std::uint32_t> ends;  // of the words, in order
  };
  friend class Joined;
  void triggers();
  void decode();
  void known_secrets();
  bool below(std::string_view text, const std::vector<std::uint32_t>* origin, Extent whole, std::string_view way, bool marks_only);
  void add(const Rule& rule, Extent span, Confidence confidence, std::string masked, std::string via);
  friend class Decoder;

  const Scanner::Tables* tables_ = nullptr;
  const KnownSecrets* known_ = nullptr;  // null: none
  Findings* out_ = nullptr;
  const Level* level_ = nullptr;
  std::vector<Part> parts_;   // all strings, in order
  std::vector<Piece> order_;  // of the joined text at hand; empty otherwise
  std::string wheres_;        // pointers, one after the other
  std::string joined_;        // the joined text at hand
  std::vector<std::uint32_t> seams_;
  bool guesses_[2] = {false, false};
  bool names_at_end_ = false;  // of the string at hand
  std::size_t work_left_ = 0, decoded_left_ = 0;
  PrefilterScratch scratch_;
  std::vector<Hit> hits_;
  std::vector<Looked> looked_;  // by phrase
  std::vector<Needed> needed_;  // by phrase
  std::uint64_t turn_ = 0;      // of looked_ and needed_: one for each text
};

}  // namespace callgate::inspection
