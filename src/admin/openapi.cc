// OpenAPI 3.1 and the reference page, both from the table of routes.
#include <map>

#include "admin/reply.h"
#include "admin/route.h"

#ifndef CALLGATE_VERSION
#define CALLGATE_VERSION "0"
#endif

namespace callgate::admin {
namespace {

void write_shape(json::Writer& out, Shape shape, std::string_view doc) {
  out.begin_object();
  auto list_of = [&](std::string_view type) { out.member("type", "array").key("items").begin_object().member("type", type).end_object(); };
  switch (shape) {
    case Shape::Text: out.member("type", "string"); break;
    case Shape::Number: out.member("type", "integer"); break;
    case Shape::Flag: out.member("type", "boolean"); break;
    case Shape::Texts: list_of("string"); break;
    case Shape::Objects: list_of("object"); break;
    case Shape::Object: out.member("type", "object"); break;
    case Shape::Map: out.member("type", "object").key("additionalProperties").begin_object().member("type", "string").end_object(); break;
  }
  if (!doc.empty()) out.member("description", doc);
  out.end_object();
}

void write_parameter(json::Writer& out, std::string_view name, std::string_view in, Shape shape, const FieldRule* rule) {
  out.begin_object().member("name", name).member("in", in).member("required", in == "path" || (rule && rule->required)).key("schema");
  write_shape(out, shape, {});
  if (rule) out.member("description", rule->doc);
  out.end_object();
}

void write_parameters(json::Writer& out, const Route& route) {
  out.key("parameters").begin_array();
  std::string_view path = route.path;
  for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{')) {
    auto close = path.find('}');
    write_parameter(out, path.substr(open + 1, close - open - 1), "path", Shape::Text, nullptr);
    path.remove_prefix(close + 1);
  }
  for (const auto& rule : route.query) write_parameter(out, rule.name, "query", rule.shape, &rule);
  out.end_array();
}

void write_request_body(json::Writer& out, const Route& route) {
  if (route.body.empty()) return;
  out.key("requestBody").begin_object().key("content").begin_object().key("application/json").begin_object().key("schema").begin_object();
  out.member("type", "object").member("additionalProperties", false).key("required").begin_array();
  for (const auto& rule : route.body)
    if (rule.required) out.string(rule.name);
  out.end_array().key("properties").begin_object();
  for (const auto& rule : route.body) {
    out.key(rule.name);
    write_shape(out, rule.shape, rule.doc);
  }
  out.end_object().end_object().end_object().end_object().end_object();
}

void write_operation(json::Writer& out, const Route& route) {
  std::string method;
  for (char c : route.method) method += static_cast<char>(c | 0x20);
  auto dot = route.name.find('.');
  out.key(method).begin_object().member("operationId", route.name).member("summary", route.summary);
  out.key("tags").begin_array().string(route.name.substr(0, dot)).end_array();
  if (route.access == Access::Public) out.key("security").begin_array().end_array();
  write_parameters(out, route);
  write_request_body(out, route);
  out.key("responses").begin_object();
  out.key("2XX").begin_object().member("description", "done").end_object();
  out.key("default").begin_object().member("description", "refused").key("content").begin_object().key("application/json").begin_object();
  out.key("schema").begin_object().member("$ref", "#/components/schemas/Error").end_object().end_object().end_object().end_object();
  out.end_object().end_object();
}

std::string_view access_words(Access access) {
  switch (access) {
    case Access::Public: return "anyone";
    case Access::Signed: return "any API token";
    case Access::Read: return "auditor, admin, owner";
    case Access::Write: return "admin, owner";
    case Access::Owner: return "owner";
  }
  return "owner";
}

std::string_view shape_name(Shape shape) {
  switch (shape) {
    case Shape::Text: return "text";
    case Shape::Number: return "number";
    case Shape::Flag: return "true/false";
    case Shape::Texts: return "list of texts";
    case Shape::Map: return "object of texts";
    case Shape::Object: return "object";
    case Shape::Objects: return "list of objects";
  }
  return "text";
}

void append_rules(std::string& out, std::string_view title, const std::vector<FieldRule>& rules) {
  if (rules.empty()) return;
  ((out += title) += ":\n\n");
  for (const auto& rule : rules) {
    (((out += "- `") += rule.name) += "` (") += shape_name(rule.shape);
    if (rule.required) out += ", required";
    ((out += "): ") += rule.doc) += "\n";
  }
  out += "\n";
}

}  // namespace

std::string openapi_json() {
  auto routes = all_routes();
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const auto& route : routes) by_path[route.path].push_back(&route);
  std::string text;
  json::Writer out(text);
  out.begin_object().member("openapi", "3.1.0").key("info").begin_object().member("title", "Callgate").member("version", CALLGATE_VERSION);
  out.member("description", "Control plane of the Callgate MCP security gateway.").end_object();
  out.key("security").begin_array().begin_object().key("token").begin_array().end_array().end_object().end_array();
  out.key("paths").begin_object();
  for (const auto& [path, operations] : by_path) {
    out.key(path).begin_object();
    for (const Route* route : operations) write_operation(out, *route);
    out.end_object();
  }
  out.end_object().key("components").begin_object().key("securitySchemes").begin_object().key("token").begin_object();
  out.member("type", "http").member("scheme", "bearer").member("description", "API token, cga_...").end_object().end_object();
  out.key("schemas").begin_object().key("Error").raw(
      "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\",\"required\":[\"code\",\"reason\","
      "\"message\"],"
      "\"properties\":{\"code\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
      "\"fix\":{\"type\":\"string\"}}}}}");
  out.end_object().end_object().end_object();
  return text + "\n";
}

std::string rest_markdown() {
  std::string out =
      "# REST interface\n\n"
      "Generated from the table of routes in `src/admin/`; a test compares the two. `GET /api/v1/openapi.json` is the same as OpenAPI "
      "3.1.\n\n"
      "Requests carry `Authorization: Bearer cga_...` (`callgate token add`); the control socket in the data directory needs none and acts "
      "as the\n"
      "operator. Bodies are strict JSON: unknown fields, duplicate keys and wrong types are refused. Lists are `{\"items\": [...], "
      "\"next\": ...}`;\n"
      "pass `next` as `cursor` for the page after. Errors are `{\"error\": {\"code\", \"reason\", \"message\", \"fix\"}}` with a matching "
      "HTTP status:\n"
      "400 malformed, 401 not authenticated, 403 role missing, 404 not found, 405 wrong method, 409 conflict, 413 too large, 422 a value "
      "is wrong,\n"
      "503 cannot be done now. Every change is announced in the audit journal before it is made and recorded before it is reported.\n\n"
      "```sh\ncurl -s --unix-socket \"$DATA/callgate.sock\" http://callgate/api/v1/servers\n"
      "curl -s -H \"Authorization: Bearer $CALLGATE_TOKEN\" http://127.0.0.1:8808/api/v1/audit?effect=deny\n```\n\n";
  for (const auto& route : all_routes()) {
    ((((out += "## ") += route.method) += " ") += route.path) += "\n\n";
    (((out += route.summary) += ". Action `") += route.name) += "`; for ";
    (out += access_words(route.access)) += ".\n\n";
    append_rules(out, "Query", route.query);
    append_rules(out, "Body", route.body);
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace callgate::admin
