#include <algorithm>

#include "inspection/inspection.h"

namespace callgate::inspection {

void TextStream::add(std::string_view piece, Findings& out) {
  // Long pieces go in steps; short ones wait until a step is full, or a scan of the whole window would be paid for every byte.
  while (!piece.empty()) {
    auto step = piece.substr(0, 64 * 1024);
    piece.remove_prefix(step.size());
    tail_ += step;
    unseen_ += step.size();
    if (unseen_ >= kStep) look(out);
  }
}

void TextStream::finish(Findings& out) {
  if (unseen_ > 0) look(out);
}

void TextStream::look(Findings& out) {
  unseen_ = 0;
  piece_findings_.clear();
  scanner_.scan(tail_, piece_findings_, known_);
  for (const Finding& finding : piece_findings_.all()) {
    Finding moved = finding;
    moved.begin += static_cast<std::uint32_t>(start_);
    moved.end += static_cast<std::uint32_t>(start_);
    std::pair<std::uint32_t, std::string_view> mark{moved.begin, moved.rule};
    if (std::find(seen_.begin(), seen_.end(), mark) != seen_.end()) {
      out.extend(moved);  // told already; it may have grown
      continue;
    }
    seen_.push_back(mark);
    out.append(std::move(moved), piece_findings_.capped());
  }
  if (tail_.size() <= kWindow) return;
  auto drop = tail_.size() - kWindow;
  while (drop < tail_.size() && (static_cast<unsigned char>(tail_[drop]) & 0xc0) == 0x80) ++drop;
  tail_.erase(0, drop);
  start_ += drop;
  std::erase_if(seen_, [&](const auto& mark) { return mark.first < start_; });
}

void Findings::append(Finding&& finding, bool capped) {
  capped_ = capped_ || capped;
  items_.push_back(std::move(finding));
}

void Findings::extend(const Finding& finding) {
  for (Finding& mine : items_)
    if (mine.rule == finding.rule && mine.begin == finding.begin && mine.end < finding.end) mine.end = finding.end;
}

}  // namespace callgate::inspection
