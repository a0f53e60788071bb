#include "stdio/lines.h"

namespace callgate::stdio {
namespace {
constexpr std::size_t kKeepBytes = 64 * 1024;  // of the buffer of a quiet process
}  // namespace

void LineCutter::add(std::string_view piece, const std::function<bool(std::string_view)>& line, const std::function<void()>& too_long) {
  std::string joined;
  if (!rest_.empty()) {
    joined.swap(rest_);
    joined.append(piece);
    piece = joined;
  }
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (!skipping_ && held_.size() + part.size() > line_bytes_max_) {
      skipping_ = true;
      std::string().swap(held_);
      too_long();
    }
    if (end == std::string_view::npos) {
      if (!skipping_) held_.append(part);
      return;
    }
    piece.remove_prefix(end + 1);
    if (std::exchange(skipping_, false)) continue;
    bool go_on = true;
    if (held_.empty()) {
      go_on = take(part, line);
    } else {
      held_.append(part);
      std::string whole;
      whole.swap(held_);
      go_on = take(whole, line);
      if (held_.empty() && whole.capacity() <= kKeepBytes) {
        whole.clear();
        held_.swap(whole);
      }
    }
    if (!go_on) {
      rest_ = piece;
      return;
    }
  }
}

bool LineCutter::take(std::string_view text, const std::function<bool(std::string_view)>& line) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text.empty() || line(text);
}

}  // namespace callgate::stdio
