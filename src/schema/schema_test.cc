#include "schema/schema.h"

#include <gtest/gtest.h>

namespace callgate::schema {
namespace {

std::shared_ptr<const Schema> compiled(std::string_view text) {
  json::Document document;
  EXPECT_TRUE(document.parse(text)) << text;
  auto schema = Schema::compile(document.root());
  EXPECT_TRUE(schema) << (schema ? "" : schema.error().message);
  return schema ? *schema : nullptr;
}

// "" when valid, else "pointer message".
std::string check(const std::shared_ptr<const Schema>& schema, std::string_view text) {
  json::Document document;
  EXPECT_TRUE(document.parse(text)) << text;
  auto violation = schema->validate(document.root());
  return violation ? violation->pointer + " " + violation->message : "";
}

TEST(Schema, NamesTheFirstViolationAndItsPlace) {
  auto schema = compiled(
      R"({"type":"object","properties":{"amount":{"type":"number","minimum":0},"items":{"type":"array","items":{"type":"string","maxLength":3}}},
                             "required":["amount"],"additionalProperties":false})");
  EXPECT_EQ(check(schema, R"({"amount":5,"items":["a","abc"]})"), "");
  EXPECT_EQ(check(schema, R"({"items":[]})"), " needs `amount`");
  EXPECT_EQ(check(schema, R"({"amount":"5"})"), "/amount must be a number");
  EXPECT_EQ(check(schema, R"({"amount":-0.01})"), "/amount must be at least 0");
  EXPECT_EQ(check(schema, R"({"amount":1,"items":["a","abcd"]})"), "/items/1 must have at most 3 characters");
  EXPECT_EQ(check(schema, R"({"amount":1,"extra":1})"), " has an unexpected member `extra`");
  EXPECT_EQ(check(schema, "[]"), " must be an object");
}

TEST(Schema, IntegersAreNumbersWithoutAFraction) {
  auto schema = compiled(R"({"type":"integer"})");
  for (auto good : {"1", "1.0", "1e3", "-0", "90071992547409930"}) EXPECT_EQ(check(schema, good), "") << good;
  for (auto bad : {"1.5", "1e-1", "\"1\"", "true", "null"}) EXPECT_NE(check(schema, bad), "") << bad;
}

TEST(Schema, ComparesEnumsAndConstantsByValue) {
  auto schema = compiled(R"({"enum":["a",1,{"x":[1,2],"y":null}]})");
  for (auto good : {"\"a\"", "1.0", R"({"y":null,"x":[1e0,2]})"}) EXPECT_EQ(check(schema, good), "") << good;
  for (auto bad : {"\"A\"", "\"1\"", "true", R"({"x":[2,1],"y":null})"}) EXPECT_NE(check(schema, bad), "") << bad;
}

TEST(Schema, CombinesForms) {
  auto schema = compiled(R"({"oneOf":[{"required":["id"]},{"required":["name"]}],"not":{"required":["secret"]},
                             "if":{"properties":{"kind":{"const":"b"}},"required":["kind"]},"then":{"required":["extra"]},
                             "anyOf":[{"type":"object"}]})");
  EXPECT_EQ(check(schema, R"({"id":1})"), "");
  EXPECT_NE(check(schema, R"({"id":1,"name":2})"), "");
  EXPECT_NE(check(schema, R"({"id":1,"secret":2})"), "");
  EXPECT_EQ(check(schema, R"({"id":1,"kind":"b"})"), " needs `extra`");
}

TEST(Schema, FollowsLocalReferencesAndEndsOnCycles) {
  auto tree = compiled(
      R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}},"additionalProperties":false}}})");
  EXPECT_EQ(check(tree, R"({"next":{"next":{}}})"), "");
  EXPECT_EQ(check(tree, R"({"next":{"next":{"x":1}}})"), "/next/next has an unexpected member `x`");
  auto cycle = compiled(R"({"$ref":"#"})");
  EXPECT_NE(check(cycle, "1"), "");
}

