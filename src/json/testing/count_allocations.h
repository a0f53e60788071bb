#pragma once
// How often this test binary has called operator new so far.

#include <cstddef>

namespace callgate::json::testing {
std::size_t allocations();
}
