#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/assert.h"

namespace callgate {

Error::Error() = default;
Error::Error(Code what, std::string_view why, std::string text, std::string for_logs)
    : code(what), reason(why), message(std::move(text)), detail(std::move(for_logs)) {}
Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

tl::unexpected<Error> fail(Code code, std::string_view reason, const char* message) {
  return tl::unexpected<Error>(Error(code, reason, message));
}

tl::unexpected<Error> fail(Code code, std::string_view reason, std::string message, std::string detail) {
  return tl::unexpected<Error>(Error(code, reason, std::move(message), std::move(detail)));
}

tl::unexpected<Error> pass_on(Error& error) { return tl::unexpected<Error>(std::move(error)); }

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
