#include <sqlite3.h>
#include <sys/stat.h>

#include "store/testing/database_conformance.h"
#include "store/testing/temporary_folder.h"

namespace callgate::store {
namespace {

using testing::DatabaseConformance;
using testing::Engine;
using testing::TemporaryFolder;

std::unique_ptr<Database> opened(const std::string& path) {
  auto database = open_sqlite(path);
  return database ? std::move(*database) : nullptr;
}

const Engine kFile{"file", [](std::shared_ptr<void>& keep) {
                     auto folder = std::make_shared<TemporaryFolder>();
                     keep = folder;
                     return opened(folder->file("callgate.db"));
                   }};
const Engine kMemory{"memory", [](std::shared_ptr<void>&) { return opened(":memory:"); }};
INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance, ::testing::Values(kFile, kMemory),
                         [](const auto& engine) { return engine.param.name; });

constexpr Migration kNotes[] = {{"notes", 1, "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)"}};

Result<void> add_note(Database& database, std::int64_t id) {
  return database.write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("INSERT INTO notes (id, text) VALUES (?, 'x')", {id}));
    return {};
  });
}

// T-68
TEST(SqliteDatabase, KeepsItsFilesToTheirOwnerWhateverTheUmask) {
  TemporaryFolder folder;
  std::string path = folder.file("callgate.db");
  mode_t before = ::umask(0);
  auto database = opened(path);
  ::umask(before);
  ASSERT_NE(database, nullptr);
  ASSERT_TRUE(database->migrate(kNotes));
  ASSERT_TRUE(add_note(*database, 1));
  for (const char* suffix : {"", "-wal", "-shm"}) EXPECT_EQ(testing::mode_of(path + suffix), 0600u) << suffix;
}

// T-68
TEST(SqliteDatabase, NarrowsAFileThatOthersCouldRead) {
  TemporaryFolder folder;
  std::string path = folder.file("callgate.db");
  ASSERT_NE(opened(path), nullptr);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  ASSERT_NE(opened(path), nullptr);
  EXPECT_EQ(testing::mode_of(path), 0600u);
}

TEST(SqliteDatabase, KeepsWhatWasWrittenWhenOpenedAgain) {
  TemporaryFolder folder;
  std::string path = folder.file("callgate.db");
  {
    auto database = opened(path);
    ASSERT_TRUE(database->migrate(kNotes));
    ASSERT_TRUE(add_note(*database, 1));
  }
  auto database = opened(path);
  ASSERT_TRUE(database->migrate(kNotes));
  auto again = add_note(*database, 1);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "store.duplicate");
}

TEST(SqliteDatabase, RefusesADatabaseOfAnotherProgramAndGarbage) {
  TemporaryFolder folder;
  sqlite3* foreign = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file("foreign.db").c_str(), &foreign), SQLITE_OK);
  sqlite3_exec(foreign, "CREATE TABLE theirs (id)", nullptr, nullptr, nullptr);
  sqlite3_close(foreign);
  auto refused = open_sqlite(folder.file("foreign.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "store.foreign_file");

  testing::write_bytes(folder.file("garbage.db"), std::string(4096, 'z'));
  auto garbage = open_sqlite(folder.file("garbage.db"));
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().reason, "store.corrupt");
  EXPECT_EQ(garbage.error().code, Code::Unavailable);
}

TEST(SqliteDatabase, SaysWhyAPathCannotBeOpened) {
  auto missing = open_sqlite("/nonexistent-folder/callgate.db");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "store.io");
  EXPECT_NE(missing.error().message.find("/nonexistent-folder/callgate.db"), std::string::npos);
  EXPECT_FALSE(open_sqlite(""));
  EXPECT_FALSE(open_sqlite("file:x?mode=memory"));
}

// T-69
TEST(SqliteDatabase, ReportsAFullDiskAsUnavailableAndKeepsTheOldRows) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->migrate(kNotes));
  ASSERT_TRUE(add_note(*database, 1));
  ASSERT_TRUE(database->write([](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.query("PRAGMA max_page_count = 6"));
    return {};
  }));
  auto full = database->write([](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.execute("INSERT INTO notes (id, text) VALUES (2, ?)", {std::string(200'000, 'x')}));
    return {};
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::Unavailable);
  EXPECT_EQ(full.error().reason, "store.full");
  EXPECT_FALSE(add_note(*database, 1)) << "the first row is still there";
  EXPECT_TRUE(add_note(*database, 3));
}

// T-69: another process holds the write lock for longer than we are willing to wait.
TEST(SqliteDatabase, ReportsALockedDatabaseAsUnavailable) {
  TemporaryFolder folder;
  std::string path = folder.file("callgate.db");
  auto database = open_sqlite(path, {.busy_timeout = std::chrono::milliseconds(1)}).value();
  ASSERT_TRUE(database->migrate(kNotes));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  ASSERT_TRUE(database->read([](Transaction& tx) -> Result<void> {
    CG_CHECK(tx.query("SELECT count(*) FROM notes"));
    return {};
  })) << "readers are not held up";
  auto locked = add_note(*database, 1);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().code, Code::Unavailable);
  EXPECT_EQ(locked.error().reason, "store.busy");
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE(add_note(*database, 1));
}

TEST(SqliteDatabase, HoldsMoreReadersBackUntilOneIsDone) {
  TemporaryFolder folder;
  auto database = opened(folder.file("callgate.db"));
  ASSERT_TRUE(database->migrate(kNotes));
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      auto read = database->read([](Transaction& tx) -> Result<void> {
        CG_CHECK(tx.query("SELECT count(*) FROM notes"));
        return {};
      });
      if (read) ++done;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 16);
}

TEST(SqliteDatabase, ForgetsStatementsRatherThanGrowWithoutBound) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->read([](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 1'000; ++i) {
      CG_TRY(auto rows, tx.query("SELECT " + std::to_string(i)));
      EXPECT_EQ(rows.at(0).integer(0), i);
    }
    return {};
  }));
}

}  // namespace
}  // namespace callgate::store
