#include "store/testing/database_conformance.h"

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

namespace callgate::store::testing {

void DatabaseConformance::create_table() {
  constexpr Migration kItems[] = {
      {"items", 1,
       "CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, note TEXT, amount BIGINT CHECK (amount >= 0));\n"
       "-- a comment; with a semicolon\n"
       "CREATE TABLE parts (item_id BIGINT NOT NULL REFERENCES items (id) ON DELETE CASCADE, name TEXT NOT NULL);"}};
  auto migrated = database_->migrate(kItems);
  ASSERT_TRUE(migrated) << migrated.error().message << migrated.error().detail;
}

std::int64_t DatabaseConformance::count(std::string_view sql) {
  std::int64_t counted = -1;
  auto done = database_->read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query(sql));
    counted = rows.at(0).integer(0);
    return {};
  });
  EXPECT_TRUE(done);
  return counted;
}

namespace {

Result<void> insert(Transaction& tx, std::int64_t id, const std::string& name) {
  CG_CHECK(tx.execute("INSERT INTO items (id, name) VALUES (?, ?)", {id, name}));
  return {};
}

TEST_P(DatabaseConformance, KeepsEveryValueAsItWas) {
  create_table();
  const std::vector<std::string> texts = {
      "", "plain", "it's \"quoted\"; DROP TABLE items; --", "line\nbreak\ttab", "grün 東京 🚪", std::string(100'000, 'x')};
  ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
    for (std::size_t i = 0; i < texts.size(); ++i) CG_CHECK(insert(tx, static_cast<std::int64_t>(i), texts[i]));
    CG_CHECK(
        tx.execute("INSERT INTO items (id, name, note, amount) VALUES (?, ?, ?, ?)",
                   {std::numeric_limits<std::int64_t>::min(), std::string("extremes"), nullptr, std::numeric_limits<std::int64_t>::max()}));
    return {};
  }));
  ASSERT_TRUE(database_->read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query("SELECT id, name, note, amount FROM items ORDER BY id"));
    EXPECT_EQ(rows.size(), texts.size() + 1);
    EXPECT_EQ(rows[0].integer(0), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(rows[0].integer(3), std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE(rows[0].null(2));
    EXPECT_EQ(rows[0].text(2), "");
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(rows[i + 1].text(1), texts[i]);
    EXPECT_FALSE(rows[1].null(1)) << "an empty text is not null";
    return {};
  }));
}

TEST_P(DatabaseConformance, RollsBackEverythingWhenTheWorkFails) {
  create_table();
  auto done = database_->write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(insert(tx, 1, "one"));
    return fail(Code::Denied, "test.refused", "no");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "test.refused");
  EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
}

TEST_P(DatabaseConformance, RollsBackWhenTheWorkThrows) {
  create_table();
  auto done = database_->write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(insert(tx, 1, "one"));
    throw std::runtime_error("boom");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "store.exception");
  EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
  EXPECT_TRUE(database_->write([](Transaction& tx) { return insert(tx, 1, "one"); })) << "the connection is still good";
}

TEST_P(DatabaseConformance, DoesNotCommitAfterAFailedStatementThatWasOverlooked) {
  create_table();
  auto done = database_->write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(insert(tx, 1, "one"));
    EXPECT_FALSE(insert(tx, 2, "one"));
    EXPECT_FALSE(insert(tx, 3, "three")) << "the transaction is spoiled";
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "store.duplicate");
  EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
}

