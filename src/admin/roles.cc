// Roles: named sets of (server, tool) permissions that narrow a grant.
#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

Reply role_reply(int status, const Role& role) {
  return json_reply(status, [&](json::Writer& out) { write_role(out, role); });
}

Result<Reply> list(Context& context) {
  CG_TRY(auto roles, context.services.identity.roles());
  return list_reply(
      context, roles, [](const Role& r) { return r.name; }, [](json::Writer& out, const Role& r) { write_role(out, r); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto role, context.services.identity.role(context.parameter("role")));
  return role_reply(200, role);
}

Result<Reply> put(Context& context) {
  context.target = context.parameter("role");
  CG_TRY(auto role, read_role(context.target, context.body));
  bool known = context.services.identity.role(role.name).has_value();
  CG_CHECK(context.services.identity.put_role(role));
  return role_reply(known ? 200 : 201, role);
}

Result<Reply> remove(Context& context) {
  context.target = context.parameter("role");
  CG_CHECK(context.services.identity.remove_role(context.target));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("removed", context.target).end_object(); });
}

}  // namespace

void add_role_routes(std::vector<Route>& routes) {
  constexpr std::string_view one = "/api/v1/roles/{role}";
  routes.push_back({"GET", "/api/v1/roles", "role.list", Access::Read, "List roles", list, {}, {kLimitRule, kCursorRule}});
  routes.push_back({"PUT", one, "role.put", Access::Write, "Add or replace a role", put, role_fields(), {}, true, true});
  routes.push_back({"GET", one, "role.show", Access::Read, "Show a role", show});
  routes.push_back({"DELETE", one, "role.remove", Access::Write, "Remove a role that no grant uses", remove, {}, {}, true, true});
}

}  // namespace callgate::admin
