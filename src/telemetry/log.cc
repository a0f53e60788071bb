#include "telemetry/log.h"

#include "base/clock.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace callgate::telemetry {
namespace {

std::atomic<bool> json_lines{false};

spdlog::logger& logger() {
  static const auto instance = [] {
    auto created = std::make_shared<spdlog::logger>("callgate", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");
    created->flush_on(spdlog::level::debug);
    return created;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug: return spdlog::level::debug;
    case Level::Info: return spdlog::level::info;
    case Level::Warn: return spdlog::level::warn;
    case Level::Error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

constexpr std::string_view level_name(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warn: return "warn";
    case Level::Error: return "error";
  }
  return "info";
}

// Bytes of the character at the start, if it is well-formed UTF-8 beyond ASCII and shows as what it is: no control, nothing that turns
// text around, nothing invisible. Else 0.
std::size_t readable(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const std::size_t size = byte(0) < 0xc2 ? 0 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : byte(0) < 0xf5 ? 4 : 0;
  if (size == 0) return 0;
  char32_t point = byte(0) & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3f);
  }
  const bool whole = point >= (size == 2 ? 0x80U : size == 3 ? 0x800U : 0x10000U) && point <= 0x10ffff && (point >> 11) != 0x1b;
  const bool deceives = point < 0xa0 || (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
                        (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xe0000 && point <= 0xe0fff);
  return whole && !deceives ? size : 0;
}

// Quotes so that one record is one line and moves no cursor, whatever a peer put into a value (log injection, T-69).
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\') (out += '\\') += text[at];
    else if (byte >= 0x20 && byte < 0x7f) out += text[at];
    else if (const std::size_t size = readable(text.substr(at)); size > 0) out += text.substr(at, size), at += size - 1;
    else fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
  }
  out += '"';
}

bool plain(std::string_view text) {
  for (char c : text)
    if (!(c > ' ' && c < 0x7f) || c == '"' || c == '\\' || c == '=') return false;
  return !text.empty();
}

}  // namespace

void configure_log(Level level, bool json) {
  json_lines = json;
  logger().set_level(to_spdlog(level));
}

void log(Level level, std::string_view phrase, std::initializer_list<Field> fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  auto time = format_time(SystemClock().now());
  std::string line;
  if (json_lines) {
    line = fmt::format(R"({{"time":"{}","level":"{}","message":)", time, level_name(level));
    append_quoted(line, phrase);
    for (const Field& field : fields) {
      line += ',';
      append_quoted(line, field.name);
      line += ':';
      append_quoted(line, field.value);
    }
    line += '}';
  } else {
    line = fmt::format("{} {:<5} {}", time, level_name(level), phrase);
    for (const Field& field : fields) {
      fmt::format_to(std::back_inserter(line), " {}=", field.name);
      if (plain(field.value)) line += field.value;
      else append_quoted(line, field.value);
    }
  }
  logger().log(to_spdlog(level), line);
}

}  // namespace callgate::telemetry
