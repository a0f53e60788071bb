#include <fmt/core.h>

#include "identity/inner.h"
#include "identity/rows.h"

namespace callgate::identity {

using store::Transaction;
using store::Value;

namespace {

Result<void> check_admin_roles(const Principal& principal) {
  for (const std::string& role : principal.admin_roles)
    if (!is_admin_role(role))
      return fail(Code::InvalidArgument, "identity.admin_role",
                  fmt::format("`{}` is no admin role: use owner, admin, auditor, approver or approver:NAME", role.substr(0, 64)));
  return {};
}

// Fills in the owner's id when a name was given.
Result<void> check_owner(Transaction& tx, Principal& principal) {
  if (principal.kind == PrincipalKind::User) {
    if (principal.owner_id.empty()) return {};
    return fail(Code::InvalidArgument, "identity.owner", "only robots have an owner");
  }
  if (principal.owner_id.empty())
    return fail(Code::InvalidArgument, "identity.owner", "a robot needs an owner: the user who answers for it");
  CG_TRY(Principal owner, find_principal(tx, principal.owner_id));
  if (owner.kind != PrincipalKind::User) return fail(Code::InvalidArgument, "identity.owner", "a robot's owner must be a user");
  principal.owner_id = owner.id;
  return {};
}

Result<void> check_principal(Transaction& tx, Principal& principal) {
  CG_CHECK(check_line("the display name", principal.display_name, 200));
  CG_CHECK(check_admin_roles(principal));
  return check_owner(tx, principal);
}

Value owner_value(const Principal& principal) { return principal.owner_id.empty() ? Value(nullptr) : Value(principal.owner_id); }

}  // namespace

Result<void> insert_principal(Transaction& tx, Principal& principal, WallTime now) {
  if (!is_principal_name(principal.name))
    return fail(Code::InvalidArgument, "identity.invalid_name",
                "a name is 1 to 64 of the characters a-z 0-9 . _ @ -, no others, and does not begin with `usr_` or `rob_`");
  CG_CHECK(check_principal(tx, principal));
  principal.id = new_id(principal.kind == PrincipalKind::User ? "usr" : "rob");
  principal.created_at = now;
  CG_TRY(auto taken, tx.query("SELECT id FROM principals WHERE name = ? AND removed_at IS NULL", {principal.name}));
  if (!taken.empty())
    return fail(Code::Conflict, "identity.duplicate_name", fmt::format("the name `{}` is taken: choose another", principal.name));
  CG_CHECK(tx.execute(
      "INSERT INTO principals (id, kind, name, display_name, owner_id, disabled, admin_roles, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {principal.id, std::string(principal.kind == PrincipalKind::User ? "user" : "robot"), principal.name, principal.display_name,
       owner_value(principal), std::int64_t{principal.disabled}, join_words(principal.admin_roles), to_row(now)}));
  return {};
}

Result<Principal> IdentityStore::add_principal(Principal principal) {
  CG_CHECK(inner_->write_all([&](Transaction& tx) { return insert_principal(tx, principal, inner_->clock.now()); }));
  return principal;
}

Result<std::vector<Principal>> IdentityStore::principals() {
  std::vector<Principal> live;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto all, read_principals(tx));
    for (PrincipalRow& row : all)
      if (!row.removed) live.push_back(std::move(row.principal));
    return {};
  }));
  return live;
}

Result<Principal> IdentityStore::principal(std::string_view id_or_name) {
  Principal found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found, find_principal(tx, id_or_name));
    return {};
  }));
  return found;
}

Result<Principal> IdentityStore::update_principal(const Principal& principal) {
  Principal updated;
  CG_CHECK(inner_->write_all([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto owners, count_owners(tx));
    CG_TRY(updated, find_principal(tx, principal.id));
    updated.disabled = principal.disabled;
    updated.display_name = principal.display_name;
    updated.admin_roles = principal.admin_roles;
    bool same_owner = updated.owner_id == principal.owner_id;  // an owner who is gone by now must not block disabling the robot
    updated.owner_id = principal.owner_id;
    CG_CHECK(check_line("the display name", updated.display_name, 200));
    CG_CHECK(check_admin_roles(updated));
    if (!same_owner) CG_CHECK(check_owner(tx, updated));
    CG_CHECK(tx.execute(
        "UPDATE principals SET disabled = ?, display_name = ?, admin_roles = ?, owner_id = ? WHERE id = ?",
        {std::int64_t{updated.disabled}, updated.display_name, join_words(updated.admin_roles), owner_value(updated), updated.id}));
    return check_owner_left(tx, owners);
  }));
  return updated;
}

Result<void> IdentityStore::remove_principal(std::string_view id_or_name) {
  return inner_->write_all([&](Transaction& tx) -> Result<void> {
    auto now = to_row(inner_->clock.now());
    CG_TRY(auto owners, count_owners(tx));
    CG_TRY(Principal found, find_principal(tx, id_or_name));
    CG_CHECK(tx.execute("UPDATE principals SET removed_at = ? WHERE id = ?", {now, found.id}));
    CG_CHECK(
        tx.execute("UPDATE grants SET revoked_at = ?, revoked_why = 'principal removed', version = version + 1 WHERE principal_id = ? AND "
                   "revoked_at IS NULL",
                   {now, found.id}));
    CG_CHECK(tx.execute("UPDATE api_tokens SET revoked_at = ? WHERE principal_id = ? AND revoked_at IS NULL", {now, found.id}));
    return check_owner_left(tx, owners);
  });
}

}  // namespace callgate::identity
