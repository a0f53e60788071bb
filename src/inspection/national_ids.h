#pragma once
// Numbers that people are known by: which texts satisfy the rules of which country. Pure; takes what was written, separators included.
// A number whose check passes by chance too often is `weak`: it counts only where the words around it say what it is.

#include <bit>
#include <cstdint>
#include <string_view>

namespace callgate::inspection {

bool luhn_holds(std::string_view digits);
bool iban_holds(std::string_view compact);  // upper case, no spaces
bool verhoeff_holds(std::string_view digits);

enum class CardBrand : std::uint8_t { None, Visa, Mastercard, Amex, Discover, Diners, Jcb, UnionPay, Maestro, Mir };
CardBrand card_brand(std::string_view digits);  // by prefix and length; the checksum is another question

struct NationalId {
  std::string_view rule{};  // `personal.us-ssn`; empty: none fits
  bool weak = false;
  std::string_view context{};  // words for the weak ones, lower case, separated by |
};

// `shape` is the text with every digit as 9 (`999-99-9999`), `digits` only the digits.
// Calls `found` for each country whose rules hold.
template <class Fn> void match_numbers(std::string_view shape, std::string_view digits, Fn&& found);
NationalId number_id(std::size_t index, std::string_view shape, std::string_view digits);
std::uint64_t numbers_of(std::size_t size,
                         std::size_t digits);  // a bit for each of them written in so many characters, so many of them digits
// A token of letters and digits in upper case.
NationalId code_id(std::string_view token);

template <class Fn> void match_numbers(std::string_view shape, std::string_view digits, Fn&& found) {
  for (std::uint64_t left = numbers_of(shape.size(), digits.size()); left != 0; left &= left - 1)
    if (auto id = number_id(static_cast<std::size_t>(std::countr_zero(left)), shape, digits); !id.rule.empty()) found(id);
}

}  // namespace callgate::inspection
