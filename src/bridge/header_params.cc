#include "bridge/header_params.h"

#include "base/encoding.h"
#include "net/http1.h"

namespace callgate::bridge {
namespace {

constexpr std::size_t kParamsMax = 64;
constexpr std::size_t kPathMax = 16;
constexpr std::string_view kMark = "x-mcp-header";

bool token(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (char c : text) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool marked(json::Value value, std::size_t depth) {
  bool found = false;
  if (depth > 64) return true;
  value.for_each_member([&](std::string_view key, json::Value member) { found = found || key == kMark || marked(member, depth + 1); });
  value.for_each_element([&](json::Value element) { found = found || marked(element, depth + 1); });
  return found;
}

class Reader {
 public:
  bool read(json::Value schema) {
    bool valid = true;
    schema.for_each_member([&](std::string_view key, json::Value value) {
      if (!valid) return;
      if (key != "properties") {
        // A property may itself be called x-mcp-header; a mark outside `properties` is one that cannot be reached by keys alone.
        valid = key == kMark ? !path_.empty() : !value.is_object() || key == "default" || key == "const" || !marked(value, 0);
        if (value.is_array() && key != "default" && key != "enum" && key != "examples" && key != "required")
          valid = valid && !marked(value, 0);
        return;
      }
      value.for_each_member([&](std::string_view name, json::Value property) { valid = valid && read_property(name, property); });
    });
    return valid;
  }
  ToolHeaders take() { return std::move(found_); }

 private:
  bool read_property(std::string_view name, json::Value property) {
    if (!property.is_object()) return true;
    if (path_.size() >= kPathMax) return !marked(property, 0);
    path_.emplace_back(name);
    json::Value mark = property[kMark];
    bool valid = !mark.exists() || take_mark(mark, property["type"]);
    valid = valid && read(property);
    path_.pop_back();
    return valid;
  }

  bool take_mark(json::Value mark, json::Value type) {
    bool primitive = type.string() == "string" || type.string() == "integer" || type.string() == "boolean";
    if (!mark.is_string() || !token(mark.string()) || !primitive || found_.size() >= kParamsMax) return false;
    for (const HeaderParam& other : found_)
      if (net::equals_ignoring_case(other.header, mark.string())) return false;
    found_.push_back({std::string(mark.string()), path_});
    return true;
  }

  std::vector<std::string> path_;
  ToolHeaders found_;
};

}  // namespace

std::optional<ToolHeaders> read_header_params(json::Value input_schema) {
  Reader reader;
  if (!reader.read(input_schema)) return std::nullopt;
  return reader.take();
}

void append_header_params(std::string& head, const ToolHeaders& params, json::Value arguments) {
  for (const HeaderParam& param : params) {
    json::Value value = arguments;
    for (const std::string& key : param.path) value = value[key];
    std::string text;
    if (value.is_string()) text = header_value(value.string());
    else if (value.is_number() || value.is(json::Kind::True) || value.is(json::Kind::False)) text = value.raw();
    else continue;  // absent, null, or not what the schema promised: the server says so
    (((head += "Mcp-Param-") += param.header) += ": ") += text;
    head += "\r\n";
  }
}

std::string header_value(std::string_view text) {
  constexpr std::string_view prefix = "=?base64?";
  bool plain = !text.empty() && text.front() != ' ' && text.back() != ' ' && !text.starts_with(prefix);
  for (char c : text) plain = plain && c >= 0x20 && c < 0x7f;
  if (plain) return std::string(text);
  return std::string(prefix) + base64_encode(text) + "?=";
}

}  // namespace callgate::bridge
