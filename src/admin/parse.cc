#include "admin/parse.h"

#include "admin/reply.h"
#include "config/client_setup.h"

namespace callgate::admin {
namespace {

Result<void> read_timeout(json::Value body, std::string_view name, std::chrono::milliseconds& into) {
  auto value = body[name];
  if (!value.exists()) return {};
  auto number = number_of(body, name);
  if (!number || *number < 1 || *number > 3'600'000)
    return fail(Code::InvalidArgument, "admin.timeout", "`" + std::string(name) + "` must be 1 to 3600000 milliseconds");
  into = std::chrono::milliseconds(*number);
  return {};
}

}  // namespace

std::vector<FieldRule> server_fields() {
  std::vector<FieldRule> fields = {
      {"name", Shape::Text, false, "what people call it"},
      {"url", Shape::Text, false, "its MCP endpoint: https://host[:port]/path; or else a `command`"},
      {"transport", Shape::Text, false, "http (streamable HTTP) or sse (HTTP+SSE, 2024-11-05); the probe finds out"},
      {"slug", Shape::Text, false, "short name in URLs and policies, [a-z0-9-]; default from the name"},
      {"headers", Shape::Map, false, "credentials sent with every request, sealed at rest, never shown again; replaces the whole set",
       Keep::Secret},
      {"policy", Shape::Text, false, "policy for grants that name none"},
      {"capture", Shape::Text, false, "how much of the arguments records keep: none, keys, redacted (default), full"},
      {"labels", Shape::Texts, false,
       "what all its tools are to rules over sequences, such as private, untrusted, sink; replaces the whole set"},
      {"disabled", Shape::Flag, false, "refuse all calls"},
      {"allow_private", Shape::Flag, false, "it may resolve to private or loopback addresses; link-local never"},
      {"tls_verify", Shape::Flag, false, "verify its certificate; default true"},
      {"tls_ca_pem", Shape::Text, false, "extra trust anchor, PEM", Keep::Bulky},
      {"connect_timeout_ms", Shape::Number, false, "default 5000"},
      {"call_timeout_ms", Shape::Number, false, "to the response head and between pieces of a stream; default 60000"},
      {"response_bytes_max", Shape::Number, false, "of one answer or one event; default 16777216"},
  };
  for (FieldRule& rule : command_fields()) fields.push_back(std::move(rule));
  return fields;
}

Result<void> read_server(json::Value body, Server& into) {
  if (body["name"].exists()) into.name = text_of(body, "name");
  if (into.name.empty() || into.name.size() > 100) return fail(Code::InvalidArgument, "admin.name", "`name` must have 1 to 100 characters");
  if (body["slug"].exists()) into.slug = text_of(body, "slug");
  if (body["url"].exists()) {
    auto url = Url::parse(body["url"].string());
    if (!url)
      return fail(Code::InvalidArgument, "admin.url",
                  "`url` must be https://host[:port]/path without user, password or fragment; put credentials into `headers`");
    into.url = *url;
  }
  CG_CHECK(read_command(body, into));
  if (body["transport"].exists()) {
    const auto transport = body["transport"].string();
    if (into.kind == ServerKind::Stdio || (transport != "http" && transport != "sse"))
      return fail(Code::InvalidArgument, "admin.transport", "`transport` must be http or sse, and a command has none");
    into.eras.events = transport == "sse";
  }
  if (body["policy"].exists()) into.policy = text_of(body, "policy");
  if (body["capture"].exists()) {
    auto name = body["capture"].string();
    bool known = false;
    for (auto level : {Capture::None, Capture::Keys, Capture::Redacted, Capture::Full})
      if (capture_name(level) == name) into.capture = level, known = true;
    if (!known) return fail(Code::InvalidArgument, "admin.capture", "`capture` must be none, keys, redacted or full");
  }
  if (body["labels"].exists()) into.labels = texts_of(body, "labels");
  into.disabled = flag_of(body, "disabled", into.disabled);
  into.allow_private = flag_of(body, "allow_private", into.allow_private);
  into.tls_verify = flag_of(body, "tls_verify", into.tls_verify);
  if (body["tls_ca_pem"].exists()) into.tls_ca_pem = text_of(body, "tls_ca_pem");
  CG_CHECK(read_timeout(body, "connect_timeout_ms", into.connect_timeout));
  CG_CHECK(read_timeout(body, "call_timeout_ms", into.call_timeout));
  if (body["response_bytes_max"].exists()) {
    auto bytes = number_of(body, "response_bytes_max");
    if (!bytes || *bytes < 1024 || *bytes > std::int64_t{1} << 30)
      return fail(Code::InvalidArgument, "admin.response_bytes", "`response_bytes_max` must be 1024 to 1073741824");
    into.response_bytes_max = static_cast<std::size_t>(*bytes);
  }
  return {};
}

Result<Server> add_pinned(catalog::CatalogStore& catalog, const Server& server, const ServerParts& parts) {
  CG_TRY(Server added, catalog.add_server(server, parts.headers, parts.secrets));
  if (!parts.pin) return added;
  if (auto pinned = catalog.set_pin(added.id, *parts.pin); !pinned) {
    (void)catalog.remove_server(added.id);
    return tl::unexpected<Error>(pinned.error());
  }
  return added;
}

FieldRule pin_field() {
  return {"pin", Shape::Text, false,
          "which of its tools may be used: default (as the setting tools.pin says), off (whatever it shows), first_sight (what its first "
          "list showed, later ones as approved), strict (only what was approved)"};
}

Result<std::optional<catalog::Pin>> read_pin(json::Value body) {
  if (!body["pin"].exists()) return std::nullopt;
  const auto pin = catalog::parse_pin(body["pin"].string());
  if (!pin) return fail(Code::InvalidArgument, "admin.pin", "`pin` must be default, off, first_sight or strict");
  return pin;
}

Result<std::vector<catalog::HeaderValue>> read_headers(json::Value body) {
  std::vector<catalog::HeaderValue> headers;
  Result<void> checked;
  body["headers"].for_each_member([&](std::string_view name, json::Value value) {
    if (!checked) return;
    checked = vault::check_header(name, value.string());
    headers.push_back({std::string(name), Secret(std::string(value.string()))});
  });
  CG_CHECK(checked);
  return headers;
}

std::vector<FieldRule> role_fields() {
  return {{"description", Shape::Text, false, "what the role is for"},
          {"permissions", Shape::Objects, true, "list of {server: slug or glob, tools: names or globs}"}};
}

Result<Role> read_role(std::string_view name, json::Value body) {
  static const std::vector<FieldRule> permission_fields = {{"server", Shape::Text, true, "slug or glob"},
                                                           {"tools", Shape::Texts, true, "names or globs"}};
  Role role;
  role.name = name;
  role.description = text_of(body, "description");
  Result<void> checked;
  body["permissions"].for_each_element([&](json::Value item) {
    if (!checked) return;
    checked = check_members(permission_fields, item, "permissions: ");
    role.permissions.push_back({text_of(item, "server"), texts_of(item, "tools")});
  });
  CG_CHECK(checked);
  return role;
}

std::vector<FieldRule> grant_fields() {
  return {
      {"label", Shape::Text, false, "what the grant is for, such as `ada laptop`"},
      {"servers", Shape::Texts, false, "ids or slugs, or [\"*\"] for every server"},
      {"policy", Shape::Text, false, "policy name; empty: each server's own; neither: everything is denied"},
      {"role", Shape::Text, false, "role that narrows servers and tools"},
      {"networks", Shape::Texts, false, "ranges it may be used from; empty: anywhere"},
      {"deny_as", Shape::Text, false, "error (default), result, or auto (by client)"},
      {"note", Shape::Text, false, "free text"},
  };
}

Result<void> read_grant(json::Value body, Grant& into) {
  if (body["label"].exists()) into.label = text_of(body, "label");
  if (into.label.empty() || into.label.size() > 200)
    return fail(Code::InvalidArgument, "admin.label", "`label` must have 1 to 200 characters");
  if (body["policy"].exists()) into.policy = text_of(body, "policy");
  if (body["role"].exists()) into.role = text_of(body, "role");
  if (body["note"].exists()) into.note = text_of(body, "note");
  if (body["networks"].exists()) {
    CG_TRY(into.networks, networks_of(body, "networks"));
  }
  if (body["deny_as"].exists()) {
    auto name = body["deny_as"].string();
    bool known = false;
    for (auto way : {DenyAs::Error, DenyAs::Result, DenyAs::Auto})
      if (deny_as_name(way) == name) into.deny_as = way, known = true;
    if (!known) return fail(Code::InvalidArgument, "admin.deny_as", "`deny_as` must be error, result or auto");
  }
  return {};
}

tl::unexpected<Error> unknown_reference(std::string_view kind, std::string_view name) {
  return fail(Code::InvalidArgument, "admin.unknown_reference",
              "there is no " + std::string(kind) + " `" + std::string(name.substr(0, 100)) + "`; `callgate " + std::string(kind) +
                  " ls` lists what there is");
}

Result<std::vector<std::string>> server_ids(Services& services, const std::vector<std::string>& names) {
  std::vector<std::string> ids;
  for (const auto& name : names) {
    if (name == "*") {
      ids.push_back(name);
      continue;
    }
    auto server = services.catalog.server(name);
    if (!server && server.error().code == Code::NotFound) return unknown_reference("server", name);
    if (!server) return tl::unexpected(server.error());
    ids.push_back(server->id);
  }
  return ids;
}

Result<void> check_policy_exists(Services& services, std::string_view name) {
  if (name.empty()) return {};
  auto found = services.catalog.policy(name, std::nullopt);
  if (found) return {};
  if (found.error().code == Code::NotFound) return unknown_reference("policy", name);
  return tl::unexpected(found.error());
}

Result<void> check_role_exists(Services& services, std::string_view name) {
  if (name.empty()) return {};
  auto found = services.identity.role(name);
  if (found) return {};
  if (found.error().code == Code::NotFound) return unknown_reference("role", name);
  return tl::unexpected(found.error());
}

Result<void> write_setup(json::Writer& out, Context& context, const std::vector<Server>& servers, std::string_view token,
                         std::string_view client) {
  out.key("setup").begin_array();
  for (const auto& server : servers) {
    config::ClientTarget target{server.slug, endpoint_of(context.services, server), std::string(token)};
    bool any = false;
    for (auto name : config::setup_clients()) {
      if (!client.empty() && name != client) continue;
      any = true;
      auto setup = config::client_setup(name, target);
      out.begin_object().member("server", server.slug).member("url", target.url).member("client", name).member("form", setup->form);
      out.member("text", setup->text).member("user_file", setup->user_file).member("project_file", setup->project_file);
      out.member("group", setup->group).member("entry", setup->entry).end_object();
    }
    if (!any) {
      auto near = config::suggest(client, config::setup_clients());
      return fail(
          Code::InvalidArgument, "admin.client",
          "there is no client `" + std::string(client.substr(0, 60)) + "`" + (near.empty() ? "" : "; did you mean `" + near + "`?"));
    }
  }
  out.end_array();
  return {};
}

Result<Reply> setup_reply(Context& context, const std::vector<Server>& servers, std::string_view token) {
  Result<void> written;
  Reply reply = json_reply(200, [&](json::Writer& out) {
    out.begin_object();
    written = write_setup(out, context, servers, token, context.ask("client"));
    out.end_object();
  });
  CG_CHECK(written);
  return reply;
}

Result<std::vector<Server>> servers_of(Services& services, const Grant& grant, std::size_t max) {
  CG_TRY(auto all, services.catalog.servers());
  std::vector<Server> reached;
  for (const auto& server : all)
    for (const auto& id : grant.servers)
      if ((id == "*" || id == server.id) && reached.size() < max) {
        reached.push_back(server);
        break;
      }
  return reached;
}

}  // namespace callgate::admin
