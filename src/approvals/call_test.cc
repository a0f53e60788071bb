#include <gtest/gtest.h>

#include "approvals/call.h"

namespace callgate::approvals {
namespace {

std::string sorted(std::string_view text) {
  json::Document document;
  EXPECT_TRUE(document.parse(text));
  std::string out;
  append_sorted(out, document.root());
  return out;
}

TEST(ApprovalCall, HasOneFormWhateverTheOrderOfItsMembers) {
  EXPECT_EQ(sorted(R"({"b":[{"z":1,"a":null}],"a":"x"})"), R"({"a":"x","b":[{"a":null,"z":1}]})");
  EXPECT_EQ(sorted(R"({"a":"x","b":[{"a":null,"z":1}]})"), sorted("{\"b\" : [ {\"z\":1 , \"a\":null} ], \"\\u0061\":\"x\"}"));
  EXPECT_NE(sorted(R"({"a":1})"), sorted(R"({"a":1.0})"));
  EXPECT_NE(sorted(R"({"a":[1,2]})"), sorted(R"({"a":[2,1]})"));
}

TEST(ApprovalCall, ShowsWhatCannotBeSeen) {  // T-49, T-70: look-alikes and hidden text on the approval screen
  EXPECT_EQ(visible_json("{\"to\":\"a\u200bb\u202ec\",\"n\":[1,{}]}"),
            "{\n  \"to\": \"a\\u200bb\\u202ec\",\n  \"n\": [\n    1,\n    {}\n  ]\n}");
  EXPECT_EQ(visible_json("\"\U000e0041\ufe0f\""), "\"\\udb40\\udc41\\ufe0f\"");
  EXPECT_EQ(visible_json(R"("say \"hi\", {ok}")"), R"("say \"hi\", {ok}")");
  EXPECT_EQ(visible_json("\"Grüße 日本\""), "\"Grüße 日本\"");
  json::Document document;
  EXPECT_TRUE(document.parse(visible_json("{\"a\u200b\":\"x\u2066y\"}")));
  EXPECT_EQ(document.root()["a\u200b"].string(), "x\u2066y") << "it is still the same JSON";
}

TEST(ApprovalCall, AnyTextIsShownInOneLineWithNothingHidden) {  // T-64
  EXPECT_EQ(visible_text("a b\u00e9\U0001f600"), "a b\u00e9\U0001f600");
  EXPECT_EQ(visible_text("a\r\nb\u202ec\u200b"), "a\\u000d\\u000ab\\u202ec\\u200b");
  EXPECT_EQ(visible_text("\x80"
                         "a\xc3"),
            "\\x80a\\xc3");
  EXPECT_EQ(visible_text("\xc0\x8d\xed\xa0\x80\xf8"), "\\xc0\\x8d\\xed\\xa0\\x80\\xf8");
  EXPECT_EQ(visible_text("\xe2\x80"), "\\xe2\\x80");
}

TEST(ApprovalCall, NamesTextsThatLookLikeOthers) {
  EXPECT_TRUE(suspicious(R"({"to":"bob@example.com","text":"Grüße an Ελένη"})").empty());
  ASSERT_EQ(suspicious("{\"to\":\"p\u0430ypal.com\"}").size(), 1u);
  EXPECT_NE(suspicious("{\"to\":\"p\u0430ypal.com\"}")[0].find("/to"), std::string::npos);
  EXPECT_EQ(suspicious("{\"to\":\"a\u200bb\"}").size(), 1u);
  EXPECT_EQ(suspicious("{\"t\u200bo\":\"ab\"}").size(), 1u);
  EXPECT_EQ(suspicious("{\"to\":\"\uff41dmin\"}").size(), 1u);
  EXPECT_EQ(suspicious(R"({"query":"SELECT 1; <secret>"})").size(), 1u) << "what is masked is said to be";
}

TEST(ApprovalCall, TellsMaskedValuesApart) {
  auto leaves = [](std::string_view text) {
    json::Document document;
    EXPECT_TRUE(document.parse(text));
    return leaves_of(document.root(), "salt");
  };
  std::string one = leaves(R"({"key":"sk_1","n":1})"), two = leaves(R"({"key":"sk_2","n":1})");
  EXPECT_FALSE(same_shape(one, two, {}));
  EXPECT_TRUE(same_shape(one, one, {}));
  EXPECT_TRUE(same_shape(one, two, {"/key"}));
  EXPECT_FALSE(same_shape(one, two, {"/ke"})) << "a pointer ends where a name ends";
  EXPECT_EQ(one.find("sk_1"), std::string::npos);
  auto diff = changes({R"({"key":"<secret>","n":1})", one}, {R"({"key":"<secret>","n":1})", two});
  ASSERT_EQ(diff.size(), 1u);
  EXPECT_EQ(diff[0].pointer, "/key");
  EXPECT_TRUE(has_leaf(one, "/n") && !has_leaf(one, "/m"));
}

TEST(ApprovalCall, ANameCannotForgeALeaf) {
  auto leaves = [](std::string_view text) {
    json::Document document;
    EXPECT_TRUE(document.parse(text));
    return leaves_of(document.root(), "salt");
  };
  EXPECT_FALSE(same_shape(leaves(R"({"a/b":1})"), leaves(R"({"a":{"b":1}})"), {"/a"}));
  EXPECT_FALSE(same_shape(leaves(R"({"a":1})"), leaves(R"({"a":1,"b":2})"), {""}));
}

}  // namespace
}  // namespace callgate::approvals