TEST_P(DatabaseConformance, NamesTheKindOfConflictAndNeverTheValue) {
  create_table();
  struct Case {
    std::string_view sql;
    std::vector<Value> values;
    Code code;
    std::string_view reason;
  };
  const std::vector<Case> cases = {
      {"INSERT INTO items (id, name) VALUES (?, ?)", {1, std::string("s3cret")}, Code::Conflict, "store.duplicate"},
      {"INSERT INTO items (id, name) VALUES (?, ?)", {2, std::string("s3cret")}, Code::Conflict, "store.duplicate"},
      {"INSERT INTO parts (item_id, name) VALUES (?, ?)", {77, std::string("s3cret")}, Code::Conflict, "store.reference"},
      {"INSERT INTO items (id, name) VALUES (?, ?)", {3, nullptr}, Code::InvalidArgument, "store.constraint"},
      {"INSERT INTO items (id, name, amount) VALUES (?, ?, -1)", {3, std::string("x")}, Code::InvalidArgument, "store.constraint"},
      {"INSERT INTO nowhere (id) VALUES (?)", {3}, Code::Internal, "store.sql"},
      {"INSERT INTO items (id, name) VALUES (?, ?)", {3}, Code::Internal, "store.sql"},
      {"DELETE FROM parts; DELETE FROM items", {}, Code::Internal, "store.sql"},
      {"SELECT id FROM items WHERE name = \"s3cret\"", {}, Code::Internal, "store.sql"},
  };
  ASSERT_TRUE(database_->write([](Transaction& tx) { return insert(tx, 1, "s3cret"); }));
  for (const Case& each : cases) {
    auto done = database_->write([&](Transaction& tx) -> Result<void> {
      CG_CHECK(tx.execute(each.sql, each.values));
      return {};
    });
    ASSERT_FALSE(done) << each.sql;
    EXPECT_EQ(done.error().code, each.code) << each.sql;
    EXPECT_EQ(done.error().reason, each.reason) << each.sql;
    EXPECT_EQ(done.error().message.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(count("SELECT count(*) FROM items"), 1);
}

TEST_P(DatabaseConformance, CountsTheRowsChanged) {
  create_table();
  ASSERT_TRUE(database_->write([](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 5; ++i) CG_CHECK(insert(tx, i, std::to_string(i)));
    CG_TRY(auto updated, tx.execute("UPDATE items SET amount = 1 WHERE id < ?", {3}));
    EXPECT_EQ(updated, 3);
    CG_TRY(auto none, tx.execute("UPDATE items SET amount = 1 WHERE id = 99"));
    EXPECT_EQ(none, 0);
    CG_TRY(auto kept, tx.execute("INSERT INTO items (id, name) VALUES (1, 'again') ON CONFLICT (id) DO NOTHING"));
    EXPECT_EQ(kept, 0);
    CG_TRY(auto rows, tx.query("INSERT INTO items (id, name) VALUES (50, 'fifty') RETURNING id"));
    EXPECT_EQ(rows.at(0).integer(0), 50);
    return {};
  }));
  EXPECT_EQ(count("SELECT count(*) FROM items"), 6);
}

TEST_P(DatabaseConformance, FollowsReferencesWhenDeleting) {
  create_table();
  ASSERT_TRUE(database_->write([](Transaction& tx) -> Result<void> {
    CG_CHECK(insert(tx, 1, "one"));
    CG_CHECK(tx.execute("INSERT INTO parts (item_id, name) VALUES (1, 'a')"));
    CG_CHECK(tx.execute("DELETE FROM items WHERE id = 1"));
    return {};
  }));
  EXPECT_EQ(count("SELECT count(*) FROM parts"), 0);
}

TEST_P(DatabaseConformance, RefusesToWriteInARead) {
  create_table();
  EXPECT_FALSE(database_->read([](Transaction& tx) { return insert(tx, 1, "one"); }));
  EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
  EXPECT_TRUE(database_->write([](Transaction& tx) { return insert(tx, 1, "one"); }));
}

TEST_P(DatabaseConformance, RefusesATransactionInsideAnother) {
  create_table();
  auto done = database_->write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(insert(tx, 1, "one"));
    return database_->read([](Transaction&) -> Result<void> { return {}; });
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "store.nested");
  EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
}

TEST_P(DatabaseConformance, RunsOnlyNewMigrations) {
  constexpr Migration kOne[] = {{"a", 1, "CREATE TABLE a1 (id BIGINT)"}};
  constexpr Migration kTwo[] = {kOne[0], {"a", 2, "CREATE TABLE a2 (id BIGINT); INSERT INTO a2 VALUES (7);"}};
  ASSERT_TRUE(database_->migrate(kOne));
  ASSERT_TRUE(database_->migrate(kOne));
  ASSERT_TRUE(database_->migrate(kTwo));
  ASSERT_TRUE(database_->migrate(kTwo));
  EXPECT_EQ(count("SELECT count(*) FROM a2"), 1);
  constexpr Migration kOther[] = {{"b", 1, "CREATE TABLE b1 (id BIGINT)"}};
  EXPECT_TRUE(database_->migrate(kOther)) << "rooms do not judge each other";
}

