#pragma once
// Is this really a credential: entropy, checksums, placeholders. Pure functions over short texts.

#include <optional>
#include <string>
#include <string_view>

namespace callgate::inspection {

double entropy_bits(std::string_view text);  // Shannon, per byte
// EXAMPLE, xxxx, ${VAR}, <your-key>, ... : something that stands for a secret.
bool looks_like_placeholder(std::string_view value);
// The same for what bears a vendor's mark: only the plain cases, since the mark says what it is.
bool looks_like_sample(std::string_view token);
// A call, a variable, a path, a template: code that fetches the secret from somewhere else.
bool looks_like_reference(std::string_view value);
// Words joined by - _ . : an identifier, not a secret.
bool looks_like_words(std::string_view value);
std::string rot13(std::string text);  // letters of ASCII turned by 13
bool has_digit_and_letter(std::string_view value);
// CRC-32 of what comes before, as six base62 digits at the end (GitHub, npm).
bool base62_crc_holds(std::string_view token);
std::string base62_crc(std::string_view body);  // for tests: what the six digits must be

// Decodes base64 or base64url, padded or not. Nothing when a character or the length is wrong.
std::optional<std::string> decode_base64(std::string_view text, std::size_t bytes_max);
bool looks_like_text(std::string_view bytes);

}  // namespace callgate::inspection
