// The JSON Schema and the compiler name the same fields and words, and accept the same examples.

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "policy/document.h"
#include "policy/fields.h"
#include "policy/operators.h"
#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

using Names = std::set<std::string>;

template <std::size_t N> Names names_of(const std::array<std::string_view, N>& fields) { return Names(fields.begin(), fields.end()); }

Names properties_of(json::Value schema) {
  Names out;
  schema["properties"].for_each_member([&](std::string_view key, json::Value) { out.emplace(key); });
  return out;
}

struct Schema {
  Schema() { EXPECT_TRUE(document.parse(json_schema())); }
  json::Value root() const { return document.root(); }
  json::Value def(std::string_view name) const { return root()["$defs"][name]; }
  json::Document document;
};

TEST(PolicySchema, NamesTheFieldsTheCompilerKnows) {
  Schema schema;
  EXPECT_EQ(properties_of(schema.root()), names_of(kDocumentFields));
  EXPECT_EQ(properties_of(schema.def("all_tools")), names_of(kAllToolsFields));
  EXPECT_EQ(properties_of(schema.def("tool")), names_of(kToolFields));
  EXPECT_EQ(properties_of(schema.def("require")), names_of(kRequireFields));
  EXPECT_EQ(properties_of(schema.def("deny_if")), names_of(kDenyIfFields));
  EXPECT_EQ(properties_of(schema.def("ask")), names_of(kAskFields));
  EXPECT_EQ(properties_of(schema.def("approvers")), names_of(kApproverFields));
  EXPECT_EQ(properties_of(schema.def("inspect")), names_of(kInspectFields));
  EXPECT_EQ(properties_of(schema.def("limit")), names_of(kLimitFields));
  EXPECT_EQ(properties_of(schema.def("label")), names_of(kLabelFields));
  EXPECT_EQ(properties_of(schema.def("flow")), names_of(kFlowFields));
  EXPECT_EQ(properties_of(schema.def("flow_after")), names_of(kFlowAfterFields));
  EXPECT_EQ(properties_of(schema.def("flow_then")), names_of(kFlowThenFields));
  EXPECT_EQ(properties_of(schema.def("test_after")), names_of(kTestAfterFields));
  EXPECT_EQ(properties_of(schema.def("condition")), names_of(kConditionFields));
  EXPECT_EQ(properties_of(schema.def("test")), names_of(kTestFields));
  EXPECT_EQ(properties_of(schema.def("test_principal")), names_of(kTestPrincipalFields));
  EXPECT_EQ(properties_of(schema.def("test_grant")), names_of(kTestGrantFields));
  EXPECT_EQ(properties_of(schema.def("test_server")), names_of(kTestServerFields));
  EXPECT_EQ(properties_of(schema.def("test_session")), names_of(kTestSessionFields));
}

TEST(PolicySchema, NamesEveryOperator) {
  Schema schema;
  Names listed;
  schema.def("condition")["properties"]["op"]["enum"].for_each_element([&](json::Value name) { listed.emplace(name.string()); });
  EXPECT_EQ(listed, Names(op_names().begin(), op_names().end()));
}

// As much of JSON Schema 2020-12 as our schema uses. Anything else in it fails the test, so that nothing goes unchecked.
class Validator {
 public:
  explicit Validator(json::Value root) : root_(root) {}

  bool valid(json::Value schema, json::Value value) {
    bool ok = true;
    schema.for_each_member([&](std::string_view word, json::Value rule) { ok = keyword(schema, word, rule, value) && ok; });
    return ok;
  }