TEST(Schema, RefusesWhatItWouldHaveToFetchOrGuess) {
  for (auto text : {R"({"$ref":"https://example.com/schema.json"})", R"({"$ref":"#/$defs/none"})", R"({"type":"numbre"})",
                    R"x({"pattern":"(?=x)"})x", R"({"minLength":-1})", R"({"properties":[]})", R"("object")"}) {
    json::Document document;
    ASSERT_TRUE(document.parse(text));
    EXPECT_FALSE(Schema::compile(document.root())) << text;
  }
}

TEST(Schema, ChecksArraysAndNames) {
  auto schema = compiled(
      R"({"prefixItems":[{"type":"string"}],"items":{"type":"number"},"minItems":1,"maxItems":3,"uniqueItems":true,"contains":{"type":"number","minimum":5}})");
  EXPECT_EQ(check(schema, R"(["a",5,6])"), "");
  EXPECT_NE(check(schema, R"(["a",1])"), "");
  EXPECT_EQ(check(schema, R"(["a","b"])"), "/1 must be a number");
  EXPECT_NE(check(schema, R"(["a",5,5.0])"), "");
  auto names = compiled(R"({"propertyNames":{"pattern":"^[a-z]+$"},"patternProperties":{"^n":{"type":"number"}},"maxProperties":2})");
  EXPECT_EQ(check(names, R"({"na":1,"b":"x"})"), "");
  EXPECT_NE(check(names, R"({"na":"x"})"), "");
  EXPECT_NE(check(names, R"({"A":1})"), "");
}

TEST(Schema, KnowsWhichArgumentsAreRepeatedInHeaders) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"({"type":"object","properties":{
      "region":{"type":"string","x-mcp-header":"Region"},
      "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
      "x-mcp-header":{"type":"string"}}})"));
  auto schema = Schema::compile(document.root());
  ASSERT_TRUE(schema);
  const auto& mirrored = (*schema)->mirrored().parameters;
  ASSERT_EQ(mirrored.size(), 2u);
  EXPECT_EQ(mirrored[0].header, "Mcp-Param-Region");
  EXPECT_EQ(mirrored[1].header, "Mcp-Param-N");
  EXPECT_EQ(mirrored[1].path, (std::vector<std::string>{"deep", "n"}));
}

TEST(Schema, RefusesAnnotationsNoClientCanFollow) {
  auto valid = [](const std::string& properties) {
    json::Document document;
    return document.parse(R"({"type":"object","properties":{)" + properties + "}}") && mirrored_in(document.root()).valid;
  };
  EXPECT_TRUE(valid(R"("a":{"type":"string","x-mcp-header":"A"},"b":{"enum":[{"x-mcp-header":""}]})"));
  for (std::string property :
       {R"("a":{"type":"string","x-mcp-header":""})", R"("a":{"type":"string","x-mcp-header":"a b"})",
        R"("a":{"type":"string","x-mcp-header":"a:b"})", R"("a":{"type":"string","x-mcp-header":"\u00e4"})",
        R"("a":{"type":"string","x-mcp-header":7})", R"("a":{"type":"number","x-mcp-header":"A"})",
        R"("a":{"type":"object","x-mcp-header":"A"})", R"("a":{"x-mcp-header":"A"})",
        R"("a":{"type":"string","x-mcp-header":"N"},"b":{"type":"string","x-mcp-header":"n"})",
        R"("a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}})", R"("a":{"anyOf":[{"type":"string","x-mcp-header":"A"}]})"})
    EXPECT_FALSE(valid(property)) << property;
}

TEST(Schema, TakesNullForWhatMayBeLeftOut) {
  json::Document schema_text, given;
  ASSERT_TRUE(schema_text.parse(R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]})"));
  auto schema = Schema::compile(schema_text.root());
  ASSERT_TRUE(schema);
  ASSERT_TRUE(given.parse(R"({"a":"x","b":null})"));
  EXPECT_FALSE((*schema)->validate(given.root()));
  ASSERT_TRUE(given.parse(R"({"a":null,"b":"x"})"));
  EXPECT_TRUE((*schema)->validate(given.root()));
}

}  // namespace
}  // namespace callgate::schema
