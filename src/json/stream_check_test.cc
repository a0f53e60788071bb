#include "json/stream_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace callgate::json {
namespace {

using namespace std::string_literals;

std::string reason_in_pieces(std::string_view bytes, std::size_t piece, const Caps& caps = {}) {
  StreamCheck check(caps);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::vector<char> copy(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                           bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, bytes.size())));
    auto done = check.add({copy.data(), copy.size()});
    if (!done) return std::string(done.error().reason);
  }
  auto done = check.finish();
  return done ? "ok" : std::string(done.error().reason);
}

// The verdict, which must not depend on where the pieces end.
std::string reason(std::string_view bytes, const Caps& caps = {}) {
  std::string whole = reason_in_pieces(bytes, bytes.size() + 1, caps);
  for (std::size_t piece : {1u, 2u, 3u, 7u, 17u})
    EXPECT_EQ(reason_in_pieces(bytes, piece, caps), whole) << bytes << " in pieces of " << piece;
  return whole;
}

std::string id_of(std::string_view bytes) {
  StreamCheck check;
  for (char c : bytes)
    if (!check.add({&c, 1})) return "refused";
  return check.finish() ? std::string(check.top_level_id()) : "refused";
}

TEST(StreamCheck, AcceptsDocumentsInAnyPieces) {
  for (auto text : {R"( {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"é😀\n\ud83d\ude00 and a block of text"}],)"
                    R"("a":{"b":1,"b2":-1.5e+3}}} )",
                    "0", "-0.5e-3", "\"\"", "[]", "{}", "true", "[[],{},[1,2,3],null]", " 1 "})
    EXPECT_EQ(reason(text), "ok") << text;
}

// T-08
TEST(StreamCheck, RefusesLooseSyntax) {
  for (auto text :
       {"",      " ",        "[1,]", "{\"a\":1,}", "[,1]",    "{,}",       "[",   "]",    "{",    "}",   "{\"a\"}", "{\"a\":}",  "{a:1}",
        "[1 2]", "{\"a\":1", "[1",   "\"a",        "\"\\x\"", "\"\\u12\"", "tru", "truE", "nulx", "[}",  "{]",      "{\"a\":[}", "/**/1",
        "-",     "1.",       "1e",   "1e+",        "010",     "+1",        ".5",  "NaN",  "1a",   "1 2", "{}{}",    "[]]",       "{}x"})
    EXPECT_NE(reason(text), "ok") << text;
  EXPECT_EQ(reason("{}{}"), "json.trailing");
}

// T-04
TEST(StreamCheck, RefusesNumbersThatADoubleCannotHold) {
  for (auto text : {"1e999", "[-1e999]", "1.8e308", "1e-999"}) EXPECT_EQ(reason(text), "json.number") << text;
  EXPECT_EQ(reason(std::string(401, '1')), "json.number");
  EXPECT_EQ(reason("0." + std::string(399, '1')), "json.number");
  EXPECT_EQ(reason("[1.7976931348623157e308,0e999]"), "ok");
}

// T-06, T-07
TEST(StreamCheck, RefusesBadTextInAnyPieces) {
  EXPECT_EQ(reason("\xef\xbb\xbf{}"), "json.bom");
  for (auto bad : {"\x80"s, "\xc0\x80"s, "\xc3"s, "\xe0\x80\xaf"s, "\xed\xa0\x80"s, "\xe2\x82"s, "\xf0\x80\x80\xaf"s, "\xf4\x90\x80\x80"s,
                   "\xf5\x80\x80\x80"s, "\xff"s}) {
    EXPECT_EQ(reason("\"" + bad + "\""), "json.utf8");
    EXPECT_EQ(reason("{\"a\":{\"" + bad + "\":1}}"), "json.utf8");
    EXPECT_EQ(reason("{\"id\":\"" + bad + "\"}"), "json.utf8");
  }
  for (auto text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\u0041")", R"("\ud800\ud800")"})
    EXPECT_EQ(reason(text), "json.surrogate") << text;
  for (auto text : {R"({"\u0000":1})", R"({"a":{"\n":1}})", R"({"a":{"\u0085":1}})", "{\"a\":{\"\x7f\":1}}", "{\"a\":{\"\xc2\x85\":1}}",
                    "\"a\nb\"", "\"sixteen plain by\x1f\""})
    EXPECT_EQ(reason(text), "json.control") << text;
}

