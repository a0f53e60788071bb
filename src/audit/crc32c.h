#pragma once
// CRC-32C (Castagnoli) of a frame: finds torn and rotten bytes fast. It proves nothing against a person; the hash chain does.

#include <cstdint>
#include <string_view>

namespace callgate::audit {

// Continue a checksum with more bytes; start with 0.
std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes);
// The same by table, on every processor; kept apart so that a test can compare the two.
std::uint32_t crc32c_by_table(std::uint32_t so_far, std::string_view bytes);

}  // namespace callgate::audit
