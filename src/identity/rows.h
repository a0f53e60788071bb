#pragma once
// Between rows and nouns, and the checks every write shares. Only this room's .cc files include it.

#include <string>
#include <string_view>
#include <vector>

#include "identity/identity.h"

namespace callgate::identity {

std::span<const store::Migration> migrations();

inline std::int64_t to_row(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_from_row(std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); }
std::string to_row(const Digest& digest);
Digest digest_from_row(const std::string& hex);

// Words joined by single spaces, as admin roles and networks are kept.
std::string join_words(const std::vector<std::string>& words);
std::vector<std::string> split_words(std::string_view text);

struct PrincipalRow {
  Principal principal;
  bool removed = false;
};
Result<std::vector<PrincipalRow>> read_principals(store::Transaction& tx);              // removed ones too, oldest first
Result<Principal> find_principal(store::Transaction& tx, std::string_view id_or_name);  // NotFound identity.no_such_principal

Result<std::vector<Role>> read_roles(store::Transaction& tx);           // by name
Result<Role> find_role(store::Transaction& tx, std::string_view name);  // NotFound identity.no_such_role

Result<std::vector<Grant>> read_grants(store::Transaction& tx, std::optional<WallTime> revoked_after = {});  // oldest first
Result<Grant> find_grant(store::Transaction& tx, std::string_view id_or_label);
Result<void> write_grant_servers(store::Transaction& tx, const Grant& grant);
Result<void> check_grant(store::Transaction& tx, const Grant& grant);  // label, servers, role, networks, note
std::string networks_to_row(const std::vector<IpRange>& networks);
std::string_view deny_as_to_row(DenyAs deny_as);

// One line of printable text, at most `bytes_max`; InvalidArgument `identity.invalid_text` naming `field`.
Result<void> check_line(std::string_view field, std::string_view text, std::size_t bytes_max);
// [a-z0-9._@-] for principals, with upper case and `_` for roles and policies.
bool is_principal_name(std::string_view name);
bool is_role_name(std::string_view name);

// Refuses when the change left no enabled user with the admin role `owner` although there was one before.
Result<std::int64_t> count_owners(store::Transaction& tx);
Result<void> check_owner_left(store::Transaction& tx, std::int64_t owners_before);

}  // namespace callgate::identity
