#pragma once
// Operational log: one fixed English phrase and fields, as logfmt or JSON lines on stderr. Never arguments, results or secrets.
// Audit is not logging. Levels: error = a human must act; warn = degraded; info = lifecycle; debug = the rest.
// On a network loop log only lifecycle and faults: a line is a system call.

#include <initializer_list>
#include <string>
#include <string_view>

namespace callgate::telemetry {

enum class Level { Debug, Info, Warn, Error };
struct Field {
  std::string_view name;
  std::string value;
};

void configure_log(Level level, bool json);
void log(Level level, std::string_view phrase, std::initializer_list<Field> fields = {});

inline void log_debug(std::string_view phrase, std::initializer_list<Field> fields = {}) { log(Level::Debug, phrase, fields); }
inline void log_info(std::string_view phrase, std::initializer_list<Field> fields = {}) { log(Level::Info, phrase, fields); }
inline void log_warn(std::string_view phrase, std::initializer_list<Field> fields = {}) { log(Level::Warn, phrase, fields); }
inline void log_error(std::string_view phrase, std::initializer_list<Field> fields = {}) { log(Level::Error, phrase, fields); }

}  // namespace callgate::telemetry
