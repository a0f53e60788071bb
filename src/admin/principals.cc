// Users and robots. Who may administer is decided by owners only.
#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

PrincipalKind kind_of(const Context& context) {
  return context.request.path.starts_with("/api/v1/robots") ? PrincipalKind::Robot : PrincipalKind::User;
}

Result<Principal> find_principal(Context& context) {
  const std::string& name = context.parameter("name");
  context.target = name;
  CG_TRY(auto principal, context.services.identity.principal(name));
  if (principal.kind != kind_of(context))
    return fail(Code::NotFound, "identity.no_principal",
                "there is no such " + std::string(kind_of(context) == PrincipalKind::User ? "user" : "robot") +
                    "; the name belongs to the other kind");
  return principal;
}

Result<void> read_principal(Context& context, Principal& into) {
  auto body = context.body;
  if (body["display_name"].exists()) into.display_name = text_of(body, "display_name");
  into.disabled = flag_of(body, "disabled", into.disabled);
  if (body["owner"].exists()) {
    auto name = text_of(body, "owner");
    auto owner = context.services.identity.principal(name);
    if (!owner || owner->kind != PrincipalKind::User) return unknown_reference("user", name);
    into.owner_id = owner->id;
  }
  if (!body["admin_roles"].exists()) return {};
  auto roles = texts_of(body, "admin_roles");
  for (const auto& role : roles)
    if (!identity::is_admin_role(role))
      return fail(Code::InvalidArgument, "admin.role_name",
                  "`admin_roles` may hold owner, admin, auditor, approver and approver:NAME, not `" + role.substr(0, 60) + "`");
  if (roles != into.admin_roles && !context.caller.may(Access::Owner))
    return fail(Code::Forbidden, "admin.role", "only an owner may change `admin_roles`");
  into.admin_roles = std::move(roles);
  return {};
}

// An admin may not disable, change or remove an owner; nobody may remove the last one.
Result<void> protect_owners(Context& context, const Principal& before, bool stays_owner) {
  auto is_owner = [](const Principal& p) { return std::find(p.admin_roles.begin(), p.admin_roles.end(), "owner") != p.admin_roles.end(); };
  if (!is_owner(before)) return {};
  if (!context.caller.may(Access::Owner)) return fail(Code::Forbidden, "admin.role", "only an owner may change an owner");
  if (stays_owner) return {};
  CG_TRY(auto all, context.services.identity.principals());
  for (const auto& other : all)
    if (other.id != before.id && !other.disabled && is_owner(other)) return {};
  return fail(Code::Conflict, "admin.last_owner", "`" + before.name + "` is the last owner; make another user owner first");
}

Reply principal_reply(int status, const Principal& principal) {
  return json_reply(status, [&](json::Writer& out) { write_principal(out, principal); });
}

Result<Reply> list(Context& context) {
  CG_TRY(auto all, context.services.identity.principals());
  std::erase_if(all, [&](const Principal& p) { return p.kind != kind_of(context); });
  return list_reply(
      context, all, [](const Principal& p) { return p.id; }, [](json::Writer& out, const Principal& p) { write_principal(out, p); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto principal, find_principal(context));
  return principal_reply(200, principal);
}

Result<Reply> add(Context& context) {
  Principal principal;
  principal.kind = kind_of(context);
  principal.name = text_of(context.body, "name");
  context.target = principal.name;
  CG_CHECK(read_principal(context, principal));
  CG_TRY(principal, context.services.identity.add_principal(principal));
  return principal_reply(201, principal);
}

Result<Reply> edit(Context& context) {
  CG_TRY(auto before, find_principal(context));
  Principal principal = before;
  CG_CHECK(read_principal(context, principal));
  bool stays_owner =
      !principal.disabled && std::find(principal.admin_roles.begin(), principal.admin_roles.end(), "owner") != principal.admin_roles.end();
  CG_CHECK(protect_owners(context, before, stays_owner));
  CG_TRY(principal, context.services.identity.update_principal(principal));
  return principal_reply(200, principal);
}

Result<Reply> remove(Context& context) {
  CG_TRY(auto principal, find_principal(context));
  CG_CHECK(protect_owners(context, principal, false));
  CG_CHECK(context.services.identity.remove_principal(principal.id));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("removed", principal.name).end_object(); });
}

void add_kind(std::vector<Route>& routes, bool users) {
  auto pick = [&](std::string_view user, std::string_view robot) { return users ? user : robot; };
  auto all = pick("/api/v1/users", "/api/v1/robots"), one = pick("/api/v1/users/{name}", "/api/v1/robots/{name}");
  std::vector<FieldRule> fields = {
      {"display_name", Shape::Text, false, "full name"},
      {"disabled", Shape::Flag, false, "refuse all its grants and API tokens"},
      {"admin_roles", Shape::Texts, false, "owner, admin, auditor, approver, approver:NAME; only an owner may change them"}};
  if (!users) fields.push_back({"owner", Shape::Text, false, "the user who answers for it"});
  auto add_fields = fields;
  add_fields.insert(add_fields.begin(), {"name", Shape::Text, true, "unique, [a-z0-9._@-]"});
  routes.push_back(
      {"GET", all, pick("user.list", "robot.list"), Access::Read, pick("List users", "List robots"), list, {}, {kLimitRule, kCursorRule}});
  routes.push_back(
      {"POST", all, pick("user.add", "robot.add"), Access::Write, pick("Add a user", "Add a robot"), add, add_fields, {}, true, true});
  routes.push_back({"GET", one, pick("user.show", "robot.show"), Access::Read, pick("Show a user", "Show a robot"), show});
  routes.push_back({"PATCH",
                    one,
                    pick("user.edit", "robot.edit"),
                    Access::Write,
                    pick("Change a user", "Change a robot"),
                    edit,
                    fields,
                    {},
                    true,
                    true});
  routes.push_back({"DELETE",
                    one,
                    pick("user.remove", "robot.remove"),
                    Access::Write,
                    pick("Remove a user; its grants are revoked", "Remove a robot; its grants are revoked"),
                    remove,
                    {},
                    {},
                    true,
                    true});
}

}  // namespace

void add_principal_routes(std::vector<Route>& routes) {
  add_kind(routes, true);
  add_kind(routes, false);
}

}  // namespace callgate::admin
