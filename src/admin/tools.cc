// Tools: what the last probe of each server saw, what was approved, and decisions about the difference.
#include <fmt/core.h>

#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"
#include "base/encoding.h"
#include "risk/change.h"
#include "risk/names.h"

namespace callgate::admin {
namespace {

using catalog::PinnedTool;

std::string key_of(const PinnedTool& tool) {
  return tool.seen.server_id + "/" + tool.seen.name + (tool.kind == PartKind::Tool ? "" : "/" + std::string(part_name(tool.kind)));
}
std::string decimal(double value) { return fmt::format("{:.3f}", value); }

void write_members(json::Writer& out, const PinnedTool& tool, std::string_view server_slug) {
  const Tool& seen = tool.seen;
  out.member("server", server_slug).member("server_id", seen.server_id).member("kind", part_name(tool.kind));
  out.member("name", seen.name).member("title", seen.title);
  out.member("description", seen.description).member("fingerprint", hex_encode(seen.fingerprint));
  out.member("served", tool.served).member("standing", catalog::standing_name(tool.standing));
  out.member("risk", risk::class_name(tool.risk)).member("risk_set", tool.risk_set);
  write_time(out, "seen_at", seen.seen_at);
}

void write_listed(json::Writer& out, const PinnedTool& tool, std::string_view server_slug) {
  out.begin_object();
  write_members(out, tool, server_slug);
  out.end_object();
}

void write_evidence(json::Writer& out, const std::string& definition) {
  json::Document document;
  if (!document.parse(definition)) return;
  auto told = risk::classify(document.root());
  out.member("risk_severity", risk::severity_name(told.severity)).key("risk_evidence").begin_array();
  for (const auto& evidence : told.evidence)
    out.begin_object()
        .member("where", evidence.where)
        .member("what", evidence.what)
        .member("says", risk::class_name(evidence.says))
        .end_object();
  out.end_array();
}

Reply tool_reply(const PinnedTool& tool, std::string_view server_slug) {
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object();
    write_members(out, tool, server_slug);
    out.member("decided_by", tool.decided_by).member("reason", tool.reason);
    write_time(out, "decided_at", tool.decided_at);
    if (tool.kind == PartKind::Tool) write_evidence(out, tool.seen.definition_json);
    if (!tool.seen.definition_json.empty()) out.key("definition").raw(tool.seen.definition_json);
    if (!tool.pinned_json.empty() && tool.standing != catalog::Standing::Approved) out.key("approved_definition").raw(tool.pinned_json);
    out.end_object();
  });
}

Result<PartKind> kind_named(std::string_view name) {
  if (name.empty()) return PartKind::Tool;
  if (auto kind = parse_part(name)) return *kind;
  return fail(Code::InvalidArgument, "admin.kind", "`kind` must be tool, prompt, template or instructions");
}

