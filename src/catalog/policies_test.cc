#include <thread>

#include "catalog/testing/fixture.h"

namespace callgate::catalog {
namespace {

using testing::CatalogFixture;
using testing::kDenyAll;

class PoliciesTest : public CatalogFixture {
 protected:
  static std::string text(int number) { return std::string(kDenyAll) + "# number " + std::to_string(number) + "\n"; }
};

TEST_F(PoliciesTest, KeepEveryVersionAsWritten) {
  auto first = put_policy("main", text(1));
  EXPECT_EQ(first.version, 1);
  clock_.advance(std::chrono::hours(1));
  auto second = store_->put_policy("main", text(2), "bob", "tighter").value();
  EXPECT_EQ(second.version, 2);
  auto history = store_->policy_history("main").value();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].text, text(2)) << "comments included";
  EXPECT_EQ(history[0].author, "bob");
  EXPECT_EQ(history[0].reason, "tighter");
  EXPECT_EQ(history[0].created_at, clock_.now());
  EXPECT_EQ(history[1].text, text(1));
  EXPECT_EQ(store_->policy("main", std::nullopt).value().version, 2);
  EXPECT_EQ(store_->policy("main", 1).value().text, text(1));
  EXPECT_EQ(reason(store_->policy("main", 3)), "catalog.no_such_policy");
  EXPECT_EQ(reason(store_->policy("other", std::nullopt)), "catalog.no_such_policy");
  EXPECT_EQ(reason(store_->policy_history("other")), "catalog.no_such_policy");
  put_policy("another");
  EXPECT_EQ(store_->policies().value().size(), 2u);
}

TEST_F(PoliciesTest, MakeNoNewVersionOfTheSameText) {
  put_policy("main", text(1));
  auto again = store_->put_policy("main", text(1), "bob", "no change").value();
  EXPECT_EQ(again.version, 1);
  EXPECT_EQ(again.author, "alice");
}

// T-29
TEST_F(PoliciesTest, AreRefusedWithPointerAndLineAndNeverHalfApplied) {
  put_policy("main", text(1));
  auto refused = store_->put_policy(
      "main",
      "version: \"1\"\ndefault: deny\ntools:\n  refund:\n    deny_if:\n      - conditions: [{path: args.amount, op: gtt, value: 1}]\n",
      "alice", "typo");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::InvalidArgument);
  EXPECT_EQ(refused.error().reason, "policy.invalid");
  EXPECT_NE(refused.error().message.find("/tools/refund/deny_if/0/conditions/0"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("6"), std::string::npos);
  for (auto bad : {"", "{", "version: \"9\"\ndefault: deny\n", "version: \"1\"\ndefault: deny\nunknown: 1\n", "\xff\xfe"})
    EXPECT_EQ(reason(store_->put_policy("main", bad, "alice", "")), "policy.invalid") << bad;
  EXPECT_EQ(reason(store_->put_policy("main", std::string(1024 * 1024 + 1, '#'), "alice", "")), "policy.too_large");
  EXPECT_EQ(store_->policy_history("main").value().size(), 1u);
  EXPECT_EQ(store_->catalog().value()->policy("main")->version(), 1);
}

TEST_F(PoliciesTest, AreRefusedWhenTheirOwnTestsFail) {
  std::string document =
      "version: \"1\"\ndefault: deny\ntools:\n  refund:\n    require:\n      - conditions: [{path: args.amount, op: lte, value: 100}]\n"
      "tests:\n  - {call: refund, args: {amount: 50}, expect: allow}\n  - {call: refund, args: {amount: 500}, expect: ";
  EXPECT_EQ(reason(store_->put_policy("main", document + "deny}\n", "alice", "")), "ok");
  auto refused = store_->put_policy("main", document + "allow}\n", "alice", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "policy.tests_failed");
  EXPECT_NE(refused.error().message.find("/tests/1"), std::string::npos) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("/tests/0"), std::string::npos);
  EXPECT_EQ(store_->policy_history("main").value().size(), 1u);
}

