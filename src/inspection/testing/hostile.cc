#include "inspection/testing/hostile.h"

#include "base/encoding.h"

namespace callgate::inspection::testing {
namespace {

struct Unit {
  std::string_view name, unit;
  std::string_view begin = {}, end = {};
};

constexpr Unit kUnits[] = {
    // long runs
    {"letters", "a"},
    {"capitals", "A"},
    {"zeros", "0"},
    {"spaces", " "},
    {"line breaks", "\n"},
    {"backslashes", "\\"},
    {"equal signs", "="},
    {"dashes", "-----"},
    {"quotes", "\"'`"},
    {"brackets", "([{<"},
    {"dots", "a."},
    {"at signs", "@"},
    {"padding", "aaaaaaaaaaaaaaaaaaaaaaaa="},
    // near-matches
    {"override", "ignore all previous "},
    {"secrecy", "do not tell the the the the "},
    {"send to", "send to to to to "},
    {"prerequisite", "before using calling the tool "},
    {"comments", "<!--"},
    {"image links", "![a](https://a/?b="},
    {"markup", "<img src=\"http://a?a"},
    {"role marks", "<|im_start|"},
    {"token mark", "ghp_"},
    {"short token", "ghp_0123456789abcdefghijABCDEFGHIJ01234 "},
    {"key ids", "AKIA"},
    {"short key id", "AKIAABCDEFGHIJKLMNO "},
    {"private keys", "-----BEGIN A PRIVATE KEY-----"},
    {"token of three parts", "eyJa."},
    {"names", "password="},
    {"names of names", "api_key_token_secret_"},
    {"assignments", "token: token: "},
    {"user infos", "://a:b"},
    {"headers", "Authorization: Bearer "},
    {"single digits", "1 "},
    {"digits after words", "abc 1 "},
    {"grouped digits", "123-45-678 "},
    {"near card", "4111 1111 1111 1112 "},
    {"near account", "DE89 3704 0044 0532 0130 01 "},
    {"codes", "AB12 "},
    {"addresses", "a@a."},
    {"reversed mark", "_phg"},
    {"calls", "eval(open(exec("},
    // what nobody sees
    {"joiners", "\xe2\x80\x8b"},
    {"tags", "\xf3\xa0\x81\xa1"},
    {"directions", "a\xe2\x80\xae"},
    {"selectors", "a\xf3\xa0\x84\x80"},
    {"marks", "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81"},
    {"terminal", "\x1b[8m"},
    {"terminal title", "\x1b]0;"},
    // encodings
    {"percent", "%41"},
    {"percent of percent", "%25"},
    {"escapes", "\\u0041"},
    {"escapes of escapes", "\\\\u005c"},
    {"hex", "6a"},
    {"base64 lines", "QUFBQUFBQUFBQUFBQUFBQUFB\n"},
    // languages
    {"SQL parentheses", "(", "SELECT "},
    {"SQL closed parentheses", "(SELECT 1)+", "SELECT ", "1"},
    {"SQL comments", "/*", "SELECT 1 "},
    {"SQL version comments", "/*!50000 ", "SELECT 1 "},
    {"SQL quotes", "''", "SELECT '"},
    {"SQL dollars", "$a$", "SELECT "},
    {"SQL statements", "SELECT 1;"},
    {"SQL unions", " UNION SELECT 1", "SELECT 1"},
    {"shell substitutions", "$("},
    {"shell backticks", "`a "},
    {"shell pipes", "a|"},
    {"shell parameters", "${a:-"},
    {"shell here-documents", "cat <<E\n"},
    {"shell wrappers", "sudo env A=1 sh -c "},
    {"shell quotes", "\"'\"'"},
    {"shell braces", "{a,b}{", "echo "},
    {"shell alternatives", "{a,b}", "echo "},
    {"shell functions", "f()"},
    {"shell downloads", "curl a/b;"},
    {"shell line breaks", "\\n", "echo ", "|sh"},
    {"shell blanks", "$IFS", "echo "},
    {"shell variables", "A=$A$A;"},
    {"shell here-document names", "cat<<a<<b "},
    {"URL users", "http://a@"},
    {"URL hosts", "[", "http://"},
    {"URL dots", "a.", "http://"},
    {"URL parameters", "a=b&", "http://a/?"},
    {"JSON arrays", "["},
    {"JSON objects", "{\"a\":"},
};

// Encodes until the next round would not fit.
std::string in_layers(std::size_t size, std::string (*encode)(std::string_view)) {
  std::string text = "plain words, ";
  while (text.size() * 3 < size / 8) text += text;
  while (text.size() < size) {
    std::string next = encode(text);
    if (next.size() > size) break;
    text = std::move(next);
  }
  while (text.size() < size) text += ' ';
  return text;
}

std::string in_hex(std::string_view text) { return hex_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

std::string percent(std::string_view text) {
  std::string digits = in_hex(text), out;
  for (std::size_t i = 0; i < digits.size(); i += 2) (out += '%').append(digits, i, 2);
  return out;
}

}  // namespace

std::vector<Hostile> hostile_texts(std::size_t size) {
  std::vector<Hostile> made;
  for (const Unit& unit : kUnits) {
    std::string text(unit.begin);
    while (text.size() < size) text += unit.unit;
    made.push_back({unit.name, text += unit.end});
  }
  made.push_back({"base64 in base64", in_layers(size, base64_encode)});
  made.push_back({"hex in hex", in_layers(size, in_hex)});
  made.push_back({"percent in percent", in_layers(size, percent)});
  // Half of the text is looked up, the other half looks it up.
  auto halves = [&](std::string_view begin, std::string_view first, std::string_view then, std::string_view second) {
    std::string text(begin);
    while (text.size() < size / 2) text += first;
    text += then;
    while (text.size() < size) text += second;
    return text;
  };
  made.push_back({"shell words from variables", halves("", "B='$B x';", "", "$B;")});
  made.push_back({"shell words from one long variable", halves("B='", "$B x ", "';", "$B;")});
  made.push_back({"shell arguments from variables", halves("B='", "$B x ", "';", "ls $B;")});
  made.push_back({"shell words for each argument", halves("parallel ", "a{} ", ":::", " b")});
  made.push_back({"shell scripts for each argument", halves("parallel sh -c '", "a{} ", "' :::", " b")});
  made.push_back({"shell words of one argument", halves("parallel ", "{}", " ::: ", "b")});
  made.push_back({"shell words of one line", halves("echo ", "b", "|xargs -I{} ls ", "{}")});
  made.push_back({"shell arguments of a script", halves("sh -c '", "$0", "' '", "$0")});
  std::string phrases;
  for (std::size_t i = 0; phrases.size() < size; ++i)
    phrases += std::string_view("ignore do not tell send secret password before using the tool you must ").substr(i % 7 * 5);
  made.push_back({"words of many rules", std::move(phrases)});
  return made;
}

std::string plain_text(std::size_t size, std::size_t turn) {
  constexpr std::string_view kParts[] = {
      "The quarterly report shows that revenue in the northern region grew by four percent, while costs stayed where they were. ",
      "{\"id\": 48213, \"name\": \"Invoice\", \"status\": \"open\", \"lines\": [{\"sku\": \"A-100\", \"quantity\": 3, \"price\": "
      "19.95}]}\n",
      "static int parse_header(const char* begin, const char* end) { while (begin < end && *begin != ':') ++begin; return begin < end; }\n",
      "2026-11-21T09:14:07.201Z INFO request finished method=GET path=/api/v1/items status=200 duration_ms=12 bytes=4821\n",
      "| column | type | description |\n|---|---|---|\n| user_id | bigint | who it belongs to |\n",
      "See https://docs.example.com/guide/install#step-3 for details; contact the team if the build fails on your machine.\n",
      "Before you run the import, please make sure that nobody else is writing to the table; the tool will ask for a password.\n",
      "48.2082,16.3738;2026-07-01;1250.00;AT\n52.5200,13.4050;2026-07-02;980.50;DE\n40.7128,-74.0060;2026-07-03;2210.75;US\n",
      "Dear all, the minutes of last week's meeting are attached. Anna will follow up on the open questions with the vendor. ",
      "import os\nfrom pathlib import Path\n\ndef load(path: Path) -> dict:\n    with open(path) as source:\n        return "
      "read(source)\n"};
  std::string text;
  for (std::size_t i = turn; text.size() < size; i += 1 + turn % 3) text += kParts[i % std::size(kParts)];
  text.resize(size);
  return text;
}

}  // namespace callgate::inspection::testing