 private:
  bool keyword(json::Value schema, std::string_view word, json::Value rule, json::Value value) {
    if (word == "$ref") return valid(root_["$defs"][rule.string().substr(8)], value);
    if (word == "type") return type(rule, value);
    if (word == "enum") return some(rule, [&](json::Value one) { return one.raw() == value.raw() && one.kind() == value.kind(); });
    if (word == "required") return !value.is_object() || !some(rule, [&](json::Value name) { return !value[name.string()].exists(); });
    if (word == "properties" || word == "additionalProperties") return members(schema, value);
    if (word == "propertyNames" || word == "default" || word == "description" || word == "title" || word.starts_with("$") ||
        word == "pattern" || word == "uniqueItems")
      return true;
    if (word == "items") return !some(value, [&](json::Value item) { return !valid(rule, item); });
    if (word == "minItems") return !value.is_array() || value.size() >= std::stoul(std::string(rule.number()));
    if (word == "anyOf") return some(rule, [&](json::Value one) { return valid(one, value); });
    if (word == "oneOf") {
      int count = 0;
      rule.for_each_element([&](json::Value one) { count += valid(one, value); });
      return count == 1;
    }
    if (word == "minLength") return !value.is_string() || !value.string().empty();
    if (word == "maxLength") return !value.is_string() || value.string().size() <= std::stoul(std::string(rule.number()));
    if (word == "minimum" || word == "maximum" || word == "exclusiveMinimum") {
      if (!value.is_number()) return true;
      auto order = *Decimal::parse(value.number()) <=> *Decimal::parse(rule.number());
      return word == "minimum" ? order >= 0 : word == "maximum" ? order <= 0 : order > 0;
    }
    ADD_FAILURE() << "the test does not know the keyword " << word;
    return false;
  }

  bool members(json::Value schema, json::Value value) {
    bool ok = true;
    value.for_each_member([&](std::string_view key, json::Value member) {
      auto known = schema["properties"][key];
      auto other = schema["additionalProperties"];
      if (known.exists()) ok = valid(known, member) && ok;
      else if (other.is_object()) ok = valid(other, member) && ok;
      else ok = ok && !other.is(json::Kind::False);
    });
    return ok;
  }

  bool type(json::Value rule, json::Value value) {
    if (rule.is_array()) return some(rule, [&](json::Value one) { return type(one, value); });
    auto name = rule.string();
    switch (value.kind()) {
      case json::Kind::Null: return name == "null";
      case json::Kind::True:
      case json::Kind::False: return name == "boolean";
      case json::Kind::Number:
        return name == "number" || (name == "integer" && value.number().find_first_of(".eE") == std::string_view::npos);
      case json::Kind::String: return name == "string";
      case json::Kind::Array: return name == "array";
      case json::Kind::Object: return name == "object";
    }
    return false;
  }

  template <class Fn> static bool some(json::Value list, Fn fn) {
    bool found = false;
    list.for_each_element([&](json::Value one) { found = found || fn(one); });
    return found;
  }

  json::Value root_;
};

bool accepts(const Schema& schema, std::string_view text) {
  Problems problems;
  auto root = parse_document(text, problems);
  std::string as_json;
  json::Document document;
  EXPECT_TRUE(root && append_json(*root, as_json) && document.parse(as_json));
  return Validator(schema.root()).valid(schema.root(), document.root());
}

TEST(PolicySchema, AcceptsEveryExample) {
  Schema schema;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(CALLGATE_SOURCE_DIR) + "/examples/policies"))
    if (entry.path().extension() == ".yaml") {
      EXPECT_TRUE(accepts(schema, testing::read_file(entry.path().string()))) << entry.path();
    }
}

TEST(PolicySchema, RefusesWhatTheCompilerRefuses) {
  Schema schema;
  for (std::string_view text :
       {"{}", "{\"version\":\"2\"}", "{\"version\":\"1\",\"defualt\":\"deny\"}", "{\"version\":\"1\",\"default\":\"no\"}",
        "{\"version\":\"1\",\"tools\":{\"t\":{\"allow\":\"yes\"}}}", "{\"version\":\"1\",\"tools\":{\"t\":{\"inspect\":[]}}}",
        "{\"version\":\"1\",\"tools\":{\"t\":{\"require\":[{\"conditions\":[]}]}}}",
        "{\"version\":\"1\",\"tools\":{\"t\":{\"deny_if\":[{\"conditions\":[{\"path\":\"args.a\",\"op\":\"sql_was\",\"value\":1}]}]}}}",
        "{\"version\":\"1\",\"tools\":{\"t\":{\"deny_if\":[{\"conditions\":[{\"path\":\"args.a\",\"op\":\"eq\",\"value\":1,\"not\":{}}]}]}}"
        "}",
        "{\"version\":\"1\",\"tools\":{\"t\":{\"limits\":[{\"counter\":\"c\",\"window\":\"day\",\"max\":-1}]}}}",
        "{\"version\":\"1\",\"tests\":[{\"call\":\"t\"}]}"}) {
    EXPECT_FALSE(accepts(schema, text)) << text;
    EXPECT_FALSE(Policy::compile("p", 1, text).policy) << text;
  }
}

}  // namespace
}  // namespace callgate::policy
