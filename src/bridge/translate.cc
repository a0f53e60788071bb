#include "bridge/translate.h"

#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::size_t kToolsKept = 1'000;

bool reserved_code(int code) { return code <= -32020 && code >= -32099; }  // of the specification only, and not the same in both eras

void append_tools_modern(json::Writer& writer, json::Value tools) {
  writer.begin_array();
  tools.for_each_element([&](json::Value tool) {
    writer.begin_object();
    append_members(writer, tool, {"execution"});
    writer.end_object();
  });
  writer.end_array();
}

void append_tools_legacy(json::Writer& writer, json::Value tools) {
  writer.begin_array();
  tools.for_each_element([&](json::Value tool) {
    if (!read_header_params(tool["inputSchema"])) return;  // N12: marks nobody can follow
    writer.begin_object();
    json::Value schema = tool["outputSchema"];
    append_members(writer, tool, {"outputSchema"});
    if (schema["type"].string() == "object") writer.key("outputSchema").raw(schema.raw());
    writer.end_object();
  });
  writer.end_array();
}

std::string link_text(json::Value link) {
  std::string text(link["title"].is_string() ? link["title"].string() : link["name"].string());
  (text += ": ") += link["uri"].string();
  if (link["description"].is_string()) (text += " - ") += link["description"].string();
  return text;
}

// Kinds of content that the revision does not know become text.
void append_content(json::Writer& writer, json::Value content, std::string_view revision) {
  writer.begin_array();
  content.for_each_element([&](json::Value item) {
    std::string_view type = item["type"].string();
    if (type == "resource_link" && revision <= "2025-03-26") {
      writer.begin_object().member("type", "text").member("text", link_text(item)).end_object();
    } else if (type == "audio" && revision <= "2024-11-05") {
      writer.begin_object().member("type", "text").member("text", "(audio that this revision cannot carry)").end_object();
    } else {
      writer.raw(item.raw());
    }
  });
  writer.end_array();
}

void append_tool_result(json::Writer& writer, json::Value result, std::string_view revision) {
  json::Value content = result["content"], structured = result["structuredContent"];
  append_members(writer, result, {"resultType", "ttlMs", "cacheScope", "_meta", "content", "structuredContent"});
  if (structured.is_object()) writer.key("structuredContent").raw(structured.raw());
  writer.key("content");
  // What only the structured form said is said as text: a client of this revision would see nothing.
  bool only_structured = structured.exists() && !structured.is_object() && content.size() == 0;
  if (only_structured) writer.begin_array().begin_object().member("type", "text").member("text", structured.raw()).end_object().end_array();
  else append_content(writer, content, revision);
}

void append_meta_legacy(json::Writer& writer, json::Value meta) {
  if (!meta.is_object() || meta.size() <= (meta[kMetaServerInfo].exists() ? 1U : 0U)) return;
  writer.key("_meta").begin_object();
  append_members(writer, meta, {kMetaServerInfo});
  writer.end_object();
}

}  // namespace

std::string modern_result(std::string_view id, std::string_view method, json::Value result, std::string_view server_info) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id).key("result").begin_object();
  writer.member("resultType", "complete");
  bool tools = method == "tools/list" && result["tools"].is_array();
  if (tools) {
    append_members(writer, result, {"resultType", "ttlMs", "cacheScope", "_meta", "tools"});
    append_tools_modern(writer.key("tools"), result["tools"]);
  } else {
    append_members(writer, result, {"resultType", "ttlMs", "cacheScope", "_meta"});
  }
  if (cacheable_method(method)) writer.member("ttlMs", std::int64_t{0}).member("cacheScope", "private");
  json::Value meta = result["_meta"];
  if (meta.is_object() || !server_info.empty()) {
    writer.key("_meta").begin_object();
    append_members(writer, meta, {kMetaServerInfo, kMetaRelatedTask});
    if (!server_info.empty()) writer.key(kMetaServerInfo).raw(server_info);
    writer.end_object();
  }
  writer.end_object().end_object();
  return out;
}

std::string modern_error(std::string_view id, json::Value error, std::string_view uri) {
  int code = error_code(error);
  std::string data;
  if (code == kLegacyNotFound && !uri.empty()) {
    json::Writer writer(data);
    writer.begin_object();
    append_members(writer, error["data"], {"uri"});
    writer.key("uri").raw(uri).end_object();
    return error_message(id, session::kInvalidParams, error["message"].string(), data);
  }
  if (error["data"].exists()) data = error["data"].raw();
  return error_message(id, reserved_code(code) ? session::kInternalError : code, error["message"].string(), data);
}

std::string legacy_result(std::string_view id, std::string_view method, json::Value result, std::string_view revision) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id).key("result").begin_object();
  if (method == "tools/call") {
    append_tool_result(writer, result, revision);
  } else if (method == "tools/list" && result["tools"].is_array()) {
    append_members(writer, result, {"resultType", "ttlMs", "cacheScope", "_meta", "tools"});
    append_tools_legacy(writer.key("tools"), result["tools"]);
  } else {
    append_members(writer, result, {"resultType", "ttlMs", "cacheScope", "_meta"});
  }
  append_meta_legacy(writer, result["_meta"]);
  writer.end_object().end_object();
  return out;
}

std::string legacy_error(std::string_view id, std::string_view method, json::Value error) {
  int code = error_code(error);
  if (code == kMissingCapability) return explained_failure(id, method, "this call needs something your client does not offer");
  std::string data = error["data"].exists() ? std::string(error["data"].raw()) : std::string();
  if (method == "resources/read" && code == session::kInvalidParams) code = kLegacyNotFound;
  else if (reserved_code(code)) code = session::kInternalError;
  return error_message(id, code, error["message"].string(), data);
}

void keep_header_params(json::Value result, HeaderParams& known) {
  result["tools"].for_each_element([&](json::Value tool) {
    std::string name(tool["name"].string());
    auto params = read_header_params(tool["inputSchema"]);
    if (!params || params->empty()) known.erase(name);
    else if (known.size() < kToolsKept || known.contains(name)) known[name] = std::move(*params);
  });
}

std::string explained_failure(std::string_view id, std::string_view method, std::string_view text) {
  if (method != "tools/call") return error_message(id, session::kInternalError, text);
  std::string result;
  json::Writer writer(result);
  writer.begin_object().key("content").begin_array().begin_object().member("type", "text").member("text", text).end_object().end_array();
  writer.member("isError", true).end_object();
  return result_message(id, result);
}

}  // namespace callgate::bridge
