#include <sys/stat.h>

#include <thread>

#include "identity/testing/fixture.h"

namespace callgate::identity {
namespace {

using namespace std::chrono;
using testing::IdentityFixture;

class IdentityStoreTest : public IdentityFixture {
 protected:
  template <class T> static std::string reason(const Result<T>& result) { return result ? "ok" : std::string(result.error().reason); }
};

TEST_F(IdentityStoreTest, KeepsTokensAsDigestsOnly) {
  auto file = store::open_sqlite(folder_.file("callgate.db")).value();
  store::testing::TemporaryFolder keys;
  auto identity = IdentityStore::open(*file, clock_, keys.path()).value();
  Principal bob;
  bob.name = "bob";
  bob = identity->add_principal(bob).value();
  NewGrant grant = plain_grant();
  grant.principal_id = bob.id;
  auto minted = identity->mint(grant).value();
  auto rotated = identity->rotate(minted.grant.id, hours(1)).value();
  auto api = identity->mint_api_token(bob.id, "cli", {}).value();
  std::string bytes;
  for (const char* suffix : {"", "-wal"}) bytes += store::testing::read_bytes(folder_.file("callgate.db") + suffix);
  EXPECT_NE(bytes.find("laptop"), std::string::npos);
  for (auto token : {minted.token.reveal(), rotated.token.reveal(), api.text.reveal()})
    EXPECT_EQ(bytes.find(token.substr(3, 30)), std::string::npos);
  EXPECT_EQ(store::testing::mode_of(keys.file("token.key")), 0600u);
}

// T-68
TEST_F(IdentityStoreTest, RefusesAKeyFileThatIsOpenToOthersMissingOrNotItsOwn) {
  std::string path = folder_.file("token.key");
  std::string good = store::testing::read_bytes(path);
  EXPECT_TRUE(IdentityStore::open(*database_, clock_, folder_.path()));

  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(reason(IdentityStore::open(*database_, clock_, folder_.path())), "store.file_mode");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);

  std::string swapped = good;
  swapped[0] = swapped[0] == '0' ? '1' : '0';
  store::testing::write_bytes(path, swapped);
  EXPECT_EQ(reason(IdentityStore::open(*database_, clock_, folder_.path())), "identity.token_key");
  store::testing::write_bytes(path, "short");
  EXPECT_EQ(reason(IdentityStore::open(*database_, clock_, folder_.path())), "identity.token_key");
  ::unlink(path.c_str());
  auto missing = IdentityStore::open(*database_, clock_, folder_.path());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "identity.token_key");
  EXPECT_FALSE(std::filesystem::exists(path)) << "no new key in silence";
  store::testing::write_bytes(path, good);
  ::chmod(path.c_str(), 0600);
  EXPECT_TRUE(IdentityStore::open(*database_, clock_, folder_.path()));
}

TEST_F(IdentityStoreTest, GivesGrantsThirtyDaysUnlessToldOtherwise) {
  EXPECT_EQ(mint(plain_grant()).grant.expires_at, clock_.now() + hours(30 * 24));
  NewGrant grant = plain_grant();
  grant.lifetime = hours(366 * 24);
  EXPECT_EQ(mint(grant).grant.expires_at, clock_.now() + hours(366 * 24));
  for (auto lifetime : {seconds(0), seconds(-1), seconds(hours(366 * 24)) + seconds(1), seconds::max()}) {
    grant.lifetime = lifetime;
    EXPECT_EQ(reason(store_->mint(grant)), "identity.lifetime");
  }
}

