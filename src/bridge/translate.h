#pragma once
// Answers of one era in the words of the other. Pure. Internal to this room.

#include <string>
#include <string_view>

#include "bridge/header_params.h"
#include "json/document.h"

namespace callgate::bridge {

// A legacy server's answer for a modern client. `server_info` is JSON or empty; `uri` is JSON: what resources/read asked for.
std::string modern_result(std::string_view id, std::string_view method, json::Value result, std::string_view server_info);
std::string modern_error(std::string_view id, json::Value error, std::string_view uri);

// A modern server's answer for a legacy client of that revision. From a tools/list the mirrored parameters of its tools are kept.
std::string legacy_result(std::string_view id, std::string_view method, json::Value result, std::string_view revision);
std::string legacy_error(std::string_view id, std::string_view method, json::Value error);
void keep_header_params(json::Value result, HeaderParams& known);

// A failed call in words the model may read, for methods that have such a thing; else a protocol error.
std::string explained_failure(std::string_view id, std::string_view method, std::string_view text);

}  // namespace callgate::bridge
