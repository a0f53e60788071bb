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

std::size_t Directory::shard_of(std::string_view id) { return std::hash<std::string_view>()(id) % kShards; }

// Which shards are this directory's own already: the others belong to older ones too and are copied before the first change.
struct Directory::Change {
  std::array<bool, kShards> own_hmac{}, own_id{};

  template <class Map> static Map& writable(std::shared_ptr<Map>& shard, bool& own) {
    if (!shard) shard = std::make_shared<Map>();
    else if (!own) shard = std::make_shared<Map>(*shard);
    own = true;
    return *shard;
  }
};

Directory::Directory(std::vector<GrantEntry> grants, std::string_view token_key)
    : token_key_(std::make_shared<const HmacSha256Key>(token_key)) {
  Change change;
  for (GrantEntry& entry : grants) put(std::move(entry), change);
}

std::shared_ptr<const Directory> Directory::with(std::vector<GrantEntry> changed) const {
  std::shared_ptr<Directory> next(new Directory());
  next->by_hmac_ = by_hmac_;
  next->by_id_ = by_id_;
  next->compiled_ = compiled_;
  next->size_ = size_;
  next->token_key_ = token_key_;
  Change change;
  for (GrantEntry& entry : changed) next->put(std::move(entry), change);
  return next;
}

void Directory::put(GrantEntry&& given, Change& change) {
  auto entry = std::make_shared<GrantEntry>(std::move(given));
  if (entry->role) {
    auto& permissions = compiled_[entry->role];
    if (!permissions) permissions = std::make_shared<Permissions>(*entry->role);
    entry->permissions = permissions;
  }
  std::sort(entry->grant.servers.begin(), entry->grant.servers.end(),
            [](const std::string& a, const std::string& b) { return (a == "*") != (b == "*") ? a == "*" : a < b; });
  entry->indexed = true;
  const auto by_hmac = [&](const Digest& hmac) -> auto& {
    const std::size_t shard = shard_of(hmac);
    return Change::writable(by_hmac_[shard], change.own_hmac[shard]);
  };
  const std::size_t shard = shard_of(entry->grant.id);
  auto& by_id = Change::writable(by_id_[shard], change.own_id[shard]);
  if (auto old = by_id.find(entry->grant.id); old != by_id.end()) {
    const Entry before = old->second;
    by_id.erase(old);  // its key lies in the old entry
    by_hmac(before->grant.token_hmac).erase(before->grant.token_hmac);
    if (before->grant.previous_hmac) by_hmac(*before->grant.previous_hmac).erase(*before->grant.previous_hmac);
    --size_;
  }
  by_hmac(entry->grant.token_hmac).insert_or_assign(entry->grant.token_hmac, entry);
  if (entry->grant.previous_hmac) by_hmac(*entry->grant.previous_hmac).emplace(*entry->grant.previous_hmac, entry);
  by_id.emplace(entry->grant.id, entry);
  ++size_;
}

Result<const GrantEntry*> Directory::authenticate(std::string_view authorization, const IpAddress& remote, WallTime now) const {
  CG_TRY(auto token, bearer_token(authorization));
  CG_CHECK(check_token(token, kGrantPrefix));
  Digest hmac = token_key_->sign(token);
  const auto& shard = by_hmac_[shard_of(hmac)];
  const auto found = shard ? shard->find(hmac) : decltype(shard->find(hmac))();
  if (!shard || found == shard->end())
    return fail(Code::Unauthenticated, "identity.unknown_token",
                "no grant has this token: it was replaced, removed, or belongs to another gateway");
  const GrantEntry& entry = *found->second;
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
  const auto& shard = by_id_[shard_of(grant_id)];
  if (!shard) return nullptr;
  const auto found = shard->find(grant_id);
  return found == shard->end() ? nullptr : found->second.get();
}

}  // namespace callgate::identity
