#include <algorithm>

#include "inspection/inspection.h"

namespace callgate::inspection {

void TextStream::add(std::string_view piece, Findings& out) {
  // Long pieces go in steps, so that one step is always tail and window.
  while (!piece.empty()) {
    auto step = piece.substr(0, 64 * 1024);
    piece.remove_prefix(step.size());
    tail_ += step;
    piece_findings_.clear();
    scanner_.scan(tail_, piece_findings_);
    for (const Finding& finding : piece_findings_.all()) {
      Finding moved = finding;
      moved.begin += static_cast<std::uint32_t>(start_);
      moved.end += static_cast<std::uint32_t>(start_);
      std::pair<std::uint32_t, std::string_view> mark{moved.begin, moved.rule};
      auto seen = std::find(seen_.begin(), seen_.end(), mark);
      if (seen != seen_.end()) {  // told already; it may have grown
        out.extend(moved);
        continue;
      }
      seen_.push_back(mark);
      out.append(std::move(moved), piece_findings_.capped());
    }
    if (tail_.size() > kWindow) {
      auto drop = tail_.size() - kWindow;
      while (drop < tail_.size() && (static_cast<unsigned char>(tail_[drop]) & 0xc0) == 0x80) ++drop;
      tail_.erase(0, drop);
      start_ += drop;
      std::erase_if(seen_, [&](const auto& mark) { return mark.first < start_; });
    }
  }
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
