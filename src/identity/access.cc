#include "identity/access.h"

#include <algorithm>

#include "identity/identity.h"

namespace callgate::identity {

bool glob_match(std::string_view glob, std::string_view text) {
  // Goes back to the last star only: at most glob x text steps, no recursion.
  std::size_t g = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool Permissions::Tools::cover(std::string_view tool) const {
  if (tool.empty()) return !exact.empty() || !globs.empty();
  if (exact.find(tool) != exact.end()) return true;
  for (const std::string& glob : globs)
    if (glob_match(glob, tool)) return true;
  return false;
}

Permissions::Permissions(const Role& role) {
  for (const Permission& permission : role.permissions) {
    Tools* tools = nullptr;
    if (has_wildcard(permission.server)) tools = &by_glob_.emplace_back(permission.server, Tools()).second;
    else tools = &by_slug_[permission.server];
    for (const std::string& tool : permission.tools) {
      if (has_wildcard(tool)) tools->globs.push_back(tool);
      else tools->exact.insert(tool);
    }
  }
}

bool Permissions::cover(std::string_view server_slug, std::string_view tool) const {
  auto found = by_slug_.find(server_slug);
  if (found != by_slug_.end() && found->second.cover(tool)) return true;
  for (const auto& [glob, tools] : by_glob_)
    if (glob_match(glob, server_slug) && tools.cover(tool)) return true;
  return false;
}

namespace {

bool names_server(const GrantEntry& entry, const std::string& id) {
  const auto& servers = entry.grant.servers;
  if (!entry.indexed)
    return std::find(servers.begin(), servers.end(), "*") != servers.end() ||
           std::find(servers.begin(), servers.end(), id) != servers.end();
  if (servers.empty()) return false;
  return servers.front() == "*" || std::binary_search(servers.begin(), servers.end(), id);  // `*` comes first
}

}  // namespace

bool may_use_server(const GrantEntry& entry, const Server& server) { return may_use_tool(entry, server, {}); }

bool may_use_tool(const GrantEntry& entry, const Server& server, std::string_view tool) {
  if (server.id.empty() || !names_server(entry, server.id)) return false;
  if (entry.grant.role.empty()) return true;
  if (entry.permissions) return entry.permissions->cover(server.slug, tool);
  return entry.role && Permissions(*entry.role).cover(server.slug, tool);  // a role that is gone allows nothing
}

bool is_admin_role(std::string_view role) {
  constexpr std::string_view kApprover = "approver:";
  if (role == "owner" || role == "admin" || role == "auditor" || role == "approver") return true;
  if (!role.starts_with(kApprover) || role.size() == kApprover.size() || role.size() > kApprover.size() + 64) return false;
  return role.substr(kApprover.size()).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

}  // namespace callgate::identity
