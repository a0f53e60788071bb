#pragma once
// The compiled form: schemas as nodes in one vector, named by index, so that a $ref is a number and a cycle is harmless.

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/decimal.h"
#include "json/document.h"
#include "schema/schema.h"

namespace callgate::schema {

using NodeIndex = std::uint32_t;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using PropertyMap = std::unordered_map<std::string, NodeIndex, TextHash, std::equal_to<>>;

enum TypeBit : unsigned { kNull = 1, kBoolean = 2, kInteger = 4, kNumber = 8, kString = 16, kArray = 32, kObject = 64 };

struct Node {
  std::optional<bool> always;        // true and false as schemas
  unsigned types = 0;                // 0: any
  std::vector<json::Value> allowed;  // enum and const; values live in the kept document
  std::optional<Decimal> minimum, maximum, exclusive_minimum, exclusive_maximum;
  std::optional<std::uint64_t> min_length, max_length, min_items, max_items, min_properties, max_properties, min_contains, max_contains;
  std::unique_ptr<re2::RE2> pattern;
  PropertyMap properties;
  std::vector<std::pair<std::unique_ptr<re2::RE2>, NodeIndex>> pattern_properties;
  std::vector<std::string> required;
  std::optional<NodeIndex> additional_properties, property_names, items, contains, negated, condition, then, otherwise, reference;
  std::vector<NodeIndex> prefix_items, all_of, any_of, one_of;
  bool unique_items = false;
};

struct Schema::Inner {
  json::Document document;  // keeps enum values and names alive
  std::vector<Node> nodes;
  NodeIndex root = 0;
  MirroredSet mirrored;
};

bool equal_values(json::Value a, json::Value b);  // JSON equality: numbers by value, members in any order

}  // namespace callgate::schema
