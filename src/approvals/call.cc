#include "approvals/call.h"

#include <algorithm>
#include <map>

#include "base/crypto.h"
#include "base/encoding.h"
#include "json/writer.h"

namespace callgate::approvals {
namespace {

constexpr std::size_t kShownBytesMax = 400;

struct Leaf {
  std::string_view pointer, kind, digest;
};

bool next_leaf(std::string_view& rest, Leaf& leaf) {
  if (rest.empty()) return false;
  std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  std::size_t first = line.find('\t'), second = line.rfind('\t');
  if (first == std::string_view::npos || second == first) return false;
  leaf = {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
  return true;
}

std::string_view kind_word(json::Value value) {
  switch (value.kind()) {
    case json::Kind::Null: return "null";
    case json::Kind::True:
    case json::Kind::False: return "boolean";
    case json::Kind::Number: return "number";
    case json::Kind::String: return "string";
    case json::Kind::Array: return "array";
    case json::Kind::Object: return "object";
  }
  return "null";
}

// RFC 6901, and no byte that would end a line of leaves.
void append_step(std::string& pointer, std::string_view name) {
  pointer += '/';
  for (char c : name) {
    if (c == '~') pointer += "~0";
    else if (c == '/') pointer += "~1";
    else if (c == '\t' || c == '\n') pointer += c == '\t' ? "~t" : "~n";
    else pointer += c;
  }
}

template <class Fn> void each_leaf(json::Value value, std::string& pointer, Fn&& fn) {
  std::size_t size = pointer.size();
  if (value.is_object() && value.size() > 0) {
    value.for_each_member([&](std::string_view name, json::Value member) {
      append_step(pointer, name);
      each_leaf(member, pointer, fn);
      pointer.resize(size);
    });
  } else if (value.is_array() && value.size() > 0) {
    std::size_t position = 0;
    value.for_each_element([&](json::Value element) {
      append_step(pointer, std::to_string(position++));
      each_leaf(element, pointer, fn);
      pointer.resize(size);
    });
  } else {
    fn(pointer, value);
  }
}

bool below(std::string_view pointer, std::string_view of) {
  return pointer.starts_with(of) && (pointer.size() == of.size() || pointer[of.size()] == '/');
}

std::map<std::string, std::string, std::less<>> values_of(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  json::Document document;
  if (!document.parse(text)) return values;
  std::string pointer;
  each_leaf(document.root(), pointer, [&](const std::string& at, json::Value value) {
    std::string raw(value.raw());
    if (raw.size() > kShownBytesMax) raw = raw.substr(0, kShownBytesMax) + "...";
    values.emplace(at, std::move(raw));
  });
  return values;
}

}  // namespace

void append_sorted(std::string& out, json::Value value) {
  if (value.is_object()) {
    std::vector<std::pair<std::string_view, json::Value>> members;
    members.reserve(value.size());
    value.for_each_member([&](std::string_view name, json::Value member) { members.emplace_back(name, member); });
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      json::append_quoted(out, members[i].first);
      out += ':';
      append_sorted(out, members[i].second);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    bool first = true;
    value.for_each_element([&](json::Value element) {
      if (!std::exchange(first, false)) out += ',';
      append_sorted(out, element);
    });
    out += ']';
  } else {
    out += value.raw();
  }
}

std::string leaves_of(json::Value sorted, std::string_view salt) {
  std::string out, pointer;
  each_leaf(sorted, pointer, [&](const std::string& at, json::Value value) {
    std::string salted(salt);
    (salted += '\n') += at;
    (salted += '\n') += value.raw();
    Digest digest = sha256(salted);
    ((out += at) += '\t') += kind_word(value);
    (out += '\t') += hex_encode(digest).substr(0, 32);
    out += '\n';
  });
  return out;
}

bool same_shape(std::string_view leaves, std::string_view other, const std::vector<std::string>& vary) {
  Leaf a, b;
  while (true) {
    bool more = next_leaf(leaves, a), more_of_other = next_leaf(other, b);
    if (!more || !more_of_other) return more == more_of_other && leaves.empty() && other.empty();
    if (a.pointer != b.pointer || a.kind != b.kind) return false;
    if (a.digest != b.digest && std::ranges::none_of(vary, [&](const std::string& free) { return below(a.pointer, free); })) return false;
  }
}

bool has_leaf(std::string_view leaves, std::string_view pointer) {
  Leaf leaf;
  while (next_leaf(leaves, leaf))
    if (below(leaf.pointer, pointer)) return true;
  return false;
}

std::vector<FieldChange> changes(const Shown& before, const Shown& after) {
  auto old_values = values_of(before.json), new_values = values_of(after.json);
  std::map<std::string, std::string, std::less<>> old_digests;
  Leaf leaf;
  for (std::string_view rest = before.leaves; next_leaf(rest, leaf);) old_digests.emplace(leaf.pointer, leaf.digest);
  std::vector<FieldChange> out;
  auto value_at = [](const auto& values, std::string_view pointer) {
    auto found = values.find(pointer);
    return found == values.end() ? std::string("(changed)") : found->second;
  };
  for (std::string_view rest = after.leaves; next_leaf(rest, leaf);) {
    auto known = old_digests.find(leaf.pointer);
    if (known == old_digests.end()) {
      out.push_back({std::string(leaf.pointer), "", value_at(new_values, leaf.pointer)});
      continue;
    }
    if (known->second != leaf.digest)
      out.push_back({std::string(leaf.pointer), value_at(old_values, leaf.pointer), value_at(new_values, leaf.pointer)});
    old_digests.erase(known);
  }
  for (const auto& [pointer, digest] : old_digests) out.push_back({pointer, value_at(old_values, pointer), ""});
  return out;
}

}  // namespace callgate::approvals