TEST_F(IdentityStoreTest, ReadsBackEveryFieldOfAGrant) {
  ASSERT_TRUE(store_->put_role({"support", "", {{"*", {"*"}}}}));
  NewGrant grant;
  grant.label = "Alice's laptop – Claude";
  grant.principal_id = "alice";
  grant.policy = "refunds";
  grant.role = "support";
  grant.note = "ticket 12";
  grant.servers = {"b", "a", "b"};
  grant.networks = {IpRange::parse("10.0.0.0/8").value(), IpRange::parse("2001:db8::1").value()};
  grant.deny_as = DenyAs::Auto;
  auto minted = mint(grant);
  auto read = store_->grant(minted.grant.id).value();
  EXPECT_EQ(read.label, grant.label);
  EXPECT_EQ(read.principal_id, alice_.id);
  EXPECT_EQ(read.policy, "refunds");
  EXPECT_EQ(read.role, "support");
  EXPECT_EQ(read.note, "ticket 12");
  EXPECT_EQ(read.servers, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(read.networks.size(), 2u);
  EXPECT_EQ(read.networks[1].text(), grant.networks[1].text());
  EXPECT_EQ(read.deny_as, DenyAs::Auto);
  EXPECT_EQ(read.version, 1);
  EXPECT_EQ(read.token_hmac, minted.grant.token_hmac);
  EXPECT_FALSE(read.revoked_at || read.last_used_at || read.previous_hmac || read.overlap_until);
  EXPECT_EQ(store_->grants().value().at(0).servers, read.servers);
}

TEST_F(IdentityStoreTest, RefusesGrantsThatMakeNoSense) {
  struct Case {
    std::string reason;
    std::function<void(NewGrant&)> edit;
  };
  const std::vector<Case> cases = {
      {"identity.invalid_grant", [](NewGrant& g) { g.label = ""; }},
      {"identity.invalid_grant", [](NewGrant& g) { g.label = "grt_x"; }},
      {"identity.invalid_text", [](NewGrant& g) { g.label = "a\nb"; }},
      {"identity.invalid_text", [](NewGrant& g) { g.label = std::string(101, 'x'); }},
      {"identity.invalid_text", [](NewGrant& g) { g.note = "\x1b[31m"; }},
      {"identity.invalid_grant", [](NewGrant& g) { g.servers = {}; }},
      {"identity.invalid_grant", [](NewGrant& g) { g.servers = {""}; }},
      {"identity.invalid_grant", [](NewGrant& g) { g.policy = "no such\npolicy"; }},
      {"identity.no_such_role", [](NewGrant& g) { g.role = "nobody"; }},
      {"identity.no_such_principal", [](NewGrant& g) { g.principal_id = "usr_nobody"; }},
      {"identity.no_such_principal", [](NewGrant& g) { g.principal_id = ""; }},
  };
  for (const Case& each : cases) {
    NewGrant grant = plain_grant();
    each.edit(grant);
    EXPECT_EQ(reason(store_->mint(grant)), each.reason);
  }
  alice_.disabled = true;
  add_user("bob", {"owner"});
  ASSERT_TRUE(store_->update_principal(alice_));
  EXPECT_EQ(reason(store_->mint(plain_grant())), "identity.principal_disabled");
  EXPECT_TRUE(store_->grants().value().empty());
}

TEST_F(IdentityStoreTest, FindsByLabelOnlyWhenItIsUnambiguous) {
  auto one = mint(plain_grant("shared")), two = mint(plain_grant("shared"));
  EXPECT_EQ(reason(store_->grant("shared")), "identity.ambiguous_label");
  EXPECT_EQ(reason(store_->revoke("shared", "")), "identity.ambiguous_label");
  EXPECT_EQ(store_->grant(two.grant.id).value().id, two.grant.id);
  ASSERT_TRUE(store_->revoke(one.grant.id, ""));
  EXPECT_EQ(store_->grant("shared").value().id, two.grant.id) << "the one in use comes first";
  ASSERT_TRUE(store_->revoke("shared", ""));
  EXPECT_EQ(reason(store_->grant("shared")), "identity.ambiguous_label");
  EXPECT_EQ(reason(store_->grant("nobody")), "identity.no_such_grant");
}

TEST_F(IdentityStoreTest, ChangesAGrantOnlyWhenNobodyElseDidMeanwhile) {
  auto minted = mint(plain_grant());
  Grant mine = minted.grant, theirs = minted.grant;
  theirs.label = "theirs";
  theirs.servers = {"server-b"};
  theirs.expires_at = clock_.now() + hours(100 * 24);
  auto updated = store_->update_grant(theirs).value();
  EXPECT_EQ(updated.version, 2);
  EXPECT_EQ(updated.servers, std::vector<std::string>{"server-b"});
  mine.label = "mine";
  EXPECT_EQ(reason(store_->update_grant(mine)), "identity.version");
  EXPECT_EQ(store_->grant(minted.grant.id).value().label, "theirs");
  EXPECT_EQ(authenticate(minted.token), "ok") << "the token stays";
  updated.expires_at = clock_.now() + hours(367 * 24);
  EXPECT_EQ(reason(store_->update_grant(updated)), "identity.lifetime");
  ASSERT_TRUE(store_->revoke(minted.grant.id, "why"));
  auto revoked = store_->grant(minted.grant.id).value();
  revoked.note = "undo?";
  EXPECT_EQ(reason(store_->update_grant(revoked)), "identity.grant_revoked");
  EXPECT_EQ(reason(store_->rotate(minted.grant.id, hours(1))), "identity.grant_revoked");
}

TEST_F(IdentityStoreTest, RevokesOnceAndKeepsTheFirstTime) {
  auto minted = mint(plain_grant());
  auto first = store_->revoke(minted.grant.id, "lost").value();
  clock_.advance(hours(1));
  auto second = store_->revoke(minted.grant.id, "again").value();
  EXPECT_EQ(first.revoked_at, second.revoked_at);
  EXPECT_EQ(first.version, second.version);
  EXPECT_EQ(reason(store_->revoke("grt_nobody", "")), "identity.no_such_grant");
  EXPECT_EQ(reason(store_->rotate(mint(plain_grant("r")).grant.id, hours(31 * 24))), "identity.overlap");
}

// D-11
TEST_F(IdentityStoreTest, RefusesPrincipalsThatMakeNoSense) {
  auto add = [&](PrincipalKind kind, const std::string& name, const std::string& owner, std::vector<std::string> roles = {}) {
    Principal principal;
    principal.kind = kind;
    principal.name = name;
    principal.owner_id = owner;
    principal.admin_roles = std::move(roles);
    return reason(store_->add_principal(principal));
  };
  EXPECT_EQ(add(PrincipalKind::User, "bob@example.org", ""), "ok");
  EXPECT_EQ(add(PrincipalKind::User, "bob@example.org", ""), "identity.duplicate_name");
  for (auto bad : {"", "Bob", "bob smith", "usr_x", "rob_x",
                   "b\xc3\xb6"
                   "b",
                   "../x"})
    EXPECT_EQ(add(PrincipalKind::User, bad, ""), "identity.invalid_name") << bad;
  EXPECT_EQ(add(PrincipalKind::User, "eve", "", {"root"}), "identity.admin_role");
  EXPECT_EQ(add(PrincipalKind::User, "eve", "alice"), "identity.owner");
  EXPECT_EQ(add(PrincipalKind::Robot, "bot", ""), "identity.owner");
  EXPECT_EQ(add(PrincipalKind::Robot, "bot", "nobody"), "identity.no_such_principal");
  EXPECT_EQ(add(PrincipalKind::Robot, "bot", robot_.id), "identity.owner");
  EXPECT_EQ(add(PrincipalKind::Robot, "bot", "alice"), "ok");
  EXPECT_EQ(store_->principal("bot").value().owner_id, alice_.id);
  EXPECT_TRUE(robot_.id.starts_with("rob_"));
  EXPECT_TRUE(alice_.id.starts_with("usr_"));
}

TEST_F(IdentityStoreTest, RemovesAPrincipalWithAllItsCredentialsAndFreesTheName) {
  auto bob = add_user("bob");
  NewGrant grant = plain_grant();
  grant.principal_id = bob.id;
  auto minted = mint(grant);
  auto api = store_->mint_api_token(bob.id, "cli", {}).value();
  ASSERT_TRUE(store_->remove_principal("bob"));
  EXPECT_EQ(authenticate(minted.token), "identity.revoked");
  EXPECT_EQ(reason(store_->authenticate_api_token(api.text.reveal())), "identity.revoked");
  EXPECT_EQ(reason(store_->principal("bob")), "identity.no_such_principal");
  EXPECT_EQ(store_->principals().value().size(), 2u);
  auto again = add_user("bob");
  EXPECT_NE(again.id, bob.id);
  EXPECT_TRUE(store_->grant(minted.grant.id).value().revoked_at) << "the new bob inherits nothing";
}

TEST_F(IdentityStoreTest, KeepsOneOwnerAtLeast) {
  Principal lowered = alice_;
  lowered.admin_roles = {"auditor"};
  EXPECT_EQ(reason(store_->update_principal(lowered)), "identity.last_owner");
  lowered = alice_;
  lowered.disabled = true;
  EXPECT_EQ(reason(store_->update_principal(lowered)), "identity.last_owner");
  EXPECT_EQ(reason(store_->remove_principal("alice")), "identity.last_owner");
  EXPECT_FALSE(store_->principal("alice").value().disabled);
  add_user("bob", {"admin", "owner"});
  EXPECT_TRUE(store_->remove_principal("alice"));
}

TEST_F(IdentityStoreTest, KeepsRolesAndRefusesToRemoveOneInUse) {
  Role role{"support", "first line", {{"crm", {"get_*", "list"}}, {"*", {"help"}}, {"crm", {"x"}}}};
  ASSERT_TRUE(store_->put_role(role));
  ASSERT_TRUE(store_->put_role({"empty", "", {}}));
  auto read = store_->role("support").value();
  ASSERT_EQ(read.permissions.size(), 3u);
  EXPECT_EQ(read.permissions[0].tools, (std::vector<std::string>{"get_*", "list"}));
  EXPECT_EQ(read.permissions[2].server, "crm");
  EXPECT_EQ(store_->roles().value().size(), 2u);
  role.permissions = {{"crm", {"only"}}};
  ASSERT_TRUE(store_->put_role(role));
  EXPECT_EQ(store_->role("support").value().permissions.size(), 1u);

  NewGrant grant = plain_grant();
  grant.role = "support";
  auto minted = mint(grant);
  EXPECT_EQ(reason(store_->remove_role("support")), "identity.role_in_use");
  ASSERT_TRUE(store_->revoke(minted.grant.id, ""));
  EXPECT_TRUE(store_->remove_role("support"));
  EXPECT_EQ(reason(store_->remove_role("support")), "identity.no_such_role");

  EXPECT_EQ(reason(store_->put_role({"bad name", "", {}})), "identity.invalid_role");
  EXPECT_EQ(reason(store_->put_role({"r", "", {{"crm", {}}}})), "identity.invalid_role");
  EXPECT_EQ(reason(store_->put_role({"r", "", {{"", {"x"}}}})), "identity.invalid_role");
  EXPECT_EQ(reason(store_->put_role({"r", "", {{"crm", {""}}}})), "identity.invalid_role");
  EXPECT_EQ(reason(store_->put_role({"r", "", {{"crm", {"a\nb"}}}})), "identity.invalid_text");
}

TEST_F(IdentityStoreTest, KnowsWhetherALiveGrantNamesAPolicy) {
  NewGrant grant = plain_grant();
  grant.policy = "refunds";
  auto one = mint(grant);
  EXPECT_TRUE(store_->uses_policy("refunds").value());
  EXPECT_FALSE(store_->uses_policy("other").value());
  auto two = mint(grant);
  ASSERT_TRUE(store_->revoke(one.grant.id, ""));
  EXPECT_TRUE(store_->uses_policy("refunds").value());
  clock_.advance(hours(30 * 24));
  EXPECT_FALSE(store_->uses_policy("refunds").value()) << "expired";
}

TEST_F(IdentityStoreTest, WritesTheLastUseBehindTheCalls) {
  auto minted = mint(plain_grant());
  auto first = clock_.now() + seconds(5);
  store_->note_use(minted.grant.id, first);
  store_->note_use(minted.grant.id, clock_.now());
  store_->note_use("grt_nobody", clock_.now());
  EXPECT_FALSE(store_->grant(minted.grant.id).value().last_used_at);
  ASSERT_TRUE(store_->flush_uses());
  EXPECT_EQ(store_->grant(minted.grant.id).value().last_used_at, first);
  EXPECT_EQ(store_->grant(minted.grant.id).value().version, 1) << "a use is no change";
  store_->note_use(minted.grant.id, first - seconds(1));
  ASSERT_TRUE(store_->flush_uses());
  EXPECT_EQ(store_->grant(minted.grant.id).value().last_used_at, first) << "never goes back";
}

TEST_F(IdentityStoreTest, ServesReadersWhileOthersMintAndRevoke) {
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        auto minted = store_->mint(plain_grant("t" + std::to_string(t) + "-" + std::to_string(i)));
        if (!minted) {
          ++failures;
          continue;
        }
        store_->note_use(minted->grant.id, clock_.now());
        auto directory = store_->directory();
        std::string header = "Bearer " + std::string(minted->token.reveal());
        if (!directory || !(*directory)->authenticate(header, IpAddress::parse("192.0.2.7").value(), clock_.now())) ++failures;
        if (!store_->flush_uses() || !store_->revoke(minted->grant.id, "done")) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(store_->grants().value().size(), 40u);
}

}  // namespace
}  // namespace callgate::identity
