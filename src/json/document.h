#pragma once
// The JSON boundary (design section 4; T-01 to T-15): everything that enters passes here, and what leaves is `canonical()`,
// the very bytes that were judged. Refuses: duplicate keys after unescaping, keys equal under case or Unicode folding,
// invalid UTF-8, lone surrogates, BOM, NaN/Infinity, out-of-range numbers, control characters in keys, trailing data,
// and anything past the caps. Number literals are kept as written. No recursion, no allocation once warm.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace callgate::json {

enum class Kind : std::uint8_t { Null, False, True, Number, String, Array, Object };

struct Caps {
  std::size_t bytes_max = 4 * 1024 * 1024;
  std::uint32_t depth_max = 64;
  std::uint32_t members_max = 10'000;    // of one object
  std::uint32_t values_max = 500'000;    // of the whole document
  std::uint32_t number_chars_max = 400;  // of one literal; the magnitude must fit a finite double (T-04)
};

class Document;

// A light handle into a Document; valid until the document parses again. A missing member is a Value that is !exists().
class Value {
 public:
  Value() = default;
  bool exists() const { return document_ != nullptr; }
  Kind kind() const;
  bool is(Kind wanted) const { return exists() && kind() == wanted; }
  bool is_object() const { return is(Kind::Object); }
  bool is_array() const { return is(Kind::Array); }
  bool is_string() const { return is(Kind::String); }
  bool is_number() const { return is(Kind::Number); }
  std::string_view raw() const;                  // canonical bytes of this value, children included
  std::string_view string() const;               // unescaped text; empty unless a string
  std::string_view number() const;               // the literal as written; empty unless a number
  std::uint32_t size() const;                    // members or elements; 0 for scalars
  Value operator[](std::string_view key) const;  // exact byte match; missing when not an object
  Value child(std::uint32_t position) const;     // linear walk; use for_each over large containers

  // fn(key, value) for objects; fn(value) for arrays.
  template <class Fn> void for_each_member(Fn&& fn) const;
  template <class Fn> void for_each_element(Fn&& fn) const;

 private:
  friend class Document;
  Value(const Document* document, std::uint32_t node) : document_(document), node_(node) {}
  const Document* document_ = nullptr;
  std::uint32_t node_ = 0;
};

class Document {
 public:
  // Parses one whole document and replaces what was held. `bytes` may be freed afterwards; they must not lie in this document.
  // On error the document is empty. Reasons: json.duplicate_key, json.folded_key, json.utf8, json.surrogate, json.number,
  // json.depth, json.too_large, json.trailing, json.syntax, json.control, json.bom. The message has the byte offset and the
  // fix, and never quotes more than 40 bytes of input.
  Result<void> parse(std::string_view bytes, const Caps& caps = {});
  Value root() const { return nodes_.empty() ? Value() : Value(this, 0); }
  // Whitespace removed, minimal escapes, members in source order, numbers as written. Never longer than the input.
  std::string_view canonical() const { return {canonical_.get(), canonical_size_}; }
  void clear();                           // keeps the memory
  void trim(std::size_t memory_max = 0);  // empties, and gives the memory back if it is more than that
  std::size_t memory_bytes() const;

  struct Node {                        // flat tape in document order: the children of a container follow it directly
    std::uint32_t begin, end;          // span in canonical(); for strings inside the quotes
    std::uint32_t key_begin, key_end;  // member key in canonical(), or in unescaped_ when key_escaped
    std::uint32_t next;                // node after this value and all its children; while a container is open: its parent
    std::uint32_t size;                // members or elements; of an escaped string: where its text begins in unescaped_
    std::uint32_t text_size;           // of an escaped string: length of its text in unescaped_
    Kind kind;
    bool escaped;  // canonical() holds escapes for this string, its text is in unescaped_
    bool key_escaped;
  };

 private:
  friend class Value;
  friend class Scanner;
  struct OpenKey {  // a key of a container that is still open, by the hash of its folded text
    std::uint64_t hash;
    std::uint32_t node;
  };
  struct Workspace {  // what only parsing needs
    std::vector<OpenKey> keys;
    std::string folded;  // storage for one folded key
  };
  static Workspace& workspace();
  std::string_view node_text(const Node& node) const;
  std::string_view node_key(const Node& node) const;
  std::vector<Node> nodes_;
  std::unique_ptr<char[]> canonical_;  // storage, never filled before it is written; canonical_size_ bytes are valid
  std::size_t canonical_room_ = 0, canonical_size_ = 0;
  std::string unescaped_;  // storage for strings that kept escapes
};

template <class Fn> void Value::for_each_member(Fn&& fn) const {
  if (!is_object()) return;
  const auto& nodes = document_->nodes_;
  for (std::uint32_t at = node_ + 1; at < nodes[node_].next; at = nodes[at].next) fn(document_->node_key(nodes[at]), Value(document_, at));
}

template <class Fn> void Value::for_each_element(Fn&& fn) const {
  if (!is_array()) return;
  const auto& nodes = document_->nodes_;
  for (std::uint32_t at = node_ + 1; at < nodes[node_].next; at = nodes[at].next) fn(Value(document_, at));
}

}  // namespace callgate::json
