// Is it up, what is inside, who am I, what can be asked.
#include "admin/reply.h"
#include "admin/route.h"
#include "base/encoding.h"

#ifndef CALLGATE_VERSION
#define CALLGATE_VERSION "0"
#endif

namespace callgate::admin {
namespace {

Result<Reply> health(Context&) {
  return json_reply(200, [](json::Writer& out) { out.begin_object().member("status", "ok").end_object(); });
}

Result<Reply> status(Context& context) {
  auto& services = context.services;
  CG_TRY(auto servers, services.catalog.servers());
  CG_TRY(auto policies, services.catalog.policies());
  CG_TRY(auto grants, services.identity.grants());
  CG_TRY(auto principals, services.identity.principals());
  std::int64_t live = 0;
  for (const auto& grant : grants) live += grant_state(grant, context.now()) == "live";
  auto head = services.journal_head();
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("version", CALLGATE_VERSION).member("public_url", services.public_url);
    write_time(out, "now", context.now());
    out.member("servers", static_cast<std::int64_t>(servers.size())).member("policies", static_cast<std::int64_t>(policies.size()));
    out.member("grants", static_cast<std::int64_t>(grants.size())).member("grants_live", live);
    out.member("principals", static_cast<std::int64_t>(principals.size()));
    out.member("audit_head", std::to_string(head.sequence) + ":" + hex_encode(head.hash));
    out.member("audit_commit", services.settings.audit.commit).member("data_dir", services.settings.data_dir).end_object();
  });
}

Result<Reply> me(Context& context) {
  return json_reply(200, [&](json::Writer& out) { write_principal(out, context.caller.principal); });
}

Result<Reply> openapi(Context&) {
  Reply reply;
  reply.body = openapi_json();
  return reply;
}

}  // namespace

void add_status_routes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/api/v1/health", "status.health", Access::Public, "Is it up", health});
  routes.push_back({"GET", "/api/v1/status", "status.show", Access::Read, "What is inside", status});
  routes.push_back({"GET", "/api/v1/me", "status.me", Access::Signed, "Whom this API token stands for", me});
  routes.push_back({"GET", "/api/v1/openapi.json", "status.openapi", Access::Public, "This interface as OpenAPI 3.1", openapi});
}

}  // namespace callgate::admin
