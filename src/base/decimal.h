#pragma once
// Exact decimal numbers for limits and comparisons (T-05, T-21): what the client wrote is what is compared, never a double.
// value = coefficient x 10^exponent, at most 38 significant digits. Immutable; trivially copyable.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callgate {

class Decimal {
 public:
  constexpr Decimal() = default;
  explicit Decimal(std::int64_t value) { *this = from_parts(value, 0); }

  // Reads a JSON number literal (RFC 8259 section 6). Nothing when it is not one, has more than 38 significant
  // digits after trailing zeros are dropped, or an exponent beyond +-400. -0 reads as 0.
  static std::optional<Decimal> parse(std::string_view literal);

  // Exact for every pair. Equal values compare equal however they were written (1.0 == 1e0).
  std::strong_ordering operator<=>(const Decimal& other) const;
  bool operator==(const Decimal& other) const { return (*this <=> other) == std::strong_ordering::equal; }

  // Nothing when the exact result does not fit.
  std::optional<Decimal> plus(const Decimal& other) const;
  std::optional<Decimal> minus(const Decimal& other) const;

  bool negative() const { return coefficient_ < 0; }
  bool zero() const { return coefficient_ == 0; }
  std::string text() const;  // plain notation when short, else scientific; parses back to the same value

  // Raw parts, for fixed-size storage. Normalised: the coefficient has no trailing zeros (0 is {0, 0}).
  __int128 coefficient() const { return coefficient_; }
  std::int32_t exponent() const { return exponent_; }
  static Decimal from_parts(__int128 coefficient, std::int32_t exponent);

 private:
  __int128 coefficient_ = 0;
  std::int32_t exponent_ = 0;
};

}  // namespace callgate
