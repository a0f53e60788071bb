#pragma once
// One value as a condition sees it, and the working memory that reads each path of a call once.

#include <cstdint>
#include <string_view>

#include "base/decimal.h"
#include "json/document.h"

namespace callgate::policy {

struct Seen {
  enum class Kind : std::uint8_t { Missing, Mistyped, Null, Bool, Number, String, Array, Object };
  Kind kind = Kind::Missing;
  bool truth = false;
  bool exact = false;     // `decimal` holds the number
  bool whole = false;     // and so does `number`
  std::string_view text;  // String: unescaped; Number: the literal
  json::Value value;      // Array, Object
  Decimal decimal;
  std::int64_t number = 0;

  bool usable() const { return kind != Kind::Missing && kind != Kind::Mistyped; }
};

struct Slot {
  std::uint64_t turn = 0;  // of the decision that filled it
  Seen seen;
};

}  // namespace callgate::policy
