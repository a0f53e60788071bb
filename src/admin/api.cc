#include "admin/api.h"

#include <mutex>

#include "admin/backtest_runs.h"
#include "admin/match.h"
#include "admin/reply.h"
#include "admin/route.h"
#include "base/crypto.h"
#include "telemetry/log.h"

namespace callgate::admin {

bool Caller::has(std::string_view role) const {
  for (const auto& held : principal.admin_roles)
    if (held == role) return true;
  return false;
}

bool Caller::may(Access access) const {
  if (local) return true;
  bool owner = has("owner"), admin = owner || has("admin");
  switch (access) {
    case Access::Public:
    case Access::Signed: return true;
    case Access::Read: return admin || has("auditor");
    case Access::Write: return admin;
    case Access::Owner: return owner;
  }
  return false;
}

const std::string& Context::parameter(std::string_view name) const {
  static const std::string none;
  auto found = parameters.find(name);
  return found == parameters.end() ? none : found->second;
}

std::string_view Context::ask(std::string_view name) const {
  auto found = query.find(name);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

upstream::ProbeReport Context::probe(const Server& server, const vault::Credentials& credentials) {
  if (!lock) return services.probe(server, credentials);
  struct Opened {
    std::unique_lock<std::mutex>& held;
    explicit Opened(std::unique_lock<std::mutex>& lock_held) : held(lock_held) { held.unlock(); }
    ~Opened() { held.lock(); }
  } opened(*lock);
  return services.probe(server, credentials);
}

struct Api::Inner {
  explicit Inner(Services given) : services(std::move(given)), backtests(services) { services.backtests = &backtests; }

  Services services;
  std::vector<Route> routes = all_routes();
  std::mutex changes;  // one change at a time: check, store and publish belong together
  BacktestRuns backtests;

  ApiResponse answer(Reply reply) const {
    ApiResponse response;
    response.status = reply.status;
    response.content_type = reply.content_type;
    response.extra_headers = std::move(reply.headers) + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    response.body = std::move(reply.body);
    return response;
  }

  Result<Caller> authenticate(const ApiRequest& request) const {
    Caller caller;
    if (request.local_socket) {
      caller.local = true;
      caller.principal.id = caller.principal.name = "local";
      caller.principal.display_name = "operator on the control socket";
      caller.principal.admin_roles = {"owner"};
      return caller;
    }
    std::string_view value = request.authorization;
    if (value.empty())
      return fail(Code::Unauthenticated, "admin.missing_token",
                  "no API token; send `Authorization: Bearer cga_...` (`callgate token add`)");
    if (value.size() < 8 || !is_bearer(value.substr(0, 7)))
      return fail(Code::Unauthenticated, "admin.malformed_token", "the Authorization header must be `Bearer cga_...`");
    value.remove_prefix(7);
    if (value.starts_with("cg_"))
      return fail(Code::Unauthenticated, "admin.grant_token", "this is a grant for MCP clients; the API takes an API token (cga_...)");
    CG_TRY(caller.principal, services.identity.authenticate_api_token(value));
    if (caller.principal.disabled)
      return fail(Code::Unauthenticated, "admin.principal_disabled", "the principal of this API token is disabled; ask an owner");
    return caller;
  }

  static bool is_bearer(std::string_view text) {
    constexpr std::string_view kBearer = "bearer ";
    for (std::size_t i = 0; i < kBearer.size(); ++i)
      if ((text[i] | (text[i] == ' ' ? 0 : 0x20)) != kBearer[i]) return false;
    return true;
  }

  struct Trail {
    std::string decision_id, remote, detail, method;
  };

  Record record_of(const Caller& caller, const Trail& trail, Record::Kind kind) const {
    Record record;
    record.kind = kind;
    record.time = services.clock.now();
    record.decision_id = trail.decision_id;
    record.principal_id = caller.principal.id;
    record.principal_name = caller.principal.name;
    record.principal_kind = caller.principal.kind == PrincipalKind::Robot ? "robot" : "user";
    record.remote_address = trail.remote;
    record.client = caller.local ? "control socket" : "api";
    record.method = trail.method;
    record.detail_json = trail.detail;
    return record;
  }

  // Refused before anything was done: recorded like every refusal; a journal that cannot take it turns it into a 503.
  Reply refuse(const Caller& caller, const ApiRequest& request, const Route* route, const Error& error) const {
    Trail trail{new_id("dec"), request.local_socket ? "" : request.remote.text(), "", request.method + " " + shown_path(request.path)};
    Record record = record_of(caller, trail, Record::Kind::Refusal);
    if (caller.principal.id.empty()) record.principal_kind = {};
    if (route) record.tool = route->name;
    record.effect = Effect::Deny;
    record.reason = error.reason;
    record.message = error.message;
    if (auto recorded = services.record(record); !recorded) return not_recorded(recorded.error());
    return error_reply(error);
  }

  static Reply not_recorded(const Error& error) {
    telemetry::log_error("admin record refused", {{"reason", std::string(error.reason)}, {"detail", error.detail}});
    return error_reply(Error{Code::Unavailable, "audit.unavailable", "the audit journal cannot take a record, so nothing was changed", ""},
                       "see `callgate doctor`: free disk space or repair the journal, then try again");
  }

  static std::string shown_path(std::string_view path) { return std::string(path.substr(0, 200)); }

  Reply run(Context& context, const Route& route) {
    if (!route.changes) {
      auto reply = route.handler(context);
      return reply ? std::move(*reply) : error_reply(reply.error());
    }
    std::unique_lock lock(changes);
    context.lock = &lock;
    Trail trail{new_id("dec"), context.request.local_socket ? "" : context.request.remote.text(), "",
                context.request.method + " " + shown_path(context.request.path)};
    trail.detail = "{\"action\":\"" + std::string(route.name) + "\",\"request\":" + recordable_body(route, context.body) + "}";
    Record intent = record_of(context.caller, trail, Record::Kind::Intent);
    intent.tool = route.name;
    intent.reason = "intent";
    if (auto recorded = services.record(intent); !recorded) return not_recorded(recorded.error());

    auto result = route.handler(context);
    Reply reply = result ? std::move(*result) : error_reply(result.error());
    Error error = result ? Error{Code::Internal, "ok", "", ""} : result.error();
    if (result && reply.status >= 400) error = Error{Code::InvalidArgument, reply.reason, reply.message, ""};
    // A failed step may still have changed something before it failed (and was undone): publish what the store now says.
    if (route.publishes && context.changed) publish(reply, error);
    trail.detail = outcome_detail(context, route, reply.status);
    return close(context, route, trail, error, std::move(reply));
  }

  void publish(Reply& reply, Error& error) const {
    auto published = services.republish();
    if (published) return;
    telemetry::log_error("configuration not published",
                         {{"reason", std::string(published.error().reason)}, {"detail", published.error().detail}});
    if (reply.status >= 400) return;
    error = Error{Code::Unavailable, "admin.not_published",
                  "saved, but the running gate still uses the configuration before it: " + published.error().message, ""};
    reply = error_reply(error, "repeat the change, or restart `callgate serve`; `callgate doctor` says what is wrong");
  }

  static std::string outcome_detail(const Context& context, const Route& route, int status) {
    std::string detail;
    json::Writer out(detail);
    out.begin_object().member("action", route.name).member("target", context.target);
    out.member("status", static_cast<std::int64_t>(status)).member("changed", context.changed && status < 400);
    out.key("request").raw(recordable_body(route, context.body));
    if (!context.facts.empty()) out.key("facts").raw(context.facts);
    out.end_object();
    return detail;
  }

  Reply close(const Context& context, const Route& route, const Trail& trail, const Error& error, Reply reply) const {
    Record record = record_of(context.caller, trail, Record::Kind::Admin);
    record.tool = route.name;
    record.server_id = context.server_id;
    record.server_slug = context.server_slug;
    record.effect = reply.status < 400 ? Effect::Allow : Effect::Deny;
    record.reason = error.reason;
    record.message = error.message;
    if (auto recorded = services.record(record); !recorded) {
      if (reply.status >= 400) return not_recorded(recorded.error());
      return error_reply(Error{Code::Unavailable, "audit.unavailable",
                               "the change was made, but only its announcement could be recorded (" + trail.decision_id + ")", ""},
                         "see `callgate doctor`, then check the change with the matching `show` command");
    }
    return reply;
  }

  Reply serve(const ApiRequest& request) {
    auto path = split_path(request.path);
    if (!path) return error_reply(path.error());
    Match match = find_route(routes, request.method, *path);
    Access access = match.route ? match.route->access : Access::Signed;
    Caller caller;
    if (access != Access::Public) {
      auto known = authenticate(request);
      if (!known) return refuse(Caller{}, request, match.route, known.error());
      caller = std::move(*known);
    }
    if (!match.route) return no_route(match);
    if (!caller.may(access)) {
      std::string needed = access == Access::Owner ? "owner" : access == Access::Write ? "admin or owner" : "auditor, admin or owner";
      return refuse(
          caller, request, match.route,
          Error{Code::Forbidden, "admin.role",
                "`" + caller.principal.name + "` needs the role " + needed + " for this; an owner can give it with `callgate user edit`",
                ""});
    }
    Context context{services, request, caller, std::move(match.parameters), {}, {}, {}, {}, {}, {}, nullptr, true};
    auto query = split_query(request.query);
    if (!query) return error_reply(query.error());
    context.query = std::move(*query);
    json::Document document;
    if (auto ready = read_body(request, *match.route, document); !ready) return error_reply(ready.error());
    context.body = document.root();
    if (auto checked = check_query(*match.route, context.query); !checked) return error_reply(checked.error());
    if (auto checked = check_body(*match.route, context.body); !checked) return error_reply(checked.error());
    return run(context, *match.route);
  }

  static Result<void> read_body(const ApiRequest& request, const Route& route, json::Document& document) {
    if (request.body.empty()) return {};
    if (!request.content_type.empty() && !is_json_type(request.content_type))
      return fail(Code::InvalidRequest, "admin.content_type", "the body must be `Content-Type: application/json`");
    if (route.body.empty() && (request.method == "GET" || request.method == "DELETE"))
      return fail(Code::InvalidRequest, "admin.body", "this request takes no body");
    return document.parse(request.body);
  }

  static bool is_json_type(std::string_view type) {
    auto end = type.find(';');
    type = type.substr(0, end);
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    return type == "application/json";
  }

  static Reply no_route(const Match& match) {
    if (match.allowed.empty())
      return error_reply(
          Error{Code::NotFound, "admin.no_route", "there is nothing at this path; GET /api/v1/openapi.json lists what there is", ""});
    Reply reply = error_reply(Error{Code::InvalidRequest, "admin.method", "this path takes " + match.allowed, ""});
    reply.status = 405;
    reply.headers += "Allow: " + match.allowed + "\r\n";
    return reply;
  }
};

Api::Api(Services services) : inner_(std::make_unique<Inner>(std::move(services))) {}
Api::~Api() = default;

ApiResponse Api::handle(const ApiRequest& request) {
  try {
    return inner_->answer(inner_->serve(request));
  } catch (const std::exception& caught) {
    telemetry::log_error("api request failed", {{"what", caught.what()}});
    return inner_->answer(error_reply(Error{Code::Internal, "internal.unknown", "the request failed; the log says why", ""}));
  }
}

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  add_status_routes(routes);
  add_server_routes(routes);
  add_tool_routes(routes);
  add_policy_routes(routes);
  add_simulation_routes(routes);
  add_backtest_routes(routes);
  add_why_routes(routes);
  add_who_routes(routes);
  add_test_from_routes(routes);
  add_grant_routes(routes);
  add_principal_routes(routes);
  add_role_routes(routes);
  add_token_routes(routes);
  add_audit_routes(routes);
  add_counter_routes(routes);
  add_flow_routes(routes);
  add_approval_routes(routes);
  add_plan_routes(routes);
  return routes;
}

}  // namespace callgate::admin