// Tools; of what is held everything, unless a kind is named.
Result<std::vector<PinnedTool>> chosen(Context& context, const std::string& server_id) {
  const std::string_view name = context.ask("kind");
  CG_TRY(PartKind kind, kind_named(name == "all" ? "" : name));
  CG_TRY(auto all, context.services.catalog.pinned_tools(server_id, kind));
  if (name != "all" && (!name.empty() || context.ask("held") != "true")) return all;
  for (PartKind other : kOtherParts) {
    CG_TRY(auto more, context.services.catalog.pinned_tools(server_id, other));
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return all;
}

Result<Reply> listed(Context& context, const std::string& server_id) {
  CG_TRY(auto tools, chosen(context, server_id));
  if (auto held = context.ask("held"); held == "true") std::erase_if(tools, [](const PinnedTool& tool) { return tool.served; });
  else if (!held.empty() && held != "false") return fail(Code::InvalidArgument, "admin.query", "`held` must be true or false");
  CG_TRY(auto names, names_of(context.services));
  return list_reply(context, tools, key_of,
                    [&](json::Writer& out, const PinnedTool& tool) { write_listed(out, tool, names.servers[tool.seen.server_id]); });
}

Result<Reply> list_all(Context& context) {
  std::string id;
  if (auto name = context.ask("server"); !name.empty()) {
    CG_TRY(auto server, context.services.catalog.server(name));
    id = server.id;
  }
  return listed(context, id);
}

Result<Reply> list_of_server(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  return listed(context, server.id);
}

struct Found {
  Server server;
  PinnedTool tool;
};
Result<Found> find(Context& context) {
  Found found;
  CG_TRY(found.server, context.services.catalog.server(context.parameter("server")));
  CG_TRY(PartKind kind, kind_named(context.body["kind"].exists() ? text_of(context.body, "kind") : std::string(context.ask("kind"))));
  CG_TRY(found.tool, context.services.catalog.pinned_tool(found.server.id, context.parameter("tool"), kind));
  return found;
}

Result<Reply> show(Context& context) {
  CG_TRY(auto found, find(context));
  return tool_reply(found.tool, found.server.slug);
}

std::string_view edit_name(risk::Edit edit, std::string_view same) {
  return edit == risk::Edit::Added ? "added" : edit == risk::Edit::Removed ? "removed" : same;
}

void write_change(json::Writer& out, const risk::Change& change) {
  out.key("danger").raw(decimal(change.danger)).key("traits").begin_array();
  for (auto name : risk::trait_names(change.traits)) out.string(name);
  out.end_array().key("fields").begin_array();
  for (const auto& field : change.fields) {
    out.begin_object().member("pointer", field.pointer).member("change", edit_name(field.edit, "changed"));
    out.key("danger").raw(decimal(field.danger));
    write_texts(out, "reasons", field.reasons);
    out.key("words").begin_array();
    for (const auto& piece : field.pieces)
      out.begin_object().member("edit", edit_name(piece.edit, "same")).member("text", piece.text).end_object();
    out.end_array().end_object();
  }
  out.end_array();
}

Result<Reply> diff(Context& context) {
  CG_TRY(auto found, find(context));
  CG_TRY(auto change, context.services.catalog.compare(found.tool));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("server", found.server.slug).member("name", found.tool.seen.name);
    out.member("fingerprint", hex_encode(found.tool.seen.fingerprint)).member("standing", catalog::standing_name(found.tool.standing));
    write_change(out, change);
    out.end_object();
  });
}

// What was decided, with the rank of the change it was decided about; the record is read long afterwards.
void note_decision(Context& context, const Found& found) {
  context.target = found.server.slug + "/" + found.tool.seen.name;
  context.server_id = found.server.id;
  context.server_slug = found.server.slug;
  json::Writer facts(context.facts);
  facts.begin_object()
      .member(part_name(found.tool.kind), found.tool.seen.name)
      .member("fingerprint", hex_encode(found.tool.seen.fingerprint));
  facts.member("standing", catalog::standing_name(found.tool.standing)).member("risk", risk::class_name(found.tool.risk));
  if (found.tool.standing != catalog::Standing::Approved)
    if (auto change = context.services.catalog.compare(found.tool)) facts.key("danger").raw(decimal(change->danger));
  facts.end_object();
}

using Decide = Result<void> (catalog::CatalogStore::*)(std::string_view, std::string_view, const catalog::Decision&, PartKind);

template <Decide decide> Result<Reply> decided(Context& context) {
  CG_TRY(auto found, find(context));
  note_decision(context, found);
  CG_CHECK((context.services.catalog.*decide)(
      found.server.id, found.tool.seen.name,
      {text_of(context.body, "fingerprint"), context.caller.principal.name, text_of(context.body, "reason")}, found.tool.kind));
  CG_TRY(auto now, find(context));
  return tool_reply(now.tool, now.server.slug);
}

Result<Reply> set_risk(Context& context) {
  CG_TRY(auto found, find(context));
  note_decision(context, found);
  std::string name = text_of(context.body, "risk");
  auto risk = risk::parse_class(name);
  if (!risk && name != "auto")
    return fail(Code::InvalidArgument, "admin.risk", "`risk` must be read, write, execute, destructive, financial or auto");
  CG_CHECK(context.services.catalog.set_tool_risk(found.server.id, found.tool.seen.name, risk));
  CG_TRY(auto now, find(context));
  return tool_reply(now.tool, now.server.slug);
}

Reply pin_reply(std::string_view slug, catalog::Pin pin) {
  return json_reply(
      200, [&](json::Writer& out) { out.begin_object().member("server", slug).member("pin", catalog::pin_name(pin)).end_object(); });
}

Result<Reply> show_pin(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  CG_TRY(auto pin, context.services.catalog.pin(server.id));
  return pin_reply(server.slug, pin);
}

Result<Reply> set_pin(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  context.target = context.server_slug = server.slug;
  context.server_id = server.id;
  CG_TRY(const auto pin, read_pin(context.body));
  CG_CHECK(context.services.catalog.set_pin(server.id, pin.value_or(catalog::Pin::Strict)));  // it is there: the route requires it
  return pin_reply(server.slug, pin.value_or(catalog::Pin::Strict));
}

