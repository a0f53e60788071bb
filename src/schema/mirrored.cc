// Which arguments clients repeat in headers: `x-mcp-header` (MCP 2026-07-28, tools; N12 of the shared notes).

#include "schema/node.h"

namespace callgate::schema {
namespace {

constexpr std::size_t kDepthMax = 16;

bool token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos))
      return false;
  return !name.empty() && name.size() <= 128;
}

void collect(json::Value schema, std::vector<std::string>& path, std::vector<Mirrored>& out) {
  if (path.size() >= kDepthMax) return;
  schema["properties"].for_each_member([&](std::string_view name, json::Value property) {
    path.emplace_back(name);
    std::string_view type = property["type"].string();
    bool plain = type == "string" || type == "integer" || type == "boolean";
    if (std::string_view header = property["x-mcp-header"].string(); plain && token(header))
      out.push_back({"Mcp-Param-" + std::string(header), path});
    collect(property, path, out);
    path.pop_back();
  });
}

}  // namespace

// Only properties reached through `properties` alone count; clients drop tools that annotate others.
std::vector<Mirrored> mirrored_in(json::Value schema) {
  std::vector<Mirrored> found;
  std::vector<std::string> path;
  collect(schema, path, found);
  return found;
}

std::span<const Mirrored> Schema::mirrored() const { return inner_->mirrored; }

}  // namespace callgate::schema
