#include <fmt/core.h>

#include "identity/inner.h"
#include "identity/rows.h"
#include "identity/token.h"

namespace callgate::identity {

using store::Row;
using store::Transaction;
using store::Value;
using namespace std::chrono;

Result<void> insert_principal(Transaction& tx, Principal& principal, WallTime now);  // principals.cc

namespace {

constexpr hours kLifetimeMax{366 * 24};
constexpr hours kFirstTokenLifetime{90 * 24};
constexpr hours kSetupCodeLifetime{24};
constexpr std::string_view kSetupPrefix = "setup:";  // keeps the digests of codes and tokens apart

tl::unexpected<Error> refused(std::string_view reason, std::string message) {
  return fail(Code::Unauthenticated, reason, std::move(message));
}

IdentityStore::ApiToken token_from(const Row& row) {
  IdentityStore::ApiToken token{row.text(0), row.text(1), row.text(2), row.text(3), time_from_row(row.integer(4)), {}};
  if (!row.null(5)) token.expires_at = time_from_row(row.integer(5));
  return token;
}

Result<void> insert_token(Transaction& tx, const IdentityStore::ApiToken& token, const Digest& hmac) {
  CG_CHECK(tx.execute("INSERT INTO api_tokens (id, principal_id, label, last4, hmac, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                      {token.id, token.principal_id, token.label, token.last4, to_row(hmac), to_row(token.created_at),
                       token.expires_at ? Value(to_row(*token.expires_at)) : Value(nullptr)}));
  return {};
}

IdentityStore::MintedApiToken make_api_token(std::string_view label, WallTime now, std::optional<seconds> lifetime) {
  IdentityStore::MintedApiToken minted{{}, make_token(kApiPrefix)};
  auto text = minted.text.reveal();
  minted.token = {new_id("tok"), {}, std::string(label), std::string(text.substr(text.size() - 4)), now, {}};
  if (lifetime) minted.token.expires_at = now + *lifetime;
  return minted;
}

Result<bool> any_user(Transaction& tx) {
  CG_TRY(auto rows, tx.query("SELECT id FROM principals WHERE kind = 'user' AND removed_at IS NULL LIMIT 1"));
  return !rows.empty();
}

}  // namespace

Result<IdentityStore::MintedApiToken> IdentityStore::mint_api_token(std::string_view principal_id, std::string_view label,
                                                                    std::optional<seconds> lifetime) {
  CG_CHECK(check_line("the label", label, 100));
  if (lifetime && (*lifetime <= seconds(0) || *lifetime > kLifetimeMax))
    return fail(Code::InvalidArgument, "identity.lifetime", "an API token lives for at least one second and at most 366 days");
  MintedApiToken minted = make_api_token(label, inner_->clock.now(), lifetime);
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Principal principal, find_principal(tx, principal_id));
    if (principal.disabled)
      return fail(Code::Conflict, "identity.principal_disabled", fmt::format("`{}` is disabled: enable it first", principal.name));
    minted.token.principal_id = principal.id;
    return insert_token(tx, minted.token, inner_->hmac_of(minted.text.reveal()));
  }));
  return minted;
}

Result<Principal> IdentityStore::authenticate_api_token(std::string_view token) {
  CG_CHECK(check_token(token, kApiPrefix));
  Principal caller;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows,
           tx.query("SELECT principal_id, expires_at, revoked_at FROM api_tokens WHERE hmac = ?", {to_row(inner_->hmac_of(token))}));
    if (rows.empty()) return refused("identity.unknown_token", "this API token is unknown: it was removed or belongs to another gateway");
    if (!rows[0].null(2)) return refused("identity.revoked", "this API token was revoked: ask for a new one");
    if (!rows[0].null(1) && inner_->clock.now() >= time_from_row(rows[0].integer(1)))
      return refused("identity.expired", "this API token has expired: mint a new one");
    auto found = find_principal(tx, rows[0].text(0));
    if (!found && found.error().code != Code::NotFound) return tl::unexpected<Error>(std::move(found).error());
    if (!found || found->disabled)
      return refused("identity.principal_disabled", "the owner of this API token is disabled: ask an administrator");
    if (found->kind == PrincipalKind::Robot) {
      auto owner = find_principal(tx, found->owner_id);
      if (!owner && owner.error().code != Code::NotFound) return tl::unexpected<Error>(std::move(owner).error());
      if (!owner || owner->disabled)
        return refused("identity.principal_disabled", "the owner of this robot is disabled: an administrator must name another");
    }
    caller = std::move(*found);
    return {};
  }));
  return caller;
}

Result<std::vector<IdentityStore::ApiToken>> IdentityStore::api_tokens() {
  std::vector<ApiToken> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT id, principal_id, label, last4, created_at, expires_at FROM api_tokens WHERE revoked_at IS NULL "
                               "ORDER BY created_at, id"));
    for (const Row& row : rows) all.push_back(token_from(row));
    return {};
  }));
  return all;
}

Result<void> IdentityStore::revoke_api_token(std::string_view id) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT id FROM api_tokens WHERE id = ?", {std::string(id)}));
    if (rows.empty())
      return fail(Code::NotFound, "identity.no_such_api_token", fmt::format("no API token has the id `{}`", id.substr(0, 64)));
    CG_CHECK(tx.execute("UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                        {to_row(inner_->clock.now()), std::string(id)}));
    return {};
  });
}

Result<std::optional<Secret>> IdentityStore::setup_code() {
  std::optional<Secret> code = Secret(random_token(16));
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("DELETE FROM setup_codes"));  // only the newest one counts
    CG_TRY(bool users, any_user(tx));
    if (users) {
      code.reset();
      return {};
    }
    auto now = inner_->clock.now();
    Secret text(std::string(kSetupPrefix) + std::string(code->reveal()));
    CG_CHECK(tx.execute("INSERT INTO setup_codes (hmac, created_at, expires_at) VALUES (?, ?, ?)",
                        {to_row(inner_->hmac_of(text.reveal())), to_row(now), to_row(now + kSetupCodeLifetime)}));
    return {};
  }));
  return code;
}

Result<IdentityStore::MintedApiToken> IdentityStore::redeem_setup_code(std::string_view code, std::string_view user_name) {
  if (code.size() > 64)
    return refused("identity.setup_code", "the setup code is wrong, used or older than a day: restart callgate to see a new one");
  MintedApiToken minted = make_api_token("first sign-in", inner_->clock.now(), kFirstTokenLifetime);
  CG_CHECK(inner_->write_all([&](Transaction& tx) -> Result<void> {
    Secret text(std::string(kSetupPrefix) + std::string(code));
    auto now = inner_->clock.now();
    CG_TRY(bool users, any_user(tx));
    CG_TRY(auto matched,
           tx.execute("DELETE FROM setup_codes WHERE hmac = ? AND expires_at > ?", {to_row(inner_->hmac_of(text.reveal())), to_row(now)}));
    if (users || matched != 1)
      return refused("identity.setup_code", "the setup code is wrong, used or older than a day: restart callgate to see a new one");
    Principal owner;
    owner.name = std::string(user_name);
    owner.admin_roles = {"owner"};
    CG_CHECK(insert_principal(tx, owner, now));
    minted.token.principal_id = owner.id;
    return insert_token(tx, minted.token, inner_->hmac_of(minted.text.reveal()));
  }));
  return minted;
}

}  // namespace callgate::identity
