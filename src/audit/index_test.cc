#include <gtest/gtest.h>

#include <thread>

#include "audit/audit.h"
#include "audit/record_fields.h"
#include "audit/segment.h"
#include "audit/testing/temp_directory.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // records name only what they are about

using namespace callgate;
using namespace callgate::audit;
using callgate::audit::testing::read_file;
using callgate::audit::testing::TempDirectory;
using callgate::audit::testing::write_file;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

class IndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory = place.file("audit");
    open_journal();
    open_index();
  }
  void open_journal(std::size_t segment_bytes = 64 * 1024 * 1024) {
    journal.reset();
    auto opened = Journal::open({.directory = directory, .segment_bytes_max = segment_bytes, .free_bytes_min = 0}, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    journal = std::move(*opened);
  }
  void open_index() {
    index.reset();
    auto opened = Index::open(place.file("audit-index.db"), directory);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    index = std::move(*opened);
  }
  void add(const Record& record) {
    Batch batch;
    Record stamped = record;
    stamped.time = clock.now();
    batch.add(stamped);
    ASSERT_TRUE(journal->commit(batch).has_value());
  }
  // Three principals, two servers, every tenth call denied, one second apart.
  void fill(int records) {
    Batch batch;
    for (int i = 1; i <= records; ++i) {
      std::string decision = "dec_" + std::to_string(i), principal = "usr_" + std::to_string(i % 3),
                  name = "person" + std::to_string(i % 3);
      const bool denied = i % 10 == 0;
      Record record{.decision_id = decision,
                    .principal_id = principal,
                    .principal_name = name,
                    .grant_id = "grt_1",
                    .grant_label = "laptop",
                    .server_id = i % 2 == 0 ? "uuid-a" : "uuid-b",
                    .server_slug = i % 2 == 0 ? "stripe" : "github",
                    .method = "tools/call",
                    .tool = i % 4 == 0 ? "refund_payment" : "list_things",
                    .effect = denied ? Effect::Deny : Effect::Allow,
                    .reason = denied ? "policy.deny_if" : "ok",
                    .policy = "support"};
      record.time = clock.now();
      clock.advance(seconds(1));
      batch.add(record);
      if (batch.size() < 100) continue;
      ASSERT_TRUE(journal->commit(batch).has_value());
    }
    ASSERT_TRUE(journal->commit(batch).has_value());
  }
  std::uint64_t catch_up() {
    auto done = index->catch_up();
    EXPECT_TRUE(done.has_value()) << done.error().message << done.error().detail;
    return done.value_or(0);
  }
  std::vector<std::uint64_t> ask(const Query& query) {
    auto entries = index->query(query);
    EXPECT_TRUE(entries.has_value()) << entries.error().message << entries.error().detail;
    std::vector<std::uint64_t> sequences;
    if (entries)
      for (const Entry& entry : *entries) sequences.push_back(entry.sequence);
    return sequences;
  }
  std::size_t count(Query query) {
    query.limit = 10'000;
    return ask(query).size();
  }

  TempDirectory place;
  std::string directory;
  ManualClock clock;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Index> index;
};

TEST_F(IndexTest, CatchesUpStepByStepAndAfterARestart) {
  fill(120);
  EXPECT_EQ(catch_up(), 120U);
  EXPECT_EQ(catch_up(), 0U);
  fill(5);
  EXPECT_EQ(catch_up(), 5U);
  open_index();
  EXPECT_EQ(catch_up(), 0U);
  EXPECT_EQ(ask({.limit = 3}), (std::vector<std::uint64_t>{125, 124, 123}));
}

