#include "gateway/filter.h"

#include <algorithm>

#include "gateway/rewrite.h"
#include "json/fold.h"
#include "session/features.h"
#include "session/revision.h"
#include "upstream/fingerprint.h"

namespace callgate::gateway {
namespace {

bool relayed_capability(std::string_view name, const Visibility& who) {
  for (std::string_view method : {"elicitation/create", "sampling/createMessage", "roots/list"})
    if (session::capability_for(method) == name) return who.policy != nullptr && who.policy->allows_method(method);
  return name != "tasks";
}

// Translated for an older client, a tool may lose an outputSchema that client would not understand: it says less, not more.
bool lacks_output(const catalog::ServerEntry& server, std::string_view name, json::Value tool) {
  const catalog::ToolText* text = tool["outputSchema"].exists() ? nullptr : server.text(name);
  json::Document approved;
  if (text == nullptr || !approved.parse(text->definition)) return false;
  return upstream::fingerprint_without_output(approved.root()) == upstream::fingerprint_without_output(tool);
}

// A live list is no news from a friend: what it shows passes only as it was approved (T-47), whatever the server showed before.
bool as_approved(const catalog::ServerEntry& server, std::string_view name, json::Value tool, FilterResult& outcome) {
  if (!server.pinned) {
    outcome.catalog_outdated |= !std::ranges::binary_search(server.tool_names, name);
    return true;
  }
  const Digest seen = upstream::fingerprint(tool);
  if (const Digest* approved = server.fingerprint(name); approved != nullptr && (*approved == seen || lacks_output(server, name, tool)))
    return true;
  const auto* held = server.held_tool(name);
  if (held != nullptr && held->fingerprint == seen) return false;  // it is known that it looks like this
  outcome.catalog_outdated = true;
  if (server.fingerprint(name) != nullptr) outcome.changed.emplace_back(name);
  return false;
}

void append_result(json::Writer& writer, json::Value result, const Visibility& who, session::Era era, FilterResult& outcome) {
  writer.begin_object();
  bool modern = era == session::Era::Modern;
  result.for_each_member([&](std::string_view key, json::Value value) {
    if (modern && json::equal_folded(key, "cacheScope")) return;
    if (key != "tools" && json::equal_folded(key, "tools")) return;  // T-01: some client would read it, and nobody has filtered it
    writer.key(key);
    if (key != "tools" || !value.is_array()) {
      writer.raw(value.raw());
      return;
    }
    writer.begin_array();
    value.for_each_element([&](json::Value tool) {
      std::string_view name = tool["name"].string();
      if (!tool["name"].is_string() || !visible(who, name) || (modern && !schema::mirrored_in(tool["inputSchema"]).valid)) {
        ++outcome.hidden;
        return;
      }
      if (!as_approved(*who.server, name, tool, outcome)) {
        ++outcome.hidden;
        return;
      }
      writer.raw(tool.raw());
    });
    writer.end_array();
  });
  if (modern) writer.member("cacheScope", "private");
  writer.end_object();
}

constexpr std::string_view kParameter = "mcp-param-";

// Some argument of this very name says `text`.
bool said_by_name(json::Value arguments, std::string_view name, std::string_view text, int depth) {
  bool found = false;
  arguments.for_each_member([&](std::string_view member, json::Value value) {
    if (found) return;
    found = (net::equals_ignoring_case(member, name) && session::says(text, value)) ||
            (depth > 0 && said_by_name(value, name, text, depth - 1));
  });
  return found;
}

}  // namespace

bool visible(const Visibility& who, std::string_view tool) {
  return who.policy != nullptr && !who.policy->hides(tool) && identity::may_use_tool(*who.caller, who.server->server, tool);
}

bool unknown_to_catalog(const catalog::ServerEntry& server, std::optional<std::size_t> place) {
  return (server.pinned || !server.tool_names.empty()) && !place;
}

Error unknown_tool(const catalog::ServerEntry& server, std::string_view tool) {
  const auto* held = server.held_tool(tool);
  const bool approved = server.fingerprint(tool) != nullptr;  // and in doubt, or nobody would ask
  if (held == nullptr && !approved) return {Code::Denied, "catalog.unknown_tool", "Unknown tool: " + std::string(tool), {}};
  if (held != nullptr && !held->changed) return {Code::Denied, "catalog.tool_held", "Unknown tool: " + std::string(tool), {}};
  return {Code::Denied,
          "catalog.tool_held",
          "Tool " + std::string(tool) + " has changed since it was approved and is held for review: ask whoever runs this gateway",
          {}};
}

bool goes_on(const net::Header& header, const session::Message& message, const catalog::ServerEntry& server) {
  if (header.name.size() <= kParameter.size() || (header.name[0] | 0x20) != 'm') return false;
  if (!net::equals_ignoring_case(header.name.substr(0, kParameter.size()), kParameter)) return false;
  if (message.method != "tools/call" || message.kind != session::MessageKind::Request) return false;
  const auto text = session::decode_header_value(header.value);
  if (!text) return false;
  const schema::Schema* schema = server.input_schema(message.name.string());
  if (schema == nullptr) return said_by_name(message.arguments, header.name.substr(kParameter.size()), *text, 8);
  for (const schema::Mirrored& mirrored : schema->mirrored().parameters) {
    if (!net::equals_ignoring_case(mirrored.header, header.name)) continue;
    json::Value value = message.arguments;
    for (const std::string& name : mirrored.path) value = value[name];
    return session::says(*text, value);
  }
  return false;
}

FilterResult append_filtered_list(std::string& out, json::Value answer, const Visibility& who, session::Era era) {
  FilterResult outcome;
  json::Writer writer(out);
  append_with(writer, answer, "result", [&](json::Value result) { append_result(writer, result, who, era, outcome); });
  return outcome;
}

Digest seen_tools(const Visibility& who) {
  Blake2b digest;
  for (const std::string& tool : who.server->tool_names) {
    if (!visible(who, tool)) continue;
    digest.add(tool);
    digest.add("\n");
  }
  return digest.finish();
}

namespace {

void append_capabilities(json::Writer& writer, json::Value capabilities) {
  append_with(writer, capabilities, "tools", [&](json::Value tools) {
    writer.begin_object();
    tools.for_each_member([&](std::string_view name, json::Value value) {
      if (!json::equal_folded(name, "listChanged")) writer.key(name).raw(value.raw());
    });
    writer.member("listChanged", true).end_object();
  });
}

}  // namespace

void append_initialized(std::string& out, json::Value answer) {
  json::Writer writer(out);
  append_with(writer, answer, "result", [&](json::Value result) {
    append_with(writer, result, "capabilities", [&](json::Value capabilities) { append_capabilities(writer, capabilities); });
  });
}

void append_discover(std::string& out, json::Value answer) {
  json::Writer writer(out);
  append_with(writer, answer, "result", [&](json::Value result) {
    writer.begin_object();
    result.for_each_member([&](std::string_view name, json::Value member) {
      if (json::equal_folded(name, "cacheScope")) return;
      writer.key(name).raw(name == "supportedVersions" ? session::kSupportedVersions : member.raw());
    });
    writer.member("cacheScope", "private").end_object();
  });
}

void append_initialize(std::string& out, json::Value request, const Visibility& who) {
  json::Writer writer(out);
  append_with(writer, request, "params", [&](json::Value params) {
    append_with(writer, params, "capabilities", [&](json::Value capabilities) {
      rewrite(writer, capabilities, [&](std::string_view name, json::Value) { return !relayed_capability(name, who); });
    });
  });
}

}  // namespace callgate::gateway
