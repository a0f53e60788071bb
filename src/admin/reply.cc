#include "admin/reply.h"

#include <charconv>

#include "base/encoding.h"

namespace callgate::admin {

int http_status(Code code) {
  switch (code) {
    case Code::InvalidRequest: return 400;
    case Code::InvalidArgument: return 422;
    case Code::Unauthenticated: return 401;
    case Code::Forbidden:
    case Code::Denied: return 403;
    case Code::NotFound: return 404;
    case Code::Conflict: return 409;
    case Code::TooLarge: return 413;
    case Code::RateLimited: return 429;
    case Code::Unavailable:
    case Code::Cancelled: return 503;
    case Code::Timeout: return 504;
    case Code::Internal: return 500;
  }
  return 500;
}

std::string error_body(const Error& error, std::string_view fix, std::string_view extra) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("error").begin_object();
  out.member("code", code_name(error.code)).member("reason", error.reason).member("message", std::string_view(error.message));
  if (!fix.empty()) out.member("fix", fix);
  out.end_object();
  if (!extra.empty()) (body += ',') += extra;
  out.end_object();
  return body += '\n';
}

Reply error_reply(const Error& error, std::string_view fix, std::string_view extra) {
  Reply reply;
  reply.status = http_status(error.code);
  reply.body = error_body(error, fix, extra);
  reply.reason = error.reason;
  reply.message = error.message;
  if (reply.status == 401) reply.headers = "WWW-Authenticate: Bearer realm=\"callgate-api\"\r\n";
  if (reply.status == 503 || reply.status == 429) reply.headers = "Retry-After: 1\r\n";
  return reply;
}

Result<Page> page_of(const Context& context, std::size_t total, const std::function<std::string(std::size_t)>& key_of) {
  std::size_t limit = 100;
  if (auto text = context.ask("limit"); !text.empty()) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit == 0 || limit > 1000)
      return fail(Code::InvalidArgument, "admin.query", "`limit` must be a number from 1 to 1000");
  }
  Page page;
  if (auto cursor = context.ask("cursor"); !cursor.empty()) {
    // The item itself may be gone by now; the page then starts over rather than skip what is new.
    for (std::size_t i = 0; i < total; ++i)
      if (key_of(i) == cursor) page.first = i + 1;
    if (page.first == 0) return fail(Code::Conflict, "admin.cursor", "the list changed below this `cursor`; start again without it");
  }
  page.count = std::min(limit, total - page.first);
  if (page.count > 0 && page.first + page.count < total) page.next = key_of(page.first + page.count - 1);
  return page;
}

std::string text_of(json::Value body, std::string_view name) { return std::string(body[name].string()); }

bool flag_of(json::Value body, std::string_view name, bool otherwise) {
  auto value = body[name];
  return value.exists() ? value.is(json::Kind::True) : otherwise;
}

std::vector<std::string> texts_of(json::Value body, std::string_view name) {
  std::vector<std::string> texts;
  body[name].for_each_element([&](json::Value item) { texts.emplace_back(item.string()); });
  return texts;
}

std::optional<std::int64_t> number_of(json::Value body, std::string_view name) {
  auto text = body[name].number();
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::optional<std::chrono::seconds>> duration_of(json::Value body, std::string_view name) {
  if (!body[name].exists()) return std::optional<std::chrono::seconds>();
  auto duration = parse_duration(body[name].string());
  if (!duration || duration->count() <= 0)
    return fail(Code::InvalidArgument, "admin.duration", "`" + std::string(name) + "` must be a duration such as 15m, 12h or 30d");
  return std::optional(*duration);
}

Result<std::vector<IpRange>> networks_of(json::Value body, std::string_view name) {
  std::vector<IpRange> networks;
  for (const auto& text : texts_of(body, name)) {
    auto range = IpRange::parse(text);
    if (!range)
      return fail(Code::InvalidArgument, "admin.network",
                  "`" + text.substr(0, 60) + "` is not a network range; write 10.0.0.0/8, 2001:db8::/32 or one address");
    networks.push_back(*range);
  }
  return networks;
}

Result<std::optional<WallTime>> moment_of(const Context& context, std::string_view name, std::string_view text) {
  if (text.empty()) return std::optional<WallTime>();
  if (auto time = parse_time(text)) return time;
  if (auto ago = parse_duration(text)) return std::optional(context.now() - *ago);
  return fail(Code::InvalidArgument, "admin.time",
              "`" + std::string(name) + "` must be a time (2026-07-28T09:00:00Z) or a duration back from now (2h)");
}

void write_time(json::Writer& out, std::string_view name, const std::optional<WallTime>& time) {
  out.key(name);
  if (time && *time != WallTime{}) out.string(format_time(*time));
  else out.null();
}

void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const auto& text : texts) out.string(text);
  out.end_array();
}

