#include "base/encoding.h"
#include "identity/inner.h"
#include "identity/rows.h"
#include "store/private_file.h"

namespace callgate::identity {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::chrono::hours kReadAgain{24};               // then what is remembered for too long is let go
constexpr std::chrono::hours kRevokedRemembered{30 * 24};  // so long a revoked token is told that it was revoked

Result<std::optional<std::string>> stored_proof(store::Database& database) {
  std::optional<std::string> proof;
  CG_CHECK(database.read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT proof FROM token_key WHERE id = 1"));
    if (!rows.empty()) proof = rows[0].text(0);
    return {};
  }));
  return proof;
}

Result<Secret> decode_key(const Secret& file) {
  auto text = file.reveal();
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto bytes = hex_decode(text);
  if (!bytes || bytes->size() != kKeyBytes)
    return fail(Code::Unavailable, "identity.token_key", "the file `token.key` is damaged: restore it from a backup");
  return Secret(std::move(*bytes));
}

Secret fresh_key() {
  std::array<std::uint8_t, kKeyBytes> bytes{};
  random_bytes(bytes.data(), bytes.size());
  return Secret(hex_encode(bytes) + "\n");
}

// The database remembers which key its tokens were made with: with another one every client would be locked out, or, worse,
// a new key would be made in silence after the old file was lost.
Result<Secret> load_key(store::Database& database, const std::string& path) {
  CG_TRY(auto proof, stored_proof(database));
  Secret file;
  if (proof) {
    CG_TRY(auto found, store::read_private_file(path));
    if (!found)
      return fail(Code::Unavailable, "identity.token_key",
                  "the file `token.key` is missing although grants were made with it: restore it from a backup");
    file = std::move(*found);
  } else {
    CG_TRY(file, store::read_or_create_private_file(path, fresh_key()));
  }
  CG_TRY(Secret key, decode_key(file));
  std::string mine = to_row(hmac_sha256(key.reveal(), "callgate token key proof"));
  if (!proof) {
    CG_CHECK(database.write([&](store::Transaction& tx) -> Result<void> {
      CG_CHECK(tx.execute("INSERT INTO token_key (id, proof) VALUES (1, ?) ON CONFLICT (id) DO NOTHING", {mine}));
      return {};
    }));
    CG_TRY(proof, stored_proof(database));
  }
  if (!proof || *proof != mine)
    return fail(Code::Unavailable, "identity.token_key",
                "the file `token.key` is not the one this database was made with: restore it from the same backup");
  return key;
}

}  // namespace

IdentityStore::IdentityStore() = default;
IdentityStore::~IdentityStore() = default;

Result<std::unique_ptr<IdentityStore>> IdentityStore::open(store::Database& database, const Clock& clock,
                                                           const std::string& data_directory) {
  init_crypto();
  CG_CHECK(database.migrate(migrations()));
  CG_TRY(Secret key, load_key(database, data_directory + "/token.key"));
  std::unique_ptr<IdentityStore> opened(new IdentityStore());
  opened->inner_ = std::make_unique<Inner>(database, clock, std::move(key));
  return opened;
}

namespace {

// Every change of a grant raises its version: a sum that does not fit tells of a writer beside this one.
Result<GrantTotals> grant_totals(store::Transaction& tx) {
  CG_TRY(auto rows, tx.query("SELECT COUNT(*), COALESCE(SUM(version), 0) FROM grants"));
  return GrantTotals{rows[0].integer(0), rows[0].integer(1)};
}

}  // namespace

// A change of one grant reads that grant; a change of principals or roles, and the first directory of a day, read everything.
Result<std::shared_ptr<const Directory>> IdentityStore::directory() {
  Kept& kept = inner_->kept;
  const std::lock_guard building(kept.building_);
  TextSet changed;
  bool all = false;
  {
    const std::lock_guard lock(kept.mutex_);
    changed.swap(kept.grants_);
    all = std::exchange(kept.all_, false);
  }
  const auto now = inner_->clock.now();
  const bool whole = all || !kept.directory_ || now - kept.read_at_ >= kReadAgain || now < kept.read_at_;
  auto done = whole ? read_directory(now) : read_changed(changed, now);
  if (!done) {
    kept.all_changed();  // what was noted is still to be done
    return tl::unexpected<Error>(std::move(done).error());
  }
  return kept.directory_;
}

