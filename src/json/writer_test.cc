#include "json/writer.h"

#include <gtest/gtest.h>

#include "json/document.h"

namespace callgate::json {
namespace {

TEST(Writer, WritesNestedDocuments) {
  std::string out;
  Writer writer(out);
  writer.begin_object().member("text", "a\"b").member("count", std::int64_t{-5}).member("on", true);
  writer.key("list")
      .begin_array()
      .integer(1)
      .null()
      .begin_object()
      .end_object()
      .begin_array()
      .end_array()
      .string("x")
      .boolean(false)
      .end_array();
  writer.key("as_is").raw("[1.0]").member("last", std::string_view("z")).end_object();
  EXPECT_EQ(out, R"({"text":"a\"b","count":-5,"on":true,"list":[1,null,{},[],"x",false],"as_is":[1.0],"last":"z"})");
}

TEST(Writer, AppendsToWhatIsThere) {
  std::string out = "data: ";
  Writer(out).begin_array().integer(INT64_MIN).integer(INT64_MAX).end_array();
  EXPECT_EQ(out, "data: [-9223372036854775808,9223372036854775807]");
}

TEST(Writer, EscapesTheMinimum) {
  std::string out;
  append_quoted(out, std::string_view("\0\b\t\n\v\f\r\x1f \"\\/\x7f é😀", 20));
  EXPECT_EQ(out, "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\x7f é😀\"");
}

TEST(Writer, InvalidUtf8BecomesTheReplacementCharacter) {
  std::string out;
  append_quoted(out,
                "a\xff"
                "b\xed\xa0\x80 long enough for two blocks of bytes \xc3");
  EXPECT_EQ(out,
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd long enough for two blocks of bytes \xef\xbf\xbd\"");
}

// T-15
TEST(Writer, ItsStringsAreCanonical) {
  std::string text;
  for (int c = 0; c < 128; ++c) text += static_cast<char>(c);
  text += "é\xe2\x80\xa8😀";
  std::string out;
  append_quoted(out, text);
  Document document;
  ASSERT_TRUE(document.parse(out));
  EXPECT_EQ(document.canonical(), out);
  EXPECT_EQ(document.root().string(), text);
}

}  // namespace
}  // namespace callgate::json
