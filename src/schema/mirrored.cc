// Which arguments clients repeat in headers: `x-mcp-header` (MCP 2026-07-28, tools; N12 of the shared notes).

#include <algorithm>

#include "schema/node.h"

namespace callgate::schema {
namespace {

constexpr std::size_t kDepthMax = 64, kParametersMax = 64, kPathMax = 16;
constexpr std::string_view kKeyword = "x-mcp-header";

bool token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos))
      return false;
  return !name.empty() && name.size() <= 128;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

class Finder {
 public:
  MirroredSet found;

  // `plain`: reached through `properties` alone, so that a client can tell which argument is meant.
  void look(json::Value schema, bool plain, std::size_t depth) {
    if (depth > kDepthMax) found.valid = false;
    if (depth > kDepthMax || !schema.is_object()) return;
    if (json::Value name = schema[kKeyword]; name.exists()) take(schema, name, plain);
    schema.for_each_member([&](std::string_view keyword, json::Value value) {
      if (keyword == "const" || keyword == "enum" || keyword == "default" || keyword == "examples") return;  // data
      bool named = keyword == "properties" || keyword == "patternProperties" || keyword == "$defs" || keyword == "definitions" ||
                   keyword == "dependentSchemas";
      if (value.is_array()) value.for_each_element([&](json::Value each) { look(each, false, depth + 1); });
      if (!value.is_object()) return;
      if (!named) return look(value, false, depth + 1);
      value.for_each_member([&](std::string_view property, json::Value each) {
        path_.emplace_back(property);
        look(each, plain && keyword == "properties", depth + 1);
        path_.pop_back();
      });
    });
  }

 private:
  void take(json::Value schema, json::Value name, bool plain) {
    std::string_view type = schema["type"].string();
    bool primitive = type == "string" || type == "integer" || type == "boolean";
    bool fresh = std::ranges::find(names_, lower(name.string())) == names_.end();
    bool reachable = plain && !path_.empty() && path_.size() <= kPathMax;
    if (!reachable || !primitive || !token(name.string()) || !fresh || names_.size() >= kParametersMax) {
      found.valid = false;
      return;
    }
    names_.push_back(lower(name.string()));
    found.parameters.push_back({"Mcp-Param-" + std::string(name.string()), path_});
  }

  std::vector<std::string> path_, names_;
};

}  // namespace

MirroredSet mirrored_in(json::Value schema) {
  if (schema.raw().find(kKeyword) == std::string_view::npos) return {};
  Finder finder;
  finder.look(schema, true, 0);
  return std::move(finder.found);
}

const MirroredSet& Schema::mirrored() const { return inner_->mirrored; }

}  // namespace callgate::schema
