#include <charconv>

#include "schema/node.h"

namespace callgate::schema {

namespace {

constexpr std::size_t kNodesMax = 20'000;
constexpr std::int64_t kPatternMemoryMax = 1 << 20;

std::string unescape_pointer(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) out += token[++i] == '0' ? '~' : '/';
    else out += token[i];
  }
  return out;
}

unsigned type_bit(std::string_view name) {
  if (name == "null") return kNull;
  if (name == "boolean") return kBoolean;
  if (name == "integer") return kInteger;
  if (name == "number") return kNumber;
  if (name == "string") return kString;
  if (name == "array") return kArray;
  if (name == "object") return kObject;
  return 0;
}

tl::unexpected<Error> bad(std::string_view keyword, std::string_view why) {
  return fail(Code::InvalidArgument, "schema.invalid", "keyword `" + std::string(keyword) + "` " + std::string(why));
}

}  // namespace

class Compiler {
 public:
  explicit Compiler(Schema::Inner& into) : into_(into) {}

  Result<NodeIndex> node(json::Value schema) {
    if (auto known = done_.find(schema.raw().data()); known != done_.end()) return known->second;
    if (into_.nodes.size() >= kNodesMax) return fail(Code::TooLarge, "schema.too_large", "the schema has too many parts");
    auto index = static_cast<NodeIndex>(into_.nodes.size());
    into_.nodes.emplace_back();
    done_.emplace(schema.raw().data(), index);  // before its parts: a cycle ends here
    Node node;
    CG_CHECK(fill(node, schema));
    into_.nodes[index] = std::move(node);
    return index;
  }

 private:
  Result<void> fill(Node& node, json::Value schema) {
    if (schema.is(json::Kind::True) || schema.is(json::Kind::False)) {
      node.always = schema.is(json::Kind::True);
      return {};
    }
    if (!schema.is_object()) return bad("(schema)", "must be an object or a boolean");
    CG_CHECK(types(node, schema["type"]));
    if (schema["enum"].exists() && !schema["enum"].is_array()) return bad("enum", "must be an array");
    schema["enum"].for_each_element([&](json::Value value) { node.allowed.push_back(value); });
    if (schema["const"].exists()) node.allowed.assign(1, schema["const"]);
    CG_CHECK(numbers(node, schema));
    CG_CHECK(counts(node, schema));
    CG_CHECK(text(node, schema));
    CG_CHECK(objects(node, schema));
    CG_CHECK(arrays(node, schema));
    return logic(node, schema);
  }

  Result<void> types(Node& node, json::Value type) {
    if (!type.exists()) return {};
    bool good = type.is_string() || type.is_array();
    if (type.is_string()) good = (node.types = type_bit(type.string())) != 0;
    type.for_each_element([&](json::Value each) {
      unsigned bit = type_bit(each.string());
      good = good && bit != 0;
      node.types |= bit;
    });
    if (!good || node.types == 0) return bad("type", "must name JSON types");
    return {};
  }

  Result<void> numbers(Node& node, json::Value schema) {
    std::pair<std::string_view, std::optional<Decimal>*> all[] = {{"minimum", &node.minimum},
                                                                  {"maximum", &node.maximum},
                                                                  {"exclusiveMinimum", &node.exclusive_minimum},
                                                                  {"exclusiveMaximum", &node.exclusive_maximum}};
    for (auto& [name, into] : all) {
      json::Value value = schema[name];
      if (!value.exists()) continue;
      *into = Decimal::parse(value.number());
      if (!value.is_number() || !*into) return bad(name, "must be a number of at most 38 digits");
    }
    return {};
  }

  Result<void> counts(Node& node, json::Value schema) {
    std::pair<std::string_view, std::optional<std::uint64_t>*> all[] = {
        {"minLength", &node.min_length},     {"maxLength", &node.max_length},         {"minItems", &node.min_items},
        {"maxItems", &node.max_items},       {"minProperties", &node.min_properties}, {"maxProperties", &node.max_properties},
        {"minContains", &node.min_contains}, {"maxContains", &node.max_contains}};
    for (auto& [name, into] : all) {
      json::Value value = schema[name];
      if (!value.exists()) continue;
      std::string_view digits = value.number();
      std::uint64_t count = 0;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return bad(name, "must be a whole number");
      *into = count;
    }
    return {};
  }

