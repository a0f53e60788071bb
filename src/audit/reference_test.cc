#include "audit/reference.h"

#include <gtest/gtest.h>

#include "audit/audit.h"
#include "audit/segment.h"
#include "audit/testing/temp_directory.h"
#include "base/crc32c.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // records name only what they are about

using namespace callgate;
using namespace callgate::audit;
using callgate::audit::testing::read_file;
using callgate::audit::testing::TempDirectory;
using callgate::audit::testing::write_file;

namespace {

std::string text_of(const Reference& reference) {
  char room[kReferenceRoom];
  return {room, put_reference(room, reference)};
}

TEST(Reference, IsReadAsItWasWritten) {
  const Reference written{.back = 123456789012, .bytes = 4000000000};
  const std::string payload = text_of(written) + "\"a\":1}";
  Reference found;
  EXPECT_EQ(read_reference(payload, found), payload.find("\"a\""));
  EXPECT_EQ(found.back, written.back);
  EXPECT_EQ(found.bytes, written.bytes);
}

TEST(Reference, IsNotReadFromAnythingElse) {
  Reference found;
  for (const char* payload : {"", "{", "{\"like\":[", "{\"like\":[1,2]", "{\"like\":[1,2]}", "{\"like\":[1],\"a\":1}", "{\"like\":[-1,2],",
                              "{\"like\":[1,99999999999],", "{\"like\":[1, 2],", "{\"time\":\"x\",\"like\":[1,2],"}) {
    EXPECT_EQ(read_reference(payload, found), 0U) << payload;
  }
}

constexpr std::string_view kOne = R"({"time":"2026-07-28T09:00:00.123456Z","who":"ann","tool":"x"})";
constexpr std::string_view kTwo = R"("time":"2026-07-28T09:00:00.654321Z","tool":"y"})";

TEST(Reference, BringsBackWhatWasLeftOut) {
  const std::string member = text_of({1, 12});
  std::string record;
  ASSERT_TRUE(restore(member + std::string(kTwo), member.size(), 12, kOne, record));
  EXPECT_EQ(record, R"({"time":"2026-07-28T09:00:00.654321Z","who":"ann","tool":"y"})");
}

TEST(Reference, GivesNothingWhereThePlacesAreNotThere) {
  const std::string member = text_of({1, 12}), payload = member + std::string(kTwo);
  std::string record;
  const auto restored = [&](std::string_view from, std::uint32_t bytes, std::string_view other) {
    return restore(from, member.size(), bytes, other, record);
  };
  ASSERT_TRUE(restored(payload, 12, kOne));
  EXPECT_FALSE(restored(payload, 0, kOne));
  EXPECT_TRUE(restored(payload, static_cast<std::uint32_t>(kOne.size() - 1 - kTimeMemberBytes), kOne));
  EXPECT_FALSE(restored(payload, static_cast<std::uint32_t>(kOne.size() - kTimeMemberBytes), kOne)) << "more than there is";
  EXPECT_FALSE(restored(payload, 0xffffffff, kOne));
  EXPECT_FALSE(restored(payload, 12, "")) << "to nothing";
  EXPECT_FALSE(restored(payload, 12, payload)) << "to another reference";
  EXPECT_FALSE(restored(payload, 12, kOne.substr(0, 1 + kTimeMemberBytes))) << "to a time alone";
  EXPECT_FALSE(restored(member + "\"tool\":\"y\"}", 12, kOne)) << "of something without a time";
}

// Sixty calls by some callers, of two servers.
class SharedContext : public ::testing::Test {
 protected:
  static Record call(int number, int caller, std::vector<std::string>& names) {
    names.push_back("person" + std::to_string(caller));
    names.push_back("req-" + std::to_string(number));
    return {.kind = Record::Kind::Call,
            .decision_id = "dec_1",
            .principal_id = "usr_01k0abcdefghjkmnpqrst",
            .principal_name = names[names.size() - 2],
            .principal_kind = "user",
            .grant_id = "grt_01k0abcdefghjkmnpqrst",
            .client = "agent \"1\"",
            .server_slug = caller % 2 == 0 ? "stripe" : "github",
            .method = "tools/call",
            .tool = number % 3 == 0 ? "refund" : "list",
            .request_id = names.back(),
            .reason = number % 5 == 0 ? "policy.deny_if" : "ok",
            .message = number % 5 == 0 ? "blocked, \"like\":[1,2]" : "",
            .policy = "support",
            .policy_version = 3,
            .arguments_json = R"({"like":[1,2]})"};
  }
  std::vector<std::string> journal(const TempDirectory& directory, std::size_t together, int callers) {
    auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
    std::vector<std::string> names;
    names.reserve(1000);
    Batch batch;
    for (int i = 0; i < 60; ++i) {
      batch.add(call(i, i % callers, names));
      if (batch.size() < together) continue;
      EXPECT_TRUE((*journal)->commit(batch).has_value());
    }
    EXPECT_TRUE((*journal)->commit(batch).has_value());
    std::vector<std::string> records;
    EXPECT_TRUE(read_journal(directory.path(), 1, [&](const Entry& entry) {
                  records.push_back(entry.payload);
                  return true;
                }).has_value());
    const auto found = verify(directory.path(), (*journal)->head());
    EXPECT_TRUE(found.ok) << found.problem;
    EXPECT_EQ(found.records, 60U);
    return records;
  }
  static std::string file(const TempDirectory& directory) { return read_file(segment_path(directory.path(), 1)); }

