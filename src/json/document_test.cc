#include "json/document.h"

#include "json/stream_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace callgate::json {
namespace {

using namespace std::string_literals;

// The reason slug of a refusal, or "ok".
std::string reason(std::string_view bytes, const Caps& caps = {}) {
  // A heap copy of the exact size, so that AddressSanitizer sees any read past the end.
  std::vector<char> copy(bytes.begin(), bytes.end());
  Document document;
  auto done = document.parse({copy.data(), copy.size()}, caps);
  if (done) return "ok";
  EXPECT_FALSE(document.root().exists());
  EXPECT_TRUE(document.canonical().empty());
  return std::string(done.error().reason);
}

std::string canonical(std::string_view bytes) {
  Document document;
  auto done = document.parse(bytes);
  return done ? std::string(document.canonical()) : "refused: " + std::string(done.error().reason) + ": " + done.error().message;
}

std::string object_of(std::initializer_list<const char*> keys) {
  std::string text = "{";
  for (auto key : keys) text += (text.size() > 1 ? ",\"" : "\"") + std::string(key) + "\":1";
  return text + "}";
}

TEST(Document, ReadsEveryKindOfValue) {
  Document document;
  ASSERT_TRUE(document.parse(R"( {"a" : [1, -2.50e+3, "x\ny", true, false, null], "b":{}, "é":[] } )"));
  Value root = document.root();
  EXPECT_EQ(document.canonical(), R"({"a":[1,-2.50e+3,"x\ny",true,false,null],"b":{},"é":[]})");
  EXPECT_EQ(root.raw(), document.canonical());
  EXPECT_EQ(root.size(), 3u);
  Value list = root["a"];
  ASSERT_TRUE(list.is_array());
  EXPECT_EQ(list.size(), 6u);
  EXPECT_EQ(list.child(0).number(), "1");
  EXPECT_EQ(list.child(1).number(), "-2.50e+3");
  EXPECT_EQ(list.child(2).string(), "x\ny");
  EXPECT_EQ(list.child(2).raw(), R"("x\ny")");
  EXPECT_TRUE(list.child(3).is(Kind::True));
  EXPECT_TRUE(list.child(4).is(Kind::False));
  EXPECT_TRUE(list.child(5).is(Kind::Null));
  EXPECT_FALSE(list.child(6).exists());
  EXPECT_EQ(list.raw(), R"([1,-2.50e+3,"x\ny",true,false,null])");
  EXPECT_TRUE(root["b"].is_object());
  EXPECT_EQ(root["b"].raw(), "{}");
  EXPECT_TRUE(root["é"].is_array());
  EXPECT_FALSE(root["c"].exists());
  EXPECT_FALSE(root["a"]["b"].exists());
  EXPECT_FALSE(Value()["a"].exists());
  EXPECT_EQ(Value().raw(), "");
}

TEST(Document, WalksMembersInSourceOrder) {
  Document document;
  ASSERT_TRUE(document.parse(R"({"z":{"deep":[[],[{}]]},"a\"b":2,"\u0061":"\u0062"})"));
  std::string seen;
  document.root().for_each_member(
      [&](std::string_view key, Value value) { seen += std::string(key) + "=" + std::string(value.raw()) + ";"; });
  EXPECT_EQ(seen, R"(z={"deep":[[],[{}]]};a"b=2;a="b";)");
  seen.clear();
  document.root()["z"]["deep"].for_each_element([&](Value value) { seen += std::string(value.raw()) + ";"; });
  EXPECT_EQ(seen, "[];[{}];");
}

TEST(Document, ScalarsAreDocuments) {
  for (auto text : {"0", "\"\"", "true", "null", "-0", "[]", "{}"}) EXPECT_EQ(canonical(" \t\r\n" + std::string(text) + "\n "), text);
}

// T-01
TEST(Document, RefusesReservedKeysThatDifferOnlyInCaseOrFolding) {
  EXPECT_EQ(reason(R"({"name":"ok","Name":"drop"})"), "json.folded_key");
  EXPECT_EQ(reason(R"({"method":"ping","Method":"tools/call"})"), "json.folded_key");
  EXPECT_EQ(reason(R"({"id":1,"ID":2})"), "json.folded_key");
  EXPECT_EQ(reason(R"({"params":{},"Params":{}})"), "json.folded_key");
  EXPECT_EQ(reason("{\"params\":{},\"param\xc5\xbf\":{}}"), "json.folded_key");  // U+017F
  EXPECT_EQ(reason(R"({"params":{},"param\u017f":{}})"), "json.folded_key");
  EXPECT_EQ(reason("{\"token\":1,\"to\xe2\x84\xaa"
                   "en\":2}"),
            "json.folded_key");  // U+212A
  EXPECT_EQ(reason(R"({"to\u212Aen":1,"TOKEN":2})"), "json.folded_key");
}

// T-03
TEST(Document, RefusesSiblingsThatFoldTogetherAtEveryDepth) {
  EXPECT_EQ(reason(R"({"arguments":{"amount":1,"Amount":5000}})"), "json.folded_key");
  EXPECT_EQ(reason(R"([[{"x":[{"amount":1,"b":2,"AMOUNT":3}]}]])"), "json.folded_key");
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"é", "É"},   {"ÿ", "Ÿ"}, {"ß", "ss"}, {"ẞ", "SS"}, {"ß", "ẞ"}, {"å", "Å"},   {"\xe2\x84\xab", "å"},
      {"σ", "ς"},   {"Σ", "ς"}, {"µ", "μ"},  {"ж", "Ж"},  {"ա", "Ա"}, {"ა", "Ა"}, {"ꭰ", "Ꭰ"},
      {"ａ", "Ａ"}, {"ı", "I"}, {"ı", "i"},  {"İ", "i"},  {"İ", "i̇"}, {"İ", "ı"},   {"ﬁ", "FI"},
      {"ŉ", "ʼN"},  {"ǆ", "ǅ"}, {"ǆ", "Ǆ"},  {"ᾳ", "ΑΙ"}, {"Ω", "ω"}, {"θ", "ϑ"},   {"𐐨", "𐐀"},
      {"ⓐ", "Ⓐ"},   {"և", "ԵՒ"}};
  for (auto [a, b] : pairs) {
    EXPECT_EQ(reason(object_of({a, b})), "json.folded_key") << a << ' ' << b;
    EXPECT_EQ(reason(object_of({b, a})), "json.folded_key") << b << ' ' << a;
    std::string longer = "{\"a_rather_long_key_" + std::string(a) + "_x\":1,\"A_RATHER_LONG_KEY_" + b + "_X\":2}";
    EXPECT_EQ(reason(longer), "json.folded_key") << longer;
  }
}

