#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "identity/access.h"
#include "identity/identity.h"
#include "identity/token.h"

namespace callgate::identity {
namespace {

std::string_view bytes_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Result<void> check(const GrantEntry& entry, const IpAddress& remote, WallTime now) {
  const Grant& grant = entry.grant;
  if (grant.revoked_at) return fail(Code::Unauthenticated, "identity.revoked", "this grant was revoked: ask for a new one");
  if (now >= grant.expires_at)
    return fail(Code::Unauthenticated, "identity.expired",
                fmt::format("this grant expired at {}: ask for a new one or have it extended", format_time(grant.expires_at)));
  if (entry.principal.disabled)
    return fail(Code::Unauthenticated, "identity.principal_disabled",
                fmt::format("`{}` is disabled: ask an administrator", entry.principal.name));
  if (entry.owner_disabled)
    return fail(Code::Unauthenticated, "identity.principal_disabled",
                fmt::format("the owner of robot `{}` is disabled: an administrator must name another", entry.principal.name));
  if (grant.networks.empty()) return {};
  for (const IpRange& range : grant.networks)
    if (range.contains(remote)) return {};
  return fail(Code::Forbidden, "identity.network",
              fmt::format("this grant may not be used from {}: connect from one of its networks or have it added", remote.text()));
}

}  // namespace

// The digest is keyed and so not the sender's to choose: its first bytes are as good a hash as any.
std::size_t Directory::DigestHash::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Directory::Directory(std::vector<GrantEntry> grants, std::string_view token_key) : grants_(std::move(grants)), token_key_(token_key) {
  std::unordered_map<const Role*, std::shared_ptr<const Permissions>> compiled;
  by_hmac_.reserve(grants_.size());
  by_id_.reserve(grants_.size());
  for (std::size_t i = 0; i < grants_.size(); ++i) {
    GrantEntry& entry = grants_[i];
    if (entry.role) {
      auto& slot = compiled[entry.role.get()];
      if (!slot) slot = std::make_shared<Permissions>(*entry.role);
      entry.permissions = slot;
    }
    std::sort(entry.grant.servers.begin(), entry.grant.servers.end(),
              [](const std::string& a, const std::string& b) { return (a == "*") != (b == "*") ? a == "*" : a < b; });
    entry.indexed = true;
    by_id_.emplace(entry.grant.id, i);
    by_hmac_.emplace(entry.grant.token_hmac, i);
    if (entry.grant.previous_hmac) by_hmac_.emplace(*entry.grant.previous_hmac, i);
  }
}

Result<const GrantEntry*> Directory::authenticate(std::string_view authorization, const IpAddress& remote, WallTime now) const {
  CG_TRY(auto token, bearer_token(authorization));
  CG_CHECK(check_token(token, kGrantPrefix));
  Digest hmac = token_key_.sign(token);
  auto found = by_hmac_.find(hmac);
  if (found == by_hmac_.end())
    return fail(Code::Unauthenticated, "identity.unknown_token",
                "no grant has this token: it was replaced, removed, or belongs to another gateway");
  const GrantEntry& entry = grants_[found->second];
  bool current = equal_constant_time(bytes_of(hmac), bytes_of(entry.grant.token_hmac));
  if (!current) {
    bool previous = entry.grant.previous_hmac && equal_constant_time(bytes_of(hmac), bytes_of(*entry.grant.previous_hmac));
    if (!previous) return fail(Code::Unauthenticated, "identity.unknown_token", "no grant has this token: ask for a new one");
    if (!entry.grant.overlap_until || now >= *entry.grant.overlap_until)
      return fail(Code::Unauthenticated, "identity.revoked", "this token was replaced by a newer one of the same grant: use that one");
  }
  CG_CHECK(check(entry, remote, now));
  return &entry;
}

Result<const GrantEntry*> Directory::recheck(std::string_view grant_id, const IpAddress& remote, WallTime now) const {
  const GrantEntry* entry = find(grant_id);
  if (entry == nullptr) return fail(Code::Unauthenticated, "identity.revoked", "this grant is gone: ask for a new one");
  CG_CHECK(check(*entry, remote, now));
  return entry;
}

const GrantEntry* Directory::find(std::string_view grant_id) const {
  auto found = by_id_.find(grant_id);
  return found == by_id_.end() ? nullptr : &grants_[found->second];
}

}  // namespace callgate::identity
