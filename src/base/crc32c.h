#pragma once
// CRC-32C (Castagnoli) of a frame on disk: finds torn and rotten bytes fast. It proves nothing against a person; a hash chain does.

#include <cstdint>
#include <span>
#include <string_view>

namespace callgate {

// Continue a checksum with more bytes; start with 0.
std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes);
// Of every text, from 0. Three at a time: one step of the instruction takes three cycles, and another can begin in each of them.
void crc32c_each(std::span<const std::string_view> texts, std::span<std::uint32_t> sums);
// The same by table, on every processor; kept apart so that a test can compare the two.
std::uint32_t crc32c_by_table(std::uint32_t so_far, std::string_view bytes);

}  // namespace callgate
