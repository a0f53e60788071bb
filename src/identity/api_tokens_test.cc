#include "identity/testing/fixture.h"

namespace callgate::identity {
namespace {

using namespace std::chrono;
using testing::IdentityFixture;

class ApiTokensTest : public IdentityFixture {
 protected:
  std::string use(std::string_view token) {
    auto caller = store_->authenticate_api_token(token);
    return caller ? caller->name : std::string(caller.error().reason);
  }
};

TEST_F(ApiTokensTest, KnowATokenUntilItExpiresOrIsRevoked) {
  auto lasting = store_->mint_api_token("alice", "cli", {}).value();
  auto brief = store_->mint_api_token(alice_.id, "ci", hours(1)).value();
  EXPECT_TRUE(lasting.text.reveal().starts_with("cga_"));
  EXPECT_FALSE(lasting.token.expires_at);
  EXPECT_EQ(use(lasting.text.reveal()), "alice");
  EXPECT_EQ(use(brief.text.reveal()), "alice");
  clock_.advance(hours(1));
  EXPECT_EQ(use(brief.text.reveal()), "identity.expired");
  EXPECT_EQ(use(lasting.text.reveal()), "alice");
  ASSERT_TRUE(store_->revoke_api_token(lasting.token.id));
  EXPECT_EQ(use(lasting.text.reveal()), "identity.revoked");
  EXPECT_TRUE(store_->revoke_api_token(lasting.token.id));
  EXPECT_EQ(store_->revoke_api_token("tok_nobody").error().reason, "identity.no_such_api_token");
  EXPECT_EQ(store_->api_tokens().value().size(), 1u);
}

TEST_F(ApiTokensTest, RefuseGrantTokensTyposAndStrangers) {
  auto grant = mint(plain_grant());
  EXPECT_EQ(use(grant.token.reveal()), "identity.malformed");
  EXPECT_EQ(use(""), "identity.malformed");
  auto api = store_->mint_api_token("alice", "cli", {}).value();
  std::string typo(api.text.reveal());
  typo[10] = typo[10] == 'a' ? 'b' : 'a';
  EXPECT_EQ(use(typo), "identity.malformed");
  EXPECT_EQ(authenticate(api.text), "identity.malformed") << "and no API token opens the data path";
}

TEST_F(ApiTokensTest, EndWithTheirPrincipal) {
  auto bob = add_user("bob", {"admin"});
  auto bot = add_robot("gitops", bob.id);
  auto of_bob = store_->mint_api_token("bob", "cli", {}).value();
  auto of_bot = store_->mint_api_token("gitops", "ci", {}).value();
  EXPECT_EQ(use(of_bot.text.reveal()), "gitops");
  bob.disabled = true;
  ASSERT_TRUE(store_->update_principal(bob));
  EXPECT_EQ(use(of_bob.text.reveal()), "identity.principal_disabled");
  EXPECT_EQ(use(of_bot.text.reveal()), "identity.principal_disabled");
  EXPECT_EQ(store_->mint_api_token("bob", "x", {}).error().reason, "identity.principal_disabled");
  EXPECT_EQ(store_->mint_api_token("nobody", "x", {}).error().reason, "identity.no_such_principal");
  EXPECT_EQ(store_->mint_api_token("alice", "x", hours(367 * 24)).error().reason, "identity.lifetime");
}

class SetupCodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = store::open_sqlite(":memory:").value();
    store_ = IdentityStore::open(*database_, clock_, folder_.path()).value();
  }
  std::string redeem(std::string_view code) {
    auto made = store_->redeem_setup_code(code, "alice");
    return made ? "ok" : std::string(made.error().reason);
  }
  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<IdentityStore> store_;
};

// T-73
TEST_F(SetupCodeTest, MakesTheFirstOwnerOnce) {
  auto code = store_->setup_code().value();
  ASSERT_TRUE(code);
  EXPECT_EQ(redeem(""), "identity.setup_code");
  EXPECT_EQ(redeem("0000000000000000000000"), "identity.setup_code");
  EXPECT_EQ(redeem(std::string(1'000, 'x')), "identity.setup_code");
  auto made = store_->redeem_setup_code(code->reveal(), "alice");
  ASSERT_TRUE(made) << made.error().message;
  auto caller = store_->authenticate_api_token(made->text.reveal()).value();
  EXPECT_EQ(caller.name, "alice");
  EXPECT_EQ(caller.admin_roles, std::vector<std::string>{"owner"});
  EXPECT_EQ(redeem(code->reveal()), "identity.setup_code");
  EXPECT_FALSE(store_->setup_code().value()) << "nothing once there is a user";
}

TEST_F(SetupCodeTest, ExpiresAfterADayAndIsReplacedByANewerOne) {
  auto old = store_->setup_code().value();
  auto fresh = store_->setup_code().value();
  EXPECT_EQ(redeem(old->reveal()), "identity.setup_code");
  clock_.advance(hours(24));
  EXPECT_EQ(redeem(fresh->reveal()), "identity.setup_code");
  fresh = store_->setup_code().value();
  clock_.advance(hours(24) - microseconds(1));
  EXPECT_EQ(redeem(fresh->reveal()), "ok");
}

TEST_F(SetupCodeTest, StaysGoodWhenTheNameWasRefused) {
  auto code = store_->setup_code().value();
  EXPECT_EQ(store_->redeem_setup_code(code->reveal(), "Not A Name").error().reason, "identity.invalid_name");
  EXPECT_EQ(redeem(code->reveal()), "ok");
}

TEST_F(SetupCodeTest, IsWorthlessOnceAUserCameAnotherWay) {
  auto code = store_->setup_code().value();
  Principal bob;
  bob.name = "bob";
  ASSERT_TRUE(store_->add_principal(bob));
  EXPECT_EQ(redeem(code->reveal()), "identity.setup_code");
}

}  // namespace
}  // namespace callgate::identity
