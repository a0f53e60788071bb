#include "inspection/token_shape.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace callgate::inspection {
namespace {

using Set = std::array<bool, 256>;

constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }

constexpr Set make_set(char letter) {
  Set set{};
  for (int c = 0; c < 256; ++c) set[static_cast<std::size_t>(c)] = class_holds(letter, c);
  return set;
}

template <std::size_t... i> constexpr std::array<Set, sizeof...(i)> make_sets(std::index_sequence<i...>) {
  return {make_set(kClassLetters[i])...};
}
constexpr auto kSets = make_sets(std::make_index_sequence<kClassLetters.size()>());

bool equal(std::string_view text, std::size_t at, std::string_view literal, bool caseless) {
  if (text.size() - at < literal.size()) return false;
  if (!caseless) return text.compare(at, literal.size(), literal) == 0;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    char c = text[at + i];
    if ((upper(c) ? static_cast<char>(c + 32) : c) != literal[i]) return false;
  }
  return true;
}

}  // namespace

const Set& char_class(char letter) {
  auto at = kClassLetters.find(letter);
  CG_ASSERT(at != std::string_view::npos);
  return kSets[at];
}

bool Seams::has(std::size_t offset) const { return at && std::binary_search(at->begin(), at->end(), offset); }

bool Seams::within(std::size_t begin, std::size_t end) const {
  if (!at) return false;
  auto next = std::upper_bound(at->begin(), at->end(), begin);
  return next != at->end() && *next < end;
}

// A leading `~` says: letters of literals in either case.
Shape::Shape(std::string_view text) {
  if (text.starts_with('~')) {
    caseless_ = true;
    text.remove_prefix(1);
  }
  std::vector<Part> parts;
  std::size_t anchor = 0, anchor_size = 0;
  while (!text.empty()) {
    Part part;
    if (text.front() == '[') {
      auto close = text.find(']');
      CG_ASSERT(close != std::string_view::npos && close > 2);
      part.chars = &char_class(text[1]);
      const char* end = text.data() + close;
      auto read = std::from_chars(text.data() + 2, end, part.least);
      part.most = part.least;
      if (read.ptr != end && *read.ptr == '+') part.most = kAny;
      if (read.ptr != end && *read.ptr == '-') std::from_chars(read.ptr + 1, end, part.most);
      text.remove_prefix(close + 1);
    } else {
      auto next = std::min(text.find('['), text.size());
      part.literal = text.substr(0, next);
      text.remove_prefix(next);
      for (char& c : part.literal)
        if (c == '^') c = ' ';  // tables separate shapes by spaces
      if (part.literal.size() > anchor_size) {
        anchor = parts.size();
        anchor_size = part.literal.size();
      }
    }
    parts.push_back(std::move(part));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == anchor && anchor_size > 0) literal_ = parts[i].literal;
    else (i < anchor ? before_ : after_).push_back(std::move(parts[i]));
  }
}

bool Shape::forward(std::string_view text, std::size_t& at, const Seams& seams) const {
  for (const Part& part : after_) {
    if (!part.chars) {
      if (!equal(text, at, part.literal, caseless_)) return false;
      at += part.literal.size();
      continue;
    }
    std::size_t size = 0, room = std::min(part.most, text.size() - at);
    while (size < room && (*part.chars)[static_cast<unsigned char>(text[at + size])]) ++size;
    if (size < part.least) return false;
    at += size;
  }
  if (after_.empty() || at == text.size() || seams.has(at)) return true;
  const Part& last = after_.back();
  return !last.chars || last.most == kAny || !(*last.chars)[static_cast<unsigned char>(text[at])];
}

bool Shape::match(std::string_view text, std::size_t literal_end, const Seams& seams, Extent& found) const {
  std::size_t begin = literal_end - literal_.size();
  for (auto part = before_.rbegin(); part != before_.rend(); ++part) {
    if (!part->chars) {
      if (begin < part->literal.size() || !equal(text, begin - part->literal.size(), part->literal, caseless_)) return false;
      begin -= part->literal.size();
      continue;
    }
    std::size_t size = 0;
    while (size < part->most && size < begin && (*part->chars)[static_cast<unsigned char>(text[begin - size - 1])]) ++size;
    if (size < part->least) return false;
    begin -= size;
  }
  if (begin > 0 && !seams.has(begin) && in_class('w', text[begin]) && in_class('w', text[begin - 1])) {
    // Part of a longer word, unless what stands there is an escape such as \n or a percent-encoded byte.
    bool escape = begin > 1 && text[begin - 2] == '\\' && std::string_view("nrt").find(text[begin - 1]) != std::string_view::npos;
    bool percent = begin > 2 && text[begin - 3] == '%' && in_class('H', text[begin - 2]) && in_class('H', text[begin - 1]);
    if (!escape && !percent) return false;
  }
  std::size_t end = literal_end;
  if (!forward(text, end, seams)) return false;
  found = {begin, end};
  return true;
}

bool Shape::match_at(std::string_view text, std::size_t at, const Seams& seams, Extent& found) const {
  std::size_t end = at;
  for (const Part& part : before_) {  // values begin with classes only when the class has one length
    if (!part.chars) {
      if (!equal(text, end, part.literal, caseless_)) return false;
      end += part.literal.size();
      continue;
    }
    std::size_t size = 0;
    while (size < part.most && end + size < text.size() && (*part.chars)[static_cast<unsigned char>(text[end + size])]) ++size;
    if (size < part.least) return false;
    end += size;
  }
  if (!equal(text, end, literal_, caseless_)) return false;
  end += literal_.size();
  if (!forward(text, end, seams)) return false;
  found = {at, end};
  return true;
}

}  // namespace callgate::inspection
