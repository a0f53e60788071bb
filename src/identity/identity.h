#pragma once
// Who calls. Stores principals, roles and grants; answers on the data path from an immutable Directory.
// Tokens: "cg_" + 43 base62 characters + 6 check characters (CRC-32 of what precedes, base62), so leak scanners can recognise
// them and a typo is told apart from a revoked token. Kept only as HMAC-SHA256 under the key in `<data>/token.key` (0600).

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "model/entities.h"
#include "store/database.h"

namespace callgate::identity {

class Permissions;  // a role, compiled by Directory
struct TextHash;
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

struct GrantEntry {
  Grant grant;
  Principal principal;
  std::shared_ptr<const Role> role;  // shared by all grants with this role; null although grant.role is set: nothing is allowed
  bool owner_disabled = false;       // a robot's owner is disabled or gone
  std::shared_ptr<const Permissions> permissions;  // set by Directory, which also sorts grant.servers
  bool indexed = false;                            // set by Directory
};

// Immutable; shared by all threads. Look-ups do not allocate.
class Directory {
 public:
  Directory(std::vector<GrantEntry> grants, std::string_view token_key);
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  // The same with these grants new or changed. What did not change is shared, so one grant costs the same among ten and among ten thousand.
  std::shared_ptr<const Directory> with(std::vector<GrantEntry> changed) const;
  // Reads the Authorization value. Errors: Unauthenticated identity.{missing, malformed, unknown_token, expired, revoked,
  // principal_disabled}, Forbidden identity.network. "Bearer" in any case; exactly one space; a literal ${VAR} gets its own hint.
  Result<const GrantEntry*> authenticate(std::string_view authorization, const IpAddress& remote, WallTime now) const;
  // The same checks for a grant already known (open streams, next call on a kept connection).
  Result<const GrantEntry*> recheck(std::string_view grant_id, const IpAddress& remote, WallTime now) const;
  const GrantEntry* find(std::string_view grant_id) const;
  std::size_t size() const { return size_; }

 private:
  Directory() = default;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const;
  };
  using Entry = std::shared_ptr<const GrantEntry>;
  // A change copies the few shards it touches.
  static constexpr std::size_t kShards = 256;
  template <class Map> using Shards = std::array<std::shared_ptr<Map>, kShards>;
  using ByHmac = Shards<std::unordered_map<Digest, Entry, DigestHash>>;  // current and, during an overlap, previous
  using ById = Shards<std::unordered_map<std::string_view, Entry>>;      // views into the entries
  struct Change;
  static std::size_t shard_of(const Digest& hmac) { return hmac.back(); }
  static std::size_t shard_of(std::string_view id);
  void put(GrantEntry&& entry, Change& change);

  ByHmac by_hmac_;
  ById by_id_;
  std::unordered_map<std::shared_ptr<const Role>, std::shared_ptr<const Permissions>> compiled_;
  std::size_t size_ = 0;
  std::shared_ptr<const HmacSha256Key> token_key_;
};

// True when the entry's server list and role cover this server (tool). `tool` empty: is any tool of it covered?
// Globs in roles know `*` and `?` only and compare exact bytes. Flat in the number of servers and tools named.
bool may_use_server(const GrantEntry& entry, const Server& server);
bool may_use_tool(const GrantEntry& entry, const Server& server, std::string_view tool);

// owner, admin, auditor; approver: decides about calls whose rule names no role; approver:NAME ([a-z0-9._-]{1,64}): about those naming it.
bool is_admin_role(std::string_view role);

struct NewGrant {
  std::string label, principal_id, policy, role, note;
  std::vector<std::string> servers;
  std::vector<IpRange> networks;
  DenyAs deny_as = DenyAs::Error;
  std::optional<std::chrono::seconds> lifetime;  // default 30 days; at most 366
};
struct Minted {
  Grant grant;
  Secret token;
};  // the only time the token exists outside the client

// Everything durable about identity. Blocking; any thread.
class IdentityStore {
 public:
  static Result<std::unique_ptr<IdentityStore>> open(store::Database& database, const Clock& clock, const std::string& data_directory);

  Result<Principal> add_principal(Principal principal);  // id and created_at are filled in
  Result<std::vector<Principal>> principals();
  Result<Principal> principal(std::string_view id_or_name);
  Result<Principal> update_principal(const Principal& principal);  // disabled, display_name, admin_roles, owner
  Result<void> remove_principal(std::string_view id_or_name);      // revokes its grants and API tokens

  Result<void> put_role(const Role& role);
  Result<std::vector<Role>> roles();
  Result<Role> role(std::string_view name);
  Result<void> remove_role(std::string_view name);  // Conflict while a grant uses it

  Result<Minted> mint(const NewGrant& grant);
  Result<std::vector<Grant>> grants();
  Result<Grant> grant(std::string_view id_or_label);  // Conflict when a label is not unique
  // The old token stays good for `overlap` (at most 30 days); a second rotation ends the oldest at once.
  Result<Minted> rotate(std::string_view id, std::chrono::seconds overlap);
  Result<Grant> revoke(std::string_view id, std::string_view why);
  Result<Grant> update_grant(const Grant& grant);  // label, policy, role, networks, deny_as, expiry, note, servers; version must match

  // Does a live grant name this policy? For the catalog, which must not remove it then.
  Result<bool> uses_policy(std::string_view policy);

  // Admin API tokens ("cga_" prefix, same shape) and the single-use setup code of the first start.
  struct ApiToken {
    std::string id, principal_id, label, last4;
    WallTime created_at{};
    std::optional<WallTime> expires_at;
  };
  struct MintedApiToken {
    ApiToken token;
    Secret text;
  };
  Result<MintedApiToken> mint_api_token(std::string_view principal_id, std::string_view label,
                                        std::optional<std::chrono::seconds> lifetime);
  Result<Principal> authenticate_api_token(std::string_view token);
  Result<std::vector<ApiToken>> api_tokens();
  Result<void> revoke_api_token(std::string_view id);
  Result<std::optional<Secret>> setup_code();  // a fresh one (24 h) while there is no user yet; nothing afterwards
  Result<MintedApiToken> redeem_setup_code(std::string_view code, std::string_view user_name);  // makes the first owner

  Result<std::shared_ptr<const Directory>> directory();     // all grants as they stand now
  void note_use(std::string_view grant_id, WallTime when);  // cheap; written by flush_uses()
  Result<void> flush_uses();
  ~IdentityStore();

 private:
  IdentityStore();
  Result<void> read_directory(WallTime now);
  Result<void> read_changed(const TextSet& changed, WallTime now);
  std::vector<GrantEntry> entries_of(std::vector<Grant> grants) const;
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::identity
