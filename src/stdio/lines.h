#pragma once
// Cuts what a process writes into lines, however it arrives. Bounded: a line past the cap is reported once and its rest passed over, so
// that nothing a process writes can grow memory (T-71). Inner header of stdio/.

#include <functional>
#include <string>
#include <string_view>

namespace callgate::stdio {

class LineCutter {
 public:
  explicit LineCutter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}
  // line(text): without its end, a CR before it removed; empty lines are skipped. It may return false: the rest is kept for the next call.
  // too_long(): once for each line past the cap.
  void add(std::string_view piece, const std::function<bool(std::string_view)>& line, const std::function<void()>& too_long);
  bool waiting() const { return !rest_.empty(); }  // lines were kept back: add({}) goes on
  // The unfinished last line, when nothing more comes.
  std::string_view unfinished() const { return held_; }
  std::size_t memory_bytes() const { return held_.capacity() + rest_.capacity(); }

 private:
  bool take(std::string_view text, const std::function<bool(std::string_view)>& line);
  std::size_t line_bytes_max_;
  std::string held_;  // the beginning of a line
  std::string rest_;  // kept back by the reader
  bool skipping_ = false;
};

}  // namespace callgate::stdio