  Result<std::unique_ptr<re2::RE2>> pattern(std::string_view source) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kPatternMemoryMax);
    auto compiled = std::make_unique<re2::RE2>(re2::StringPiece(source.data(), source.size()), options);
    if (!compiled->ok()) return bad("pattern", "is not a regular expression this gate can run in linear time");
    return compiled;
  }

  Result<void> text(Node& node, json::Value schema) {
    if (!schema["pattern"].exists()) return {};
    if (!schema["pattern"].is_string()) return bad("pattern", "must be a text");
    CG_TRY(node.pattern, pattern(schema["pattern"].string()));
    return {};
  }

  // Runs `each` over members or elements until one fails; the visitor of json::Value cannot stop by itself.
  template <class Visit> Result<void> each_member(json::Value object, std::string_view keyword, Visit visit) {
    if (object.exists() && !object.is_object()) return bad(keyword, "must be an object");
    Result<void> outcome;
    object.for_each_member([&](std::string_view key, json::Value value) {
      if (outcome) outcome = visit(key, value);
    });
    return outcome;
  }

  Result<void> list(std::vector<NodeIndex>& into, json::Value schemas, std::string_view keyword) {
    if (schemas.exists() && !schemas.is_array()) return bad(keyword, "must be an array of schemas");
    Result<void> outcome;
    schemas.for_each_element([&](json::Value schema) {
      if (!outcome) return;
      auto index = node(schema);
      if (index) into.push_back(*index);
      else outcome = tl::unexpected<Error>(index.error());
    });
    return outcome;
  }

  Result<void> one(std::optional<NodeIndex>& into, json::Value schema) {
    if (!schema.exists()) return {};
    CG_TRY(into, node(schema));
    return {};
  }

  Result<void> objects(Node& into, json::Value schema) {
    CG_CHECK(each_member(schema["properties"], "properties", [&](std::string_view key, json::Value value) -> Result<void> {
      CG_TRY(NodeIndex index, node(value));
      into.properties.emplace(key, index);
      return {};
    }));
    CG_CHECK(each_member(schema["patternProperties"], "patternProperties", [&](std::string_view key, json::Value value) -> Result<void> {
      CG_TRY(auto compiled, pattern(key));
      CG_TRY(NodeIndex index, node(value));
      into.pattern_properties.emplace_back(std::move(compiled), index);
      return {};
    }));
    if (schema["required"].exists() && !schema["required"].is_array()) return bad("required", "must be an array of names");
    schema["required"].for_each_element([&](json::Value name) { into.required.emplace_back(name.string()); });
    CG_CHECK(one(into.additional_properties, schema["additionalProperties"]));
    return one(into.property_names, schema["propertyNames"]);
  }

  Result<void> arrays(Node& into, json::Value schema) {
    into.unique_items = schema["uniqueItems"].is(json::Kind::True);
    CG_CHECK(list(into.prefix_items, schema["prefixItems"], "prefixItems"));
    if (schema["items"].is_array()) CG_CHECK(list(into.prefix_items, schema["items"], "items"));  // draft 7 tuples
    else CG_CHECK(one(into.items, schema["items"]));
    return one(into.contains, schema["contains"]);
  }

  Result<void> logic(Node& into, json::Value schema) {
    CG_CHECK(list(into.all_of, schema["allOf"], "allOf"));
    CG_CHECK(list(into.any_of, schema["anyOf"], "anyOf"));
    CG_CHECK(list(into.one_of, schema["oneOf"], "oneOf"));
    CG_CHECK(one(into.negated, schema["not"]));
    CG_CHECK(one(into.condition, schema["if"]));
    CG_CHECK(one(into.then, schema["then"]));
    CG_CHECK(one(into.otherwise, schema["else"]));
    if (!schema["$ref"].exists()) return {};
    CG_TRY(json::Value target, resolve(schema["$ref"].string()));
    return one(into.reference, target);
  }

  Result<json::Value> resolve(std::string_view reference) {
    std::string shown(reference.substr(0, 80));
    if (!reference.starts_with('#'))
      return fail(Code::InvalidArgument, "schema.remote_ref", "$ref `" + shown + "` leaves the document: it is not fetched");
    json::Value at = into_.document.root();
    reference.remove_prefix(1);
    if (!reference.empty() && reference.front() != '/')
      return fail(Code::InvalidArgument, "schema.dangling_ref", "$ref `" + shown + "` uses an anchor: only #/path is supported");
    while (!reference.empty()) {
      reference.remove_prefix(1);
      std::size_t slash = std::min(reference.find('/'), reference.size());
      std::string token = unescape_pointer(reference.substr(0, slash));
      reference.remove_prefix(slash);
      if (at.is_array()) {
        std::uint32_t position = 0;
        auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), position);
        at = error == std::errc() && position < at.size() ? at.child(position) : json::Value();
      } else {
        at = at[token];
      }
      if (!at.exists()) return fail(Code::InvalidArgument, "schema.dangling_ref", "$ref `" + shown + "` points at nothing");
    }
    return at;
  }

  Schema::Inner& into_;
  std::unordered_map<const char*, NodeIndex> done_;  // by place in the canonical text: the same schema is compiled once
};

Schema::Schema() : inner_(std::make_unique<Inner>()) {}
Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>> Schema::compile(json::Value document) {
  std::shared_ptr<Schema> schema(new Schema());
  CG_CHECK(schema->inner_->document.parse(document.raw()));
  CG_TRY(schema->inner_->root, Compiler(*schema->inner_).node(schema->inner_->document.root()));
  schema->inner_->mirrored = mirrored_in(schema->inner_->document.root());
  return std::shared_ptr<const Schema>(std::move(schema));
}

}  // namespace callgate::schema
