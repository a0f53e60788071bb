#include "store/database.h"

namespace callgate::store {

std::int64_t Row::integer(std::size_t column) const {
  const auto* value = std::get_if<std::int64_t>(&values_.at(column));
  return value ? *value : 0;
}

const std::string& Row::text(std::size_t column) const {
  static const std::string kEmpty;
  const auto* value = std::get_if<std::string>(&values_.at(column));
  return value ? *value : kEmpty;
}

}  // namespace callgate::store
