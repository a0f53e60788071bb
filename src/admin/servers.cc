// Servers: what the gate stands in front of. Header values go in and never come out.
#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"

#include <charconv>
#include <limits>

namespace callgate::admin {
namespace {

Result<vault::Credentials> unsealed(const std::vector<catalog::HeaderValue>& headers, const std::vector<catalog::HeaderValue>& secrets) {
  std::string lines, environment;
  for (const auto& header : headers) {
    CG_CHECK(vault::check_header(header.name, header.value.reveal()));
    ((((lines += header.name) += ": ") += header.value.reveal()) += "\r\n");
  }
  for (const auto& secret : secrets) (((environment += secret.name) += '=') += secret.value.reveal()) += '\0';
  return vault::Credentials(Secret(std::move(lines)), Secret(std::move(environment)));
}

// The first stage that failed, as one error; all stages go along.
Reply probe_refusal(const upstream::ProbeReport& report) {
  const upstream::Stage* failed = nullptr;
  for (const auto& stage : report.stages)
    if (!stage.ok && !stage.skipped && !failed) failed = &stage;
  std::string extra = "\"probe\":";
  json::Writer out(extra);
  write_probe(out, report);
  Error error{Code::InvalidArgument, "server.probe_failed",
              failed ? "the probe failed at `" + failed->name + "`: " + failed->why : "the probe failed", ""};
  return error_reply(error, failed ? failed->fix + "; or add it as it is with `probe: false` (on the command line `--no-probe`)" : "",
                     extra);
}

Reply server_reply(int status, Context& context, const Server& server, const upstream::ProbeReport* probe) {
  ServerMore more;
  if (server.kind == ServerKind::Stdio && context.services.weakened != nullptr) more.weakened = context.services.weakened(server);
  if (!server.id.empty()) {
    if (auto pin = context.services.catalog.pin(server.id)) more.pin = *pin;
  }
  return json_reply(status, [&](json::Writer& out) {
    out.begin_object().key("server");
    write_server(out, server, context.services.public_url, more);
    if (probe) {
      out.key("probe");
      write_probe(out, *probe);
    }
    out.end_object();
  });
}

void name_target(Context& context, const Server& server) {
  context.target = server.slug;
  context.server_id = server.id;
  context.server_slug = server.slug;
}

Result<Reply> list(Context& context) {
  CG_TRY(auto servers, context.services.catalog.servers());
  return list_reply(
      context, servers, [](const Server& s) { return s.id; },
      [&](json::Writer& out, const Server& s) { write_server(out, s, context.services.public_url); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  return server_reply(200, context, server, nullptr);
}

// Tools held from now on belong into the record of the probe that found them.
void note_sighting(Context& context, const catalog::Sighting& sighting) {
  if (sighting.held.empty() && sighting.accepted.empty()) return;
  json::Writer facts(context.facts);
  facts.begin_object();
  write_texts(facts, "held", sighting.held);
  write_texts(facts, "accepted_by_rule", sighting.accepted);
  facts.end_object();
}

Result<Reply> add(Context& context) {
  auto& catalog = context.services.catalog;
  if (!context.body["url"].exists() && !context.body["command"].exists())
    return fail(Code::InvalidArgument, "admin.missing_field", "`url` is missing; a server that is a program has a `command` instead");
  Server server;
  CG_CHECK(read_server(context.body, server));
  CG_TRY(auto headers, read_headers(context.body));
  CG_TRY(const auto pin, read_pin(context.body));
  auto secrets = read_secrets(context.body);
  CG_CHECK(check_command_allowed(context, server, context.body));
  CG_CHECK(catalog::check_server(server));
  CG_CHECK(check_policy_exists(context.services, server.policy));
  context.target = server.slug.empty() ? server.name : server.slug;
  CG_TRY(auto credentials, unsealed(headers, secrets));
  std::optional<upstream::ProbeReport> report;
  if (flag_of(context.body, "probe", true)) {
    report = context.probe(server, credentials);
    if (!report->ok) {
      context.changed = false;
      return probe_refusal(*report);
    }
  }
  if (flag_of(context.body, "dry_run", false)) {
    context.changed = false;
    return server_reply(200, context, server, report ? &*report : nullptr);
  }
  CG_TRY(server, add_pinned(catalog, server, {headers, secrets, pin}));
  name_target(context, server);
  if (report) {
    for (auto& tool : report->tools) tool.server_id = server.id;
    CG_TRY(auto sighting, catalog.put_seen(server.id, {report->tools, report->parts, report->kinds_told, report->eras}));
    note_sighting(context, sighting);
    server.eras = report->eras;
  }
  return server_reply(201, context, server, report ? &*report : nullptr);
}

Result<Reply> edit(Context& context) {
  auto& catalog = context.services.catalog;
  CG_TRY(auto server, catalog.server(context.parameter("server")));
  name_target(context, server);
  if (auto version = number_of(context.body, "version")) server.version = *version;
  CG_CHECK(read_server(context.body, server));
  CG_CHECK(check_command_allowed(context, server, context.body));
  CG_CHECK(check_policy_exists(context.services, server.policy));
  std::optional<std::vector<catalog::HeaderValue>> headers, secrets;
  if (context.body["secret_environment"].exists()) secrets = read_secrets(context.body);
  if (context.body["headers"].exists()) {
    CG_TRY(headers, read_headers(context.body));
  }
  CG_TRY(server, catalog.update_server(server, headers, secrets));
  name_target(context, server);
  return server_reply(200, context, server, nullptr);
}

Result<Reply> remove(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  name_target(context, server);
  CG_CHECK(context.services.catalog.remove_server(server.id));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("removed", server.slug).end_object(); });
}

Result<Reply> probe(Context& context) {
  auto& catalog = context.services.catalog;
  CG_TRY(auto server, catalog.server(context.parameter("server")));
  name_target(context, server);
  CG_TRY(auto credentials, catalog.credentials(server.id));
  auto report = context.probe(server, credentials);
  context.changed = report.ok;
  if (report.ok) {
    for (auto& tool : report.tools) tool.server_id = server.id;
    CG_TRY(auto sighting, catalog.put_seen(server.id, {report.tools, report.parts, report.kinds_told, report.eras}));
    note_sighting(context, sighting);
    server.eras = report.eras;
  }
  return server_reply(200, context, server, &report);
}

Result<std::int64_t> query_number(const Context& context, std::string_view name, std::int64_t otherwise, std::int64_t most) {
  const std::string_view text = context.ask(name);
  if (text.empty()) return otherwise;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > most)
    return fail(Code::InvalidArgument, "admin.query",
                "`" + std::string(name) + "` must be a whole number, at most " + std::to_string(most));
  return number;
}

Result<Reply> logs(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  if (server.kind != ServerKind::Stdio)
    return fail(Code::InvalidArgument, "server.no_logs", "server `" + server.slug + "` is no command: only those have logs here");
  CG_TRY(auto since, query_number(context, "since", 0, std::numeric_limits<std::int64_t>::max()));
  CG_TRY(auto limit, query_number(context, "limit", 200, 10'000));
  std::vector<stdio::LogLine> lines;
  if (context.services.logs) lines = context.services.logs(server.id, static_cast<std::uint64_t>(since), static_cast<std::size_t>(limit));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().key("items").begin_array();
    for (const auto& line : lines) {
      out.begin_object().member("sequence", static_cast<std::int64_t>(line.sequence));
      write_time(out, "time", line.time);
      out.member("process", static_cast<std::int64_t>(line.process)).member("text", std::string_view(line.text)).end_object();
    }
    out.end_array().end_object();
  });
}

Result<Reply> setup(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  return setup_reply(context, {server}, "YOUR_GRANT");
}

}  // namespace

