#pragma once
// JSON text for records that people read in terminals and spreadsheets: beside what JSON demands, everything that can move a
// cursor, hide or reorder text is written as \uXXXX (controls, DEL, C1, bidi marks, zero-width, U+2028, U+2029, tags).
// Invalid UTF-8 becomes U+FFFD. Fields are cut at a stated size, so that no caller can make a record without end.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace callgate::audit {

constexpr std::size_t kFieldBytesMax = 4 * 1024;     // names, ids, methods
constexpr std::size_t kMessageBytesMax = 16 * 1024;  // messages and stated reasons
constexpr std::size_t kJsonBytesMax = 1024 * 1024;   // arguments, detail

// Appends `text` with quotes. Longer than bytes_max: cut on a character border and marked with the size it had.
void append_text(std::string& out, std::string_view text, std::size_t bytes_max = kFieldBytesMax);

// The same for a writer that made room before: both return where the next byte goes.
char* put_text(char* at, std::string_view text, std::size_t bytes_max = kFieldBytesMax);
// Text that already is JSON, made safe for one line. Larger than kJsonBytesMax once escaped: {"cut_bytes":N} instead.
char* put_json(char* at, std::string_view json);
// One byte becomes six at most; blocks are stored whole.
constexpr std::size_t text_room(std::size_t size, std::size_t bytes_max) { return 6 * std::min(size, bytes_max) + 64; }
constexpr std::size_t json_room(std::size_t size) { return std::min(6 * size, kJsonBytesMax) + 64; }

// Length of the valid UTF-8 sequence at the front, 0 when there is none; `point` gets the code point.
std::size_t decode_utf8(std::string_view text, char32_t& point);

}  // namespace callgate::audit
