#include "base/decimal.h"

#include <array>

namespace callgate {
namespace {

using Magnitude = unsigned __int128;

constexpr int kDigitsMax = 38;
constexpr std::int32_t kExponentMax = 400;
constexpr std::int64_t kExponentStop = 1'000'000'000;  // saturates here while reading: far beyond any literal we hold

constexpr std::array<Magnitude, kDigitsMax + 1> powers_of_ten() {
  std::array<Magnitude, kDigitsMax + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr auto kPowers = powers_of_ten();

Magnitude magnitude_of(__int128 value) { return value < 0 ? Magnitude(0) - static_cast<Magnitude>(value) : static_cast<Magnitude>(value); }

int digits_of(Magnitude value) {
  int digits = 0;
  while (digits <= kDigitsMax && kPowers[static_cast<std::size_t>(digits)] <= value) ++digits;
  return digits;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Division by ten is a multiplication for 64 bits and a long division for 128.
template <class Exponent> void drop_zeros(Magnitude& magnitude, Exponent& exponent) {
  while (magnitude > ~std::uint64_t{0} && magnitude % 10 == 0) {
    magnitude /= 10;
    ++exponent;
  }
  if (magnitude > ~std::uint64_t{0}) return;
  auto small = static_cast<std::uint64_t>(magnitude);
  for (; small != 0 && small % 10 == 0; ++exponent) small /= 10;
  magnitude = small;
}

// Drops trailing zeros, then checks that the value is one we can hold.
std::optional<Decimal> checked(bool negative, Magnitude magnitude, std::int64_t exponent) {
  if (magnitude == 0) return Decimal();
  drop_zeros(magnitude, exponent);
  if (magnitude >= kPowers[kDigitsMax] || exponent > kExponentMax || exponent < -kExponentMax) return std::nullopt;
  auto coefficient = static_cast<__int128>(magnitude);
  return Decimal::from_parts(negative ? -coefficient : coefficient, static_cast<std::int32_t>(exponent));
}

// The digits of a literal, zeros at the end held back until a digit follows them.
struct Digits {
  Magnitude magnitude = 0;
  std::int64_t held_zeros = 0;
  int count = 0;
  bool too_many = false;

  void add(char c) {
    if (c == '0') {
      if (magnitude != 0) ++held_zeros;
      return;
    }
    if (count + held_zeros + 1 > kDigitsMax && magnitude != 0) {
      too_many = true;
      return;
    }
    for (; held_zeros > 0; --held_zeros, ++count) magnitude *= 10;
    magnitude = magnitude * 10 + static_cast<Magnitude>(c - '0');
    ++count;
  }
};

std::optional<std::int64_t> read_exponent(std::string_view text) {
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    if (value < kExponentStop) value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view literal) {
  bool negative = !literal.empty() && literal[0] == '-';
  if (negative) literal.remove_prefix(1);
  std::size_t at = 0;
  Digits digits;
  std::int64_t exponent = 0;
  while (at < literal.size() && is_digit(literal[at])) digits.add(literal[at++]);
  if (at == 0 || (at > 1 && literal[0] == '0')) return std::nullopt;
  if (at < literal.size() && literal[at] == '.') {
    std::size_t first = ++at;
    for (; at < literal.size() && is_digit(literal[at]); --exponent) digits.add(literal[at++]);
    if (at == first) return std::nullopt;
  }
  if (at < literal.size()) {
    if (literal[at] != 'e' && literal[at] != 'E') return std::nullopt;
    auto written = read_exponent(literal.substr(at + 1));
    if (!written) return std::nullopt;
    exponent += *written;
  }
  if (digits.too_many) return std::nullopt;
  return checked(negative, digits.magnitude, exponent + digits.held_zeros);
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  // Nearly always: amounts of a few digits and exponents close to each other. Below 10^18 times 10^18, 128 bits hold it.
  constexpr __int128 few = 1'000'000'000'000'000'000;
  if (exponent_ == other.exponent_) return coefficient_ <=> other.coefficient_;
  const std::int32_t apart = exponent_ - other.exponent_;
  if (apart >= -18 && apart <= 18 && -few < coefficient_ && coefficient_ < few && -few < other.coefficient_ && other.coefficient_ < few) {
    const auto power = static_cast<__int128>(kPowers[static_cast<std::size_t>(apart < 0 ? -apart : apart)]);
    return apart >= 0 ? coefficient_ * power <=> other.coefficient_ : coefficient_ <=> other.coefficient_ * power;
  }
  auto sign = [](const Decimal& d) { return d.coefficient_ < 0 ? -1 : d.coefficient_ > 0 ? 1 : 0; };
  if (sign(*this) != sign(other) || sign(*this) == 0) return sign(*this) <=> sign(other);
  Magnitude mine = magnitude_of(coefficient_), theirs = magnitude_of(other.coefficient_);
  int my_digits = digits_of(mine), their_digits = digits_of(theirs);
  std::int64_t my_top = std::int64_t(exponent_) + my_digits, their_top = std::int64_t(other.exponent_) + their_digits;
  std::strong_ordering size = my_top <=> their_top;
  if (size == std::strong_ordering::equal) {
    // Divide the longer one instead of scaling the shorter one: no overflow for any pair.
    Magnitude scale = kPowers[static_cast<std::size_t>(my_digits > their_digits ? my_digits - their_digits : their_digits - my_digits)];
    if (my_digits >= their_digits) {
      size = mine / scale <=> theirs;
      if (size == std::strong_ordering::equal && mine % scale != 0) size = std::strong_ordering::greater;
    } else {
      size = mine <=> theirs / scale;
      if (size == std::strong_ordering::equal && theirs % scale != 0) size = std::strong_ordering::less;
    }
  }
  return negative() ? 0 <=> size : size;
}

std::optional<Decimal> Decimal::plus(const Decimal& other) const {
  if (zero()) return other;
  if (other.zero()) return *this;
  // Nearly always: whole amounts that fit a machine word, and so does their sum.
  constexpr __int128 few = 1'000'000'000'000'000'000;
  if (exponent_ == other.exponent_ && -few < coefficient_ && coefficient_ < few && -few < other.coefficient_ && other.coefficient_ < few) {
    auto sum = static_cast<std::int64_t>(coefficient_) + static_cast<std::int64_t>(other.coefficient_);
    if (sum % 10 != 0 || exponent_ < kExponentMax / 2) return from_parts(sum, exponent_);
  }
  const Decimal& high = exponent_ >= other.exponent_ ? *this : other;
  const Decimal& low = exponent_ >= other.exponent_ ? other : *this;
  std::int64_t shift = std::int64_t(high.exponent_) - low.exponent_;
  Magnitude a = magnitude_of(high.coefficient_), b = magnitude_of(low.coefficient_);
  // Beyond 2 x 10^38 no 38-digit partner can bring the sum back into range, and up to there 128 bits hold it.
  if (shift > kDigitsMax || a > 2 * kPowers[kDigitsMax] / kPowers[static_cast<std::size_t>(shift)]) return std::nullopt;
  a *= kPowers[static_cast<std::size_t>(shift)];
  if (high.negative() == low.negative()) return checked(high.negative(), a + b, low.exponent_);
  if (a >= b) return checked(high.negative(), a - b, low.exponent_);
  return checked(low.negative(), b - a, low.exponent_);
}

std::optional<Decimal> Decimal::minus(const Decimal& other) const {
  Decimal negated = other;
  negated.coefficient_ = -negated.coefficient_;
  return plus(negated);
}

std::string Decimal::text() const {
  if (zero()) return "0";
  std::string digits;
  for (Magnitude rest = magnitude_of(coefficient_); rest != 0; rest /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  constexpr std::int64_t plain_max = 21;
  auto count = static_cast<std::int64_t>(digits.size());
  std::int64_t top = count + exponent_;  // digits before the point
  std::string out = negative() ? "-" : "";
  if (exponent_ >= 0 && top <= plain_max) return out + digits + std::string(static_cast<std::size_t>(exponent_), '0');
  if (exponent_ < 0 && top > 0) return out + digits.insert(static_cast<std::size_t>(top), ".");
  if (exponent_ < 0 && top > -6) return out + "0." + std::string(static_cast<std::size_t>(-top), '0') + digits;
  out += digits[0];
  if (count > 1) out += "." + digits.substr(1);
  return out + "e" + std::to_string(top - 1);
}

Decimal Decimal::from_parts(__int128 coefficient, std::int32_t exponent) {
  Decimal value;
  if (coefficient == 0) return value;
  if (-1'000'000'000'000'000'000 < coefficient && coefficient < 1'000'000'000'000'000'000) {  // fits a machine word
    auto small = static_cast<std::int64_t>(coefficient);
    for (; small % 10 == 0; ++exponent) small /= 10;
    value.coefficient_ = small;
    value.exponent_ = exponent;
    return value;
  }
  Magnitude magnitude = magnitude_of(coefficient);
  drop_zeros(magnitude, exponent);
  value.coefficient_ = static_cast<__int128>(coefficient < 0 ? Magnitude(0) - magnitude : magnitude);
  value.exponent_ = exponent;
  return value;
}

}  // namespace callgate
