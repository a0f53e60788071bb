// Word by word: the longest common run of words, bounded; what is too long to compare counts as replaced.
#include <algorithm>

#include "inspection/hidden.h"
#include "risk/change.h"

namespace callgate::risk {
namespace {

constexpr std::size_t kCellsMax = 4'000'000;

// A word with the white space behind it.
std::vector<std::string_view> split(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && !space(text[end])) ++end;
    while (end < text.size() && space(text[end])) ++end;
    words.push_back(text.substr(i, end - i));
    i = end;
  }
  return words;
}

std::string_view bare(std::string_view word) {
  while (!word.empty() && (word.back() == ' ' || word.back() == '\n' || word.back() == '\t' || word.back() == '\r')) word.remove_suffix(1);
  return word;
}

class Differ {
 public:
  std::vector<Piece> run(std::string_view old_text, std::string_view new_text) {
    auto a = split(old_text), b = split(new_text);
    std::size_t front = 0, back = 0;
    while (front < a.size() && front < b.size() && bare(a[front]) == bare(b[front])) put(Edit::Same, b[front++]);
    while (back < a.size() - front && back < b.size() - front && bare(a[a.size() - 1 - back]) == bare(b[b.size() - 1 - back])) ++back;
    middle({a.begin() + std::ptrdiff_t(front), a.end() - std::ptrdiff_t(back)},
           {b.begin() + std::ptrdiff_t(front), b.end() - std::ptrdiff_t(back)});
    for (std::size_t i = b.size() - back; i < b.size(); ++i) put(Edit::Same, b[i]);
    for (Piece& piece : pieces_) piece.text = shown(piece.text);
    return std::move(pieces_);
  }

 private:
  void put(Edit edit, std::string_view word) {
    if (pieces_.empty() || pieces_.back().edit != edit) pieces_.push_back({edit, {}});
    pieces_.back().text += word;
  }

  void middle(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
    std::size_t width = b.size() + 1;
    if ((a.size() + 1) * width > kCellsMax) {
      for (auto word : a) put(Edit::Removed, word);
      for (auto word : b) put(Edit::Added, word);
      return;
    }
    std::vector<std::uint32_t> common((a.size() + 1) * width, 0);
    for (std::size_t i = a.size(); i-- > 0;)
      for (std::size_t j = b.size(); j-- > 0;)
        common[i * width + j] = bare(a[i]) == bare(b[j]) ? common[(i + 1) * width + j + 1] + 1
                                                         : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    std::size_t i = 0, j = 0;
    while (i < a.size() || j < b.size()) {
      if (i < a.size() && j < b.size() && bare(a[i]) == bare(b[j])) {
        put(Edit::Same, b[j]);
        ++i, ++j;
      } else if (i < a.size() && (j == b.size() || common[(i + 1) * width + j] >= common[i * width + j + 1])) {
        put(Edit::Removed, a[i++]);
      } else {
        put(Edit::Added, b[j++]);
      }
    }
  }

  std::vector<Piece> pieces_;
};

}  // namespace

std::string shown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto [code, bytes] = inspection::character_at(text, i);
    const bool plain = code != '\r' && !inspection::hidden_character(code) && (bytes > 1 || code < 0x80);
    if (plain) out += text.substr(i, bytes);
    else inspection::append_spelled(out, code);
    i += bytes;
  }
  return out;
}

std::vector<Piece> diff_words(std::string_view old_text, std::string_view new_text) { return Differ().run(old_text, new_text); }

}  // namespace callgate::risk
