#pragma once
// Seeded JSON for property tests: valid documents in many spellings, and mutations that are often not valid any more.

#include <random>
#include <string>
#include <string_view>

namespace callgate::json::testing {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  // A valid document: unusual spacing, escapes, number forms, nesting; no two keys of an object fold together.
  std::string document() {
    std::string out;
    space(out);
    value(out, 0);
    space(out);
    return out;
  }

  // Cuts, repeats, swaps or replaces a few bytes, often by ones that matter to a parser.
  std::string mutated(std::string text) {
    static constexpr std::string_view telling = "{}[]\",:\\/ \t\n\r0123456789+-.eEutfnNIad\x7f\x80\xbf\xc3\xe2\xed\xf0\xff";
    for (std::size_t i = below(3) + 1; i > 0 && !text.empty(); --i) {
      std::size_t at = below(text.size()), size = std::min(below(6) + 1, text.size() - at);
      switch (below(5)) {
        case 0: text[at] = telling[below(telling.size())]; break;
        case 1: text.erase(at, size); break;
        case 2: text.insert(at, text.substr(below(text.size()), size)); break;
        case 3: text.insert(at, 1, telling[below(telling.size())]); break;
        default: text[at] = static_cast<char>(random_()); break;
      }
    }
    return text;
  }

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

 private:
  template <std::size_t n> std::string_view pick(const std::string_view (&choices)[n]) { return choices[below(n)]; }

  void space(std::string& out) {
    static constexpr std::string_view spaces[] = {"", "", "", "", " ", "\n", "\t", "\r\n", "  \n  "};
    out += pick(spaces);
  }

  void value(std::string& out, int depth) {
    std::size_t kind = below(depth > 5 ? 4 : 7);
    if (kind == 0) return string(out);
    if (kind == 1) return number(out);
    if (kind < 4) {
      static constexpr std::string_view words[] = {"true", "false", "null"};
      out += pick(words);
      return;
    }
    bool object = kind != 4;
    out += object ? '{' : '[';
    std::size_t count = below(20) == 0 ? below(40) : below(5);
    space(out);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      space(out);
      if (object) {
        key(out, i);
        space(out);
        out += ':';
        space(out);
      }
      value(out, depth + 1);
      space(out);
    }
    out += object ? '}' : ']';
  }

  void key(std::string& out, std::size_t index) {
    static constexpr std::string_view parts[] = {
        "", "id", "name", "n\\u0061me", "a\\\"b", "é", "\\u00C9", "ß", "ſ", "\\/", "😀", "\\ud83d\\ude00", "a longer key than one block"};
    out += '"';
    out += pick(parts);
    out += index == 0 && below(2) == 0 ? "" : "_" + std::to_string(index);
    out += '"';
  }

  void string(std::string& out) {
    static constexpr std::string_view parts[] = {"a",
                                                 "plain words",
                                                 "\\n",
                                                 "\\\"",
                                                 "\\\\",
                                                 "\\/",
                                                 "\\u0041",
                                                 "\\u00e9",
                                                 "é",
                                                 "\\u0000",
                                                 "\\u001F",
                                                 "\\b\\f\\t",
                                                 "\x7f",
                                                 "日本",
                                                 "\\u2028",
                                                 "\xe2\x80\xa8",
                                                 "\\uD83D\\uDE00",
                                                 "😀",
                                                 "\\u0022",
                                                 "exactly sixteen",
                                                 "//",
                                                 "{",
                                                 "\xef\xbf\xbf",
                                                 "0123456789abcdef0123456789abcdef"};
    out += '"';
    for (std::size_t i = below(6); i > 0; --i) out += pick(parts);
    out += '"';
  }

  void number(std::string& out) {
    static constexpr std::string_view numbers[] = {
        "0",     "-0",     "1",     "-1",  "1.0", "10e-1", "1E+2", "0.1000", "9007199254740993", "18446744073709551666",
        "1e308", "5e-324", "0e999", "-0.0"};
    if (below(2) == 0) {
      out += pick(numbers);
    } else {
      out += std::to_string(static_cast<std::int64_t>(random_() >> below(64)));
    }
  }

  std::mt19937_64 random_;
};

}  // namespace callgate::json::testing
