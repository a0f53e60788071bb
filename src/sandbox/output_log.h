#pragma once
// The last lines of a server's stderr, for `server logs`. Bounded whatever is written: old lines fall out, floods are counted instead of
// kept, and nothing that could steer a terminal stays in. The caller reads the descriptor; this class does no I/O. One thread.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace callgate::sandbox {

class OutputLog {
 public:
  struct Options {
    std::size_t bytes_max = 64UL * 1024;         // kept in all
    std::size_t line_bytes_max = 2048;           // the rest of a longer line is dropped
    std::size_t bytes_per_second = 64UL * 1024;  // beyond it (and one second's burst) bytes are counted, not kept
  };
  struct Line {
    std::uint64_t number = 0;  // 1, 2, 3 ... of all lines since the start
    WallTime at{};
    std::string text;  // UTF-8, no control characters
  };

  OutputLog() : OutputLog(Options{}) {}
  explicit OutputLog(Options options);
  void append(std::string_view bytes, WallTime now, MonoTime mono);
  void finish(WallTime now);  // the stream ended: keeps an unfinished last line
  const std::deque<Line>& lines() const { return lines_; }
  std::uint64_t bytes_seen() const { return bytes_seen_; }
  std::uint64_t bytes_dropped() const { return bytes_dropped_; }  // by the rate cap or the line cap

 private:
  std::string_view take_budget(std::string_view bytes, MonoTime mono);
  void add_char(char c);
  void end_line(WallTime now);

  enum class Escape : std::uint8_t { None, Started, Csi, String, StringEscape };
  Options options_;
  std::deque<Line> lines_;
  std::size_t bytes_kept_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t bytes_seen_ = 0, bytes_dropped_ = 0;
  bool flooded_ = false;
  std::string partial_;
  bool partial_open_ = false;
  Escape escape_ = Escape::None;
  double budget_;
  MonoTime refilled_{};
};

}  // namespace callgate::sandbox
