#pragma once
// A broken invariant ends the process, in release too: a gate in an unknown state must not stay open.

namespace callgate {
[[noreturn, gnu::cold, gnu::noinline]] void assertion_failed(const char* expression, const char* file, int line);
}
#define CG_ASSERT(expression) (static_cast<bool>(expression) ? void(0) : ::callgate::assertion_failed(#expression, __FILE__, __LINE__))
