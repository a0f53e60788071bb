// Prompts, resource templates and instructions, as tools: shown only as they were approved.
#include <algorithm>

#include "gateway/filter.h"
#include "gateway/rewrite.h"
#include "upstream/fingerprint.h"

namespace callgate::gateway {
namespace {

using PinnedParts = catalog::ServerEntry::PinnedParts;

bool as_approved(const PinnedParts& parts, std::string_view name, const Digest& seen, FilterResult& found) {
  const Digest* approved = parts.find(name);
  if (approved != nullptr && *approved == seen) return true;
  const auto* held = parts.find_held(name);
  if (held != nullptr && held->fingerprint == seen) return false;
  found.catalog_outdated = true;
  return false;
}

// The answer with a member of its result replaced, or left out.
std::string with_result(json::Value answer, std::string_view member, std::string_view raw) {
  return with_member(answer, "result", with_member(answer["result"], member, raw));
}

PartsResult approved_list(json::Value answer, PartKind kind, const PinnedParts& parts) {
  const bool prompts = kind == PartKind::Prompt;
  const std::string_view member = prompts ? "prompts" : "resourceTemplates";
  PartsResult result;
  if (!answer["result"][member].is_array()) return result;
  std::string list;
  json::Writer writer(list);
  writer.begin_array();
  answer["result"][member].for_each_element([&](json::Value entry) {
    const std::string_view name = entry[prompts ? "name" : "uriTemplate"].string();
    if (as_approved(parts, name, upstream::fingerprint(kind, entry), result.found)) return void(writer.raw(entry.raw()));
    ++result.found.hidden;
    if (prompts && parts.find(name) != nullptr) result.found.changed.push_back(doubt_about_prompt(name));
  });
  writer.end_array();
  if (result.found.hidden > 0) result.answer = with_result(answer, member, list);
  return result;
}

PartsResult approved_instructions(json::Value answer, const PinnedParts& parts) {
  PartsResult result;
  json::Value instructions = answer["result"]["instructions"];
  if (!instructions.exists()) return result;
  const Digest seen = upstream::fingerprint_of_instructions(instructions.string());
  if (instructions.is_string() && (instructions.string().empty() || as_approved(parts, "instructions", seen, result.found))) return result;
  ++result.found.hidden;
  result.answer = with_result(answer, "instructions", {});
  return result;
}

}  // namespace

PartsResult approved_parts(json::Value answer, std::string_view method, const catalog::ServerEntry& server) {
  const auto pinned = [&](PartKind kind) { return server.parts_of(kind).pinned; };
  if (method == "prompts/list" && pinned(PartKind::Prompt))
    return approved_list(answer, PartKind::Prompt, server.parts_of(PartKind::Prompt));
  if (method == "resources/templates/list" && pinned(PartKind::Template))
    return approved_list(answer, PartKind::Template, server.parts_of(PartKind::Template));
  if ((method == "initialize" || method == "server/discover") && pinned(PartKind::Instructions))
    return approved_instructions(answer, server.parts_of(PartKind::Instructions));
  return {};
}

std::optional<Error> unapproved_prompt(const catalog::ServerEntry& server, std::string_view prompt) {
  const PinnedParts& parts = server.parts_of(PartKind::Prompt);
  if (!parts.pinned || (parts.find(prompt) != nullptr && parts.find_held(prompt) == nullptr)) return std::nullopt;
  const auto* held = parts.find_held(prompt);
  if (held != nullptr && held->changed)
    return Error{
        Code::Denied,
        "catalog.prompt_held",
        "Prompt " + std::string(prompt) + " has changed since it was approved and is held for review: ask whoever runs this gateway",
        {}};
  return Error{
      Code::Denied, held != nullptr ? "catalog.prompt_held" : "catalog.unknown_prompt", "Unknown prompt: " + std::string(prompt), {}};
}

std::string doubt_about_prompt(std::string_view prompt) { return "prompt\n" + std::string(prompt); }

}  // namespace callgate::gateway
