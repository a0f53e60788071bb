#include "bridge/translate.h"

#include <gtest/gtest.h>

#include "bridge/capabilities.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

json::Document parsed(std::string_view text) {
  json::Document document;
  EXPECT_TRUE(document.parse(text)) << text;
  return document;
}

TEST(HeaderParams, ReadsMarksThatKeysAloneReach) {
  auto schema = parsed(R"({"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"},"x-mcp-header":{"type":"string"},)"
                       R"("o":{"type":"object","properties":{"b":{"type":"boolean","x-mcp-header":"B"}}}},"required":["a"]})");
  auto params = read_header_params(schema.root());
  ASSERT_TRUE(params);
  ASSERT_EQ(params->size(), 2U);
  auto arguments = parsed(R"({"a":" edge","o":{"b":true},"n":1})");
  std::string head;
  append_header_params(head, *params, arguments.root());
  EXPECT_EQ(head, "Mcp-Param-A: =?base64?IGVkZ2U=?=\r\nMcp-Param-B: true\r\n");
  head.clear();
  append_header_params(head, *params, parsed(R"({"a":null,"o":7})").root());
  EXPECT_EQ(head, "");
}

// T-66
TEST(HeaderParams, AValueNeverBreaksItsLine) {
  for (const std::string& text :
       std::vector<std::string>{"a\r\nX: y", "", " a", "a ", "=?base64?eA==?=", "\xc3\xb6", std::string(1, 0), "\t"}) {
    std::string value = header_value(text);
    EXPECT_TRUE(value.starts_with("=?base64?")) << value;
    EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos);
  }
  EXPECT_EQ(header_value("plain ?text"), "plain ?text");
}

TEST(HeaderParams, RefusesMarksNobodyCanFollow) {
  for (auto property : {R"({"type":"number","x-mcp-header":"A"})", R"({"x-mcp-header":"A"})", R"({"type":"string","x-mcp-header":""})",
                        R"({"type":"string","x-mcp-header":"a b"})", R"({"type":"string","x-mcp-header":1})",
                        R"({"type":"object","x-mcp-header":"A"})", R"({"type":"array","items":{"type":"string","x-mcp-header":"A"}})",
                        R"({"anyOf":[{"type":"string","x-mcp-header":"A"}]})", R"({"not":{"type":"string","x-mcp-header":"A"}})"})
    EXPECT_FALSE(read_header_params(parsed(R"({"properties":{"p":)" + std::string(property) + "}}").root())) << property;
  EXPECT_FALSE(read_header_params(
      parsed(R"({"properties":{"a":{"type":"string","x-mcp-header":"X"},"b":{"type":"string","x-mcp-header":"x"}}})").root()));
  EXPECT_FALSE(read_header_params(parsed(R"({"x-mcp-header":"A","properties":{}})").root()));
  EXPECT_FALSE(read_header_params(parsed(R"({"$defs":{"d":{"type":"string","x-mcp-header":"A"}}})").root()));
}

TEST(Translate, TurnsContentIntoTextThatARevisionKnows) {
  auto result = parsed(R"({"resultType":"complete","content":[{"type":"resource_link","name":"n","uri":"file:///a","description":"d"},)"
                       R"({"type":"audio","data":"eA==","mimeType":"audio/wav"},{"type":"text","text":"t"}]})");
  std::string_view link = R"({"type":"text","text":"n: file:///a - d"})";
  EXPECT_NE(legacy_result("1", "tools/call", result.root(), "2025-11-25").find("resource_link"), std::string::npos);
  std::string older = legacy_result("1", "tools/call", result.root(), "2025-03-26");
  EXPECT_NE(older.find(link), std::string::npos) << older;
  EXPECT_NE(older.find("audio/wav"), std::string::npos);
  EXPECT_EQ(legacy_result("1", "tools/call", result.root(), "2024-11-05").find("audio/wav"), std::string::npos);
}

TEST(Translate, KeepsWhatOnlyStructuredOutputSaid) {
  auto result = parsed(R"({"content":[],"structuredContent":[1,2]})");
  EXPECT_EQ(legacy_result("1", "tools/call", result.root(), "2025-11-25"),
            R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"[1,2]"}]}})");
  auto object = parsed(R"({"content":[],"structuredContent":{"a":1}})");
  EXPECT_EQ(legacy_result("1", "tools/call", object.root(), "2025-11-25"),
            R"({"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"a":1},"content":[]}})");
}

// T-03
TEST(Translate, AKeyInOtherCaseDoesNotStandBesideTheOneThatIsWritten) {
  auto result = parsed(R"({"ResultType":"input_required","CACHESCOPE":"public","tools":[],"Tool":1,"_meta":{"k":2}})");
  std::string modern = modern_result("1", "tools/list", result.root(), {});
  EXPECT_EQ(modern, R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","Tool":1,"tools":[],"ttlMs":0,)"
                    R"("cacheScope":"private","_meta":{"k":2}}})");
  auto call = parsed(R"({"content":[],"StructuredContent":{"a":1},"x":1})");
  EXPECT_EQ(legacy_result("1", "tools/call", call.root(), "2025-11-25"), R"({"jsonrpc":"2.0","id":1,"result":{"x":1,"content":[]}})");
}

TEST(Translate, SaysTheSameOfParametersInAnyOrder) {
  auto a = parsed(R"({"name":"t","arguments":{"x":1,"y":[{"p":1,"q":2}]},"requestState":"s","_meta":{"k":1}})");
  auto b = parsed(R"({"inputResponses":{},"arguments":{"y":[{"q":2,"p":1}],"x":1},"name":"t"})");
  EXPECT_EQ(params_digest(a.root()), params_digest(b.root()));
  for (auto other :
       {R"({"name":"t","arguments":{"x":1.0,"y":[{"p":1,"q":2}]}})", R"({"name":"t","arguments":{"x":"1","y":[{"p":1,"q":2}]}})",
        R"({"name":"t","arguments":{"x":1,"y":[{"p":1},{"q":2}]}})", R"({"name":"t","arguments":{"x":1,"y":[{"p":1,"q":2}]},"a":null})"})
    EXPECT_NE(params_digest(a.root()), params_digest(parsed(other).root())) << other;
}

TEST(Translate, DeclaresOnlyWhatItRelays) {
  auto given =
      parsed(R"({"elicitation":{},"sampling":{"tools":{},"context":{}},"roots":{"listChanged":true},"tasks":{},"experimental":{"x":{}},)"
             R"("extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":[]},"io.modelcontextprotocol/tasks":{}}})");
  EXPECT_EQ(
      declared_capabilities(read_client_can(given.root()), given.root()),
      R"({"elicitation":{"form":{}},"sampling":{"tools":{}},"roots":{},"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":[]}}})");
  ClientCan can = read_client_can(parsed(R"({"elicitation":{"url":{}}})").root());
  EXPECT_FALSE(can.forms);
  EXPECT_FALSE(can.be_asked("elicitation/create", parsed(R"({"mode":"form"})").root()));
  EXPECT_TRUE(can.be_asked("elicitation/create", parsed(R"({"mode":"url"})").root()));
  EXPECT_FALSE(can.be_asked("elicitation/create", parsed(R"({"mode":"voice"})").root()));
}

}  // namespace
}  // namespace callgate::bridge
