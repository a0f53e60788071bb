// Characters that a person does not see, or takes for others: tags, direction marks, joiners, selectors used as data, terminal
// escapes, look-alike letters (T-49). Reports them, then looks at the text a model would read: without them, look-alikes folded.

#include <algorithm>
#include <array>

#include "inspection/detectors.h"
#include "inspection/hidden.h"
#include "inspection/packs.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kShow = "show the text with hidden characters spelled out, and refuse it unless its author can explain them";

enum Kind : std::uint8_t { Plain, Tag, Bidi, Selector, Invisible, Escape, Control };
constexpr Rule kRules[] = {
    {"poison.hidden-tags", "text written in invisible tag characters", kShow, Pack::Poisoning, Severity::Critical, Action::Deny},
    {"poison.bidi", "characters that change the direction of text", kShow, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.variation-data", "variation selectors that carry data", kShow, Pack::Poisoning, Severity::Critical, Action::Deny},
    {"poison.zero-width", "invisible characters inside words", kShow, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.stray-invisible", "a single invisible character", kShow, Pack::Poisoning, Severity::Low, Action::Flag},
    {"poison.terminal-escape", "terminal escape sequence that moves, erases or hides", kShow, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.terminal-colour", "terminal colours", "strip them", Pack::Poisoning, Severity::Info, Action::Flag},
    {"poison.control-character", "control characters", "strip them", Pack::Poisoning, Severity::Low, Action::Flag},
    {"poison.look-alike", "letters of another script inside a word", kShow, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.stacked-marks", "letters buried under combining marks", kShow, Pack::Poisoning, Severity::High, Action::Flag},
};

const Rule& rule(std::size_t at) { return kRules[at]; }

Kind kind_of(char32_t c) {
  if (c >= 0xe0000 && c <= 0xe007f) return Tag;
  if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return Bidi;
  if ((c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef)) return Selector;
  if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2060 && c <= 0x2065) || (c >= 0x206a && c <= 0x206f) || c == 0xfeff || c == 0xad ||
      c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 || (c >= 0x180b && c <= 0x180f) || c == 0x2800 ||
      c == 0x3164 || c == 0xffa0 || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0080 && c <= 0xe0fff))
    return Invisible;
  if (c == 0x1b || c == 0x9b) return Escape;
  if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c <= 0x9f)) return Control;
  return Plain;
}

