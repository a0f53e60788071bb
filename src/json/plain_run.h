#pragma once
// Long strings: how far the plain bytes of a value go, in whole stretches of 64. With AVX2 where the processor has it.

#include <cstddef>
#include <cstdint>

namespace callgate::json {

// Of `size` bytes at `at`; with `out` also copies them there, and may write one stretch more than it returns (never past `size`).
std::size_t plain_run(const std::uint8_t* at, std::size_t size, std::uint8_t* out);

}  // namespace callgate::json
