#pragma once
// Errors as values. Everything that can fail returns Result<T>; exceptions never cross a room.
// `message` is safe to show to a caller; `detail` is for logs only and never leaves the process.

#include <string>
#include <string_view>
#include <tl/expected.hpp>

// Of functions that run only when something has failed.
#define CG_ASIDE [[gnu::cold, gnu::noinline]]

namespace callgate {

// Closed set. gateway/reply.cc and admin/ hold the only tables from Code to JSON-RPC and HTTP.
enum class Code {
  InvalidRequest,   // malformed bytes, framing, JSON or JSON-RPC
  InvalidArgument,  // well-formed, but a value is wrong
  Unauthenticated,
  Forbidden,
  NotFound,
  Conflict,  // exists already, or changed meanwhile
  TooLarge,
  RateLimited,
  Denied,       // a policy said no
  Unavailable,  // store, upstream or journal cannot do it now
  Timeout,
  Cancelled,
  Internal,
};

// Nothing of it is inline: what happens when something fails is kept out of the way of what runs.
struct Error {
  Code code = Code::Internal;
  std::string_view reason = "internal.unknown";  // stable slug with static storage, listed in docs/reference/reasons.md
  std::string message;                           // lower case, no full stop, quotes `input`, says what to do next
  std::string detail;                            // logs only

  CG_ASIDE Error();
  CG_ASIDE Error(Code what, std::string_view why, std::string text, std::string for_logs = {});
  CG_ASIDE Error(const Error& other);
  CG_ASIDE Error(Error&& other) noexcept;
  CG_ASIDE Error& operator=(const Error& other);
  CG_ASIDE Error& operator=(Error&& other) noexcept;
  CG_ASIDE ~Error();
};

template <class T> using Result = tl::expected<T, Error>;

CG_ASIDE tl::unexpected<Error> fail(Code code, std::string_view reason, const char* message);
CG_ASIDE tl::unexpected<Error> fail(Code code, std::string_view reason, std::string message, std::string detail = {});
CG_ASIDE tl::unexpected<Error> pass_on(Error& error);  // what CG_TRY and CG_CHECK return; leaves `error` empty

std::string_view code_name(Code code);

}  // namespace callgate

// Statement macros, never expressions.  CG_TRY(auto rows, tx.query(sql));   CG_CHECK(tx.execute(sql));
#define CG_CONCAT_(a, b) a##b
#define CG_CONCAT(a, b) CG_CONCAT_(a, b)
#define CG_TRY(declaration, expression) CG_TRY_(CG_CONCAT(cg_result_, __LINE__), declaration, expression)
#define CG_TRY_(name, declaration, expression)         \
  auto name = (expression);                            \
  if (!name) return ::callgate::pass_on(name.error()); \
  declaration = std::move(*name)
#define CG_CHECK(expression) CG_CHECK_(CG_CONCAT(cg_checked_, __LINE__), expression)
#define CG_CHECK_(name, expression)                      \
  do {                                                   \
    auto name = (expression);                            \
    if (!name) return ::callgate::pass_on(name.error()); \
  } while (false)
