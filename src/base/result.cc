#include "base/result.h"

#include <cstdio>
#include <cstdlib>

#include "base/assert.h"

namespace callgate {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::InvalidRequest: return "invalid_request";
    case Code::InvalidArgument: return "invalid_argument";
    case Code::Unauthenticated: return "unauthenticated";
    case Code::Forbidden: return "forbidden";
    case Code::NotFound: return "not_found";
    case Code::Conflict: return "conflict";
    case Code::TooLarge: return "too_large";
    case Code::RateLimited: return "rate_limited";
    case Code::Denied: return "denied";
    case Code::Unavailable: return "unavailable";
    case Code::Timeout: return "timeout";
    case Code::Cancelled: return "cancelled";
    case Code::Internal: return "internal";
  }
  return "internal";
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "callgate: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace callgate
