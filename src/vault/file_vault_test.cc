#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <set>
#include <thread>

#include "store/database.h"
#include "store/testing/temporary_folder.h"
#include "vault/key_ring.h"
#include "vault/vault.h"

namespace callgate::vault {
namespace {

using store::testing::TemporaryFolder;

constexpr std::string_view kPlain = "Bearer s3cret-credential-of-the-upstream";

class FileVaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("CALLGATE_VAULT_KEY_FILE");
    vault_ = open_vault(folder_.path()).value();
  }
  std::string seal(std::string_view id = "server:1:header:authorization") { return vault_->seal(id, Secret(std::string(kPlain))).value(); }
  static std::string open(Vault& vault, std::string_view sealed, std::string_view id = "server:1:header:authorization") {
    auto opened = vault.open(id, sealed);
    if (opened) return std::string(opened->reveal());
    EXPECT_EQ(opened.error().code, Code::Unavailable);
    EXPECT_EQ((opened.error().message + opened.error().detail).find("s3cret"), std::string::npos);
    return std::string(opened.error().reason);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Vault> vault_;
};

TEST_F(FileVaultTest, OpensWhatItSealed) {
  EXPECT_EQ(open(*vault_, seal()), kPlain);
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{100'000}}) {
    std::string plain(size, '\0');
    auto sealed = vault_->seal("id", Secret(plain)).value();
    EXPECT_EQ(open(*vault_, sealed, "id"), plain);
  }
  EXPECT_FALSE(vault_->seal("id", Secret(std::string(1024 * 1024 + 1, 'x'))));
}

// T-68
TEST_F(FileVaultTest, NeverSealsTheSameWayTwiceAndShowsNothing) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string sealed = seal();
    EXPECT_TRUE(sealed.starts_with("v1:"));
    EXPECT_EQ(sealed.find("s3cret"), std::string::npos);
    EXPECT_TRUE(seen.insert(sealed).second);
  }
}

// T-68
TEST_F(FileVaultTest, RefusesASealMovedToAnotherRecord) {
  std::string sealed = seal("server:1:header:authorization");
  EXPECT_EQ(open(*vault_, sealed, "server:2:header:authorization"), "vault.unreadable");
  EXPECT_EQ(open(*vault_, sealed, "server:1:header:x-api-key"), "vault.unreadable");
  EXPECT_EQ(open(*vault_, sealed, ""), "vault.unreadable");
}

// T-68
TEST_F(FileVaultTest, RefusesEveryEditedByte) {
  std::string sealed = seal();
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string edited = sealed;
    edited[i] = edited[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(open(*vault_, edited), "vault.unreadable") << i;
  }
  for (auto garbage : {"", "v1", "v1:", "v1:AAAA", "v9:AAAA", "x1:AAAA", "v:AAAA", "v1 :AAAA", "plain text"})
    EXPECT_EQ(open(*vault_, garbage), "vault.unreadable") << garbage;
  EXPECT_EQ(open(*vault_, sealed.substr(0, sealed.size() - 4)), "vault.unreadable");
  for (std::string_view version : {"v2", "v9", "v0", "v4294967296", "v", "v1x", "w1"})
    EXPECT_EQ(open(*vault_, std::string(version) + sealed.substr(2)), "vault.unreadable") << version;
}

// T-68
TEST_F(FileVaultTest, FailsClosedWithAnotherKey) {
  std::string sealed = seal();
  TemporaryFolder elsewhere;
  auto other = open_vault(elsewhere.path()).value();
  EXPECT_EQ(open(*other, sealed), "vault.unreadable");
}

// T-68
TEST_F(FileVaultTest, KeepsOldSealsReadableAfterARotation) {
  std::string first = seal();
  ASSERT_TRUE(vault_->rotate_key());
  std::string second = seal();
  EXPECT_TRUE(second.starts_with("v2:"));
  EXPECT_EQ(open(*vault_, first), kPlain);
  EXPECT_EQ(open(*vault_, second), kPlain);
  EXPECT_EQ(open(*vault_, "v1" + second.substr(2)), "vault.unreadable") << "the version is authenticated";
  auto again = open_vault(folder_.path()).value();
  EXPECT_EQ(open(*again, first), kPlain);
  EXPECT_EQ(open(*again, second), kPlain);
}

TEST_F(FileVaultTest, NoticesAKeyThatAnotherProcessAdded) {
  auto other = open_vault(folder_.path()).value();
  ASSERT_TRUE(other->rotate_key());
  ASSERT_TRUE(vault_->rotate_key());
  auto sealed = vault_->seal("id", Secret("x")).value();
  EXPECT_TRUE(sealed.starts_with("v3:")) << "no rotation is lost";
  EXPECT_EQ(open(*other, sealed, "id"), "x");
}

// T-68
TEST_F(FileVaultTest, KeepsItsKeyFileToItself) {
  std::string path = folder_.file("vault.key");
  EXPECT_EQ(store::testing::mode_of(path), 0600u);
  ASSERT_TRUE(vault_->rotate_key());
  EXPECT_EQ(store::testing::mode_of(path), 0600u);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  auto refused = open_vault(folder_.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "store.file_mode");
}

TEST_F(FileVaultTest, RefusesADamagedKeyFile) {
  std::string path = folder_.file("vault.key");
  std::string good = store::testing::read_bytes(path);
  for (const std::string& bad : {std::string(), good.substr(0, good.size() - 1), good + good, "v0" + good.substr(2), good.substr(3),
                                 "v1 AAAA\n" + good, good + "\n"}) {
    store::testing::write_bytes(path, bad);
    auto opened = open_vault(folder_.path());
    ASSERT_FALSE(opened) << bad.size();
    EXPECT_EQ(opened.error().reason, "vault.key_file");
    EXPECT_EQ(opened.error().message.find(good.substr(3, 20)), std::string::npos);
  }
}

TEST_F(FileVaultTest, TakesTheKeyFileNamedByTheEnvironment) {
  TemporaryFolder elsewhere;
  ::setenv("CALLGATE_VAULT_KEY_FILE", elsewhere.file("mounted.key").c_str(), 1);
  auto vault = open_vault(folder_.path()).value();
  ::unsetenv("CALLGATE_VAULT_KEY_FILE");
  EXPECT_TRUE(std::filesystem::exists(elsewhere.file("mounted.key")));
  EXPECT_EQ(open(*vault, seal()), "vault.unreadable");
}

TEST_F(FileVaultTest, ServesManyThreadsDuringRotations) {
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        auto sealed = vault_->seal("id", Secret("x"));
        if (!sealed || !vault_->open("id", *sealed)) ++failures;
        if (t == 0 && i % 10 == 0 && !vault_->rotate_key()) ++failures;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace callgate::vault