TEST_F(IndexTest, CatchesUpInStepsWhereItIsAskedTo) {
  open_journal(16 * 1024);  // several segments
  fill(120);
  std::uint64_t steps = 0, newest = 0;
  for (std::uint64_t done = 50; done == 50; ++steps) {
    auto step = index->catch_up(50);
    ASSERT_TRUE(step.has_value()) << step.error().detail;
    done = *step;
    EXPECT_EQ(index->newest(), newest += done);
  }
  EXPECT_EQ(steps, 3U);
  EXPECT_EQ(newest, 120U);
  open_index();
  EXPECT_EQ(index->newest(), 120U);
  EXPECT_EQ(index->query({.limit = 1'000})->size(), 120U);
}

TEST_F(IndexTest, FindsByEveryField) {
  fill(600);
  catch_up();
  EXPECT_EQ(count({.principal = "usr_1"}), 200U);
  EXPECT_EQ(count({.principal = "person1"}), 200U);
  EXPECT_EQ(count({.grant = "grt_1"}), 600U);
  EXPECT_EQ(count({.grant = "laptop"}), 600U);
  EXPECT_EQ(count({.server = "stripe"}), 300U);
  EXPECT_EQ(count({.server = "uuid-b"}), 300U);
  EXPECT_EQ(count({.tool = "refund_payment"}), 150U);
  EXPECT_EQ(count({.method = "tools/call"}), 600U);
  EXPECT_EQ(count({.effect = "deny"}), 60U);
  EXPECT_EQ(count({.effect = "allow"}), 540U);
  EXPECT_EQ(count({.reason = "policy.deny_if"}), 60U);
  EXPECT_EQ(count({.reason = "ok"}), 540U);
  EXPECT_EQ(count({.kind = "call"}), 600U);
  EXPECT_EQ(count({.kind = "admin"}), 0U);
  EXPECT_EQ(count({.policy = "support"}), 600U);
  EXPECT_EQ(count({.principal = "nobody"}), 0U);
  EXPECT_EQ(ask({.decision_id = "dec_77"}), std::vector<std::uint64_t>{77});
  EXPECT_EQ(ask({.principal = "usr_0", .server = "stripe", .tool = "refund_payment", .effect = "deny", .limit = 2}),
            (std::vector<std::uint64_t>{600, 540}));
}

TEST_F(IndexTest, PagesThroughWithoutGapsOrRepeats) {
  fill(1500);
  catch_up();
  for (bool oldest_first : {false, true}) {
    Query query{.principal = "usr_2", .limit = 37, .oldest_first = oldest_first};
    std::vector<std::uint64_t> all;
    for (;;) {
      auto page = ask(query);
      if (page.empty()) break;
      all.insert(all.end(), page.begin(), page.end());
      query.before_sequence = page.back();
    }
    ASSERT_EQ(all.size(), 500U);
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(oldest_first ? all[i] - all[i - 1] : all[i - 1] - all[i], 3U);
  }
}

TEST_F(IndexTest, FindsTimeRangesAlsoWhenRecordsArriveLate) {
  WallTime start = clock.now();
  fill(9000);
  // A long call: recorded now, begun long ago.
  Batch batch;
  Record late{.tool = "late"};
  late.time = start + seconds(100);
  batch.add(late);
  ASSERT_TRUE(journal->commit(batch).has_value());
  catch_up();
  EXPECT_EQ(count({.since = start + seconds(8000), .until = start + seconds(8009)}), 10U);
  EXPECT_EQ(count({.since = start + seconds(100), .until = start + seconds(100)}), 2U);
  EXPECT_EQ(ask({.since = start, .until = start + seconds(100), .limit = 2}), (std::vector<std::uint64_t>{9001, 101}));
  EXPECT_EQ(ask({.until = start + seconds(2), .oldest_first = true}), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(count({.since = start + hours(100)}), 0U);
  EXPECT_EQ(count({.since = start + seconds(4000), .until = start + seconds(4999), .effect = "deny"}), 100U);
}

TEST_F(IndexTest, FindsWhatAnInspectionFound) {
  add({.tool = "x",
       .detail_json = R"({"findings":[{"rule":"secrets.github-pat","severity":"high"},{"rule":"personal.email","severity":"low"}]})"});
  add({.tool = "y", .detail_json = R"({"findings":[{"rule":"secrets.github-pat-old","severity":"high"}]})"});
  add({.tool = "z", .message = R"({"rule":"secrets.github-pat","severity":"high"})", .detail_json = R"({"rule":"secrets.github-pat"})"});
  catch_up();
  EXPECT_EQ(ask({.finding = "secrets.github-pat"}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ask({.finding = "personal.email"}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ask({.finding = "secrets"}), (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(ask({.tool = "y", .finding = "secrets"}), std::vector<std::uint64_t>{2});
  EXPECT_EQ(ask({.finding = "email"}), std::vector<std::uint64_t>{});
  EXPECT_EQ(ask({.finding = "secrets.github"}), std::vector<std::uint64_t>{});
}

TEST_F(IndexTest, SearchesTextPlainOrAsWritten) {
  add({.tool = "x", .message = "Refund blocked: \"too much\"", .arguments_json = R"({"amount":5000})"});
  add({.tool = "y"});
  catch_up();
  EXPECT_EQ(ask({.text = "refund BLOCKED"}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ask({.text = "\"too much\""}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ask({.text = "\"amount\":5000"}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ask({.text = "'; DROP TABLE audit_records; --"}), std::vector<std::uint64_t>{});
  EXPECT_EQ(ask({.tool = "' OR 1=1 --"}), std::vector<std::uint64_t>{});
}

TEST_F(IndexTest, FindsOneByDecisionOrSequence) {
  fill(20);
  catch_up();
  EXPECT_EQ(index->find("dec_7").value()->sequence, 7U);
  EXPECT_EQ(index->find("7").value()->sequence, 7U);
  EXPECT_FALSE(index->find("21").value().has_value());
  EXPECT_FALSE(index->find("0").value().has_value());
  EXPECT_FALSE(index->find("").value().has_value());
  EXPECT_FALSE(index->find("99999999999999999999").value().has_value());
  EXPECT_FALSE(index->find("dec_x").value().has_value());
}

TEST_F(IndexTest, RebuildsFromTheJournal) {
  fill(300);
  catch_up();
  ASSERT_TRUE(index->rebuild().has_value());
  EXPECT_EQ(count({}), 300U);
  EXPECT_EQ(count({.principal = "person1"}), 100U);
}

TEST_F(IndexTest, StartsAnewForAnotherJournal) {
  fill(50);
  catch_up();
  journal.reset();
  std::filesystem::remove_all(directory);
  open_journal();
  for (int i = 0; i < 80; ++i) add({.tool = "other"});
  catch_up();
  EXPECT_EQ(count({}), 80U);
  EXPECT_EQ(count({.tool = "other"}), 80U);
  EXPECT_EQ(count({.tool = "refund_payment"}), 0U);
  auto newest = index->query({.limit = 1});
  EXPECT_EQ((*newest)[0].hash, journal->head().hash);
}

TEST_F(IndexTest, StartsAnewWhenItsFileIsBroken) {
  fill(50);
  catch_up();
  index.reset();
  write_file(place.file("audit-index.db"), std::string(8192, 'x'));
  std::filesystem::remove(place.file("audit-index.db-wal"));
  open_index();
  EXPECT_EQ(catch_up(), 50U);
}

TEST_F(IndexTest, RetentionDropsWholeOldSegmentsAndTheirRows) {
  open_journal(20'000);
  WallTime start = clock.now();
  fill(500);
  catch_up();
  auto before = list_segments(directory)->size();
  ASSERT_GT(before, 4U);
  auto dropped = apply_retention(directory, clock.now(), seconds(200));
  ASSERT_TRUE(dropped.has_value());
  EXPECT_GT(*dropped, 0U);
  EXPECT_LE(*dropped, 300U);
  auto verification = verify(directory, journal->head());
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.first, *dropped + 1);
  EXPECT_EQ(verification.records, 500U - *dropped);
  catch_up();
  EXPECT_EQ(count({}), 500U - *dropped);
  EXPECT_EQ(count({.until = start}), 0U);
  // Nothing younger than asked went, and the journal goes on, across a restart too.
  EXPECT_EQ(count({.since = clock.now() - seconds(200)}), 200U);
  open_journal(20'000);
  fill(10);
  EXPECT_TRUE(verify(directory, journal->head()).ok);
  EXPECT_EQ(catch_up(), 10U);
}

TEST_F(IndexTest, RetentionNeverDropsTheSegmentInUse) {
  fill(10);
  clock.advance(hours(24 * 400));
  EXPECT_EQ(apply_retention(directory, clock.now(), seconds(1)).value(), 0U);
  EXPECT_EQ(read_file(segment_path(directory, 1)).empty(), false);
}

TEST_F(IndexTest, SurvivesRetentionThatWasFaster) {
  open_journal(20'000);
  fill(300);
  catch_up();
  fill(200);  // not indexed yet
  clock.advance(hours(1));
  ASSERT_GT(apply_retention(directory, clock.now(), seconds(1)).value(), 300U);
  EXPECT_EQ(count({}), 0U);  // rows whose records are gone are passed over
  catch_up();
  auto kept = verify(directory, std::nullopt).records;
  EXPECT_EQ(count({}), kept);
}

TEST_F(IndexTest, AnswersWhileItIsFilled) {
  fill(2000);
  std::thread filling([&] {
    for (int i = 0; i < 20; ++i) {
      fill(100);
      EXPECT_TRUE(index->catch_up().has_value());
    }
  });
  for (int i = 0; i < 50; ++i) {
    auto page = index->query({.principal = "usr_1", .limit = 20});
    ASSERT_TRUE(page.has_value());
  }
  filling.join();
  EXPECT_EQ(count({}), 4000U);
}

std::string export_all(Index& index, Format format) {
  std::string text;
  EXPECT_TRUE(export_records(index, {.oldest_first = true}, format, [&](std::string_view piece) {
                text += piece;
                return true;
              }).has_value());
  return text;
}

// T-64
TEST_F(IndexTest, ExportsCsvThatASpreadsheetDoesNotRun) {
  for (std::string bad : {"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx",
                          "\xef\xbc\x9d"
                          "1+1"})
    add({.tool = bad});
  add({.tool = "\x1b[31mred\x7f", .message = "a \"quoted\", text\nline"});
  catch_up();
  std::string csv = export_all(*index, Format::Csv);
  EXPECT_NE(csv.find(",\"'=cmd|' /C calc'!A0\","), std::string::npos) << csv;
  EXPECT_NE(csv.find(",\"'+1+1\","), std::string::npos);
  EXPECT_NE(csv.find(",\"'-2+3\","), std::string::npos);
  EXPECT_NE(csv.find(",\"'@SUM(A1)\","), std::string::npos);
  EXPECT_NE(csv.find(",\"'\xef\xbc\x9d"
                     "1+1\","),
            std::string::npos);
  EXPECT_NE(csv.find("\"a \"\"quoted\"\", text\\nline\""), std::string::npos) << csv;
  EXPECT_NE(csv.find("\\u001b[31mred\\u007f"), std::string::npos);
  for (char c : csv) EXPECT_TRUE(c == '\r' || c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 9);
}

TEST_F(IndexTest, ExportsJsonLinesWithSequenceAndHash) {
  fill(3);
  catch_up();
  std::string text = export_all(*index, Format::Jsonl);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_TRUE(text.starts_with("{\"sequence\":1,\"hash\":\"")) << text;
  EXPECT_NE(text.find("\",\"time\":\""), std::string::npos);
  std::uint64_t taken = 0;
  auto stopped = export_records(*index, {}, Format::Jsonl, [&](std::string_view) { return ++taken < 2; });
  EXPECT_EQ(stopped.value(), 1U);
}

TEST(RecordFields, ReadsStringsNumbersAndNestedValues) {
  std::map<std::string, std::string> fields;
  EXPECT_TRUE(for_each_field(R"({"a":"x\"y","n":12,"o":{"a":[1,"}"]},"u":"\ud83d\ude00\u001b"})",
                             [&](std::string_view key, std::string_view value) { fields[std::string(key)] = std::string(value); }));
  EXPECT_EQ(field_text(fields["a"]), "x\"y");
  EXPECT_EQ(fields["n"], "12");
  EXPECT_EQ(fields["o"], R"({"a":[1,"}"]})");
  EXPECT_EQ(field_text(fields["u"]), "\xf0\x9f\x98\x80\x1b");
  EXPECT_EQ(field_text(fields["u"], true), "\\ud83d\\ude00\\u001b");
}

TEST(RecordFields, SurvivesAnyCutAndAnyByte) {
  const std::string record = R"({"a":"x\"y","n":12,"o":{"a":[1,"}"]},"u":"\ud83d"})";
  auto ignore = [](std::string_view, std::string_view value) { (void)field_text(value); };
  for (std::size_t i = 0; i < record.size(); ++i) {
    EXPECT_FALSE(for_each_field(record.substr(0, i), ignore));
    for (char c : {'"', '\\', '{', '}', ',', ':', 'u', '\0'}) {
      std::string changed = record;
      changed[i] = c;
      (void)for_each_field(changed, ignore);
    }
  }
}

}  // namespace
