#pragma once
// The shape of our tokens: prefix, 43 base62 characters (256 bits), 6 check characters.

#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"

namespace callgate::identity {

inline constexpr std::string_view kGrantPrefix = "cg_";
inline constexpr std::string_view kApiPrefix = "cga_";

Secret make_token(std::string_view prefix);

// Shape and check characters, nothing else: says how to mend it, and never repeats it. Unauthenticated identity.malformed.
Result<void> check_token(std::string_view token, std::string_view prefix);

// The token in an Authorization value. Unauthenticated identity.{missing, malformed}.
Result<std::string_view> bearer_token(std::string_view authorization);

}  // namespace callgate::identity
