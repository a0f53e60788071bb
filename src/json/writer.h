#pragma once
// Writes JSON text into a string the caller owns. Escapes the minimum; invalid UTF-8 becomes U+FFFD. Not for parsing.

#include <cstdint>
#include <string>
#include <string_view>

namespace callgate::json {

// Appends `text` with quotes.
void append_quoted(std::string& out, std::string_view text);

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& integer(std::int64_t value);
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // already valid JSON

  // key + value in one
  Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  Writer& member(std::string_view name, const char* text) { return key(name).string(text); }
  Writer& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
  Writer& member(std::string_view name, bool value) { return key(name).boolean(value); }

 private:
  void separate();
  std::string& out_;
  bool fresh_ = true;  // nothing written yet at this level: no comma
};

}  // namespace callgate::json
