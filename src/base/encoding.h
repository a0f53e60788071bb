#pragma once
// Hex and base64 (RFC 4648). Decoders are strict: wrong alphabet, padding or length gives nothing.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callgate {

std::string hex_encode(std::span<const std::uint8_t> bytes);
std::optional<std::string> hex_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);  // padded, standard alphabet

}  // namespace callgate
