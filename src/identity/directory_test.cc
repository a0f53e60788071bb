#include "identity/testing/allocations.h"
#include "identity/testing/fixture.h"

namespace callgate::identity {
namespace {

using namespace std::chrono;
using testing::IdentityFixture;

class DirectoryTest : public IdentityFixture {};

// T-63
TEST_F(DirectoryTest, KnowsATokenInTheHeaderOnlyInItsExactForm) {
  auto minted = mint(plain_grant());
  std::string token(minted.token.reveal());
  EXPECT_EQ(authenticate("Bearer " + token), "ok");
  EXPECT_EQ(authenticate("bEARER " + token), "ok");
  EXPECT_EQ(authenticate(""), "identity.missing");
  EXPECT_EQ(authenticate(token), "identity.malformed");
  EXPECT_EQ(authenticate("Bearer  " + token), "identity.malformed");
  EXPECT_EQ(authenticate("Bearer " + token + " " + token), "identity.malformed");
  EXPECT_EQ(authenticate("Bearer " + token + "," + token), "identity.malformed");
  EXPECT_EQ(authenticate("Bearer " + token.substr(0, 40)), "identity.malformed");
  EXPECT_EQ(message_.find(token.substr(0, 20)), std::string::npos);
}

// T-63
TEST_F(DirectoryTest, TellsAnUnknownTokenFromAMistypedOne) {
  auto other_folder = store::testing::TemporaryFolder();
  auto other_database = store::open_sqlite(":memory:").value();
  auto other = IdentityStore::open(*other_database, clock_, other_folder.path()).value();
  Principal bob;
  bob.name = "bob";
  bob = other->add_principal(bob).value();
  NewGrant grant = plain_grant();
  grant.principal_id = bob.id;
  auto minted = other->mint(grant).value();
  EXPECT_EQ(authenticate(minted.token), "identity.unknown_token");
}

// T-61
TEST_F(DirectoryTest, RefusesARevokedGrantOnTheNextCallAndOnOpenStreams) {
  auto minted = mint(plain_grant());
  EXPECT_EQ(authenticate(minted.token), "ok");
  ASSERT_TRUE(store_->revoke(minted.grant.id, "left the company"));
  EXPECT_EQ(authenticate(minted.token), "identity.revoked");
  auto directory = store_->directory().value();
  auto recheck = directory->recheck(minted.grant.id, IpAddress::parse("192.0.2.7").value(), clock_.now());
  ASSERT_FALSE(recheck);
  EXPECT_EQ(recheck.error().reason, "identity.revoked");
  clock_.advance(hours(31 * 24));
  EXPECT_EQ(authenticate(minted.token), "identity.unknown_token") << "forgotten after a month";
  recheck = store_->directory().value()->recheck(minted.grant.id, IpAddress::parse("192.0.2.7").value(), clock_.now());
  EXPECT_EQ(recheck.error().reason, "identity.revoked");
}

// T-61
TEST_F(DirectoryTest, RefusesAnExpiredGrantWithoutANewSnapshot) {
  auto minted = mint(plain_grant());
  auto directory = store_->directory().value();
  auto remote = IpAddress::parse("192.0.2.7").value();
  std::string header = "Bearer " + std::string(minted.token.reveal());
  EXPECT_TRUE(directory->authenticate(header, remote, minted.grant.expires_at - microseconds(1)));
  auto expired = directory->authenticate(header, remote, minted.grant.expires_at);
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().reason, "identity.expired");
  EXPECT_EQ(directory->recheck(minted.grant.id, remote, minted.grant.expires_at).error().reason, "identity.expired");
}

// T-61
TEST_F(DirectoryTest, KeepsTheOldTokenUntilTheOverlapEnds) {
  auto first = mint(plain_grant());
  auto second = store_->rotate(first.grant.id, hours(1)).value();
  EXPECT_NE(first.token.reveal(), second.token.reveal());
  EXPECT_EQ(second.grant.token_last4, second.token.reveal().substr(second.token.reveal().size() - 4));
  EXPECT_EQ(authenticate(first.token), "ok");
  EXPECT_EQ(authenticate(second.token), "ok");
  clock_.advance(hours(1));
  EXPECT_EQ(authenticate(first.token), "identity.revoked");
  EXPECT_NE(message_.find("replaced"), std::string::npos);
  EXPECT_EQ(authenticate(second.token), "ok");
}

// T-61
TEST_F(DirectoryTest, DropsTheOlderTokenAtTheSecondRotation) {
  auto first = mint(plain_grant());
  auto second = store_->rotate(first.grant.id, hours(1)).value();
  auto third = store_->rotate(first.grant.id, hours(1)).value();
  EXPECT_EQ(authenticate(first.token), "identity.unknown_token");
  EXPECT_EQ(authenticate(second.token), "ok");
  EXPECT_EQ(authenticate(third.token), "ok");
  auto fourth = store_->rotate(first.grant.id, seconds(0)).value();
  EXPECT_EQ(authenticate(third.token), "identity.revoked") << "no overlap: at once";
  ASSERT_TRUE(store_->revoke(first.grant.id, ""));
  EXPECT_EQ(authenticate(fourth.token), "identity.revoked");
}

// T-61
TEST_F(DirectoryTest, RefusesWhenThePrincipalOrTheRobotsOwnerIsDisabledOrGone) {
  auto bob = add_user("bob");
  auto robot = add_robot("deploy-bot", bob.id);
  NewGrant grant = plain_grant();
  grant.principal_id = robot.id;
  auto minted = mint(grant);
  EXPECT_EQ(authenticate(minted.token), "ok");

  bob.disabled = true;
  ASSERT_TRUE(store_->update_principal(bob));
  EXPECT_EQ(authenticate(minted.token), "identity.principal_disabled");
  EXPECT_NE(message_.find("owner"), std::string::npos);
  bob.disabled = false;
  ASSERT_TRUE(store_->update_principal(bob));
  EXPECT_EQ(authenticate(minted.token), "ok");

  robot.disabled = true;
  ASSERT_TRUE(store_->update_principal(robot));
  EXPECT_EQ(authenticate(minted.token), "identity.principal_disabled");
  robot.disabled = false;
  ASSERT_TRUE(store_->update_principal(robot));

  ASSERT_TRUE(store_->remove_principal("bob"));
  EXPECT_EQ(authenticate(minted.token), "identity.principal_disabled");
  robot.owner_id = alice_.id;
  ASSERT_TRUE(store_->update_principal(robot));
  EXPECT_EQ(authenticate(minted.token), "ok") << "adopted by another user";
  ASSERT_TRUE(store_->remove_principal("deploy-bot"));
  EXPECT_EQ(authenticate(minted.token), "identity.revoked");
}

// B-23
TEST_F(DirectoryTest, RefusesOtherNetworksEvenWrittenAsMappedAddresses) {
  NewGrant grant = plain_grant();
  grant.networks = {IpRange::parse("10.0.0.0/8").value(), IpRange::parse("2001:db8::/32").value()};
  auto minted = mint(grant);
  EXPECT_EQ(authenticate(minted.token, "10.1.2.3"), "ok");
  EXPECT_EQ(authenticate(minted.token, "::ffff:10.1.2.3"), "ok");
  EXPECT_EQ(authenticate(minted.token, "2001:db8::1"), "ok");
  EXPECT_EQ(authenticate(minted.token, "11.0.0.1"), "identity.network");
  EXPECT_EQ(authenticate(minted.token, "::a01:203"), "identity.network");
  auto directory = store_->directory().value();
  auto moved = directory->recheck(minted.grant.id, IpAddress::parse("11.0.0.1").value(), clock_.now());
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Code::Forbidden);
}

