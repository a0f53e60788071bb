#include <fmt/core.h>

#include <algorithm>

#include "identity/inner.h"
#include "identity/rows.h"
#include "identity/token.h"

namespace callgate::identity {

using store::Transaction;
using namespace std::chrono;

namespace {

constexpr hours kLifetimeDefault{30 * 24};
constexpr hours kLifetimeMax{366 * 24};
constexpr hours kOverlapMax{30 * 24};

std::string last4(const Secret& token) { return std::string(token.reveal().substr(token.reveal().size() - 4)); }

void sort_servers(Grant& grant) {
  std::sort(grant.servers.begin(), grant.servers.end());
  grant.servers.erase(std::unique(grant.servers.begin(), grant.servers.end()), grant.servers.end());
}

Result<void> check_not_revoked(const Grant& grant) {
  if (!grant.revoked_at) return {};
  return fail(Code::Conflict, "identity.grant_revoked", fmt::format("grant `{}` is revoked, which is final: mint a new one", grant.label));
}

Result<void> insert_grant(Transaction& tx, const Grant& grant) {
  CG_CHECK(tx.execute(
      "INSERT INTO grants (id, label, principal_id, policy, role, deny_as, networks, created_at, expires_at, revoked_why, token_last4, "
      "token_hmac, note, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, 1)",
      {grant.id, grant.label, grant.principal_id, grant.policy, grant.role, std::string(deny_as_to_row(grant.deny_as)),
       networks_to_row(grant.networks), to_row(grant.created_at), to_row(grant.expires_at), grant.token_last4, to_row(grant.token_hmac),
       grant.note}));
  return write_grant_servers(tx, grant);
}

}  // namespace

Result<Minted> IdentityStore::mint(const NewGrant& wanted) {
  auto lifetime = wanted.lifetime.value_or(kLifetimeDefault);
  if (lifetime <= seconds(0) || lifetime > kLifetimeMax)
    return fail(Code::InvalidArgument, "identity.lifetime", "a grant lives for at least one second and at most 366 days");
  Minted minted{{}, make_token(kGrantPrefix)};
  Grant& grant = minted.grant;
  grant.id = new_id("grt");
  grant.label = wanted.label;
  grant.policy = wanted.policy;
  grant.role = wanted.role;
  grant.note = wanted.note;
  grant.servers = wanted.servers;
  grant.networks = wanted.networks;
  grant.deny_as = wanted.deny_as;
  grant.created_at = inner_->clock.now();
  grant.expires_at = grant.created_at + lifetime;
  grant.token_last4 = last4(minted.token);
  grant.token_hmac = inner_->hmac_of(minted.token.reveal());
  sort_servers(grant);
  CG_CHECK(inner_->write_grant(grant.id, [&](Transaction& tx) -> Result<void> {
    CG_TRY(Principal principal, find_principal(tx, wanted.principal_id));
    if (principal.disabled)
      return fail(Code::Conflict, "identity.principal_disabled", fmt::format("`{}` is disabled: enable it first", principal.name));
    grant.principal_id = principal.id;
    CG_CHECK(check_grant(tx, grant));
    return insert_grant(tx, grant);
  }));
  return minted;
}

Result<std::vector<Grant>> IdentityStore::grants() {
  std::vector<Grant> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(all, read_grants(tx));
    return {};
  }));
  return all;
}

Result<Grant> IdentityStore::grant(std::string_view id_or_label) {
  Grant found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found, find_grant(tx, id_or_label));
    return {};
  }));
  return found;
}

Result<bool> IdentityStore::uses_policy(std::string_view policy) {
  bool used = false;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT id FROM grants WHERE policy = ? AND revoked_at IS NULL AND expires_at > ? LIMIT 1",
                               {std::string(policy), to_row(inner_->clock.now())}));
    used = !rows.empty();
    return {};
  }));
  return used;
}

Result<Minted> IdentityStore::rotate(std::string_view id, seconds overlap) {
  if (overlap < seconds(0) || overlap > kOverlapMax)
    return fail(Code::InvalidArgument, "identity.overlap", "the overlap must be between 0 and 30 days");
  Minted minted{{}, make_token(kGrantPrefix)};
  CG_CHECK(inner_->write_grant(minted.grant.id, [&](Transaction& tx) -> Result<void> {
    auto now = inner_->clock.now();
    CG_TRY(Grant old, find_grant(tx, id));
    CG_CHECK(check_not_revoked(old));
    if (now >= old.expires_at)
      return fail(Code::Conflict, "identity.grant_expired",
                  fmt::format("grant `{}` has expired: extend it first or mint a new one", old.label));
    CG_CHECK(
        tx.execute("UPDATE grants SET previous_hmac = token_hmac, overlap_until = ?, token_hmac = ?, token_last4 = ?, version = version + "
                   "1 WHERE id = ?",
                   {to_row(now + overlap), to_row(inner_->hmac_of(minted.token.reveal())), last4(minted.token), old.id}));
    CG_TRY(minted.grant, find_grant(tx, old.id));
    return {};
  }));
  return minted;
}

Result<Grant> IdentityStore::revoke(std::string_view id, std::string_view why) {
  CG_CHECK(check_line("the reason", why, 500));
  Grant revoked;
  CG_CHECK(inner_->write_grant(revoked.id, [&](Transaction& tx) -> Result<void> {
    CG_TRY(revoked, find_grant(tx, id));
    if (revoked.revoked_at) return {};  // the first revocation stands
    CG_CHECK(tx.execute("UPDATE grants SET revoked_at = ?, revoked_why = ?, version = version + 1 WHERE id = ?",
                        {to_row(inner_->clock.now()), std::string(why), revoked.id}));
    CG_TRY(revoked, find_grant(tx, revoked.id));
    return {};
  }));
  return revoked;
}

Result<Grant> IdentityStore::update_grant(const Grant& wanted) {
  Grant updated = wanted;
  sort_servers(updated);
  CG_CHECK(inner_->write_grant(updated.id, [&](Transaction& tx) -> Result<void> {
    CG_TRY(Grant old, find_grant(tx, wanted.id));
    CG_CHECK(check_not_revoked(old));
    if (old.version != wanted.version)
      return fail(Code::Conflict, "identity.version",
                  fmt::format("grant `{}` changed meanwhile: read it again and repeat the change", old.label));
    CG_CHECK(check_grant(tx, updated));
    if (updated.expires_at != old.expires_at && updated.expires_at > inner_->clock.now() + kLifetimeMax)
      return fail(Code::InvalidArgument, "identity.lifetime", "a grant may expire at most 366 days from now");
    CG_CHECK(
        tx.execute("UPDATE grants SET label = ?, policy = ?, role = ?, networks = ?, deny_as = ?, expires_at = ?, note = ?, version = "
                   "version + 1 WHERE id = ?",
                   {updated.label, updated.policy, updated.role, networks_to_row(updated.networks),
                    std::string(deny_as_to_row(updated.deny_as)), to_row(updated.expires_at), updated.note, old.id}));
    CG_CHECK(write_grant_servers(tx, updated));
    CG_TRY(updated, find_grant(tx, old.id));
    return {};
  }));
  return updated;
}

}  // namespace callgate::identity
