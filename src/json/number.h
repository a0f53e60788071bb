#pragma once
// The magnitude rule for numbers (T-04): a literal must be zero or a finite, non-zero double. What overflows to infinity or
// vanishes to zero elsewhere is not the number we judged.

#include <string_view>

namespace callgate::json {

// `literal` has passed the grammar. Cheap unless it has an exponent or is long.
bool magnitude_fits(std::string_view literal);

}  // namespace callgate::json
