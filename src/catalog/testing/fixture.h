#pragma once
// A catalog over a database file in a folder of its own.

#include <gtest/gtest.h>

#include <functional>

#include "catalog/catalog.h"
#include "store/testing/temporary_folder.h"

namespace callgate::catalog::testing {

inline constexpr std::string_view kDenyAll = "version: \"1\"\ndefault: deny\n";

class CatalogFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = store::open_sqlite(folder_.file("callgate.db")).value();
    vault_ = vault::open_vault(folder_.path()).value();
    auto opened = CatalogStore::open(*database_, *vault_, clock_);
    ASSERT_TRUE(opened) << opened.error().message << opened.error().detail;
    store_ = std::move(*opened);
  }

  static Server plain_server(const std::string& name) {
    Server server;
    server.name = name;
    server.url = Url::parse("https://mcp.example.com/mcp").value();
    return server;
  }
  static HeaderValue header(const std::string& name, const std::string& value) { return {name, Secret(value)}; }
  static Tool tool(const std::string& name) {
    Tool made;
    made.name = name;
    made.definition_json = "{}";
    return made;
  }
  Server add(const Server& server, const std::vector<HeaderValue>& headers = {}) {
    auto added = store_->add_server(server, headers);
    EXPECT_TRUE(added) << added.error().message << added.error().detail;
    return added.value_or(Server());
  }
  PolicyVersion put_policy(const std::string& name, std::string_view text = kDenyAll) {
    auto put = store_->put_policy(name, text, "alice", "because");
    EXPECT_TRUE(put) << put.error().message << put.error().detail;
    return put.value_or(PolicyVersion());
  }
  void sql(const std::string& text) {
    EXPECT_TRUE(database_->write([&](store::Transaction& tx) -> Result<void> {
      CG_CHECK(tx.execute(text));
      return {};
    }));
  }
  template <class T> static std::string reason(const Result<T>& result) { return result ? "ok" : std::string(result.error().reason); }

  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<CatalogStore> store_;
};

}  // namespace callgate::catalog::testing