// The ASCII letter another character passes for; 0 when there is none.
char folds_to(char32_t c) {
  if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000) return ' ';
  if (c >= 0xff01 && c <= 0xff5e) return static_cast<char>(c - 0xff01 + '!');
  if (c >= 0x1d400 && c <= 0x1d6a3) {
    auto at = (c - 0x1d400) % 52;
    return static_cast<char>(at < 26 ? 'A' + at : 'a' + at - 26);
  }
  if (c >= 0x1d7ce && c <= 0x1d7ff) return static_cast<char>('0' + (c - 0x1d7ce) % 10);
  if (c >= 0x24b6 && c <= 0x24e9) return static_cast<char>(c < 0x24d0 ? 'A' + (c - 0x24b6) : 'a' + (c - 0x24d0));
  struct Pair {
    char32_t code;
    char ascii;
  };
  static constexpr Pair kPairs[] = {
      {0x391, 'A'}, {0x392, 'B'}, {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'}, {0x399, 'I'}, {0x39a, 'K'}, {0x39c, 'M'}, {0x39d, 'N'},
      {0x39f, 'O'}, {0x3a1, 'P'}, {0x3a4, 'T'}, {0x3a5, 'Y'}, {0x3a7, 'X'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3bd, 'v'}, {0x405, 'S'},
      {0x406, 'I'}, {0x408, 'J'}, {0x410, 'A'}, {0x412, 'B'}, {0x415, 'E'}, {0x41a, 'K'}, {0x41c, 'M'}, {0x41d, 'H'}, {0x41e, 'O'},
      {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'}, {0x425, 'X'}, {0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'},
      {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x4bb, 'h'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'}};
  auto at = std::lower_bound(std::begin(kPairs), std::end(kPairs), c, [](const Pair& pair, char32_t code) { return pair.code < code; });
  return at != std::end(kPairs) && at->code == c ? at->ascii : 0;
}

bool ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool joining_script(char32_t c) {  // scripts and emoji in which joiners belong
  return (c >= 0x590 && c <= 0x8ff) || (c >= 0x900 && c <= 0x109f) || (c >= 0x1780 && c <= 0x18af) || (c >= 0x2190 && c <= 0x2bff) ||
         (c >= 0x3000 && c <= 0x9fff) || (c >= 0x1f000 && c <= 0x1faff) || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f);
}

struct Letter {
  char32_t code;
  std::uint32_t at;  // byte offset
};

// Decodes valid UTF-8; a byte that is none stands for itself.
void decode(std::string_view text, std::vector<Letter>& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    std::size_t size = byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1;
    if (i + size > text.size()) size = 1;
    char32_t code = size == 1 ? byte : byte & (0x7fu >> size);
    for (std::size_t k = 1; k < size; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    out.push_back({code, static_cast<std::uint32_t>(i)});
    i += size;
  }
}

// Nothing to see here: printable ASCII, tab and line breaks.
std::size_t first_special(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    __builtin_memcpy(&word, text.data() + i, 8);
    constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = kOnes * 0x80;
    // A byte below 0x0e, 0x1b or above 0x7e: the cheap test may be wrong one way only.
    std::uint64_t low = (word - kOnes * 0x20) & ~word & kTops;
    if ((word & kTops) == 0 && low == 0) continue;
    for (std::size_t k = 0; k < 8; ++k) {
      auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte >= 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')) return i + k;
    }
  }
  for (; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')) return i;
  }
  return std::string_view::npos;
}

class HiddenScan {
 public:
  explicit HiddenScan(Workspace& work) : work_(work), text_(work.text()) { decode(text_, letters_); }
  void run();

 private:
  std::uint32_t end_of(std::size_t index) const {
    return index + 1 < letters_.size() ? letters_[index + 1].at : static_cast<std::uint32_t>(text_.size());
  }
  std::size_t run_end(std::size_t index, Kind kind) const {
    while (index < letters_.size() && kind_of(letters_[index].code) == kind) ++index;
    return index;
  }
  char32_t code(std::size_t index) const { return index < letters_.size() ? letters_[index].code : 0; }
  std::size_t tags(std::size_t begin);
  std::size_t selectors(std::size_t begin);
  std::size_t invisible(std::size_t begin);
  std::size_t escape(std::size_t begin);
  void look_alikes();
  void stacked_marks();
  void without();

  Workspace& work_;
  std::string_view text_;
  std::vector<Letter> letters_;
  std::vector<bool> gone_;  // by letter: not in what the model reads
  std::size_t invisible_in_words_ = 0;
  Extent invisible_span_{0, 0};
};

std::size_t HiddenScan::tags(std::size_t begin) {
  std::size_t end = run_end(begin, Tag);
  bool flag = begin > 0 && code(begin - 1) == 0x1f3f4 && end - begin <= 7 && code(end - 1) == 0xe007f;  // a regional flag
  if (flag) return end;
  std::string said;
  for (std::size_t i = begin; i < end; ++i) {
    gone_[i] = true;
    auto letter = static_cast<char>(letters_[i].code - 0xe0000);
    if (letter >= ' ' && letter < 0x7f) said.push_back(letter);
  }
  Extent span{letters_[begin].at, end_of(end - 1)};
  work_.report(rule(0), span, Confidence::High);
  if (said.size() >= 4) work_.look_below(said, span, "tags");
  return end;
}

