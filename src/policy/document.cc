#include "policy/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_set>

#include "base/decimal.h"
#include "json/writer.h"
#include "policy/utf8.h"

namespace callgate::policy {
namespace {

struct Stop {};  // leaves yaml-cpp's event loop; never leaves this file

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 8259 section 6
bool json_number(std::string_view text) {
  std::size_t at = 0;
  auto digits = [&] {
    std::size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  std::size_t first = at, whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// Plain scalars on which YAML 1.1, YAML 1.2 and people disagree.
bool unclear_plain(std::string_view text) {
  std::string low;
  for (char c : text.substr(0, 6)) low += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (text.size() <= 5)
    for (std::string_view word : {"yes", "no", "on", "off", "y", "n", "true", "false", "null"})
      if (low == word) return true;
  std::string_view rest = text;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) rest.remove_prefix(1);
  if (low.ends_with(".inf") || low.ends_with(".nan")) return true;
  if (rest.empty()) return false;
  if (rest[0] == '.' && rest.size() > 1 && is_digit(rest[1])) return true;
  if (!is_digit(rest[0])) return false;
  // 010, 0x1f, 1_000, 5., 1:30 (sexagesimal): starts like a number and holds nothing that a date or an address would
  for (char c : rest)
    if (!is_digit(c) && c != '_' && c != '.' && c != ':' && c != 'e' && c != 'E' && c != '+') {
      bool based = rest.size() > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'o' || rest[1] == 'b');
      return based && rest.find_first_not_of("0123456789abcdefABCDEF_", 2) == std::string_view::npos;
    }
  return std::count(rest.begin(), rest.end(), '.') < 2;
}

class Builder final : public YAML::EventHandler {
 public:
  Builder(Problems& problems, Node& root) : problems_(problems), root_(root) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_plain(mark, anchor, "?");
    Node node = at(mark);
    if (expects_key()) return key(mark, "null", true);
    place(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (`*name`) are not allowed: write the value out"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_plain(mark, anchor, tag);
    bool plain = tag == "?" || tag.empty();
    if (expects_key()) return key(mark, value, plain);
    Node node = at(mark);
    node.kind = Node::Kind::String;
    node.text = value;
    if (plain) {
      if (value == "true" || value == "false") node.kind = Node::Kind::Bool;
      else if (json_number(value)) node.kind = Node::Kind::Number;
      else node.unclear = unclear_plain(value);
    }
    place(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::Sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::Map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node node;
    std::unordered_set<std::string> seen;
    bool key_next = true;
  };

  bool expects_key() const { return !levels_.empty() && levels_.back().node.is(Node::Kind::Map) && levels_.back().key_next; }

  std::string pointer() const {
    std::string out;
    for (const auto& level : levels_) {
      const Node& node = level.node;
      if (node.is(Node::Kind::Sequence)) out = child_pointer(out, node.items.size());
      else if (!node.keys.empty() && !level.key_next) out = child_pointer(out, node.keys.back().name);
    }
    return out;
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message) {
    problems_.error_at(static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1), pointer(),
                       std::move(message));
    throw Stop{};
  }

  Node at(const YAML::Mark& mark) {
    if (++values_ > kDocumentValuesMax) refuse(mark, "the document holds more than 250000 values: split it into several policies");
    Node node;
    node.line = static_cast<std::uint32_t>(mark.line + 1);
    node.column = static_cast<std::uint32_t>(mark.column + 1);
    node.offset = static_cast<std::uint32_t>(mark.pos);
    return node;
  }

  void check_plain(const YAML::Mark& mark, YAML::anchor_t anchor, std::string_view tag) {
    if (anchor != 0) refuse(mark, "anchors (`&name`) are not allowed: write the value out");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags (`!name`) are not allowed: write the plain value");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    check_plain(mark, anchor, tag);
    if (expects_key()) refuse(mark, "a key must be a plain name, not a list or a map");
    if (levels_.size() >= kDocumentDepthMax) refuse(mark, "the document is nested deeper than 32 levels: flatten it");
    Level level;
    level.node = at(mark);
    level.node.kind = kind;
    levels_.push_back(std::move(level));
  }

  void close() {
    Node done = std::move(levels_.back().node);
    levels_.pop_back();
    place(std::move(done));
  }

  void key(const YAML::Mark& mark, const std::string& name, bool plain) {
    if (plain && name == "<<") refuse(mark, "merge keys (`<<`) are not allowed: write the fields out");
    Level& level = levels_.back();
    Node here = at(mark);
    if (!level.seen.insert(name).second)
      problems_.error_at(here.line, here.column, child_pointer(pointer(), name),
                         "the key `" + shown(name) + "` is given twice: keep one of them");
    if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      problems_.error_at(here.line, here.column, child_pointer(pointer(), shown(name)),
                         "the key `" + shown(name) + "` holds a control character: remove it");
    level.node.keys.push_back({name, here.line, here.column});
    level.key_next = false;
  }

  void place(Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    levels_.back().node.items.push_back(std::move(node));
    levels_.back().key_next = true;
  }