std::string_view capture_name(Capture capture) {
  switch (capture) {
    case Capture::None: return "none";
    case Capture::Keys: return "keys";
    case Capture::Redacted: return "redacted";
    case Capture::Full: return "full";
  }
  return "redacted";
}

std::string_view deny_as_name(DenyAs deny_as) {
  switch (deny_as) {
    case DenyAs::Error: return "error";
    case DenyAs::Result: return "result";
    case DenyAs::Auto: return "auto";
  }
  return "error";
}

std::string_view grant_state(const Grant& grant, WallTime now) {
  if (grant.revoked_at) return "revoked";
  return grant.expires_at <= now ? "expired" : "live";
}

std::string endpoint_of(const Services& services, const Server& server) { return services.public_url + "/mcp/" + server.id + "/"; }

// Values of secret variables are not here: nobody has them to show.
void write_command(json::Writer& out, const Command& command) {
  write_texts(out, "command", command.argv);
  out.key("environment").begin_object();
  for (const std::string& one : command.environment) {
    const std::size_t equals = one.find('=');
    out.member(std::string_view(one).substr(0, equals), std::string_view(one).substr(equals + 1));
  }
  out.end_object();
  write_texts(out, "secret_names", command.secret_names);
  out.member("workspace", std::string_view(command.workspace));
  out.member("workspace_access", command.workspace_access == Mount::ReadWrite ? "rw" : "ro");
  write_texts(out, "readable", command.readable);
  write_texts(out, "network", command.network);
  out.member("image", std::string_view(command.image));
  out.member("shared", command.shared).member("confined", command.confined);
  out.member("memory_bytes_max", static_cast<std::int64_t>(command.memory_bytes_max));
  out.member("processes_max", static_cast<std::int64_t>(command.processes_max));
  out.member("cpu_seconds_max", static_cast<std::int64_t>(command.cpu_seconds_max.count()));
}

void write_server(json::Writer& out, const Server& server, std::string_view base_url, const ServerMore& more) {
  out.begin_object();
  const bool stdio = server.kind == ServerKind::Stdio;
  out.member("id", server.id).member("slug", server.slug).member("name", server.name).member("kind", stdio ? "stdio" : "http");
  if (more.weakened) write_texts(out, "weakened", *more.weakened);
  if (stdio) write_command(out, server.command);
  else out.member("url", server.url.text()).member("transport", server.eras.events ? "sse" : "http");
  out.member("speaks_legacy", server.eras.legacy).member("speaks_modern", server.eras.modern);
  out.member("endpoint", std::string(base_url) + "/mcp/" + server.id + "/");
  out.member("policy", server.policy).member("disabled", server.disabled).member("allow_private", server.allow_private);
  out.member("tls_verify", server.tls_verify).member("tls_ca_pem", server.tls_ca_pem);
  out.member("capture", capture_name(server.capture));
  if (more.pin) out.member("pin", catalog::pin_name(*more.pin));
  write_texts(out, "labels", server.labels);
  write_texts(out, "header_names", server.header_names);
  out.member("connect_timeout_ms", static_cast<std::int64_t>(server.connect_timeout.count()));
  out.member("call_timeout_ms", static_cast<std::int64_t>(server.call_timeout.count()));
  out.member("response_bytes_max", static_cast<std::int64_t>(server.response_bytes_max));
  out.member("version", server.version);
  write_time(out, "created_at", server.created_at);
  write_time(out, "updated_at", server.updated_at);
  out.end_object();
}

