#pragma once
// What the processes of one server wrote to their standard error: cleaned and bounded (sandbox/output_log.h), with the server's own
// secrets masked, in one row. Kept after a process ends, for that is when it is read. Thread-safe.

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "sandbox/output_log.h"

namespace callgate::stdio {

struct LogLine {
  std::uint64_t sequence = 0;  // grows by one per line; gaps: lines fell out
  WallTime time{};
  std::uint64_t process = 0;  // number of the process on this gate
  std::string text;
};

class ErrorLog {
 public:
  ErrorLog(const Clock& clock, std::size_t bytes_max) : clock_(clock), bytes_max_(bytes_max) {}
  void set_secrets(std::vector<Secret> secrets);  // masked in what comes later; very short ones would mask everything and are not
  void append(std::uint64_t process, std::string_view bytes);
  void note(std::uint64_t process, std::string text);  // in our own words
  void finish(std::uint64_t process);                  // no more from this one
  std::vector<LogLine> since(std::uint64_t sequence, std::size_t lines_max) const;

 private:
  struct Source {
    sandbox::OutputLog log;
    std::uint64_t taken = 0;
  };
  void take(std::uint64_t process, Source& source);
  void keep(LogLine line);
  mutable std::mutex mutex_;
  const Clock& clock_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t next_ = 1;
  std::vector<Secret> secrets_;
  std::map<std::uint64_t, Source> sources_;
  std::deque<LogLine> lines_;
};

}  // namespace callgate::stdio
