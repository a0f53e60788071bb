#pragma once
// How often this thread asked the heap for memory; a test that links allocations.cc counts every operator new.

#include <cstddef>

namespace callgate::identity::testing {
std::size_t allocations();
}