  ManualClock clock;
};

TEST_F(SharedContext, ReadsTheSameAsIfEveryRecordHadItsOwn) {
  TempDirectory alone, together, by_two;
  const auto wanted = journal(alone, 1, 3);
  EXPECT_EQ(journal(together, 60, 3), wanted);
  EXPECT_EQ(journal(by_two, 2, 3), wanted);
  EXPECT_EQ(file(alone).find("],\"time\":"), std::string::npos);
  EXPECT_NE(file(together).find("],\"time\":"), std::string::npos);
  EXPECT_LT(file(together).size(), file(alone).size() * 2 / 3);
}

TEST_F(SharedContext, IsFoundWhereTheReaderNoLongerHasIt) {
  TempDirectory directory;
  const auto wanted = journal(directory, 60, 3);
  auto reader = open_segment(directory.path(), 1);
  SegmentHeader header;
  Frame frame;
  std::vector<std::uint64_t> offsets;
  ASSERT_TRUE(reader->header(header));
  while (reader->next(frame) == SegmentReader::State::Frame) offsets.push_back(frame.offset);
  ASSERT_EQ(offsets.size(), wanted.size());
  auto far = open_segment(directory.path(), 1, 64);
  for (std::size_t i : {59U, 30U, 58U, 4U, 0U, 31U}) {
    far->seek(offsets[i]);
    ASSERT_EQ(far->next(frame), SegmentReader::State::Frame) << far->problem();
    EXPECT_EQ(frame.record, wanted[i]);
  }
}

TEST_F(SharedContext, BelongsBehindTheTime) {
  TempDirectory directory;
  const auto records = journal(directory, 60, 1);
  for (const std::string& record : records) EXPECT_EQ(record.find(",\"kind\":"), 1 + kTimeMemberBytes) << record;
}

TEST_F(SharedContext, StaysWithTheRecordWhenThereAreManyCallers) {
  TempDirectory alone, together;
  EXPECT_EQ(journal(together, 60, 20), journal(alone, 1, 20));
}

// Whatever differs between two calls, each is read back with its own.
TEST_F(SharedContext, IsNeverThatOfACallWhichDiffersInOneField) {
  const auto both = [this](const Record& one, const Record& two, bool together) {
    TempDirectory directory;
    auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
    Batch batch;
    batch.add(one);
    if (!together) EXPECT_TRUE((*journal)->commit(batch).has_value());
    batch.add(two);
    EXPECT_TRUE((*journal)->commit(batch).has_value());
    std::string records;
    EXPECT_TRUE(read_journal(directory.path(), 1, [&](const Entry& entry) {
                  records += entry.payload + "\n";
                  return true;
                }).has_value());
    return records;
  };
  std::vector<std::string> names;
  names.reserve(10);
  const Record first = call(1, 1, names);
  const auto expect_own = [&](const Record& second, const std::string& what) {
    EXPECT_EQ(both(first, second, true), both(first, second, false)) << what;
    EXPECT_NE(both(first, second, true), both(first, first, true)) << what;
  };
  using Text = std::string_view Record::*;
  constexpr Text texts[] = {&Record::decision_id, &Record::principal_id, &Record::principal_name, &Record::principal_kind,
                            &Record::grant_id,    &Record::grant_label,  &Record::client,         &Record::remote_address,
                            &Record::session_id,  &Record::server_id,    &Record::server_slug,    &Record::era,
                            &Record::method,      &Record::tool,         &Record::request_id,     &Record::reason,
                            &Record::message,     &Record::rule,         &Record::policy,         &Record::stated_reason,
                            &Record::outcome,     &Record::traceparent};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    Record second = first;
    second.*texts[i] = "another";
    expect_own(second, "text " + std::to_string(i));
  }
  Record second = first;
  second.kind = Record::Kind::Approval;
  expect_own(second, "kind");
  second = first;
  second.effect = Effect::Ask;
  expect_own(second, "effect");
  second = first;
  second.policy_version = 4;
  expect_own(second, "policy_version");
  second = first;
  second.upstream_status = 500;
  expect_own(second, "status");
}

