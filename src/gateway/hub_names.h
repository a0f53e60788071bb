#pragma once
// The tools of all servers a caller may use, under names that are unique (the shared endpoint /mcp). A name is kept where only one server
// has it; otherwise it becomes `server__name`, as do those named like the tool search's. At most 64 characters, and
// the same for the same configuration (T-48). Pure.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.h"
#include "identity/identity.h"

namespace callgate::gateway {

constexpr std::size_t kSharedNameMax = 64;

struct SharedTool {
  const catalog::ServerEntry* server = nullptr;
  std::string_view tool;  // as the server names it
};

// The policy that judges this caller at this server; null: everything is denied.
const policy::Policy* policy_for(const catalog::Catalog& catalog, const identity::GrantEntry& caller, const catalog::ServerEntry& server);
// Servers the caller may use through the shared endpoint, by slug: enabled, granted, with readable credentials.
std::vector<const catalog::ServerEntry*> shared_servers(const catalog::Catalog& catalog, const identity::GrantEntry& caller);

// Valid as long as the snapshot it was made from.
class HubNames {
 public:
  HubNames(const catalog::Catalog& catalog, const identity::GrantEntry& caller);
  const SharedTool* find(std::string_view shared_name) const;                                // null: no such tool for this caller
  std::string_view shared(const catalog::ServerEntry& server, std::string_view tool) const;  // empty: not offered
  const std::unordered_map<std::string, SharedTool>& all() const { return tools_; }
  const Digest& digest() const { return digest_; }  // another one: the caller's tools are others

 private:
  std::string unique_name(std::string_view slug, std::string_view tool, bool prefixed) const;
  std::unordered_map<std::string, SharedTool> tools_;
  std::unordered_map<std::string, std::string_view> names_;  // "slug tool" -> shared name
  Digest digest_{};
  mutable std::string key_;
};

// The names of many callers: those whose grants reach the same servers by the same policy and role see the same ones. Of one snapshot at a
// time; what get() gives is good until another caller's are asked for.
class SharedNames {
 public:
  const HubNames& get(std::uint64_t epoch, const catalog::Catalog& catalog, const identity::GrantEntry& caller);

 private:
  std::uint64_t epoch_ = 0;
  std::unordered_map<std::string, std::unique_ptr<HubNames>> names_;  // by what of a grant they depend on
};

// `server__name` and `server+uri`, for what is not in the catalog: prompts and resources.
std::string shared_prompt(std::string_view slug, std::string_view prompt);
std::string shared_uri(std::string_view slug, std::string_view uri);
struct SplitName {
  std::string_view slug, rest;  // both empty: not of that form
};
SplitName split_prompt(std::string_view shared);
SplitName split_uri(std::string_view shared);

}  // namespace callgate::gateway
