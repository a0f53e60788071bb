// Grants: who may reach which servers, until when. The token is in the answer to mint and rotate, and nowhere else ever.
#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

// A caller without an admin role sees and rotates its own grants only; another's looks as if it did not exist.
bool may_see(const Context& context, const Grant& grant) {
  return context.caller.may(Access::Read) || grant.principal_id == context.caller.principal.id;
}

Result<Grant> find_grant(Context& context, Access for_others) {
  CG_TRY(auto grant, context.services.identity.grant(context.parameter("grant")));
  if (!context.caller.may(for_others) && grant.principal_id != context.caller.principal.id)
    return fail(Code::NotFound, "identity.no_grant", "there is no such grant; `callgate grant ls` lists yours");
  context.target = grant.id;
  return grant;
}

Result<Reply> grant_reply(Context& context, const Grant& grant) {
  CG_TRY(auto names, names_of(context.services));
  return json_reply(200, [&](json::Writer& out) { write_grant(out, grant, context.now(), names); });
}

Result<Reply> list(Context& context) {
  CG_TRY(auto all, context.services.identity.grants());
  std::string state(context.ask("state")), server(context.ask("server")), principal(context.ask("principal"));
  if (!server.empty()) {
    CG_TRY(auto found, context.services.catalog.server(server));
    server = found.id;
  }
  if (!principal.empty()) {
    CG_TRY(auto found, context.services.identity.principal(principal));
    principal = found.id;
  }
  std::vector<Grant> grants;
  for (auto& grant : all) {
    bool on_server = server.empty();
    for (const auto& id : grant.servers) on_server = on_server || id == server || id == "*";
    bool in_state = state.empty() || state == "all" || grant_state(grant, context.now()) == state;
    if (may_see(context, grant) && on_server && in_state && (principal.empty() || grant.principal_id == principal))
      grants.push_back(std::move(grant));
  }
  CG_TRY(auto names, names_of(context.services));
  return list_reply(
      context, grants, [](const Grant& g) { return g.id; },
      [&](json::Writer& out, const Grant& g) { write_grant(out, g, context.now(), names); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto grant, find_grant(context, Access::Read));
  return grant_reply(context, grant);
}

// The one place where a token is written into an answer.
Result<Reply> minted_reply(int status, Context& context, const identity::Minted& minted) {
  CG_TRY(auto servers, servers_of(context.services, minted.grant, 20));
  CG_TRY(auto names, names_of(context.services));
  Result<void> written;
  Reply reply = json_reply(status, [&](json::Writer& out) {
    out.begin_object().key("grant");
    write_grant(out, minted.grant, context.now(), names);
    out.member("token", minted.token.reveal());
    written = write_setup(out, context, servers, minted.token.reveal(), "claude-code");
    out.end_object();
  });
  CG_CHECK(written);
  return reply;
}

Result<Reply> mint(Context& context) {
  Grant fields;
  CG_CHECK(read_grant(context.body, fields));
  context.target = fields.label;
  CG_CHECK(check_policy_exists(context.services, fields.policy));
  CG_CHECK(check_role_exists(context.services, fields.role));
  identity::NewGrant wanted;
  std::string principal_name = text_of(context.body, "principal");
  auto principal = context.services.identity.principal(principal_name);
  if (!principal && principal.error().code == Code::NotFound) return unknown_reference("user", principal_name);
  if (!principal) return tl::unexpected(principal.error());
  wanted.principal_id = principal->id;
  wanted.label = fields.label;
  wanted.policy = fields.policy;
  wanted.role = fields.role;
  wanted.note = fields.note;
  wanted.networks = fields.networks;
  wanted.deny_as = fields.deny_as;
  CG_TRY(wanted.servers, server_ids(context.services, texts_of(context.body, "servers")));
  if (wanted.servers.empty())
    return fail(Code::InvalidArgument, "admin.servers", "`servers` must name at least one server, or [\"*\"] for every server");
  CG_TRY(wanted.lifetime, duration_of(context.body, "expires_in"));
  CG_TRY(auto minted, context.services.identity.mint(wanted));
  context.target = minted.grant.id;
  context.facts = "{\"last4\":\"" + minted.grant.token_last4 + "\",\"expires_at\":\"" + format_time(minted.grant.expires_at) + "\"}";
  return minted_reply(201, context, minted);
}

Result<Reply> edit(Context& context) {
  CG_TRY(auto grant, find_grant(context, Access::Write));
  if (auto version = number_of(context.body, "version")) grant.version = *version;
  CG_CHECK(read_grant(context.body, grant));
  CG_CHECK(check_policy_exists(context.services, grant.policy));
  CG_CHECK(check_role_exists(context.services, grant.role));
  if (context.body["servers"].exists()) {
    CG_TRY(grant.servers, server_ids(context.services, texts_of(context.body, "servers")));
    if (grant.servers.empty())
      return fail(Code::InvalidArgument, "admin.servers", "`servers` must name at least one server, or [\"*\"] for every server");
  }
  CG_TRY(auto lifetime, duration_of(context.body, "expires_in"));
  if (lifetime) grant.expires_at = context.now() + *lifetime;
  CG_TRY(grant, context.services.identity.update_grant(grant));
  return grant_reply(context, grant);
}

Result<Reply> rotate(Context& context) {
  CG_TRY(auto grant, find_grant(context, Access::Write));
  std::chrono::seconds overlap{0};
  if (text_of(context.body, "overlap") != "0s") {
    CG_TRY(auto given, duration_of(context.body, "overlap"));
    overlap = given.value_or(std::chrono::hours(1));
  }
  CG_TRY(auto minted, context.services.identity.rotate(grant.id, overlap));
  context.facts = "{\"last4\":\"" + minted.grant.token_last4 + "\"}";
  return minted_reply(200, context, minted);
}

Result<Reply> revoke(Context& context) {
  CG_TRY(auto grant, find_grant(context, Access::Write));
  CG_TRY(grant, context.services.identity.revoke(grant.id, text_of(context.body, "why")));
  return grant_reply(context, grant);
}

Result<Reply> setup(Context& context) {
  CG_TRY(auto grant, find_grant(context, Access::Read));
  CG_TRY(auto servers, servers_of(context.services, grant, 20));
  return setup_reply(context, servers, "YOUR_GRANT");
}

}  // namespace

