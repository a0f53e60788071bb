#include "json/document.h"

#include <utility>

#include "base/same_bytes.h"
#include "json/scanner.h"

namespace callgate::json {
namespace {

constexpr std::size_t kWorkspaceKeptBytes = 64 * 1024;  // after an object of very many members it is given back

}  // namespace

// One per thread instead of one per document: it stays in the processor's caches while documents come and go.
Document::Workspace& Document::workspace() {
  thread_local Workspace shared;
  return shared;
}

Result<void> Document::parse(std::string_view bytes, const Caps& caps) {
  clear();
  Workspace& work = workspace();
  work.keys.clear();
  auto parsed = Scanner(*this, work, bytes, caps).run();
  if (work.keys.capacity() * sizeof(OpenKey) + work.folded.capacity() > kWorkspaceKeptBytes) work = {};
  return parsed;
}

void Document::clear() {
  nodes_.clear();
  canonical_size_ = 0;
}

void Document::trim(std::size_t memory_max) {
  clear();
  if (memory_bytes() <= memory_max) return;
  Document fresh;  // swapped, not assigned: an assigned string keeps its capacity
  std::swap(*this, fresh);
}

std::size_t Document::memory_bytes() const { return nodes_.capacity() * sizeof(Node) + canonical_room_ + unescaped_.capacity(); }

std::string_view Document::node_text(const Node& node) const {
  if (node.escaped) return {unescaped_.data() + node.size, node.text_size};
  return {canonical_.get() + node.begin, node.end - node.begin};
}

std::string_view Document::node_key(const Node& node) const {
  const char* const from = node.key_escaped ? unescaped_.data() : canonical_.get();
  return {from + node.key_begin, node.key_end - node.key_begin};
}

Kind Value::kind() const { return exists() ? document_->nodes_[node_].kind : Kind::Null; }

std::string_view Value::raw() const {
  if (!exists()) return {};
  const Document::Node& node = document_->nodes_[node_];
  std::uint32_t quote = node.kind == Kind::String ? 1 : 0;
  return {document_->canonical_.get() + node.begin - quote, node.end - node.begin + 2 * quote};
}

std::string_view Value::string() const { return is_string() ? document_->node_text(document_->nodes_[node_]) : std::string_view(); }

std::string_view Value::number() const { return is_number() ? document_->node_text(document_->nodes_[node_]) : std::string_view(); }

std::uint32_t Value::size() const { return is_object() || is_array() ? document_->nodes_[node_].size : 0; }

Value Value::operator[](std::string_view key) const {
  if (!is_object()) return {};
  const auto& nodes = document_->nodes_;
  const std::uint32_t end = nodes[node_].next;
  for (std::uint32_t at = node_ + 1; at < end; at = nodes[at].next) {
    const Document::Node& node = nodes[at];
    if (node.key_end - node.key_begin != key.size()) continue;  // most keys differ in length
    if (same_bytes(document_->node_key(node).data(), key.data(), key.size())) return Value(document_, at);
  }
  return {};
}

Value Value::child(std::uint32_t position) const {
  if (position >= size()) return {};
  const auto& nodes = document_->nodes_;
  std::uint32_t at = node_ + 1;
  for (; position > 0; --position) at = nodes[at].next;
  return Value(document_, at);
}

}  // namespace callgate::json