TEST_F(DirectoryTest, StillRestrictsWhenAStoredNetworkIsDamaged) {
  NewGrant grant = plain_grant();
  grant.networks = {IpRange::parse("10.0.0.0/8").value()};
  auto minted = mint(grant);
  ASSERT_TRUE(database_->write([](store::Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("UPDATE grants SET networks = '10.0.0.0/99'"));
    return {};
  }));
  EXPECT_EQ(authenticate(minted.token, "10.1.2.3"), "identity.network");
}

TEST_F(DirectoryTest, DoesNotAllocateWhenItLooksUp) {
  Role role{"support", "", {{"crm", {"get_*", "list_accounts"}}, {"bill*", {"*"}}}};
  ASSERT_TRUE(store_->put_role(role));
  NewGrant grant = plain_grant();
  grant.role = "support";
  grant.networks = {IpRange::parse("192.0.2.0/24").value()};
  auto minted = mint(grant);
  auto directory = store_->directory().value();
  std::string header = "Bearer " + std::string(minted.token.reveal());
  auto remote = IpAddress::parse("192.0.2.7").value();
  Server server;
  server.id = "server-a";
  server.slug = "crm";
  bool all = true;
  auto before = testing::allocations();
  for (int i = 0; i < 10; ++i) {
    auto entry = directory->authenticate(header, remote, clock_.now());
    all = all && entry && directory->recheck((*entry)->grant.id, remote, clock_.now()) && may_use_server(**entry, server) &&
          may_use_tool(**entry, server, "get_account_with_a_name_longer_than_any_small_string") && !may_use_tool(**entry, server, "drop");
  }
  auto used = testing::allocations() - before;
  EXPECT_TRUE(all);
  EXPECT_EQ(used, 0u);
}

