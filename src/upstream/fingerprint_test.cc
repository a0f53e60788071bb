#include "upstream/fingerprint.h"

#include <gtest/gtest.h>

namespace callgate::upstream {
namespace {

Digest of(std::string_view text) {
  json::Document document;
  const auto parsed = document.parse(text);
  EXPECT_TRUE(parsed) << text;
  return fingerprint(document.root());
}

// T-47
TEST(Fingerprint, ChangesWithEveryPartThatMatters) {
  const std::string_view base =
      R"({"name":"a","title":"t","description":"d","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":true}})";
  for (const char* other : {
           R"({"name":"b","title":"t","description":"d","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":true}})",
           R"({"name":"a","title":"T","description":"d","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":true}})",
           R"({"name":"a","title":"t","description":"d ","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":true}})",
           R"({"name":"a","title":"t","description":"d","inputSchema":{"type":"string"},"outputSchema":{},"annotations":{"x":true}})",
           R"({"name":"a","title":"t","description":"d","inputSchema":{"type":"object"},"outputSchema":{"a":1},"annotations":{"x":true}})",
           R"({"name":"a","title":"t","description":"d","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":false}})",
           R"({"name":"a","title":"t","description":"d","inputSchema":{"type":"object"},"annotations":{"x":true}})",
           R"({"name":"a","description":"d","inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"x":true}})",
           R"({"name":"a","title":"t","description":"d","inputSchema":{"type":["object"]},"outputSchema":{},"annotations":{"x":true}})",
       }) {
    EXPECT_NE(of(base), of(other)) << other;
  }
}

// T-47
TEST(Fingerprint, IgnoresOrderSpaceEscapesAndWhatIsNotTheTool) {
  EXPECT_EQ(of(R"({"name":"a","inputSchema":{"a":1,"b":{"c":[1,2],"d":null}}})"),
            of(R"({ "inputSchema" : {"b":{"d":null,"c":[1,2]},"a":1}, "name":"\u0061", "_meta":{"seen":7}, "icons":[] })"));
  EXPECT_NE(of(R"({"name":"a","inputSchema":{"c":[1,2]}})"), of(R"({"name":"a","inputSchema":{"c":[2,1]}})")) << "arrays have an order";
}

// T-47
TEST(Fingerprint, CannotBeMovedFromOneFieldToAnother) {
  EXPECT_NE(of(R"({"name":"ab","title":"c"})"), of(R"({"name":"a","title":"bc"})"));
  EXPECT_NE(of(R"({"name":"a","title":"b"})"), of(R"({"name":"a","description":"b"})"));
  EXPECT_NE(of(R"({"inputSchema":{"a":"b"}})"), of(R"({"inputSchema":{"a":{"b":1}}})"));
  EXPECT_NE(of(R"({"inputSchema":["a","b"]})"), of(R"({"inputSchema":["a",["b"]]})"));
  EXPECT_NE(of(R"({"inputSchema":"1"})"), of(R"({"inputSchema":1})"));
  EXPECT_NE(of(R"({"inputSchema":null})"), of(R"({})"));
}

}  // namespace
}  // namespace callgate::upstream