Result<Names> names_of(Services& services) {
  Names names;
  CG_TRY(auto principals, services.identity.principals());
  for (auto& principal : principals) names.principals[principal.id] = std::move(principal.name);
  CG_TRY(auto servers, services.catalog.servers());
  for (auto& server : servers) names.servers[server.id] = std::move(server.slug);
  return names;
}

void write_principal(json::Writer& out, const Principal& principal) {
  out.begin_object();
  out.member("id", principal.id).member("kind", principal.kind == PrincipalKind::User ? "user" : "robot");
  out.member("name", principal.name).member("display_name", principal.display_name).member("owner_id", principal.owner_id);
  out.member("disabled", principal.disabled);
  write_texts(out, "admin_roles", principal.admin_roles);
  write_time(out, "created_at", principal.created_at);
  out.end_object();
}

void write_role(json::Writer& out, const Role& role) {
  out.begin_object();
  out.member("name", role.name).member("description", role.description).key("permissions").begin_array();
  for (const auto& permission : role.permissions) {
    out.begin_object().member("server", permission.server);
    write_texts(out, "tools", permission.tools);
    out.end_object();
  }
  out.end_array().end_object();
}

void write_grant(json::Writer& out, const Grant& grant, WallTime now, const Names& names) {
  out.begin_object();
  out.member("id", grant.id).member("label", grant.label).member("state", grant_state(grant, now));
  auto holder = names.principals.find(grant.principal_id);
  out.member("principal", holder == names.principals.end() ? std::string_view() : std::string_view(holder->second));
  out.member("principal_id", grant.principal_id);
  std::vector<std::string> slugs;
  for (const auto& id : grant.servers) {
    auto found = names.servers.find(id);
    slugs.push_back(found == names.servers.end() ? id : found->second);
  }
  write_texts(out, "servers", slugs);
  write_texts(out, "server_ids", grant.servers);
  out.member("policy", grant.policy).member("role", grant.role).member("deny_as", deny_as_name(grant.deny_as));
  out.key("networks").begin_array();
  for (const auto& network : grant.networks) out.string(network.text());
  out.end_array();
  out.member("token_last4", grant.token_last4).member("note", grant.note).member("version", grant.version);
  write_time(out, "created_at", grant.created_at);
  write_time(out, "expires_at", grant.expires_at);
  write_time(out, "revoked_at", grant.revoked_at);
  write_time(out, "last_used_at", grant.last_used_at);
  write_time(out, "overlap_until", grant.overlap_until);
  out.end_object();
}

void write_probe(json::Writer& out, const upstream::ProbeReport& report) {
  out.begin_object().member("ok", report.ok).member("auth_required", report.auth_required);
  out.member("server_name", report.server_name).member("server_version", report.server_version);
  write_texts(out, "protocol_versions", report.protocol_versions);
  out.key("stages").begin_array();
  for (const auto& stage : report.stages) {
    out.begin_object().member("name", stage.name).member("ok", stage.ok).member("skipped", stage.skipped).member("what", stage.what);
    out.member("why", stage.why).member("fix", stage.fix).member("took_ms", stage.took_ms).end_object();
  }
  out.end_array().key("tools").begin_array();
  for (const auto& tool : report.tools) out.string(tool.name);
  out.end_array().end_object();
}

void write_problems(json::Writer& out, const std::vector<policy::Problem>& problems) {
  out.begin_array();
  for (const auto& problem : problems) {
    out.begin_object().member("pointer", problem.pointer).member("line", static_cast<std::int64_t>(problem.line));
    out.member("column", static_cast<std::int64_t>(problem.column)).member("message", problem.message);
    out.member("warning", problem.warning).end_object();
  }
  out.end_array();
}

Reply refused_draft(const std::vector<policy::Problem>& problems) {
  std::string extra = "\"problems\":";
  json::Writer out(extra);
  write_problems(out, problems);
  return error_reply(Error{Code::InvalidArgument, "policy.document", "the document has problems; `problems` lists them", ""}, {}, extra);
}

void write_api_token(json::Writer& out, const identity::IdentityStore::ApiToken& token) {
  out.begin_object().member("id", token.id).member("principal_id", token.principal_id).member("label", token.label);
  out.member("last4", token.last4);
  write_time(out, "created_at", token.created_at);
  write_time(out, "expires_at", token.expires_at);
  out.end_object();
}

}  // namespace callgate::admin
