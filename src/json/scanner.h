#pragma once
// The one-pass scanner behind Document::parse: checks every byte once, writes canonical bytes and the tape as it goes.
// Internal to this room. Containers are walked without recursion: an open container keeps its parent in Node::next.

#include <string>
#include <string_view>

#include "json/document.h"
#include "json/plain_block.h"

namespace callgate::json {

class Scanner {
 public:
  Scanner(Document& document, Document::Workspace& work, std::string_view bytes, const Caps& caps);
  Result<void> run();

 private:
  static constexpr std::uint32_t kNoContainer = ~std::uint32_t(0);

  struct Text {
    std::uint32_t end = 0;  // in the output, before the closing quote
    bool escaped = false;   // the output holds escapes
    bool ascii = true;
  };

  bool scan_document();
  bool scan_containers();
  template <StringRole role> std::ptrdiff_t plain_text(const std::uint8_t* at, std::uint8_t* out) const;
  bool plain_key(const std::uint8_t*& at, std::uint8_t*& out, std::uint32_t members);
  bool plain_value(const std::uint8_t*& at, std::uint8_t*& out);
  bool plain_word(const std::uint8_t*& at, std::uint8_t*& out);
  bool scan_value();
  bool scan_member_key();
  template <std::size_t size> bool scan_literal(const char (&word)[size], Kind kind);
  bool scan_number();
  bool open(Kind kind);
  bool close();
  void enter(Kind kind, std::uint32_t begin);
  void leave(Document::Node& node, std::uint32_t end);
  bool room_for_value();
  template <StringRole role> bool scan_text(Text& text);
  template <StringRole role> bool scan_wide(const std::uint8_t*& at, std::uint8_t*& out);
  template <StringRole role> bool scan_escape(const std::uint8_t*& at, std::uint8_t*& out, bool& escaped);
  bool scan_unicode_escape(const std::uint8_t*& at, char32_t& code_point);
  std::uint32_t unescape(std::uint32_t begin, std::uint32_t end, std::uint32_t& size);  // returns where it begins in unescaped_

  // Keys that are equal, or equal when folded, are refused: at once while they are few, else when the object closes.
  static constexpr std::uint32_t kPairwiseKeysMax = 16;
  bool note_key(const Text& text, const std::uint8_t* start);
  bool check_many_keys();
  bool tell_apart(std::string_view earlier, std::string_view later, const std::uint8_t* where);
  std::string_view key_of(const Document::Node& node) const { return stored_key(node.key_begin, node.key_end, node.key_escaped); }
  std::string_view stored_key(std::uint32_t begin, std::uint32_t end, bool escaped) const;

  bool push(Kind kind, std::uint32_t begin, std::uint32_t end);
  void add_node(Kind kind, std::uint32_t begin, std::uint32_t end);
  const std::uint8_t* behind_space(const std::uint8_t* at) const {
    while (at < end_ && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }
  void skip_space() { at_ = behind_space(at_); }
  void put(std::uint8_t byte) { *out_++ = byte; }
  std::uint32_t written() const { return static_cast<std::uint32_t>(out_ - out_begin_); }

  // All return false, so that a check reads `return refuse(...)`.
  bool refuse(std::string_view reason, std::string_view what) { return refuse_at(at_, reason, what); }
  bool refuse_at(const std::uint8_t* at, std::string_view reason, std::string_view what);
  bool refuse_byte(std::string_view expected);

  Document& document_;
  Document::Workspace& work_;
  const Caps& caps_;
  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint8_t* out_begin_ = nullptr;
  std::uint8_t* out_ = nullptr;
  std::size_t unescaped_size_ = 0;
  std::uint32_t container_ = kNoContainer;
  std::uint32_t depth_ = 0;
  std::size_t keys_base_ = 0;                  // first key of the innermost container; meaningful for objects
  std::uint32_t key_begin_ = 0, key_end_ = 0;  // key of the member whose value comes next
  bool key_escaped_ = false;
  std::uint64_t seed_;
  Error error_;
};

}  // namespace callgate::json
