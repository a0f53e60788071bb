#pragma once
// The policy text as a tree with positions. YAML or JSON (a subset of it): one document, no anchors, aliases, merge keys
// or tags, no duplicate keys, at most 1 MiB, 32 levels and 250,000 values. Knows nothing of policy fields.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/problems.h"

namespace callgate::policy {

constexpr std::size_t kDocumentBytesMax = 1024 * 1024;
constexpr std::size_t kDocumentDepthMax = 32;
constexpr std::size_t kDocumentValuesMax = 250'000;

struct Node {
  enum class Kind : std::uint8_t { Null, Bool, Number, String, Sequence, Map };
  struct Member;

  Kind kind = Kind::Null;
  bool unclear = false;  // a plain scalar that other YAML readers take for a number or boolean: yes, 010, .5, True
  std::uint32_t line = 0, column = 0;
  std::uint32_t offset = 0;  // of the first byte in the text
  std::string text;          // scalars; numbers as written
  std::vector<Node> items;   // sequence elements, or map values
  std::vector<Member> keys;  // maps: keys[i] names items[i]

  bool is(Kind wanted) const { return kind == wanted; }
  bool scalar() const { return kind != Kind::Sequence && kind != Kind::Map; }
  const Node* find(std::string_view key) const;
};

struct Node::Member {
  std::string name;
  std::uint32_t line = 0, column = 0;
};

// Nothing when the text cannot be read at all or is not safe to read; otherwise the tree, perhaps with problems noted.
std::optional<Node> parse_document(std::string_view text, Problems& problems);

std::string_view kind_name(Node::Kind kind);  // "a list", "text" ...

// The node as JSON text. False when it holds an unclear scalar: quote it or write it as JSON would.
bool append_json(const Node& node, std::string& out);

}  // namespace callgate::policy
