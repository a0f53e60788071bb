// A credential that was cut in two lies in two strings of a value: they are looked at joined, one after the other and in pairs. Only what
// could go on across a cut is joined, not the strings as a whole.

#include <algorithm>

#include "inspection/workspace.h"

namespace callgate::inspection {
namespace {

constexpr std::size_t kPairsMax = 8, kJoinedMax = 1024 * 1024, kRunMax = 16 * 1024, kBeside = 128;
constexpr std::uint32_t kCrossingMin = 12;  // bytes; the shortest credential that has no name before it is longer

std::uint32_t run_at_begin(std::string_view text) {
  std::size_t size = 0, most = std::min(text.size(), kRunMax);
  while (size < most && in_class('n', text[size])) ++size;
  return static_cast<std::uint32_t>(size);
}

std::uint32_t run_at_end(std::string_view text) {
  std::size_t size = 0, most = std::min(text.size(), kRunMax);
  while (size < most && in_class('n', text[text.size() - size - 1])) ++size;
  return static_cast<std::uint32_t>(size);
}

}  // namespace

class Joined {
 public:
  explicit Joined(Workspace& work)
      : work_(work),
        least_(!work.known_            ? kCrossingMin
               : work.known_->spaced() ? 0
                                       : KnownSecrets::kBytesMin) {}
  void all();
  void pairs();

 private:
  bool crosses(std::size_t left, std::size_t right) const;
  void begin();
  void put(std::size_t part, std::size_t from, std::size_t to);
  void seam(std::size_t left, std::size_t right, std::size_t from);
  std::size_t head(std::size_t part) const { return std::min(text(part).size(), work_.parts_[part].left + kBeside); }
  std::size_t tail(std::size_t part) const { return text(part).size() - std::min(text(part).size(), work_.parts_[part].right + kBeside); }
  std::string_view text(std::size_t part) const { return work_.parts_[part].text; }
  void scan();
  Workspace& work_;
  std::size_t least_;
};

bool Joined::crosses(std::size_t left, std::size_t right) const {
  const auto &before = work_.parts_[left], &after = work_.parts_[right];
  return before.names || before.right + after.left >= least_;
}

void Joined::begin() {
  work_.joined_.clear();
  work_.seams_.clear();
  work_.order_.clear();
}

void Joined::put(std::size_t part, std::size_t from, std::size_t to) {
  auto piece = text(part).substr(from, to - from);
  work_.order_.push_back({static_cast<std::uint32_t>(work_.joined_.size()), static_cast<std::uint32_t>(piece.size()),
                          static_cast<std::uint32_t>(part), static_cast<std::uint32_t>(from)});
  work_.joined_ += piece;
}

// The end of one and the beginning of the other; `from`: how much of the left one is there already.
void Joined::seam(std::size_t left, std::size_t right, std::size_t from) {
  std::size_t begin = tail(left);
  if (begin > from || from == 0) {
    if (!work_.joined_.empty()) work_.joined_ += '\n';
    put(left, begin, text(left).size());
  } else if (from < text(left).size()) {
    put(left, from, text(left).size());
  }
  work_.seams_.push_back(static_cast<std::uint32_t>(work_.joined_.size()));
  put(right, 0, head(right));
}

void Joined::scan() {
  if (work_.joined_.empty()) return;
  Level level;
  level.text = work_.joined_;
  level.way = "joined";
  level.seams = {&work_.seams_};
  work_.pointer.clear();
  work_.scan_level(level);
  work_.order_.clear();
}

void Joined::all() {
  begin();
  std::size_t there = 0;  // of the left string: what was put as the right one of the seam before
  for (std::size_t i = 0; i + 1 < work_.parts_.size(); ++i) {
    if (!crosses(i, i + 1)) {
      there = 0;
      continue;
    }
    if (work_.joined_.size() > kJoinedMax) {
      work_.cap("joined");
      break;
    }
    seam(i, i + 1, there);
    there = head(i + 1);
  }
  scan();
}

void Joined::pairs() {
  std::size_t count = work_.parts_.size();
  if (count > kPairsMax) return;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < count; ++k)
      if (k != i && k != i + 1 && crosses(i, k)) {
        begin();
        seam(i, k, 0);
        scan();
      }
}

void Workspace::remember(std::string_view text) {
  std::uint32_t left = run_at_begin(text), right = left == text.size() ? left : run_at_end(text);
  parts_.push_back(
      {text, static_cast<std::uint32_t>(wheres_.size()), static_cast<std::uint32_t>(pointer.size()), left, right, names_at_end_});
  wheres_ += pointer;
}

void Workspace::scan_joined() {
  if ((!tables_->secrets && known_ == nullptr) || parts_.size() < 2) return;
  Joined joined(*this);
  joined.all();
  joined.pairs();
}

}  // namespace callgate::inspection