void add_server_routes(std::vector<Route>& routes) {
  std::vector<FieldRule> fields = server_fields();
  std::vector<FieldRule> add_fields = fields;
  for (auto& field : add_fields) field.required = field.name == "name";
  add_fields.push_back(pin_field());
  add_fields.push_back({"probe", Shape::Flag, false, "look at the server before adding it; default true"});
  add_fields.push_back({"dry_run", Shape::Flag, false, "check and probe only"});
  std::vector<FieldRule> edit_fields = fields;
  edit_fields.push_back({"version", Shape::Number, false, "refuse when the server changed since this version"});
  routes.push_back({"GET", "/api/v1/servers", "server.list", Access::Read, "List servers", list, {}, {kLimitRule, kCursorRule}});
  routes.push_back(
      {"POST", "/api/v1/servers", "server.add", Access::Write, "Add a server after a staged probe", add, add_fields, {}, true, true});
  routes.push_back({"GET", "/api/v1/servers/{server}", "server.show", Access::Read, "Show a server by id or slug", show});
  routes.push_back({"PATCH",
                    "/api/v1/servers/{server}",
                    "server.edit",
                    Access::Write,
                    "Change a server; what is not named stays",
                    edit,
                    edit_fields,
                    {},
                    true,
                    true});
  routes.push_back({"DELETE", "/api/v1/servers/{server}", "server.remove", Access::Write, "Remove a server", remove, {}, {}, true, true});
  routes.push_back({"POST",
                    "/api/v1/servers/{server}/probe",
                    "server.probe",
                    Access::Write,
                    "Probe again and take over the tools seen",
                    probe,
                    {},
                    {},
                    true,
                    true});
  routes.push_back({"GET",
                    "/api/v1/servers/{server}/logs",
                    "server.logs",
                    Access::Read,
                    "What the processes of a command wrote to standard error, newest last; secrets of its environment are masked",
                    logs,
                    {},
                    {{"since", Shape::Number, false, "only lines after this `sequence`"},
                     {"limit", Shape::Number, false, "newest lines, at most 10000; default 200"}}});
  routes.push_back({"GET",
                    "/api/v1/servers/{server}/setup",
                    "server.setup",
                    Access::Read,
                    "Client configuration for a server, with a placeholder for the grant",
                    setup,
                    {},
                    {{"client", Shape::Text, false, "one client only, such as claude-code"}}});
}

}  // namespace callgate::admin