  Problems& problems_;
  Node& root_;
  std::vector<Level> levels_;
  std::size_t values_ = 0;
};

std::uint32_t parse_hex4(std::string_view text) {
  std::uint32_t value = 0;
  for (char c : text.substr(0, 4)) {
    std::uint32_t digit = 0;
    if (is_digit(c)) digit = static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A' + 10);
    else return 0;
    value = value * 16 + digit;
  }
  return text.size() < 4 ? 0 : value;
}

// JSON writes characters beyond the BMP as two \u escapes, which YAML does not know: turn each pair into one \U escape.
// Only for text that opens like JSON, where a backslash can stand nowhere but in double quotes.
std::string join_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out += text[at];
      continue;
    }
    std::uint32_t high = text[at + 1] == 'u' ? parse_hex4(text.substr(at + 2)) : 0;
    std::uint32_t low = high >= 0xd800 && high < 0xdc00 && text.substr(std::min(at + 6, text.size())).starts_with("\\u")
                            ? parse_hex4(text.substr(at + 8))
                            : 0;
    if (low >= 0xdc00 && low < 0xe000) {
      char buffer[16];
      std::snprintf(buffer, sizeof buffer, "\\U%08X  ", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      out.append(buffer, 10);
      at += 11;
    } else {
      out += text[at];
      out += text[++at];
    }
  }
  return out;
}

// Byte-level checks before any parser looks: encoding tricks and control characters end here.
bool check_bytes(std::string_view text, Problems& problems) {
  if (text.size() > kDocumentBytesMax) {
    problems.error_at(1, 1, "", "the document is larger than 1 MiB: split it into several policies");
    return false;
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    problems.error_at(1, 1, "", "the document starts with a byte order mark: save it as plain UTF-8");
    return false;
  }
  std::uint32_t line = 1, column = 1;
  for (std::size_t at = 0; at < text.size();) {
    auto [rune, size] = next_rune(text.substr(at));
    const char* wrong = nullptr;
    if (size == 0) wrong = "invalid UTF-8: save the document as UTF-8";
    else if ((rune < 0x20 && rune != '\n' && rune != '\t' && rune != '\r') || (rune >= 0x7f && rune < 0xa0))
      wrong = "a control character: remove it";
    else if (rune == 0xfeff || (rune >= 0x202a && rune <= 0x202e) || (rune >= 0x2066 && rune <= 0x2069))
      wrong = "an invisible direction mark, which can make text read other than it is: remove it or write it as an escape";
    if (wrong) {
      problems.error_at(line, column, "", wrong);
      return false;
    }
    at += size;
    ++column;
    if (rune == '\n') ++line, column = 1;
  }
  return true;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].name == key) return i < items.size() ? &items[i] : nullptr;
  return nullptr;
}

std::optional<Node> parse_document(std::string_view text, Problems& problems) {
  if (!check_bytes(text, problems)) return std::nullopt;
  auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    problems.error_at(1, 1, "", "the document is empty: start with `version: \"1\"`");
    return std::nullopt;
  }
  Node root;
  try {
    std::istringstream stream(text[first] == '{' ? join_surrogates(text) : std::string(text));
    YAML::Parser parser(stream);
    Builder builder(problems, root);
    if (!parser.HandleNextDocument(builder)) {
      problems.error_at(1, 1, "", "the document is empty: start with `version: \"1\"`");
      return std::nullopt;
    }
    Node ignored;
    Problems second;
    Builder rest(second, ignored);
    if (parser.HandleNextDocument(rest)) {
      problems.error_at(1, 1, "", "the text holds more than one document: keep one per policy");
      return std::nullopt;
    }
  } catch (const Stop&) {
    if (!problems.refused()) problems.error_at(1, 1, "", "the text holds more than one document: keep one per policy");
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    auto line = error.mark.is_null() ? 1u : static_cast<std::uint32_t>(error.mark.line + 1);
    auto column = error.mark.is_null() ? 1u : static_cast<std::uint32_t>(error.mark.column + 1);
    problems.error_at(line, column, "", "not readable as YAML or JSON: " + error.msg);
    return std::nullopt;
  } catch (const std::exception& error) {
    problems.error_at(1, 1, "", "not readable as YAML or JSON: " + std::string(error.what()));
    return std::nullopt;
  }
  return root;
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::Null: return "nothing";
    case Node::Kind::Bool: return "true or false";
    case Node::Kind::Number: return "a number";
    case Node::Kind::String: return "text";
    case Node::Kind::Sequence: return "a list";
    case Node::Kind::Map: return "a map";
  }
  return "something else";
}

bool append_json(const Node& node, std::string& out) {
  bool clear = !node.unclear;
  switch (node.kind) {
    case Node::Kind::Null: out += "null"; break;
    case Node::Kind::Bool:
    case Node::Kind::Number: out += node.text; break;
    case Node::Kind::String: json::append_quoted(out, node.text); break;
    case Node::Kind::Sequence:
    case Node::Kind::Map: {
      bool map = node.is(Node::Kind::Map);
      out += map ? '{' : '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i) out += ',';
        if (map) {
          json::append_quoted(out, node.keys[i].name);
          out += ':';
        }
        clear = append_json(node.items[i], out) && clear;
      }
      out += map ? '}' : ']';
    }
  }
  return clear;
}

}  // namespace callgate::policy
