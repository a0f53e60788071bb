#include "session/sse.h"

#include <charconv>
#include <cstring>

namespace callgate::session {
namespace {

constexpr std::size_t kKeepBytes = 8 * 1024;  // an idle stream keeps no more than this per buffer
constexpr std::size_t kRetryDigitsMax = 15;

std::size_t find_byte(std::string_view text, char byte, std::size_t from, std::size_t to) {
  if (from >= to) return to;
  const void* found = std::memchr(text.data() + from, byte, to - from);
  return found == nullptr ? to : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool single_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos; }

void append_line(std::string& out, std::string_view field, std::string_view value) {
  out.append(field);
  out.append(": ");
  out.append(value);
  out.push_back('\n');
}

}  // namespace

Result<void> SseReader::add(std::string_view piece, const std::function<bool(const SseEvent&)>& fn) {
  if (failed_) return fail(Code::TooLarge, "sse.too_large", "the event stream was given up before");
  std::size_t at = 0;
  std::size_t line_feed = find_byte(piece, '\n', 0, piece.size());
  bool go_on = true;
  while (go_on && at < piece.size()) {
    if (after_cr_ && piece[at] == '\n') ++at;  // second half of CRLF, maybe from the piece before
    after_cr_ = false;
    if (at == piece.size()) break;
    if (line_feed < at) line_feed = find_byte(piece, '\n', at, piece.size());
    const std::size_t end = find_byte(piece, '\r', at, line_feed);
    const std::string_view part = piece.substr(at, end - at);
    CG_CHECK(check_size(line_.size() + part.size()));
    if (end == piece.size()) {
      line_.append(part);
      return {};
    }
    after_cr_ = piece[end] == '\r';
    at = end + 1;
    if (line_.empty()) {
      CG_CHECK(take_line(part, fn, go_on));
    } else {
      line_.append(part);
      const auto taken = take_line(line_, fn, go_on);
      line_.clear();
      if (line_.capacity() > kKeepBytes) std::string().swap(line_);
      CG_CHECK(taken);
    }
  }
  return {};
}

Result<void> SseReader::check_size(std::size_t line_bytes) {
  if (line_bytes + event_.size() + data_.size() + id_.size() <= event_bytes_max_) return {};
  failed_ = true;
  return fail(Code::TooLarge, "sse.too_large", "the server sent an event of more than " + std::to_string(event_bytes_max_) + " bytes");
}

Result<void> SseReader::take_line(std::string_view line, const std::function<bool(const SseEvent&)>& fn, bool& go_on) {
  if (!started_) {
    started_ = true;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    if (!any_) return {};
    SseEvent event;
    event.event = event_;
    event.data = data_;
    event.has_data = has_data_;
    if (has_id_) event.id = id_;
    event.retry_ms = retry_;
    go_on = fn(event);
    reset_event();
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return {};  // comment
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
  return check_size(0);
}

void SseReader::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (has_data_) data_.push_back('\n');
    data_.append(value);
    has_data_ = any_ = true;
  } else if (name == "event") {
    event_.assign(value);
    any_ = true;
  } else if (name == "id") {
    if (value.find('\0') != std::string_view::npos) return;
    id_.assign(value);
    has_id_ = any_ = true;
  } else if (name == "retry") {
    if (value.empty() || value.size() > kRetryDigitsMax || value.find_first_not_of("0123456789") != std::string_view::npos) return;
    std::int64_t milliseconds = 0;
    std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    retry_ = milliseconds;
    any_ = true;
  }
}

void SseReader::reset_event() {
  event_.clear();
  data_.clear();
  id_.clear();
  retry_.reset();
  has_id_ = has_data_ = any_ = false;
  release_memory();
}

void SseReader::release_memory() {
  for (std::string* buffer : {&event_, &data_, &id_}) {
    if (buffer->capacity() > kKeepBytes) std::string().swap(*buffer);
  }
}

std::size_t SseReader::memory_bytes() const {
  return sizeof *this + line_.capacity() + event_.capacity() + data_.capacity() + id_.capacity();
}

void append_sse(std::string& out, const SseEvent& event) {
  const std::size_t before = out.size();
  // A name or id that would start a line of its own is left out: nothing a server wrote may add a field.
  if (!event.event.empty() && single_line(event.event)) append_line(out, "event", event.event);
  if (event.id && single_line(*event.id)) append_line(out, "id", *event.id);
  if (event.retry_ms && *event.retry_ms >= 0) append_line(out, "retry", std::to_string(*event.retry_ms));
  if (event.has_data || !event.data.empty()) {
    std::string_view rest = event.data;
    while (true) {
      const std::size_t end = rest.find_first_of("\r\n");
      append_line(out, "data", rest.substr(0, end));
      if (end == std::string_view::npos) break;
      const bool crlf = rest[end] == '\r' && end + 1 < rest.size() && rest[end + 1] == '\n';
      rest.remove_prefix(end + (crlf ? 2 : 1));
    }
  }
  if (out.size() != before) out.push_back('\n');
}

}  // namespace callgate::session
