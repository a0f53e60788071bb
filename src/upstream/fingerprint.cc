#include "upstream/fingerprint.h"

#include <algorithm>
#include <string>
#include <vector>

namespace callgate::upstream {
namespace {

void add_text(std::string& out, char tag, std::string_view text) {
  out.push_back(tag);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(text.size() >> shift & 0xff));
  out.append(text);
}

// Tagged and length-prefixed, so that no two different values write the same bytes. The depth is bounded by the JSON boundary.
void add_value(std::string& out, const json::Value& value) {
  if (!value.exists()) {
    out.push_back('-');
    return;
  }
  switch (value.kind()) {
    case json::Kind::String: add_text(out, 's', value.string()); return;
    case json::Kind::Array: {
      std::string elements;
      value.for_each_element([&](const json::Value& element) { add_value(elements, element); });
      add_text(out, 'a', elements);
      return;
    }
    case json::Kind::Object: {
      std::vector<std::pair<std::string_view, json::Value>> members;
      value.for_each_member([&](std::string_view key, const json::Value& member) { members.emplace_back(key, member); });
      std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      std::string text;
      for (const auto& [key, member] : members) {
        add_text(text, 'k', key);
        add_value(text, member);
      }
      add_text(out, 'o', text);
      return;
    }
    default: add_text(out, 'v', value.raw());  // numbers as written, true, false, null
  }
}

}  // namespace

Digest fingerprint(const json::Value& tool) {
  std::string bytes;
  for (const char* member : {"name", "title", "description", "inputSchema", "outputSchema", "annotations"}) add_value(bytes, tool[member]);
  return blake2b(bytes);
}

Digest fingerprint_without_output(const json::Value& tool) {
  std::string bytes;
  for (const char* member : {"name", "title", "description", "inputSchema", "annotations"}) add_value(bytes, tool[member]);
  return blake2b(bytes);
}

Digest fingerprint(PartKind kind, const json::Value& entry) {
  if (kind == PartKind::Tool) return fingerprint(entry);
  std::string bytes(part_name(kind));
  if (kind == PartKind::Prompt)
    for (const char* member : {"name", "title", "description", "arguments"}) add_value(bytes, entry[member]);
  else
    for (const char* member : {"uriTemplate", "name", "title", "description", "mimeType", "annotations"}) add_value(bytes, entry[member]);
  return blake2b(bytes);
}

Digest fingerprint_of_instructions(std::string_view text) {
  std::string bytes(part_name(PartKind::Instructions));
  add_text(bytes, 's', text);
  return blake2b(bytes);
}

}  // namespace callgate::upstream
