#pragma once
// Protocol revisions and the two eras: legacy (up to 2025-11-25, `initialize`, sessions) and modern (2026-07-28, stateless).
// Source: MCP specification, lifecycle and transports of each revision; shared mcp-spec sections 1 to 3.

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "net/http1.h"
#include "session/jsonrpc.h"

namespace callgate::session {

enum class Era : std::uint8_t { Legacy, Modern };

inline constexpr std::string_view kModernRevision = "2026-07-28";
inline constexpr std::string_view kAssumedRevision = "2025-03-26";  // a legacy request without the header

// What this gate serves on every endpoint, newest first, as a JSON array.
inline constexpr std::string_view kSupportedVersions = R"(["2026-07-28","2025-11-25","2025-06-18","2025-03-26"])";

bool legacy_revision(std::string_view revision);  // one we serve over streamable HTTP

// What the bytes claim. A malformed modern claim stays modern: it gets modern errors, never legacy treatment.
Era era_of(const net::Head& head, const Message& message);

// What is wrong with a modern POST (N7 to N9), as code and message for the caller, HTTP 400. Header values are compared with the
// judged body, never trusted by themselves.
struct ModernFault {
  int code = 0;  // 0: nothing is wrong
  std::string message;
  std::string data;  // JSON object or empty
};
ModernFault check_modern(const net::Head& head, const Message& message);

// Whether a decoded header says what an argument says: text byte for byte, numbers by value, true and false.
bool says(std::string_view decoded, json::Value argument);

// Decodes a header value that may be in the =?base64?...?= form; nothing on bad base64.
std::optional<std::string> decode_header_value(std::string_view value);

}  // namespace callgate::session