TEST(Document, AcceptsKeysThatOnlyLookAlike) {
  for (auto [a, b] : std::vector<std::pair<const char*, const char*>>{{"a", "b"},
                                                                      {"", "x"},
                                                                      {"a", "aa"},
                                                                      {"a", "а"},
                                                                      {"a_b", "a-b"},
                                                                      {"@", "`"},
                                                                      {"[", "{"},
                                                                      {"é", "e"},
                                                                      {"s", "ss"},
                                                                      {"12345678", "123456789"},
                                                                      {"x", "x "}})
    EXPECT_EQ(reason(object_of({a, b})), "ok") << a << ' ' << b;
  EXPECT_EQ(reason(R"({"a":{"a":{"A":1}},"b":[{"a":1},{"a":1},{"A":1}]})"), "ok");
}

// T-02
TEST(Document, RefusesDuplicateKeysAfterUnescapingAtEveryDepth) {
  EXPECT_EQ(reason(R"({"a":1,"a":1})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"":1,"":1})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"name":1,"n\u0061me":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"a\"b":1,"a\u0022b":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"a\/b":1,"a/b":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"\ud83d\ude00":1,"😀":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"params":{"arguments":{"amount":1,"x":{"y":1},"amount":2}}})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"([{"a":[{"b":1}],"c":{"b":1},"a":0}])"), "json.duplicate_key");
}

// T-02, T-03
TEST(Document, FindsTheRepeatedKeyWhereverItStandsAmongMany) {
  for (int count : {2, 15, 16, 17, 18, 40, 1000}) {
    for (int first : {0, count / 2, count - 2}) {
      std::string text = "{";
      for (int i = 0; i < count; ++i) text += "\"key" + std::to_string(i) + "\":{\"inner\":1},";
      EXPECT_EQ(reason(text + "\"last\":1}"), "ok");
      EXPECT_EQ(reason(text + "\"key" + std::to_string(first) + "\":1}"), "json.duplicate_key") << count;
      EXPECT_EQ(reason(text + "\"KEY" + std::to_string(first) + "\":1}"), "json.folded_key") << count;
    }
  }
}

