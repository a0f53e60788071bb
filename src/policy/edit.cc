#include "policy/edit.h"

#include <charconv>

#include "policy/document.h"

namespace callgate::policy {
namespace {

tl::unexpected<Error> cannot(std::string message) { return fail(Code::InvalidArgument, "policy.edit", std::move(message)); }

Result<Node> read(std::string_view text) {
  Problems problems;
  auto root = parse_document(text, problems);
  if (!root || !root->is(Node::Kind::Map)) return cannot("the document is not readable; `callgate policy check` shows why");
  return std::move(*root);
}

const Node* at_pointer(const Node& root, std::string_view pointer) {
  const Node* node = &root;
  while (node != nullptr && !pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    std::string_view part = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(part.size());
    std::string key;
    for (std::size_t i = 0; i < part.size(); ++i) {
      bool escaped = part[i] == '~' && i + 1 < part.size();
      key += escaped ? (part[++i] == '1' ? '/' : '~') : part[i];
    }
    if (node->is(Node::Kind::Map)) {
      node = node->find(key);
    } else if (node->is(Node::Kind::Sequence)) {
      std::size_t index = 0;
      auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      bool there = error == std::errc() && end == key.data() + key.size() && index < node->items.size();
      node = there ? &node->items[index] : nullptr;
    } else {
      node = nullptr;
    }
  }
  return node;
}

std::string spliced(std::string_view text, std::size_t at, std::size_t length, std::string_view with) {
  return std::string(text.substr(0, at)) + std::string(with) + std::string(text.substr(at + length));
}

// A list or map in brackets; `open` is where it begins.
std::string into_brackets(std::string_view text, std::size_t open, std::string_view what, bool empty) {
  return spliced(text, open + 1, 0, std::string(what) + (empty ? "" : ", "));
}

}  // namespace

bool is_json_text(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<std::string> promoted(std::string_view text, std::string_view pointer) {
  CG_TRY(Node root, read(text));
  const Node* of_document = root.find("mode");
  bool whole = of_document != nullptr && of_document->text == "shadow";
  if (whole && !pointer.empty()) return cannot("the whole document is in shadow mode: promote it without naming a rule");
  const Node* node = at_pointer(root, pointer);
  if (node == nullptr) return cannot("there is no `" + std::string(pointer.substr(0, 200)) + "` in this document");
  const Node* mode = node->is(Node::Kind::Map) ? node->find("mode") : nullptr;
  if (mode == nullptr || mode->text != "shadow")
    return cannot(pointer.empty() ? "the document is not in shadow mode; name a rule that is"
                                  : "`" + std::string(pointer.substr(0, 200)) + "` is not in shadow mode");
  constexpr std::string_view kShadow = "shadow";
  std::size_t at = text.find(kShadow, mode->offset);
  if (at == std::string_view::npos || at > mode->offset + 1) return cannot("`mode` is written in a way that cannot be changed in place");
  return spliced(text, at, kShadow.size(), "enforce");
}

Result<std::string> with_test(std::string_view text, std::string_view entry) {
  CG_TRY(Node root, read(text));
  const Node* tests = root.find("tests");
  std::size_t root_at = text.find_first_not_of(" \t\r\n");
  bool json = is_json_text(text);
  std::string base(text);
  if (!base.empty() && base.back() != '\n') base += '\n';
  if (tests == nullptr) {
    if (json) return into_brackets(text, root_at, "\"tests\": [" + std::string(entry) + "]", root.items.empty());
    if (root.items.empty() || root.column > 1) return cannot("this document has a shape into which no test can be written: add it by hand");
    return base + "tests:\n  - " + std::string(entry) + "\n";
  }
  if (!tests->is(Node::Kind::Sequence)) return cannot("`tests` of this document is no list");
  if (tests->offset < text.size() && text[tests->offset] == '[') return into_brackets(text, tests->offset, entry, tests->items.empty());
  if (tests->items.empty()) return cannot("`tests` of this document is written in a way that cannot be added to: add the test by hand");
  std::size_t first = tests->offset;
  std::size_t line = text.rfind('\n', first);
  line = line == std::string_view::npos ? 0 : line + 1;
  std::string indent(text.substr(line, first - line));
  if (indent.find_first_not_of(' ') != std::string::npos)
    return cannot("`tests` of this document is written on one line: add the test by hand");
  std::string item = indent + "- " + std::string(entry) + "\n";
  if (&root.items.back() == tests) return base + item;  // what is written last stands last
  return spliced(text, line, 0, item);
}

}  // namespace callgate::policy