void add_grant_routes(std::vector<Route>& routes) {
  constexpr std::string_view one = "/api/v1/grants/{grant}";
  auto fields = grant_fields();
  auto mint_fields = fields;
  for (auto& field : mint_fields) field.required = field.name == "label" || field.name == "servers";
  mint_fields.push_back({"principal", Shape::Text, true, "user or robot the grant belongs to, by name or id"});
  mint_fields.push_back({"expires_in", Shape::Text, false, "lifetime, such as 30d (default); at most 366d"});
  auto edit_fields = fields;
  edit_fields.push_back({"expires_in", Shape::Text, false, "new lifetime, counted from now"});
  edit_fields.push_back({"version", Shape::Number, false, "refuse when the grant changed since this version"});
  routes.push_back({"GET",
                    "/api/v1/grants",
                    "grant.list",
                    Access::Signed,
                    "List grants; without an admin role only one's own",
                    list,
                    {},
                    {{"state", Shape::Text, false, "live, expired, revoked or all (default)"},
                     {"server", Shape::Text, false, "that reach this server"},
                     {"principal", Shape::Text, false, "of this user or robot"},
                     kLimitRule,
                     kCursorRule}});
  routes.push_back({"POST",
                    "/api/v1/grants",
                    "grant.mint",
                    Access::Write,
                    "Mint a grant; the token is shown this once",
                    mint,
                    mint_fields,
                    {},
                    true,
                    true});
  routes.push_back({"GET", one, "grant.show", Access::Signed, "Show a grant by id or label", show});
  routes.push_back(
      {"PATCH", one, "grant.edit", Access::Write, "Change a grant; what is not named stays", edit, edit_fields, {}, true, true});
  routes.push_back({"POST",
                    "/api/v1/grants/{grant}/rotate",
                    "grant.rotate",
                    Access::Signed,
                    "New token; the old one works on for the overlap",
                    rotate,
                    {{"overlap", Shape::Text, false, "default 1h; 0s: at once"}},
                    {},
                    true,
                    true});
  routes.push_back({"POST",
                    "/api/v1/grants/{grant}/revoke",
                    "grant.revoke",
                    Access::Signed,
                    "Revoke: effective on the next call and on open streams",
                    revoke,
                    {{"why", Shape::Text, false, "why, for the record"}},
                    {},
                    true,
                    true});
  routes.push_back({"GET",
                    "/api/v1/grants/{grant}/setup",
                    "grant.setup",
                    Access::Signed,
                    "Client configuration with a placeholder for the token",
                    setup,
                    {},
                    {{"client", Shape::Text, false, "one client only, such as claude-code"}}});
}

}  // namespace callgate::admin