TEST_F(PoliciesTest, GoBackByANewVersionWithTheOldText) {
  put_policy("main", text(1));
  put_policy("main", text(2));
  auto back = store_->rollback_policy("main", 1, "bob", "").value();
  EXPECT_EQ(back.version, 3);
  EXPECT_EQ(back.text, text(1));
  EXPECT_EQ(back.author, "bob");
  EXPECT_EQ(back.reason, "back to version 1");
  EXPECT_EQ(store_->rollback_policy("main", 2, "bob", "why").value().reason, "why");
  EXPECT_EQ(reason(store_->rollback_policy("main", 9, "bob", "")), "catalog.no_such_policy");
  EXPECT_EQ(reason(store_->rollback_policy("other", 1, "bob", "")), "catalog.no_such_policy");
}

TEST_F(PoliciesTest, StayWhileAServerOrALiveGrantUsesThem) {
  put_policy("main", text(1));
  Server server = plain_server("One");
  server.policy = "main";
  server = add(server);
  EXPECT_EQ(reason(store_->remove_policy("main")), "catalog.policy_in_use");
  server.policy = "";
  ASSERT_TRUE(store_->update_server(server, std::nullopt));
  std::string asked;
  Result<bool> answer = true;
  store_->set_policy_in_use([&](std::string_view name) {
    asked = name;
    return answer;
  });
  EXPECT_EQ(reason(store_->remove_policy("main")), "catalog.policy_in_use");
  EXPECT_EQ(asked, "main");
  answer = fail(Code::Unavailable, "store.busy", "busy");
  EXPECT_EQ(reason(store_->remove_policy("main")), "store.busy") << "not knowing is no permission";
  answer = false;
  EXPECT_EQ(reason(store_->remove_policy("main")), "ok");
  EXPECT_EQ(reason(store_->remove_policy("main")), "catalog.no_such_policy");
}

TEST_F(PoliciesTest, CountOnAfterTheyWereRemoved) {
  put_policy("main", text(1));
  ASSERT_TRUE(store_->remove_policy("main"));
  EXPECT_TRUE(store_->policies().value().empty());
  EXPECT_EQ(store_->catalog().value()->policy("main"), nullptr);
  EXPECT_EQ(reason(store_->policy("main", std::nullopt)), "catalog.no_such_policy");
  EXPECT_EQ(store_->policy("main", 1).value().text, text(1)) << "recorded decisions still find their version";
  EXPECT_EQ(put_policy("main", text(1)).version, 2) << "the same text, but a new life";
}

TEST_F(PoliciesTest, RefuseNamesAndReasonsThatAreNotPlain) {
  for (auto bad : {"", "a b", "a/b", "../x", "a\n", "\xc3\xbc"})
    EXPECT_EQ(reason(store_->put_policy(bad, kDenyAll, "a", "")), "catalog.invalid_policy_name") << bad;
  EXPECT_EQ(reason(store_->put_policy("main", kDenyAll, "a\nb", "")), "catalog.invalid_text");
  EXPECT_EQ(reason(store_->put_policy("main", kDenyAll, "a", "x\x1b[0m")), "catalog.invalid_text");
}

TEST_F(PoliciesTest, GetOneVersionEachWhenManyWriteAtOnce) {
  std::atomic<int> stored{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        auto put = store_->put_policy("main", text(t * 100 + i), "alice", "");
        if (put) ++stored;
        else EXPECT_EQ(put.error().reason, "catalog.version");
        EXPECT_TRUE(store_->catalog());
      }
    });
  for (auto& thread : threads) thread.join();
  auto history = store_->policy_history("main").value();
  EXPECT_EQ(static_cast<int>(history.size()), stored);
  for (std::size_t i = 0; i < history.size(); ++i) EXPECT_EQ(history[i].version, static_cast<std::int64_t>(history.size() - i));
  EXPECT_EQ(store_->catalog().value()->policy("main")->version(), stored);
}

