#pragma once
// Test credentials, made at run time from the shapes themselves, so that none stands in the repository.

#include <string>
#include <string_view>

namespace callgate::inspection::testing {

// Text that fits a shape; the same seed gives the same text. Classes get their least length.
std::string sample(std::string_view shape, unsigned seed = 1);
std::string base62(std::size_t size, unsigned seed = 1);
// A token with a checksum that holds: `ghp_` and the like.
std::string checked_token(std::string_view prefix, unsigned seed = 1);
// A signed-looking JWT.
std::string jwt(unsigned seed = 1);

}  // namespace callgate::inspection::testing
