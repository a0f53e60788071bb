#pragma once
// An identity store over a database in memory, with a user, a robot and a clock that stands still.

#include <gtest/gtest.h>

#include "identity/identity.h"
#include "store/testing/temporary_folder.h"

namespace callgate::identity::testing {

class IdentityFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = store::open_sqlite(":memory:").value();
    auto opened = IdentityStore::open(*database_, clock_, folder_.path());
    ASSERT_TRUE(opened) << opened.error().message << opened.error().detail;
    store_ = std::move(*opened);
    alice_ = add_user("alice", {"owner"});
    robot_ = add_robot("ci-bot", alice_.id);
  }

  Principal add_user(const std::string& name, std::vector<std::string> admin_roles = {}) {
    Principal user;
    user.name = name;
    user.admin_roles = std::move(admin_roles);
    auto added = store_->add_principal(user);
    EXPECT_TRUE(added) << added.error().message;
    return added.value_or(Principal());
  }
  Principal add_robot(const std::string& name, const std::string& owner) {
    Principal robot;
    robot.kind = PrincipalKind::Robot;
    robot.name = name;
    robot.owner_id = owner;
    auto added = store_->add_principal(robot);
    EXPECT_TRUE(added) << added.error().message;
    return added.value_or(Principal());
  }
  NewGrant plain_grant(const std::string& label = "laptop") {
    NewGrant grant;
    grant.label = label;
    grant.principal_id = alice_.id;
    grant.servers = {"server-a"};
    return grant;
  }
  Minted mint(const NewGrant& grant) {
    auto minted = store_->mint(grant);
    EXPECT_TRUE(minted) << minted.error().message << minted.error().detail;
    return minted.value_or(Minted());
  }
  // The reason slug, or "ok".
  std::string authenticate(std::string_view authorization, std::string_view remote = "192.0.2.7") {
    auto directory = store_->directory();
    EXPECT_TRUE(directory);
    auto entry = (*directory)->authenticate(authorization, IpAddress::parse(remote).value(), clock_.now());
    if (!entry) message_ = entry.error().message;
    return entry ? "ok" : std::string(entry.error().reason);
  }
  std::string authenticate(const Secret& token, std::string_view remote = "192.0.2.7") {
    return authenticate("Bearer " + std::string(token.reveal()), remote);
  }

  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<IdentityStore> store_;
  Principal alice_, robot_;
  std::string message_;
};

}  // namespace callgate::identity::testing
