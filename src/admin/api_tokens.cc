// API tokens for people and automation, and the single-use setup code that makes the first owner.
#include "admin/parse.h"
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

Reply minted_reply(const identity::IdentityStore::MintedApiToken& minted) {
  return json_reply(201, [&](json::Writer& out) {
    out.begin_object().key("api_token");
    write_api_token(out, minted.token);
    out.member("token", minted.text.reveal()).end_object();
  });
}

Result<Reply> list(Context& context) {
  CG_TRY(auto tokens, context.services.identity.api_tokens());
  return list_reply(
      context, tokens, [](const auto& t) { return t.id; }, [](json::Writer& out, const auto& t) { write_api_token(out, t); });
}

// A token acts as its principal, so minting one for another administrator would be a way up.
Result<Reply> add(Context& context) {
  context.target = text_of(context.body, "label");
  auto name = text_of(context.body, "principal");
  auto principal = context.services.identity.principal(name);
  if (!principal && principal.error().code == Code::NotFound) return unknown_reference("user", name);
  if (!principal) return tl::unexpected(principal.error());
  bool own = principal->id == context.caller.principal.id;
  if (!own && !principal->admin_roles.empty() && !context.caller.may(Access::Owner))
    return fail(Code::Forbidden, "admin.role", "only an owner may mint an API token for another administrator");
  CG_TRY(auto lifetime, duration_of(context.body, "expires_in"));
  CG_TRY(auto minted, context.services.identity.mint_api_token(principal->id, context.target, lifetime));
  context.target = minted.token.id;
  context.facts = "{\"last4\":\"" + minted.token.last4 + "\"}";
  return minted_reply(minted);
}

Result<Reply> revoke(Context& context) {
  context.target = context.parameter("token");
  CG_CHECK(context.services.identity.revoke_api_token(context.target));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("removed", context.target).end_object(); });
}

Result<Reply> redeem(Context& context) {
  context.target = text_of(context.body, "name");
  CG_TRY(auto minted, context.services.identity.redeem_setup_code(context.body["code"].string(), context.target));
  return minted_reply(minted);
}

}  // namespace

void add_token_routes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/api/v1/tokens", "token.list", Access::Read, "List API tokens", list, {}, {kLimitRule, kCursorRule}});
  routes.push_back({"POST",
                    "/api/v1/tokens",
                    "token.add",
                    Access::Write,
                    "Mint an API token; it is shown this once",
                    add,
                    {{"principal", Shape::Text, true, "user or robot it acts as"},
                     {"label", Shape::Text, true, "what it is for"},
                     {"expires_in", Shape::Text, false, "lifetime, such as 90d; default: none"}},
                    {},
                    true,
                    false});
  routes.push_back(
      {"DELETE", "/api/v1/tokens/{token}", "token.revoke", Access::Write, "Revoke an API token, at once", revoke, {}, {}, true, false});
  routes.push_back(
      {"POST",
       "/api/v1/setup",
       "setup.redeem",
       Access::Public,
       "Trade the setup code of the first start for the first owner's API token",
       redeem,
       {{"code", Shape::Text, true, "the single-use code", Keep::Secret}, {"name", Shape::Text, true, "name of the first owner"}},
       {},
       true,
       true});
}

}  // namespace callgate::admin