std::size_t HiddenScan::selectors(std::size_t begin) {
  std::size_t end = run_end(begin, Selector);
  bool supplement = letters_[begin].code >= 0xe0100;
  bool ideograph = begin > 0 && code(begin - 1) >= 0x3400 && code(begin - 1) < 0xa000;
  std::string said;
  for (std::size_t i = begin; i < end; ++i) {
    gone_[i] = true;
    auto c = letters_[i].code;
    said.push_back(static_cast<char>(c >= 0xe0100 ? c - 0xe0100 + 16 : c - 0xfe00));
  }
  if (end - begin < 2 && !(supplement && !ideograph)) return end;
  Extent span{letters_[begin].at, end_of(end - 1)};
  work_.report(rule(2), span, Confidence::High);
  if (said.size() >= 4) work_.look_below(said, span, "selectors");
  return end;
}

std::size_t HiddenScan::invisible(std::size_t begin) {
  std::size_t end = run_end(begin, Invisible);
  char32_t before = begin > 0 ? code(begin - 1) : 0, after = code(end);
  bool belongs = end - begin == 1 && (joining_script(before) || joining_script(after));
  bool start = begin == 0 && code(begin) == 0xfeff && end == 1;
  for (std::size_t i = begin; i < end; ++i) gone_[i] = !belongs;
  if (belongs || start) return end;
  if (invisible_in_words_ == 0) invisible_span_.begin = letters_[begin].at;
  invisible_span_.end = end_of(end - 1);
  bool inside = before > ' ' && after > ' ' && before < 0x80 && after < 0x80;
  invisible_in_words_ += end - begin > 1 ? 3 : inside ? 2 : 1;
  return end;
}

std::size_t HiddenScan::escape(std::size_t begin) {
  std::size_t end = begin + 1;
  bool colour = false;
  if (code(end) == '[' || code(begin) == 0x9b) {
    if (code(end) == '[') ++end;
    std::size_t from = end;
    while (end < letters_.size() && code(end) >= 0x20 && code(end) <= 0x3f) ++end;
    bool conceal = false;
    for (std::size_t i = from; i < end; ++i)
      conceal = conceal || (code(i) == '8' && (i == from || code(i - 1) == ';') && (i + 1 >= end || code(i + 1) == ';') &&
                            !(i >= from + 2 && code(i - 2) >= '0' && code(i - 2) <= '9' && code(i - 3) == '3'));
    colour = code(end) == 'm' && !conceal;
    if (end < letters_.size()) ++end;
  } else if (code(end) == ']') {
    while (end < letters_.size() && code(end) != 7 && code(end) != 0x1b && code(end) != '\n') ++end;
    if (end < letters_.size()) ++end;
  }
  for (std::size_t i = begin; i < end && i < letters_.size(); ++i) gone_[i] = true;
  end = std::min(end, letters_.size());
  work_.report(rule(colour ? 6 : 5), {letters_[begin].at, end_of(end - 1)}, Confidence::High);
  return end;
}

void HiddenScan::look_alikes() {
  for (std::size_t i = 0; i < letters_.size();) {
    auto in_word = [&](std::size_t at) { return ascii_letter(code(at)) || (code(at) >= 0x370 && code(at) < 0x530); };
    if (!in_word(i)) {
      ++i;
      continue;
    }
    std::size_t end = i, latin = 0, other = 0, same = 0;
    for (; end < letters_.size() && in_word(end); ++end) {
      (ascii_letter(code(end)) ? latin : other) += 1;
      same += !ascii_letter(code(end)) && folds_to(code(end));
    }
    if (latin >= 2 && other > 0 && same == other) work_.report(rule(8), {letters_[i].at, end_of(end - 1)}, Confidence::Medium);
    i = end;
  }
}

