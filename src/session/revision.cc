#include "session/revision.h"

#include <optional>

#include "base/decimal.h"
#include "base/encoding.h"
#include "base/same_bytes.h"
#include "json/writer.h"

namespace callgate::session {
namespace {

constexpr std::string_view kWrapping = "=?base64?";

ModernFault mismatch(std::string message) { return {kHeaderMismatch, std::move(message), {}}; }

// The parameter that Mcp-Name mirrors; empty when the method has none.
std::string_view name_parameter(std::string_view method) {
  if (same_text(method, "tools/call") || method == "prompts/get") return "name";
  if (method == "resources/read") return "uri";
  if (method.starts_with("tasks/")) return "taskId";
  return {};
}

ModernFault check_name(const net::Head& head, const Message& message) {
  std::string_view parameter = name_parameter(message.method);
  if (parameter.empty() || message.kind != MessageKind::Request) return {};
  const auto [header, times] = head.find("mcp-name");
  if (times != 1) return mismatch("the Mcp-Name header is missing or repeated");
  std::string_view wanted = parameter == "name" ? message.name.string() : message.params[parameter].string();
  if (!header.starts_with(kWrapping) && same_text(header, wanted)) return {};
  auto name = decode_header_value(header);
  if (!name) return mismatch("the Mcp-Name header is not valid base64");
  if (*name != wanted) return mismatch("the Mcp-Name header does not match params." + std::string(parameter));
  return {};
}

bool carried_by(json::Value arguments, std::string_view text, int depth) {
  bool found = false;
  arguments.for_each_member([&](std::string_view, json::Value value) {
    if (!found) found = says(text, value) || (depth > 0 && carried_by(value, text, depth - 1));
  });
  return found;
}

// A mirrored parameter must say what some judged argument says: a header may not carry what no rule has seen (T-66).
ModernFault check_mirrored(const net::Head& head, const Message& message) {
  constexpr std::string_view prefix = "mcp-param-";
  for (const net::Header& header : head.headers()) {
    if (header.name.size() <= prefix.size() || (header.name[0] | 0x20) != 'm') continue;
    if (!net::equals_ignoring_case(header.name.substr(0, prefix.size()), prefix)) continue;
    if (head.count(header.name) != 1) return mismatch("a Mcp-Param header is repeated");
    auto value = decode_header_value(header.value);
    if (!value) return mismatch("a Mcp-Param header is not valid base64");
    if (!carried_by(message.arguments, *value, 8)) return mismatch("a Mcp-Param header does not match the arguments");
  }
  return {};
}

}  // namespace

bool legacy_revision(std::string_view revision) { return revision == "2025-11-25" || revision == "2025-06-18" || revision == "2025-03-26"; }

bool says(std::string_view text, json::Value value) {
  if (value.is_string()) return value.string() == text;
  if (value.is_number()) {
    auto a = Decimal::parse(value.number());
    auto b = Decimal::parse(text);
    return a && b && *a == *b;
  }
  if (value.is(json::Kind::True)) return text == "true";
  if (value.is(json::Kind::False)) return text == "false";
  return false;
}

std::optional<std::string> decode_header_value(std::string_view value) {
  constexpr std::string_view prefix = kWrapping;
  if (!value.starts_with(prefix) || !value.ends_with("?=")) return std::string(value);  // half a wrapping is a literal
  if (value.size() < prefix.size() + 2) return std::nullopt;
  return base64_decode(value.substr(prefix.size(), value.size() - prefix.size() - 2));
}

Era era_of(const net::Head& head, const Message& message) {
  std::string_view header = head.header("mcp-protocol-version");
  if (header >= kModernRevision && !header.empty()) return Era::Modern;
  if (message.method == "server/discover" || message.method == "subscriptions/listen") return Era::Modern;
  const Message::Meta& meta = message.of_meta;
  if (meta.version.exists() || meta.capabilities.exists() || meta.client_info.exists()) return Era::Modern;
  // Newer SDKs send Mcp-Method in every era: it counts only where no stateful revision is named.
  return header.empty() && !head.header("mcp-method").empty() ? Era::Modern : Era::Legacy;
}

ModernFault check_modern(const net::Head& head, const Message& message) {
  if (message.kind == MessageKind::Response) return {kInvalidRequest, "this revision has no answers from clients", {}};
  const auto [header, times] = head.find("mcp-protocol-version");
  const json::Value version = message.of_meta.version;
  if (message.kind == MessageKind::Request) {
    if (!version.is_string()) return {kInvalidParams, "params._meta needs `" + std::string(kMetaVersion) + "`", {}};
    if (!message.of_meta.capabilities.is_object())
      return {kInvalidParams, "params._meta needs `" + std::string(kMetaCapabilities) + "`", {}};
    if (times != 1) return mismatch("the MCP-Protocol-Version header is missing or repeated");
  }
  if (version.exists() && !header.empty() && !same_text(header, version.string()))
    return mismatch("the MCP-Protocol-Version header does not match params._meta");
  std::string_view claimed = version.is_string() ? version.string() : header;
  if (!claimed.empty() && !same_text(claimed, kModernRevision)) {
    if (legacy_revision(claimed)) return mismatch("a request of revision " + std::string(claimed) + " takes no per-request metadata");
    std::string data = R"({"supported":)" + std::string(kSupportedVersions) + R"(,"requested":)";
    json::append_quoted(data, claimed);
    data += '}';
    return {kUnsupportedVersion, "Unsupported protocol version", std::move(data)};
  }
  if (message.kind == MessageKind::Notification) return {};
  if (const auto method = head.find("mcp-method"); method.count != 1 || !same_text(method.value, message.method))
    return mismatch("the Mcp-Method header is missing, repeated, or does not match the method");
  if (ModernFault fault = check_name(head, message); fault.code != 0) return fault;
  return check_mirrored(head, message);
}

}  // namespace callgate::session