Result<void> IdentityStore::read_directory(WallTime now) {
  std::vector<PrincipalRow> principals;
  std::vector<Role> roles;
  std::vector<Grant> grants;
  GrantTotals totals;
  CG_CHECK(inner_->database.read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(totals, grant_totals(tx));
    CG_TRY(principals, read_principals(tx));
    CG_TRY(roles, read_roles(tx));
    CG_TRY(grants, read_grants(tx, now - kRevokedRemembered));
    return {};
  }));
  Kept& kept = inner_->kept;
  kept.principals_.clear();
  for (PrincipalRow& row : principals) {
    std::string id = row.principal.id;
    kept.principals_.emplace(std::move(id), std::move(row));
  }
  kept.roles_.clear();
  for (Role& role : roles) {
    std::string name = role.name;
    kept.roles_.emplace(std::move(name), std::make_shared<const Role>(std::move(role)));
  }
  kept.directory_ = std::make_shared<const Directory>(entries_of(std::move(grants)), inner_->token_key.reveal());
  kept.totals_ = totals;
  kept.read_at_ = now;
  return {};
}

Result<void> IdentityStore::read_changed(const TextSet& changed, WallTime now) {
  Kept& kept = inner_->kept;
  std::vector<Grant> grants;
  GrantTotals totals;
  CG_CHECK(inner_->database.read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(totals, grant_totals(tx));
    for (const std::string& id : changed) {
      CG_TRY(Grant grant, find_grant(tx, id));
      grants.push_back(std::move(grant));
    }
    return {};
  }));
  GrantTotals expected = kept.totals_;
  for (const Grant& grant : grants) {
    const GrantEntry* before = kept.directory_->find(grant.id);
    expected.count += before == nullptr ? 1 : 0;
    expected.versions += grant.version - (before == nullptr ? 0 : before->grant.version);
  }
  auto entries = entries_of(std::move(grants));
  // Somebody else wrote, or a principal is new to this directory: nothing is guessed.
  if (totals != expected || entries.size() != changed.size()) return read_directory(now);
  if (!entries.empty()) kept.directory_ = kept.directory_->with(std::move(entries));
  kept.totals_ = totals;
  return {};
}

std::vector<GrantEntry> IdentityStore::entries_of(std::vector<Grant> grants) const {
  const Kept& kept = inner_->kept;
  auto gone = [&](const std::string& id) {
    auto found = kept.principals_.find(id);
    return found == kept.principals_.end() || found->second.removed || found->second.principal.disabled;
  };
  std::vector<GrantEntry> entries;
  entries.reserve(grants.size());
  for (Grant& grant : grants) {
    auto found = kept.principals_.find(grant.principal_id);
    if (found == kept.principals_.end()) continue;  // the database forbids it; without a caller there is no grant
    GrantEntry entry;
    entry.principal = found->second.principal;
    entry.principal.disabled = entry.principal.disabled || found->second.removed;
    entry.owner_disabled = entry.principal.kind == PrincipalKind::Robot && gone(entry.principal.owner_id);
    auto role = kept.roles_.find(grant.role);
    if (role != kept.roles_.end()) entry.role = role->second;
    entry.grant = std::move(grant);
    entries.push_back(std::move(entry));
  }
  return entries;
}

void Uses::note(std::string_view grant_id, WallTime when) {
  Shard& shard = shards_[TextHash()(grant_id) % shards_.size()];
  std::lock_guard lock(shard.mutex);
  auto found = shard.map.find(grant_id);
  if (found == shard.map.end()) shard.map.emplace(grant_id, when);
  else if (found->second < when) found->second = when;
}

Uses::Map Uses::take() {
  Map all;
  for (Shard& shard : shards_) {
    Map part;
    {
      std::lock_guard lock(shard.mutex);
      part.swap(shard.map);
    }
    all.merge(part);
  }
  return all;
}

void IdentityStore::note_use(std::string_view grant_id, WallTime when) { inner_->uses.note(grant_id, when); }

Result<void> IdentityStore::flush_uses() {
  Uses::Map uses = inner_->uses.take();
  if (uses.empty()) return {};
  auto written = inner_->database.write([&](store::Transaction& tx) -> Result<void> {
    for (const auto& [id, when] : uses)
      CG_CHECK(tx.execute("UPDATE grants SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)",
                          {to_row(when), id, to_row(when)}));
    return {};
  });
  if (!written)
    for (const auto& [id, when] : uses) inner_->uses.note(id, when);  // for the next flush
  return written;
}

}  // namespace callgate::identity
