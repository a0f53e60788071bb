#include "json/number.h"

#include <charconv>
#include <cmath>

namespace callgate::json {

bool magnitude_fits(std::string_view literal) {
  constexpr std::size_t always_fits = 300;  // plain digits, before or after the point
  std::size_t exponent = literal.find_first_of("eE");
  if (exponent == std::string_view::npos && literal.size() <= always_fits) return true;
  if (literal.substr(0, exponent).find_first_of("123456789") == std::string_view::npos) return true;
  double value = 0;
  auto [rest, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  return error == std::errc() && rest == literal.data() + literal.size() && std::isfinite(value) && value != 0;
}

}  // namespace callgate::json
