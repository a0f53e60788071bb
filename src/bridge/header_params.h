#pragma once
// Parameters that a modern server wants mirrored in headers (`x-mcp-header` in a tool's input schema, N12): read from tools/list by
// schema/, written as Mcp-Param-* lines from the judged arguments. Tools whose marks are invalid are not shown to clients.

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json/document.h"
#include "schema/schema.h"

namespace callgate::bridge {

using ToolHeaders = std::vector<schema::Mirrored>;
using HeaderParams = std::unordered_map<std::string, ToolHeaders>;  // by tool; only tools that have some

// Nothing when a mark is invalid: the tool must be dropped.
std::optional<ToolHeaders> read_header_params(json::Value input_schema);
void append_header_params(std::string& head, const ToolHeaders& params, json::Value arguments);
// As a header value: as it is when it is plain, else base64 with the sentinel.
std::string header_value(std::string_view text);

}  // namespace callgate::bridge