// No script stacks four marks on a letter again and again.
void HiddenScan::stacked_marks() {
  std::size_t stacks = 0, run = 0;
  Extent span{0, 0};
  for (std::size_t i = 0; i < letters_.size(); ++i) {
    bool mark = code(i) >= 0x300 && code(i) <= 0x36f;
    run = mark ? run + 1 : 0;
    if (mark) gone_[i] = run > 1;
    if (run != 4) continue;
    if (stacks++ == 0) span.begin = letters_[i].at;
    span.end = end_of(i);
  }
  if (stacks >= 3) work_.report(rule(9), span, Confidence::Medium);
}

// The text as a model may well read it.
void HiddenScan::without() {
  std::string text;
  std::vector<std::uint32_t> origin;
  bool changed = false;
  for (std::size_t i = 0; i < letters_.size(); ++i) {
    if (gone_[i]) {
      changed = true;
      continue;
    }
    if (char ascii = letters_[i].code < 0x80 ? 0 : folds_to(letters_[i].code)) {
      text.push_back(ascii);
      origin.push_back(letters_[i].at);
      changed = true;
      continue;
    }
    for (std::uint32_t at = letters_[i].at; at < end_of(i); ++at) {
      text.push_back(text_[at]);
      origin.push_back(at);
    }
  }
  origin.push_back(static_cast<std::uint32_t>(text_.size()));
  if (changed && text.size() >= 4) work_.look_below(text, origin, "hidden");
}

void HiddenScan::run() {
  gone_.assign(letters_.size(), false);
  bool rtl = std::any_of(letters_.begin(), letters_.end(), [](const Letter& l) { return l.code >= 0x590 && l.code <= 0x8ff; });
  std::size_t controls = 0;
  Extent control_span{0, 0};
  for (std::size_t i = 0; i < letters_.size();) {
    switch (kind_of(letters_[i].code)) {
      case Tag: i = tags(i); break;
      case Selector: i = selectors(i); break;
      case Invisible: i = invisible(i); break;
      case Escape: i = escape(i); break;
      case Bidi:
        gone_[i] = true;
        work_.report(rule(1), {letters_[i].at, end_of(i)}, rtl ? Confidence::Low : Confidence::High);
        ++i;
        break;
      case Control:
        gone_[i] = true;
        if (controls++ == 0) control_span.begin = letters_[i].at;
        control_span.end = end_of(i);
        ++i;
        break;
      default: ++i;
    }
  }
  if (invisible_in_words_ > 0)
    work_.report(rule(invisible_in_words_ >= 3 ? 3 : 4), invisible_span_, invisible_in_words_ >= 6 ? Confidence::High : Confidence::Medium);
  if (controls > 0) work_.report(rule(7), control_span, Confidence::Medium);
  stacked_marks();
  look_alikes();
  without();
}

}  // namespace

std::span<const Rule> hidden_rules() { return kRules; }

void find_hidden(Workspace& work) {
  if (first_special(work.text()) == std::string_view::npos) return;
  if (!work.spend(work.text().size())) return;
  HiddenScan(work).run();
}

char looks_like(char32_t c) { return folds_to(c); }

bool hidden_character(char32_t c) { return kind_of(c) != Plain || (c >= 0xe0000 && c <= 0xe0fff); }

Shown character_at(std::string_view text, std::size_t at) {
  auto byte = static_cast<unsigned char>(text[at]);
  std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  if (at + size > text.size()) size = 1;
  char32_t code = size == 1 ? byte : byte & (0x7fu >> size);
  for (std::size_t k = 1; k < size; ++k) code = code << 6 | (static_cast<unsigned char>(text[at + k]) & 0x3f);
  return {code, size};
}

void append_spelled(std::string& out, char32_t c) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u{";
  bool seen = false;
  for (int shift = 20; shift >= 0; shift -= 4) {
    auto digit = c >> shift & 15;
    seen = seen || digit != 0 || shift == 0;
    if (seen) out.push_back(kHex[digit]);
  }
  out.push_back('}');
}

}  // namespace callgate::inspection