// T-01, T-02
TEST(StreamCheck, RefusesRepeatedTopLevelKeys) {
  EXPECT_EQ(reason(R"({"id":1,"id":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"id":1,"result":{},"\u0069d":2})"), "json.duplicate_key");
  EXPECT_EQ(reason(R"({"id":1,"ID":2})"), "json.folded_key");
  EXPECT_EQ(reason("{\"result\":1,\"re\xc5\xbfult\":2}"), "json.folded_key");
  EXPECT_EQ(reason("{\"\xc3\x9f\":1,\"sS\":2}"), "json.folded_key");
  EXPECT_EQ(reason(R"({"a":{"id":1},"id":2,"b":{"id":3}})"), "ok");
  std::string many = "{\"k\":0";
  for (int i = 1; i < 64; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_EQ(reason(many + "}"), "ok");
  EXPECT_EQ(reason(many + ",\"k64\":0}"), "json.too_large");
}

// T-08
TEST(StreamCheck, RefusesWhatIsPastTheCaps) {
  EXPECT_EQ(reason(std::string(64, '[') + std::string(64, ']')), "ok");
  EXPECT_EQ(reason(std::string(65, '[') + std::string(65, ']')), "json.depth");
  Caps deep;
  deep.depth_max = 1000;
  EXPECT_EQ(reason(std::string(65, '['), deep), "json.depth");
  Caps caps;
  caps.bytes_max = 10;
  EXPECT_EQ(reason("[12345678]", caps), "ok");
  EXPECT_EQ(reason("[123456789]", caps), "json.too_large");
  caps = {};
  caps.members_max = 2;
  EXPECT_EQ(reason(R"([{"a":{"b":1,"c":2},"d":1}])", caps), "ok");
  EXPECT_EQ(reason(R"([{"a":1,"b":1,"c":1}])", caps), "json.too_large");
  caps = {};
  caps.values_max = 3;
  EXPECT_EQ(reason("[1,2]", caps), "ok");
  EXPECT_EQ(reason("[1,2,3]", caps), "json.too_large");
}

TEST(StreamCheck, FindsTheIdOfAnAnswer) {
  EXPECT_EQ(id_of(R"({"jsonrpc":"2.0","id":17,"result":{"id":18}})"), "17");
  EXPECT_EQ(id_of(R"({"result":{"id":18},"id" : "a\u0062\n\/é\u00e9\ud83d\ude00" })"), "\"ab\\n/éé😀\"");
  EXPECT_EQ(id_of(R"({"\u0069d":-1.50e1})"), "-1.50e1");
  EXPECT_EQ(id_of(R"({"id":null})"), "null");
  EXPECT_EQ(id_of(R"({"id":true})"), "true");
  EXPECT_EQ(id_of(R"({"id":""})"), "\"\"");
  for (auto text : {R"({"id":{}})", R"({"id":[1]})", R"({"idx":1,"i":2,"":3})", R"([{"id":1}])", R"({"a":{"id":1}})", "{}", "1"})
    EXPECT_EQ(id_of(text), "") << text;
  EXPECT_EQ(id_of("{\"id\":\"" + std::string(254, 'x') + "\"}"), "\"" + std::string(254, 'x') + "\"");
  EXPECT_EQ(id_of("{\"id\":\"" + std::string(255, 'x') + "\"}"), "");
}

TEST(StreamCheck, ShowsTheIdOnlyWhenItIsComplete) {
  StreamCheck check;
  ASSERT_TRUE(check.add("{\"id\":12"));
  EXPECT_EQ(check.top_level_id(), "");
  ASSERT_TRUE(check.add("3"));
  EXPECT_EQ(check.top_level_id(), "");
  ASSERT_TRUE(check.add(","));
  EXPECT_EQ(check.top_level_id(), "123");
}

TEST(StreamCheck, RefusesForGoodOnceItHasRefused) {
  StreamCheck check;
  ASSERT_FALSE(check.add("[1,,"));
  auto again = check.add("2]");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "json.syntax");
  EXPECT_EQ(again.error().message, "expected a value; send strict JSON (byte 3)");
  EXPECT_FALSE(check.finish());
}

TEST(StreamCheck, CopiesGoOnByThemselves) {
  StreamCheck first;
  ASSERT_TRUE(first.add("{\"id\":\"a"));
  StreamCheck second = first;
  ASSERT_TRUE(first.add("b\"}"));
  ASSERT_TRUE(second.add("c\"}"));
  EXPECT_EQ(first.top_level_id(), "\"ab\"");
  EXPECT_EQ(second.top_level_id(), "\"ac\"");
}

}  // namespace
}  // namespace callgate::json
