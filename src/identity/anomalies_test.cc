// Fails the n-th statement of every operation for every n: afterwards all is as before, and nothing of a token was told.
#include "identity/testing/fixture.h"

namespace callgate::identity {
namespace {

using namespace std::chrono;
using testing::IdentityFixture;

class IdentityAnomalies : public IdentityFixture {
 protected:
  // Everything stored, as text.
  std::string snapshot() {
    std::string all;
    EXPECT_TRUE(database_->read([&](store::Transaction& tx) -> Result<void> {
      for (auto [table, columns] : std::initializer_list<std::pair<std::string, std::size_t>>{{"token_key", 2},
                                                                                              {"principals", 9},
                                                                                              {"roles", 2},
                                                                                              {"role_permissions", 5},
                                                                                              {"grants", 18},
                                                                                              {"grant_servers", 2},
                                                                                              {"api_tokens", 8},
                                                                                              {"setup_codes", 3}}) {
        CG_TRY(auto rows, tx.query("SELECT * FROM " + table + " ORDER BY 1, 2"));
        for (const store::Row& row : rows) {
          all += table;
          for (std::size_t i = 0; i < columns; ++i) all += "|" + (row.null(i) ? "null" : row.text(i) + std::to_string(row.integer(i)));
          all += "\n";
        }
      }
      return {};
    }));
    return all;
  }

  // `work` runs on a store whose n-th statement fails, for n = 1, 2, ... until it succeeds. Returns how often it failed.
  int fail_each(const std::function<Result<void>(IdentityStore&)>& work) {
    for (int fail_at = 1; fail_at < 100; ++fail_at) {
      std::string before = snapshot();
      auto healthy = IdentityStore::open(*database_, clock_, folder_.path());
      EXPECT_TRUE(healthy);
      int opening = statements_of_open();
      auto failing = store::failing_database(*database_, opening + fail_at);
      auto opened = IdentityStore::open(*failing, clock_, folder_.path());
      EXPECT_TRUE(opened);
      auto done = work(**opened);
      if (done) {
        EXPECT_NE(snapshot(), before);
        return fail_at - 1;
      }
      EXPECT_EQ(done.error().reason, "store.injected");
      EXPECT_EQ((done.error().message + done.error().detail).find("cg"), std::string::npos);
      EXPECT_EQ(snapshot(), before) << "statement " << fail_at;
    }
    ADD_FAILURE() << "never succeeded";
    return 0;
  }

  int statements_of_open() {
    for (int n = 1;; ++n)
      if (IdentityStore::open(*store::failing_database(*database_, n), clock_, folder_.path())) return n - 1;
  }
};

TEST_F(IdentityAnomalies, LeaveNothingHalfDone) {
  ASSERT_TRUE(store_->put_role({"support", "", {{"*", {"*"}}}}));
  auto minted = mint(plain_grant("existing"));
  auto api = store_->mint_api_token("alice", "existing", {}).value();
  auto discard = [](auto&& result) -> Result<void> {
    CG_CHECK(result);
    return {};
  };
  Principal bob;
  bob.name = "bob";
  bob.admin_roles = {"owner"};
  NewGrant grant = plain_grant("new");
  grant.role = "support";
  grant.servers = {"a", "b", "c"};
  EXPECT_GE(fail_each([&](IdentityStore& s) { return discard(s.add_principal(bob)); }), 2);
  EXPECT_GE(fail_each([&](IdentityStore& s) { return discard(s.mint(grant)); }), 6);
  EXPECT_EQ(authenticate(minted.token), "ok");
  EXPECT_GE(fail_each([&](IdentityStore& s) { return discard(s.rotate(minted.grant.id, hours(1))); }), 3);
  EXPECT_EQ(authenticate(minted.token), "ok") << "in its overlap";
  EXPECT_GE(fail_each([&](IdentityStore& s) {
              auto changed = s.grant("existing");
              if (!changed) return discard(changed);
              changed->servers = {"x", "y"};
              return discard(s.update_grant(*changed));
            }),
            6);
  EXPECT_GE(fail_each([&](IdentityStore& s) { return discard(s.revoke(minted.grant.id, "gone")); }), 3);
  EXPECT_EQ(authenticate(minted.token), "identity.revoked");
  EXPECT_GE(fail_each([&](IdentityStore& s) { return s.put_role({"support", "new", {{"a", {"x", "y"}}, {"b", {"z"}}}}); }), 5);
  EXPECT_GE(fail_each([&](IdentityStore& s) { return discard(s.mint_api_token("alice", "new", {})); }), 2);
  EXPECT_GE(fail_each([&](IdentityStore& s) { return s.revoke_api_token(api.token.id); }), 2);
  EXPECT_GE(fail_each([&](IdentityStore& s) { return s.remove_principal("alice"); }), 5);
}

TEST_F(IdentityAnomalies, OpenAFreshStoreOrNothing) {
  for (int fail_at = 1; fail_at < 20; ++fail_at) {
    store::testing::TemporaryFolder folder;
    auto database = store::open_sqlite(":memory:").value();
    auto first = IdentityStore::open(*store::failing_database(*database, fail_at), clock_, folder.path());
    auto second = IdentityStore::open(*database, clock_, folder.path());
    EXPECT_TRUE(second) << "a start that broke off can be repeated, step " << fail_at << ": " << second.error().message;
    if (first) {
      EXPECT_GE(fail_at, 3);
      return;
    }
  }
  FAIL() << "never succeeded";
}

TEST_F(IdentityAnomalies, GiveNoDirectoryRatherThanAPartialOne) {
  mint(plain_grant());
  int failures = 0;
  for (int fail_at = 1; fail_at < 20; ++fail_at) {
    auto failing = store::failing_database(*database_, statements_of_open() + fail_at);
    auto opened = IdentityStore::open(*failing, clock_, folder_.path()).value();
    auto directory = opened->directory();
    if (directory) {
      EXPECT_EQ((*directory)->size(), 1u);
      break;
    }
    ++failures;
  }
  EXPECT_EQ(failures, 5);
}

TEST_F(IdentityAnomalies, KeepUsesForTheNextFlush) {
  auto minted = mint(plain_grant());
  auto failing = store::failing_database(*database_, statements_of_open() + 1);
  auto opened = IdentityStore::open(*failing, clock_, folder_.path()).value();
  opened->note_use(minted.grant.id, clock_.now());
  EXPECT_FALSE(opened->flush_uses());
  EXPECT_FALSE(store_->grant(minted.grant.id).value().last_used_at);
  EXPECT_TRUE(opened->flush_uses());
  EXPECT_EQ(store_->grant(minted.grant.id).value().last_used_at, clock_.now());
}

}  // namespace
}  // namespace callgate::identity