// T-02, T-03: behind a repeated key comes enough for the quick way of reading, which hands on whatever it may have to refuse.
TEST(Document, FindsTheRepeatedKeyHoweverMuchFollows) {
  const std::string rest = ",\"note\":\"" + std::string(200, 'x') + "\",\"more\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}";
  for (std::string_view value : {"2", "\"text\"", "true", "{}", "[1]", "{\"amount\":3}"}) {
    EXPECT_EQ(reason("{\"amount\":1,\"amount\":" + std::string(value) + rest), "json.duplicate_key") << value;
    EXPECT_EQ(reason("{\"amount\":1,\"b\":0,\"Amount\":" + std::string(value) + rest), "json.folded_key") << value;
    EXPECT_EQ(reason("{\"x\":[{\"amount\":1,\"amount\":" + std::string(value) + "}]" + rest), "json.duplicate_key") << value;
    EXPECT_EQ(reason("{\"amount\":{\"amount\":" + std::string(value) + "}" + rest), "ok") << value;
  }
}

// T-04
TEST(Document, RefusesNumbersThatADoubleCannotHold) {
  for (auto text : {"1e999", "-1e999", "1.8e308", "1E309", "1e99999999999999999999", "123456789e301", "1e-999", "4e-325"})
    EXPECT_EQ(reason(text), "json.number") << text;
  EXPECT_EQ(reason("1" + std::string(309, '0')), "json.number");
  EXPECT_EQ(reason("0." + std::string(340, '0') + "1"), "json.number");
  for (auto text : {"1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "0e999", "0.0e-999", "1e308", "1e-300"})
    EXPECT_EQ(canonical(text), text);
  EXPECT_EQ(reason("1" + std::string(308, '0')), "ok");
}

// T-05
TEST(Document, KeepsNumbersAsWritten) {
  for (auto text : {"9007199254740993", "18446744073709551666", "-0", "-0.0", "1.0", "1.10e1", "1E+2", "0.1000", "1e0"})
    EXPECT_EQ(canonical(text), text);
}

// T-05
TEST(Document, RefusesWhatOnlyLaxReadersTakeForANumber) {
  for (auto text : {"010", "-010", "00", "-", "+1", ".5", "5.", "5.e1", "1e", "1e+", "0e", "0.0E-", "-.5", "NaN", "Infinity", "-Infinity",
                    "-NaN", "--1"})
    EXPECT_EQ(reason(text), "json.number") << text;
  for (auto text : {"0x10", "1_000", "1a", "1 2", "1.2.3", "1e5e5"}) EXPECT_NE(reason(text), "ok") << text;
  EXPECT_EQ(reason(std::string(401, '1')), "json.number");
  EXPECT_EQ(reason("0." + std::string(399, '0')), "json.number") << "however little it says";
}

// T-06
TEST(Document, RefusesByteOrderMarksAndWideEncodings) {
  EXPECT_EQ(reason("\xef\xbb\xbf{}"), "json.bom");
  EXPECT_EQ(reason("\xff\xfe{\0}\0"s), "json.bom");
  EXPECT_EQ(reason("\xfe\xff\0{\0}"s), "json.bom");
  EXPECT_EQ(reason("{\0}\0"s), "json.syntax");
  EXPECT_EQ(reason("\0{\0}"s), "json.syntax");
  EXPECT_EQ(reason("\xff\xfe\0\0{\0\0\0}\0\0\0"s), "json.bom");
  EXPECT_EQ(reason("{}\xef\xbb\xbf"), "json.trailing");
}

// T-07
TEST(Document, RefusesInvalidUtf8) {
  for (auto bad : {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc3"s, "\xc3\x28"s, "\xe0\x80\xaf"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s,
                   "\xed\xbf\xbf"s, "\xe2\x82"s, "\xf0\x80\x80\xaf"s, "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s,
                   "\xf0\x9f\x98"s, "\xfe"s, "\xff"s, "\xf8\x88\x80\x80\x80"s}) {
    for (auto before : {""s, "x"s, "fifteen plain b"s, "sixteen plain by"s, "é"s}) {
      EXPECT_EQ(reason("\"" + before + bad + "\""), "json.utf8");
      EXPECT_EQ(reason("\"" + before + bad + " and more than one block of text\""), "json.utf8");
      EXPECT_EQ(reason("{\"" + before + bad + "\":1}"), "json.utf8");
    }
    EXPECT_NE(reason("\"" + bad), "ok");
  }
  for (auto good :
       {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(canonical("\"" + std::string(good) + "\""), "\"" + std::string(good) + "\"");
}

// T-07
TEST(Document, RefusesLoneSurrogates) {
  for (auto text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\u0041")", R"("\ud800\ud800")",
                    R"("\udc00\ud800")", R"({"\ud800":1})", R"("\uD83D")"})
    EXPECT_EQ(reason(text), "json.surrogate") << text;
  EXPECT_EQ(canonical(R"("\ud83d\ude00\uDBFF\uDFFF")"), "\"😀\xf4\x8f\xbf\xbf\"");
}

// T-07
TEST(Document, RefusesControlCharactersInKeys) {
  for (auto text : {R"({"\u0000":1})", R"({"a\u0000b":1})", R"({"\n":1})", R"({"a\tb":1})", R"({"\u007f":1})", R"({"\u0085":1})",
                    "{\"\x7f\":1}", "{\"a long key, more than a block\x7f\":1}", "{\"\xc2\x85\":1}", "{\"\x01\":1}"})
    EXPECT_EQ(reason(text), "json.control") << text;
  EXPECT_EQ(reason("{\"a\0b\":1}"s), "json.control");
  EXPECT_EQ(reason("\"a\0b\""s), "json.control");
  EXPECT_EQ(reason("\"a\nb\""), "json.control");
  EXPECT_EQ(reason("\"sixteen plain by\x1f\""), "json.control");
  Document document;
  ASSERT_TRUE(document.parse(R"(["a\u0000b\u007f\u0085"])"));
  EXPECT_EQ(document.root().child(0).string(), "a\0b\x7f\xc2\x85"s);
}

// T-08
TEST(Document, RefusesAnythingAfterTheDocument) {
  for (auto text : {"{}{}", "{} {}", "{}\n{}", "1 1", "[]]", "{}}", "{},", "null null", "\"a\"\"b\"", "{}//x", "{}\x01"})
    EXPECT_EQ(reason(text), "json.trailing") << text;
  EXPECT_EQ(reason("{}\0"s), "json.trailing");
}

// T-08
TEST(Document, RefusesLooseSyntax) {
  for (auto text : {"",
                    " ",
                    "[1,]",
                    "{\"a\":1,}",
                    "[,1]",
                    "[1,,2]",
                    "{,}",
                    "[",
                    "]",
                    "{",
                    "}",
                    "{\"a\"}",
                    "{\"a\":}",
                    "{a:1}",
                    "{'a':1}",
                    "'a'",
                    "{\"a\" 1}",
                    "[1 2]",
                    "{\"a\":1 \"b\":2}",
                    "/**/1",
                    "//\n1",
                    "[1]/*x*/x",
                    "{\"a\":1",
                    "[1",
                    "\"a",
                    "\"\\",
                    "\"\\x\"",
                    "\"\\u12\"",
                    "\"\\u12g4\"",
                    "\"\\u",
                    "\"\\",
                    "tru",
                    "truE",
                    "nul",
                    "falsy",
                    "undefined",
                    "{1:2}",
                    "{null:1}",
                    "[}",
                    "{]",
                    "[{]}",
                    "{\"a\":[}",
                    "\xa0{}",
                    "\v1",
                    "\f1"})
    EXPECT_NE(reason(text), "ok") << text;
  EXPECT_EQ(reason("\"\\'\""), "json.syntax");
  EXPECT_EQ(reason("\"\\0\""), "json.syntax");
}

// T-08
TEST(Document, RefusesDeepNestingWithoutRecursion) {
  auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(reason(nested(64)), "ok");
  EXPECT_EQ(reason(nested(65)), "json.depth");
  EXPECT_EQ(reason(std::string(100'000, '[')), "json.depth");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(reason(objects), "json.depth");
  Caps deep;
  deep.depth_max = 200'000;
  EXPECT_EQ(reason(nested(100'000), deep), "ok");
}

// T-08
TEST(Document, RefusesWhatIsPastTheCaps) {
  Caps caps;
  caps.bytes_max = 10;
  EXPECT_EQ(reason("[12345678]", caps), "ok");
  EXPECT_EQ(reason("[123456789]", caps), "json.too_large");
  caps = {};
  caps.members_max = 2;
  EXPECT_EQ(reason(R"({"a":{"b":1,"c":2},"d":1})", caps), "ok");
  EXPECT_EQ(reason(R"({"a":1,"b":1,"c":1})", caps), "json.too_large");
  caps = {};
  caps.values_max = 3;
  EXPECT_EQ(reason("[1,2]", caps), "ok");
  EXPECT_EQ(reason("[1,2,3]", caps), "json.too_large");
  EXPECT_EQ(reason("[[],{},[]]", caps), "json.too_large");
  EXPECT_EQ(reason("\"" + std::string(5 * 1024 * 1024, 'x') + "\""), "json.too_large");
  std::string keys = "{";
  for (int i = 0; i < 10'001; ++i) keys += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(reason(keys + "\"z\":0}"), "json.too_large");
}

// T-15
TEST(Document, CanonicalFormIsFixed) {
  EXPECT_EQ(canonical("\t{ \"b\" : [ 1 , 2 ] ,\n\"a\" : \"\\u0041\\/\\u00e9\\u2028\" }"), "{\"b\":[1,2],\"a\":\"A/é\xe2\x80\xa8\"}");
  EXPECT_EQ(canonical(R"("\u0008\u0009\u000a\u000b\u000C\u000d\u0000\u001F\u0022\u005c\u007f")"),
            "\"\\b\\t\\n\\u000b\\f\\r\\u0000\\u001f\\\"\\\\\x7f\"");
  EXPECT_EQ(canonical("[ ]"), "[]");
  EXPECT_EQ(canonical("{\n}"), "{}");
}

TEST(Document, StringsOfEveryLengthSurviveBlocks) {
  for (std::size_t size = 0; size < 70; ++size) {
    for (auto odd : {"", "\\n", "\\\"", "é", "\\u00e9", "😀"}) {
      for (std::size_t at = 0; at <= size; at += 7) {
        std::string plain(size, 'p');
        plain.insert(at, odd);
        std::string text = "{\"k" + std::to_string(size) + "\":\"" + plain + "\",\"z\":1}";
        Document document;
        std::vector<char> copy(text.begin(), text.end());
        ASSERT_TRUE(document.parse({copy.data(), copy.size()})) << text;
        EXPECT_EQ(document.root()["z"].number(), "1");
        EXPECT_GE(document.root()["k" + std::to_string(size)].string().size(), size);
      }
    }
  }
}

TEST(Document, MessagesNameThePlaceAndQuoteLittle) {
  Document document;
  auto done = document.parse(R"({"amount":1,"Amount":2})");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::InvalidRequest);
  EXPECT_EQ(done.error().message,
            "key `Amount` repeats another key of its object when case is ignored; send keys that differ in more than case (byte 12)");
  std::string key(1000, 'k');
  done = document.parse("{\"" + key + "\":1,\"" + key + "\":2}");
  ASSERT_FALSE(done);
  EXPECT_LT(done.error().message.size(), 140u);
  done = document.parse("[1,");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "expected a value, but the document ends here; send all of it (byte 3)");
  done = document.parse("[1,2]", {.bytes_max = 1});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::TooLarge);
}

TEST(Document, ParsingAgainReplacesWhatWasHeld) {
  Document document;
  ASSERT_TRUE(document.parse(R"({"a":"x\ny","b":[1,2,3]})"));
  ASSERT_TRUE(document.parse(R"(["\t"])"));
  EXPECT_EQ(document.canonical(), R"(["\t"])");
  EXPECT_EQ(document.root().child(0).string(), "\t");
  ASSERT_FALSE(document.parse("["));
  EXPECT_FALSE(document.root().exists());
  document.clear();
  EXPECT_FALSE(document.root().exists());
}

TEST(Document, GivesMemoryBackWhenAsked) {
  Document document;
  ASSERT_TRUE(document.parse("[\"" + std::string(100'000, 'x') + "\\n\"]"));
  std::size_t bytes = document.memory_bytes();
  EXPECT_GE(bytes, 200'000u);
  document.trim(1'000'000);
  EXPECT_EQ(document.memory_bytes(), bytes);
  document.trim(1'000);
  EXPECT_LT(document.memory_bytes(), 1'000u);
  EXPECT_FALSE(document.root().exists());
  EXPECT_TRUE(document.parse("[1]"));
}

// Long strings are read in strides: what is special must be found at every place within them.
TEST(Document, FindsWhatIsSpecialAnywhereInALongString) {
  Document document;
  for (std::size_t at = 0; at < 400; ++at) {
    for (const char special : {'"', '\\', '\x01', '\x1f', '\x80', '\xff'}) {
      std::string text(400, 'x');
      text[at] = special;
      EXPECT_FALSE(document.parse("[\"" + text + "\",\"" + std::string(200, 'y') + "\"]")) << at << " " << int(special);
      StreamCheck check;
      const std::string whole = "[\"" + text + "\",\"" + std::string(200, 'y') + "\"]";
      EXPECT_FALSE(check.add(whole) && check.finish()) << at << " " << int(special);
    }
    std::string text(400, 'x');
    text.replace(at, 1, "\\u00e9");
    ASSERT_TRUE(document.parse("[\"" + text + "\",1]"));
    EXPECT_EQ(document.root().child(0).string(), std::string(at, 'x') + "\xc3\xa9" + std::string(399 - at, 'x'));
    text.replace(at, 6, "\x7f");
    ASSERT_TRUE(document.parse("[\"" + text + "\",1]"));
    EXPECT_EQ(document.canonical(), "[\"" + text + "\",1]");
  }
}

}  // namespace
}  // namespace callgate::json