Result<Reply> flags(Context& context) {
  CG_TRY(auto tools, context.services.catalog.pinned_tools(""));
  CG_TRY(auto names, names_of(context.services));
  std::vector<risk::NamedTool> named;
  for (const auto& tool : tools) named.push_back({names.servers[tool.seen.server_id], tool.seen.name, tool.seen.definition_json});
  auto found = risk::name_flags(named);
  return list_reply(
      context, found,
      [](const risk::NameFlag& flag) { return flag.server + "/" + flag.tool + "/" + flag.other_server + "/" + flag.other_tool; },
      [](json::Writer& out, const risk::NameFlag& flag) {
        out.begin_object().member("kind", risk::name_flag_kind(flag.kind)).member("server", flag.server).member("tool", flag.tool);
        out.member("other_server", flag.other_server).member("other_tool", flag.other_tool).end_object();
      });
}

constexpr FieldRule kHeldRule{"held", Shape::Flag, false, "true: only what is not served now, of every kind"};
constexpr FieldRule kKindRule{"kind", Shape::Text, false, "tool, prompt, template, instructions or all; default tool"};

void add_decision_routes(std::vector<Route>& routes) {
  const std::vector<FieldRule> decision = {
      {"fingerprint", Shape::Text, false, "of the definition that was looked at; refused when the tool is another by now"},
      {"reason", Shape::Text, false, "why, for the record"},
      {"kind", Shape::Text, false, "tool, prompt, template or instructions; default tool"}};
  routes.push_back({"POST",
                    "/api/v1/servers/{server}/tools/{tool}/approve",
                    "tool.approve",
                    Access::Write,
                    "Approve a tool, prompt, template or instructions as they are now",
                    decided<&catalog::CatalogStore::approve_tool>,
                    decision,
                    {},
                    true,
                    true});
  routes.push_back({"POST",
                    "/api/v1/servers/{server}/tools/{tool}/reject",
                    "tool.reject",
                    Access::Write,
                    "Reject a tool as it is now; what was approved before counts should it come back",
                    decided<&catalog::CatalogStore::reject_tool>,
                    decision,
                    {},
                    true,
                    true});
  routes.push_back({"PUT",
                    "/api/v1/servers/{server}/tools/{tool}/risk",
                    "tool.risk",
                    Access::Write,
                    "Set a tool's class of risk, which policies read as tool.risk",
                    set_risk,
                    {{"risk", Shape::Text, true, "read, write, execute, destructive, financial; auto: told from the definition"}},
                    {},
                    true,
                    true});
}

}  // namespace

void add_tool_routes(std::vector<Route>& routes) {
  const std::string_view tool = "/api/v1/servers/{server}/tools/{tool}";
  routes.push_back({"GET",
                    "/api/v1/tools",
                    "tool.list",
                    Access::Read,
                    "List tools of all servers",
                    list_all,
                    {},
                    {{"server", Shape::Text, false, "only this server, by id or slug"}, kHeldRule, kKindRule, kLimitRule, kCursorRule}});
  routes.push_back({"GET",
                    "/api/v1/tools/flags",
                    "tool.flags",
                    Access::Read,
                    "Names that could be taken for one another, and texts that speak of another server's tools",
                    flags,
                    {},
                    {kLimitRule, kCursorRule}});
  routes.push_back({"GET",
                    "/api/v1/servers/{server}/tools",
                    "server.tools",
                    Access::Read,
                    "List tools of a server",
                    list_of_server,
                    {},
                    {kHeldRule, kKindRule, kLimitRule, kCursorRule}});
  routes.push_back({"GET", "/api/v1/servers/{server}/pin", "server.pin", Access::Read, "Which of a server's tools may be used", show_pin});
  FieldRule pin = pin_field();
  pin.required = true;
  routes.push_back({"PUT",
                    "/api/v1/servers/{server}/pin",
                    "server.set_pin",
                    Access::Write,
                    "Say which of a server's tools may be used",
                    set_pin,
                    {pin},
                    {},
                    true,
                    true});
  routes.push_back(
      {"GET", tool, "tool.show", Access::Read, "Show a tool with its definition and what its risk was told from", show, {}, {kKindRule}});
  routes.push_back({"GET",
                    "/api/v1/servers/{server}/tools/{tool}/diff",
                    "tool.diff",
                    Access::Read,
                    "What changed since the tool was approved, word by word, most dangerous first",
                    diff,
                    {},
                    {kKindRule}});
  add_decision_routes(routes);
}

}  // namespace callgate::admin
