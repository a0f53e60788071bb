#include "schema/node.h"

namespace callgate::schema {
namespace {

constexpr int kDepthMax = 128;  // of nested schemas, references included: a schema that only refers to itself ends here

unsigned types_of(json::Value value) {
  switch (value.kind()) {
    case json::Kind::Null: return kNull;
    case json::Kind::False:
    case json::Kind::True: return kBoolean;
    case json::Kind::String: return kString;
    case json::Kind::Array: return kArray;
    case json::Kind::Object: return kObject;
    case json::Kind::Number: break;
  }
  auto number = Decimal::parse(value.number());
  return number && number->exponent() >= 0 ? kNumber | kInteger : kNumber;  // 1.0 is an integer (2020-12, 6.1.1)
}

std::string type_names(unsigned types) {
  std::string names;
  std::pair<unsigned, std::string_view> all[] = {{kNull, "null"},       {kBoolean, "a boolean"}, {kInteger, "an integer"},
                                                 {kNumber, "a number"}, {kString, "a text"},     {kArray, "an array"},
                                                 {kObject, "an object"}};
  for (auto& [bit, name] : all)
    if (types & bit) (names += names.empty() ? "" : " or ") += name;
  return names;
}

std::uint64_t code_points(std::string_view text) {
  std::uint64_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

// Walks a value with its schema. Says no without building text unless a violation is to be reported.
class Checker {
 public:
  Checker(const std::vector<Node>& nodes, bool report) : nodes_(nodes), report_(report) {}

  bool check(NodeIndex index, json::Value value) {
    if (++depth_ > kDepthMax) return no("is nested too deeply for its schema");
    bool good = check_node(nodes_[index], value);
    --depth_;
    return good;
  }
  Violation take() { return std::move(violation_); }

 private:
  bool no(std::string message) {
    if (report_ && violation_.message.empty()) violation_ = {path_, std::move(message)};
    return false;
  }
  bool quietly(NodeIndex index, json::Value value) const {
    Checker inner(nodes_, false);
    inner.depth_ = depth_;
    return inner.check(index, value);
  }
  bool below(std::string_view token, NodeIndex index, json::Value value) {
    if (!report_) return check(index, value);
    std::size_t size = path_.size();
    path_ += '/';
    for (char c : token) c == '~' ? path_ += "~0" : c == '/' ? path_ += "~1" : path_ += c;
    bool good = check(index, value);
    path_.resize(size);
    return good;
  }

  bool check_node(const Node& node, json::Value value) {
    if (node.always) return *node.always || no("is not allowed here");
    if (node.types != 0 && (node.types & types_of(value)) == 0) return no("must be " + type_names(node.types));
    if (!node.allowed.empty() && !is_allowed(node, value)) return no("is not one of the allowed values");
    if (node.reference && !check(*node.reference, value)) return false;
    if (value.is_number() && !check_number(node, value)) return false;
    if (value.is_string() && !check_text(node, value)) return false;
    if (value.is_object() && !check_object(node, value)) return false;
    if (value.is_array() && !check_array(node, value)) return false;
    return check_logic(node, value);
  }

  static bool is_allowed(const Node& node, json::Value value) {
    for (json::Value each : node.allowed)
      if (equal_values(each, value)) return true;
    return false;
  }

  bool check_number(const Node& node, json::Value value) {
    if (!node.minimum && !node.maximum && !node.exclusive_minimum && !node.exclusive_maximum) return true;
    auto number = Decimal::parse(value.number());
    if (!number) return no("has too many digits to compare");
    if (node.minimum && *number < *node.minimum) return no("must be at least " + node.minimum->text());
    if (node.maximum && *number > *node.maximum) return no("must be at most " + node.maximum->text());
    if (node.exclusive_minimum && *number <= *node.exclusive_minimum) return no("must be more than " + node.exclusive_minimum->text());
    if (node.exclusive_maximum && *number >= *node.exclusive_maximum) return no("must be less than " + node.exclusive_maximum->text());
    return true;
  }

  bool check_text(const Node& node, json::Value value) {
    std::string_view text = value.string();
    if (node.min_length || node.max_length) {
      std::uint64_t length = code_points(text);
      if (node.min_length && length < *node.min_length) return no("must have at least " + std::to_string(*node.min_length) + " characters");
      if (node.max_length && length > *node.max_length) return no("must have at most " + std::to_string(*node.max_length) + " characters");
    }
    if (node.pattern && !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *node.pattern))
      return no("does not match its pattern");
    return true;
  }

  bool check_object(const Node& node, json::Value value) {
    for (const std::string& name : node.required)
      if (!value[name].exists()) return no("needs `" + name + "`");
    if (node.min_properties && value.size() < *node.min_properties)
      return no("must have at least " + std::to_string(*node.min_properties) + " members");
    if (node.max_properties && value.size() > *node.max_properties)
      return no("must have at most " + std::to_string(*node.max_properties) + " members");
    if (node.properties.empty() && node.pattern_properties.empty() && !node.additional_properties && !node.property_names) return true;
    bool good = true;
    value.for_each_member([&](std::string_view key, json::Value member) {
      if (good) good = check_member(node, key, member);
    });
    return good;
  }

  bool check_member(const Node& node, std::string_view key, json::Value member) {
    bool matched = false;
    if (auto property = node.properties.find(key); property != node.properties.end()) {
      // Clients write null for what they leave out; the server decides what it makes of that.
      if (member.is(json::Kind::Null) && std::ranges::find(node.required, key) == node.required.end()) return true;
      matched = true;
      if (!below(key, property->second, member)) return false;
    }
    for (const auto& [pattern, index] : node.pattern_properties) {
      if (!re2::RE2::PartialMatch(re2::StringPiece(key.data(), key.size()), *pattern)) continue;
      matched = true;
      if (!below(key, index, member)) return false;
    }
    if (node.property_names && !name_allowed(*node.property_names, key)) return no("has a member with a name that is not allowed");
    if (matched || !node.additional_properties) return true;
    if (nodes_[*node.additional_properties].always == false) return no("has an unexpected member `" + std::string(key.substr(0, 60)) + "`");
    return below(key, *node.additional_properties, member);
  }

  // A name is checked as the text it is: its length and pattern, or the list of names.
  bool name_allowed(NodeIndex index, std::string_view key) const {
    const Node& node = nodes_[index];
    if (node.always) return *node.always;
    if (node.min_length && code_points(key) < *node.min_length) return false;
    if (node.max_length && code_points(key) > *node.max_length) return false;
    if (node.pattern && !re2::RE2::PartialMatch(re2::StringPiece(key.data(), key.size()), *node.pattern)) return false;
    if (node.allowed.empty()) return true;
    for (json::Value each : node.allowed)
      if (each.is_string() && each.string() == key) return true;
    return false;
  }

  bool check_array(const Node& node, json::Value value) {
    if (node.min_items && value.size() < *node.min_items) return no("must have at least " + std::to_string(*node.min_items) + " items");
    if (node.max_items && value.size() > *node.max_items) return no("must have at most " + std::to_string(*node.max_items) + " items");
    bool good = true;
    std::uint64_t position = 0, contained = 0;
    value.for_each_element([&](json::Value element) {
      if (!good) return;
      if (position < node.prefix_items.size()) good = below(std::to_string(position), node.prefix_items[position], element);
      else if (node.items) good = below(std::to_string(position), *node.items, element);
      if (node.contains && quietly(*node.contains, element)) ++contained;
      ++position;
    });
    if (!good) return false;
    if (node.contains && contained < node.min_contains.value_or(1)) return no("lacks an item it must contain");
    if (node.contains && node.max_contains && contained > *node.max_contains) return no("contains too many items of one kind");
    return !node.unique_items || items_differ(value) || no("has the same item twice");
  }

  static bool items_differ(json::Value array) {
    std::vector<json::Value> seen;
    bool differ = true;
    array.for_each_element([&](json::Value element) {
      for (json::Value other : seen) differ = differ && !equal_values(other, element);
      if (differ) seen.push_back(element);
    });
    return differ;
  }

  bool check_logic(const Node& node, json::Value value) {
    for (NodeIndex index : node.all_of)
      if (!check(index, value)) return false;
    if (!node.any_of.empty()) {
      bool any = false;
      for (NodeIndex index : node.any_of) any = any || quietly(index, value);
      if (!any) return no("matches none of the allowed forms");
    }
    if (!node.one_of.empty()) {
      int matches = 0;
      for (NodeIndex index : node.one_of) matches += quietly(index, value);
      if (matches != 1) return no(matches == 0 ? "matches none of the allowed forms" : "matches more than one of the allowed forms");
    }
    if (node.negated && quietly(*node.negated, value)) return no("has a form that is not allowed");
    if (!node.condition) return true;
    const auto& branch = quietly(*node.condition, value) ? node.then : node.otherwise;
    return !branch || check(*branch, value);
  }

  const std::vector<Node>& nodes_;
  bool report_;
  int depth_ = 0;
  std::string path_;
  Violation violation_;
};

bool equal_objects(json::Value a, json::Value b) {
  if (a.size() != b.size()) return false;
  bool same = true;
  a.for_each_member([&](std::string_view key, json::Value value) { same = same && b[key].exists() && equal_values(value, b[key]); });
  return same;
}

bool equal_arrays(json::Value a, json::Value b) {
  if (a.size() != b.size()) return false;
  std::vector<json::Value> other;
  b.for_each_element([&](json::Value value) { other.push_back(value); });
  std::size_t position = 0;
  bool same = true;
  a.for_each_element([&](json::Value value) { same = same && equal_values(value, other[position++]); });
  return same;
}

}  // namespace

bool equal_values(json::Value a, json::Value b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case json::Kind::Null:
    case json::Kind::True:
    case json::Kind::False: return true;
    case json::Kind::String: return a.string() == b.string();
    case json::Kind::Array: return equal_arrays(a, b);
    case json::Kind::Object: return equal_objects(a, b);
    case json::Kind::Number: break;
  }
  auto x = Decimal::parse(a.number());
  auto y = Decimal::parse(b.number());
  return x && y ? *x == *y : a.number() == b.number();
}

std::optional<Violation> Schema::validate(json::Value value) const {
  // Twice only when it fails: the first pass builds no text.
  if (Checker(inner_->nodes, false).check(inner_->root, value)) return std::nullopt;
  Checker reporting(inner_->nodes, true);
  reporting.check(inner_->root, value);
  return reporting.take();
}

}  // namespace callgate::schema
