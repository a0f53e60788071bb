#include <fmt/core.h>

#include "identity/inner.h"
#include "identity/rows.h"

namespace callgate::identity {

using store::Row;
using store::Transaction;

namespace {

constexpr std::size_t kPatternsMax = 20'000;

tl::unexpected<Error> invalid(std::string message) { return fail(Code::InvalidArgument, "identity.invalid_role", std::move(message)); }

Result<void> check_role(const Role& role) {
  if (!is_role_name(role.name)) return invalid("a role's name is 1 to 64 letters, digits, `.`, `_` and `-`");
  CG_CHECK(check_line("the description", role.description, 500));
  std::size_t patterns = 0;
  for (const Permission& permission : role.permissions) {
    if (permission.server.empty()) return invalid("a permission needs a server: its slug, or a pattern with `*` and `?`");
    CG_CHECK(check_line("a server", permission.server, 64));
    if (permission.tools.empty())
      return invalid(fmt::format("the permission for `{}` names no tool: list them, or write `*`", permission.server));
    patterns += permission.tools.size();
    for (const std::string& tool : permission.tools) {
      if (tool.empty()) return invalid(fmt::format("a tool name of `{}` is empty", permission.server));
      CG_CHECK(check_line("a tool name", tool, 256));
    }
  }
  if (patterns > kPatternsMax) return invalid("too many tool names in one role: use patterns");
  return {};
}

Result<std::vector<Role>> read(Transaction& tx, std::string_view condition, std::span<const store::Value> values) {
  CG_TRY(auto rows,
         tx.query(fmt::format("SELECT r.name, r.description, p.position, p.server, p.tool FROM roles r LEFT JOIN role_permissions p "
                              "ON p.role = r.name {} ORDER BY r.name, p.position, p.tool_position",
                              condition),
                  values));
  std::vector<Role> roles;
  std::int64_t position = -1;
  for (const Row& row : rows) {
    if (roles.empty() || roles.back().name != row.text(0)) {
      roles.push_back({row.text(0), row.text(1), {}});
      position = -1;
    }
    if (row.null(2)) continue;  // a role without permissions
    auto& permissions = roles.back().permissions;
    if (row.integer(2) != position) permissions.push_back({row.text(3), {}});
    position = row.integer(2);
    permissions.back().tools.push_back(row.text(4));
  }
  return roles;
}

}  // namespace

Result<std::vector<Role>> read_roles(Transaction& tx) { return read(tx, "", {}); }

Result<Role> find_role(Transaction& tx, std::string_view name) {
  const store::Value values[] = {std::string(name)};
  CG_TRY(auto roles, read(tx, "WHERE r.name = ?", values));
  if (roles.empty()) return fail(Code::NotFound, "identity.no_such_role", fmt::format("no role is called `{}`", name.substr(0, 64)));
  return std::move(roles[0]);
}

Result<void> IdentityStore::put_role(const Role& role) {
  CG_CHECK(check_role(role));
  return inner_->write_all([&](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute(
        "INSERT INTO roles (name, description) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET description = excluded.description",
        {role.name, role.description}));
    CG_CHECK(tx.execute("DELETE FROM role_permissions WHERE role = ?", {role.name}));
    for (std::size_t p = 0; p < role.permissions.size(); ++p)
      for (std::size_t t = 0; t < role.permissions[p].tools.size(); ++t)
        CG_CHECK(tx.execute("INSERT INTO role_permissions (role, position, tool_position, server, tool) VALUES (?, ?, ?, ?, ?)",
                            {role.name, static_cast<std::int64_t>(p), static_cast<std::int64_t>(t), role.permissions[p].server,
                             role.permissions[p].tools[t]}));
    return {};
  });
}

Result<std::vector<Role>> IdentityStore::roles() {
  std::vector<Role> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(all, read_roles(tx));
    return {};
  }));
  return all;
}

Result<Role> IdentityStore::role(std::string_view name) {
  Role found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found, find_role(tx, name));
    return {};
  }));
  return found;
}

Result<void> IdentityStore::remove_role(std::string_view name) {
  return inner_->write_all([&](Transaction& tx) -> Result<void> {
    CG_TRY(Role found, find_role(tx, name));
    CG_TRY(auto users, tx.query("SELECT label FROM grants WHERE role = ? AND revoked_at IS NULL LIMIT 1", {found.name}));
    if (!users.empty())
      return fail(Code::Conflict, "identity.role_in_use",
                  fmt::format("grant `{}` has the role `{}`: change or revoke it first", users[0].text(0), found.name));
    CG_CHECK(tx.execute("DELETE FROM roles WHERE name = ?", {found.name}));
    return {};
  });
}

}  // namespace callgate::identity
