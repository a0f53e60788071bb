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

// Quotes so that one record is one line, whatever a peer put into a value (log injection, T-69).
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (byte < 0x20 || byte == 0x7f) fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    else out += c;
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