TEST_F(DirectoryTest, SharesOneCompiledRoleAmongAllItsGrants) {
  ASSERT_TRUE(store_->put_role({"support", "", {{"*", {"get_*"}}}}));
  NewGrant grant = plain_grant();
  grant.role = "support";
  auto one = mint(grant), two = mint(grant);
  auto directory = store_->directory().value();
  EXPECT_EQ(directory->size(), 2u);
  EXPECT_EQ(directory->find(one.grant.id)->role, directory->find(two.grant.id)->role);
  EXPECT_EQ(directory->find("grt_nobody"), nullptr);
}

// A directory made from the one before must say the same as one read anew: whatever is done to grants, in any order.
TEST_F(DirectoryTest, SaysTheSameAfterManySmallChangesAsWhenReadAnew) {
  std::vector<Minted> minted;
  for (int i = 0; i < 40; ++i) minted.push_back(mint(plain_grant()));
  auto first = store_->directory().value();
  const GrantEntry* const untouched = first->find(minted[39].grant.id);
  std::vector<std::string> tokens;
  for (int i = 0; i < 30; ++i) {
    auto& at = minted[static_cast<std::size_t>(i)];
    tokens.emplace_back(at.token.reveal());
    if (i % 3 == 0) {
      ASSERT_TRUE(store_->revoke(at.grant.id, "test"));
    } else if (i % 3 == 1) {
      auto rotated = store_->rotate(at.grant.id, hours(1)).value();
      tokens.emplace_back(rotated.token.reveal());
      if (i % 2 == 0) tokens.emplace_back(store_->rotate(at.grant.id, hours(1)).value().token.reveal());
    } else {
      Grant grant = store_->grant(at.grant.id).value();
      grant.networks = {IpRange::parse("203.0.113.0/24").value()};
      ASSERT_TRUE(store_->update_grant(grant));
    }
    if (i % 4 == 0) tokens.emplace_back(mint(plain_grant()).token.reveal());
    if (i % 5 == 0) ASSERT_TRUE(store_->directory());
  }
  auto small_steps = store_->directory().value();
  auto anew = IdentityStore::open(*database_, clock_, folder_.path()).value()->directory().value();
  const auto remote = IpAddress::parse("192.0.2.7").value();
  const auto say = [&](const Directory& directory, const std::string& token) {
    auto found = directory.authenticate("Bearer " + token, remote, clock_.now());
    return found ? (*found)->grant.id : std::string(found.error().reason);
  };
  EXPECT_EQ(small_steps->size(), anew->size());
  for (const std::string& token : tokens) EXPECT_EQ(say(*small_steps, token), say(*anew, token));
  EXPECT_EQ(small_steps->find(minted[39].grant.id), untouched) << "what did not change is shared";
  EXPECT_EQ(first->find(minted[0].grant.id)->grant.revoked_at, std::nullopt) << "an older directory stays what it was";
}

TEST_F(DirectoryTest, NoticesAGrantThatAnotherStoreChanged) {
  auto minted = mint(plain_grant());
  EXPECT_EQ(authenticate(minted.token), "ok");
  auto other = IdentityStore::open(*database_, clock_, folder_.path()).value();
  ASSERT_TRUE(other->revoke(minted.grant.id, "elsewhere"));
  EXPECT_EQ(authenticate(minted.token), "identity.revoked");
}

// A principal's change reaches all of its grants.
TEST_F(DirectoryTest, ReadsEverythingAgainWhenAPrincipalChanges) {
  Principal user = add_user("bob");
  NewGrant grant = plain_grant();
  grant.principal_id = user.id;
  auto minted = mint(grant);
  EXPECT_EQ(authenticate(minted.token), "ok");
  user.disabled = true;
  ASSERT_TRUE(store_->update_principal(user));
  EXPECT_EQ(authenticate(minted.token), "identity.principal_disabled");
}

}  // namespace
}  // namespace callgate::identity
