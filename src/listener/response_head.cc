#include "listener/response_head.h"

#include <charconv>

#include "base/append.h"

namespace callgate::listener {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_two(std::string& out, unsigned number) {
  out += static_cast<char>('0' + number / 10);
  out += static_cast<char>('0' + number % 10);
}

// Messages are our own plain text; this only keeps the document valid whatever they hold.
void append_json_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
}

}  // namespace

std::string_view DateLine::at(const Clock& clock, MonoTime now) {
  if (!line_.empty() && now - made_ < std::chrono::seconds(1)) return line_;
  made_ = now;
  static constexpr const char* kDays[] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
  static constexpr const char* kMonths[] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                            " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
  const auto time = std::chrono::floor<std::chrono::seconds>(clock.now());
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock_face(time - day);
  line_ = "Date: ";
  line_ += kDays[std::chrono::weekday(day).c_encoding()];
  append_two(line_, static_cast<unsigned>(date.day()));
  line_ += kMonths[static_cast<unsigned>(date.month()) - 1];
  append_number(line_, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  line_ += ' ';
  append_two(line_, static_cast<unsigned>(clock_face.hours().count()));
  line_ += ':';
  append_two(line_, static_cast<unsigned>(clock_face.minutes().count()));
  line_ += ':';
  append_two(line_, static_cast<unsigned>(clock_face.seconds().count()));
  line_ += " GMT\r\n";
  return line_;
}

void append_response_head(std::string& out, const ResponseHead& head, const HeadFacts& facts) {
  const bool usual = head.status == 200 && facts.framing == BodyFraming::Length && !facts.close && !facts.say_keep_alive;
  if (usual && head.extra.empty() && !head.content_type.empty()) {
    char digits[20];
    const std::string_view length(digits,
                                  static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, facts.length).ptr - digits));
    append(out, "HTTP/1.1 200 OK\r\n", facts.date_line, "Content-Type: ", head.content_type, "\r\nContent-Length: ", length,
           "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n");
    return;
  }
  if (head.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(head.status));
    out += ' ';
    out += net::reason_phrase(head.status);
    out += "\r\n";
  }
  out += facts.date_line;
  if (!head.content_type.empty()) {
    out += "Content-Type: ";
    out += head.content_type;
    out += "\r\n";
  }
  if (facts.framing == BodyFraming::Chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (facts.framing == BodyFraming::Length && head.status != 204 && head.status != 304) {
    out += "Content-Length: ";
    append_number(out, facts.length);
    out += "\r\n";
  }
  if (facts.close) out += "Connection: close\r\n";
  else if (facts.say_keep_alive) out += "Connection: keep-alive\r\n";
  out += "X-Content-Type-Options: nosniff\r\n";
  if (head.extra.find("Cache-Control:") == std::string_view::npos) out += "Cache-Control: no-store\r\n";
  out += head.extra;
  out += "\r\n";
}

std::string error_body(const Error& error) {
  std::string out = "{\"error\":{\"code\":\"";
  append_json_text(out, code_name(error.code));
  out += "\",\"reason\":\"";
  append_json_text(out, error.reason);
  out += "\",\"message\":\"";
  append_json_text(out, error.message);
  out += "\"}}";
  return out;
}

}  // namespace callgate::listener