// A retry after a failure takes the texts again, not what became of them.
TEST_F(SharedContext, SurvivesACommitThatFailedAndGrewMeanwhile) {
  TempDirectory directory;
  auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
  std::vector<std::string> names;
  names.reserve(100);
  Batch batch;
  for (int i = 0; i < 5; ++i) batch.add(call(i, 1, names));
  (*journal)->fail_write_at(1);
  EXPECT_FALSE((*journal)->commit(batch).has_value());
  for (int i = 5; i < 10; ++i) batch.add(call(i, 1, names));
  ASSERT_TRUE((*journal)->commit(batch).has_value());
  const auto found = verify(directory.path(), (*journal)->head());
  EXPECT_TRUE(found.ok) << found.problem;
  EXPECT_EQ(found.records, 10U);
}

// T-69: with its own checksum and hash made right, a record that takes another's caller still breaks the chain.
TEST_F(SharedContext, CannotBeMadeToPointAtAnotherCaller) {
  TempDirectory directory;
  journal(directory, 60, 3);
  std::string bytes = file(directory);
  std::size_t tried = 0;
  for (std::size_t at = bytes.find("{\"like\":["); at != std::string::npos; at = bytes.find("{\"like\":[", at + 1)) {
    Reference reference;
    const std::size_t member = read_reference(std::string_view(bytes).substr(at), reference);
    if (member == 0) continue;  // inside of a record's arguments
    std::string changed = bytes;
    char& digit = changed[at + 9];
    digit = digit == '9' ? '8' : static_cast<char>(digit + 1);
    const std::size_t frame = at - kFrameHeaderBytes;
    const auto length = static_cast<std::uint8_t>(bytes[frame]) + 256U * static_cast<std::uint8_t>(bytes[frame + 1]);
    std::uint32_t crc = crc32c(0, std::string_view(changed).substr(at, length));
    crc = crc32c(crc32c(crc, std::string_view(changed).substr(frame + 8, 40)), std::string_view(changed).substr(frame, 4));
    for (unsigned i = 0; i < 4; ++i) changed[frame + 4 + i] = static_cast<char>(crc >> (8 * i));
    write_file(segment_path(directory.path(), 1), changed);
    const auto found = verify(directory.path(), std::nullopt);
    EXPECT_FALSE(found.ok);
    if (++tried == 5) break;
  }
  EXPECT_EQ(tried, 5U);
}

}  // namespace