// Lets somebody else in just before the first write.
class InterruptedDatabase final : public store::Database {
 public:
  InterruptedDatabase(store::Database& inner, std::function<void()> before_write) : inner_(inner), before_write_(std::move(before_write)) {}
  Result<void> read(const Work& work) override { return inner_.read(work); }
  Result<void> write(const Work& work) override {
    if (auto interrupt = std::exchange(before_write_, nullptr)) interrupt();
    return inner_.write(work);
  }
  Result<void> migrate(std::span<const store::Migration> migrations) override { return inner_.migrate(migrations); }

 private:
  store::Database& inner_;
  std::function<void()> before_write_;
};

TEST_F(PoliciesTest, LookAgainWhenAnotherVersionCameBetween) {
  put_policy("main", text(1));
  InterruptedDatabase database(*database_, [&] { put_policy("main", text(2)); });
  auto store = CatalogStore::open(database, *vault_, clock_).value();
  auto put = store->put_policy("main", text(3), "bob", "");
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->version, 3);
  EXPECT_EQ(store->policy("main", 2).value().text, text(2));

  InterruptedDatabase removing(*database_, [&] { EXPECT_TRUE(store_->remove_policy("main")); });
  store = CatalogStore::open(removing, *vault_, clock_).value();
  EXPECT_EQ(store->put_policy("main", text(4), "bob", "").value().version, 4);
}

// Fails the n-th statement for every n: all stays as it was.
class CatalogAnomalies : public CatalogFixture {
 protected:
  std::string snapshot() {
    std::string all;
    EXPECT_TRUE(database_->read([&](store::Transaction& tx) -> Result<void> {
      for (auto [table, columns] : std::initializer_list<std::pair<std::string, std::size_t>>{
               {"servers", 16}, {"server_headers", 4}, {"tools", 7}, {"policies", 3}, {"policy_versions", 6}}) {
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
  int fail_each(const std::function<Result<void>(CatalogStore&)>& work) {
    for (int fail_at = 1; fail_at < 100; ++fail_at) {
      std::string before = snapshot();
      auto failing = store::failing_database(*database_, 1 + fail_at);  // the first step is the migration
      auto opened = CatalogStore::open(*failing, *vault_, clock_).value();
      auto done = work(*opened);
      if (done) return fail_at - 1;
      EXPECT_EQ(done.error().reason, "store.injected");
      EXPECT_EQ((done.error().message + done.error().detail).find("s3cret"), std::string::npos);
      EXPECT_EQ(snapshot(), before) << "statement " << fail_at;
    }
    ADD_FAILURE() << "never succeeded";
    return 0;
  }
};

TEST_F(CatalogAnomalies, LeaveNothingHalfDone) {
  auto discard = [](auto&& result) -> Result<void> {
    CG_CHECK(result);
    return {};
  };
  EXPECT_GE(fail_each([&](CatalogStore& s) { return discard(s.put_policy("main", kDenyAll, "alice", "")); }), 4);
  Server server = plain_server("One");
  server.policy = "main";
  EXPECT_GE(fail_each([&](CatalogStore& s) { return discard(s.add_server(server, {header("A", "s3cret"), header("B", "s3cret")})); }), 6);
  Server added = store_->server("one").value();
  added.name = "Changed";
  EXPECT_GE(fail_each([&](CatalogStore& s) { return discard(s.update_server(added, std::vector<HeaderValue>{header("C", "s3cret")})); }),
            6);
  EXPECT_GE(fail_each([&](CatalogStore& s) { return discard(s.put_tools("one", {tool("a"), tool("b")})); }), 5);
  EXPECT_GE(fail_each([&](CatalogStore& s) { return discard(s.catalog()); }), 5);
  EXPECT_GE(fail_each([&](CatalogStore& s) { return s.remove_server("one"); }), 3);
  EXPECT_GE(fail_each([&](CatalogStore& s) { return s.remove_policy("main"); }), 3);
}

}  // namespace
}  // namespace callgate::catalog
