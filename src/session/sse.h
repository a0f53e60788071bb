#pragma once
// Splits a text/event-stream (WHATWG HTML section 9.2) that arrives in any pieces into whole events (T-42): CR, LF and CRLF, BOM at the
// start, comments, multi-line data, no `event:` line, ids and retry. Bounded; an event past the cap is an error, never a truncation.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace callgate::session {

struct SseEvent {
  std::string_view event;              // empty: "message"
  std::string_view data;               // lines joined with \n
  std::optional<std::string_view> id;  // this event's own id line, when it had one without NUL
  std::optional<std::int64_t> retry_ms;
  bool has_data = false;
};

class SseReader {
 public:
  explicit SseReader(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}
  // fn(const SseEvent&) -> bool: false stops, and the rest of the piece is dropped. Views valid during the call. A block with an id or a
  // retry but no data is handed over too (has_data false): it matters to resumption. An unfinished event at the end of the stream never is.
  // Error: TooLarge sse.too_large; the reader stays failed.
  Result<void> add(std::string_view piece, const std::function<bool(const SseEvent&)>& fn);
  std::size_t memory_bytes() const;

 private:
  Result<void> take_line(std::string_view line, const std::function<bool(const SseEvent&)>& fn, bool& go_on);
  void take_field(std::string_view name, std::string_view value);
  Result<void> check_size(std::size_t line_bytes);
  void reset_event();
  void release_memory();
  std::size_t event_bytes_max_;
  std::string line_, event_, data_, id_;
  std::optional<std::int64_t> retry_;
  bool has_id_ = false, has_data_ = false, any_ = false, after_cr_ = false, started_ = false, failed_ = false;
};

// Appends one event in wire form; data is split over lines as needed.
void append_sse(std::string& out, const SseEvent& event);

}  // namespace callgate::session