TEST_P(DatabaseConformance, RefusesAFileFromANewerVersion) {
  constexpr Migration kTwo[] = {{"a", 1, "CREATE TABLE a1 (id BIGINT)"}, {"a", 2, "CREATE TABLE a2 (id BIGINT)"}};
  ASSERT_TRUE(database_->migrate(kTwo));
  auto done = database_->migrate(std::span(kTwo).first(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "store.newer_file");
  EXPECT_NE(done.error().message.find("a 2, this version knows 1"), std::string::npos) << done.error().message;
}

TEST_P(DatabaseConformance, RefusesAMigrationThatWasEditedAfterItRan) {
  constexpr Migration kBefore[] = {{"a", 1, "CREATE TABLE a1 (id BIGINT)"}};
  constexpr Migration kAfter[] = {{"a", 1, "CREATE TABLE a1 (id BIGINT, more TEXT)"}};
  ASSERT_TRUE(database_->migrate(kBefore));
  auto done = database_->migrate(kAfter);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "store.migration_changed");
}

TEST_P(DatabaseConformance, RunsAllMigrationsOrNone) {
  constexpr Migration kBroken[] = {{"a", 1, "CREATE TABLE a1 (id BIGINT)"}, {"a", 2, "CREATE TABLE a2 (id BIGINT); CREATE NONSENSE"}};
  EXPECT_FALSE(database_->migrate(kBroken));
  EXPECT_TRUE(database_->migrate(std::span(kBroken).first(1))) << "nothing of the first try is left";
  constexpr Migration kGap[] = {{"b", 2, "CREATE TABLE b2 (id BIGINT)"}};
  auto gap = database_->migrate(kGap);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().reason, "store.migrations");
  constexpr Migration kCommits[] = {{"c", 1, "CREATE TABLE c1 (id BIGINT); COMMIT; CREATE TABLE c2 (id BIGINT)"}};
  EXPECT_FALSE(database_->migrate(kCommits));
}

TEST_P(DatabaseConformance, ServesManyThreadsWithoutLosingAWrite) {
  create_table();
  ASSERT_TRUE(database_->write([](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("INSERT INTO items (id, name, amount) VALUES (1, 'counter', 0)"));
    return {};
  }));
  constexpr int kThreads = 6, kEach = 25;
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        auto wrote = database_->write([](Transaction& tx) -> Result<void> {
          CG_TRY(auto rows, tx.query("SELECT amount FROM items WHERE id = 1"));
          CG_CHECK(tx.execute("UPDATE items SET amount = ? WHERE id = 1", {rows.at(0).integer(0) + 1}));
          return {};
        });
        std::int64_t first = 0, second = 0;
        auto read = database_->read([&](Transaction& tx) -> Result<void> {
          CG_TRY(auto rows, tx.query("SELECT amount FROM items WHERE id = 1"));
          first = rows.at(0).integer(0);
          CG_TRY(auto again, tx.query("SELECT amount FROM items WHERE id = 1"));
          second = again.at(0).integer(0);
          return {};
        });
        if (!wrote || !read || first != second) ++failures;  // a read sees one moment, however many statements it has
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(count("SELECT amount FROM items WHERE id = 1"), kThreads * kEach);
}

TEST_P(DatabaseConformance, LeavesNothingBehindWhicheverStatementFails) {
  create_table();
  for (int fail_at = 1;; ++fail_at) {
    ASSERT_LT(fail_at, 20);
    auto failing = failing_database(*database_, fail_at);
    auto done = failing->write([](Transaction& tx) -> Result<void> {
      CG_CHECK(insert(tx, 1, "one"));
      CG_CHECK(insert(tx, 2, "two"));
      return {};
    });
    if (done) {
      EXPECT_EQ(fail_at, 4) << "two statements and the commit";
      break;
    }
    EXPECT_EQ(done.error().reason, "store.injected");
    EXPECT_EQ(count("SELECT count(*) FROM items"), 0);
  }
  EXPECT_EQ(count("SELECT count(*) FROM items"), 2);
}

}  // namespace
}  // namespace callgate::store::testing
