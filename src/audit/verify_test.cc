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

// Ten records in one segment, and the pieces an attacker with disk access would play with.
class Tampering : public ::testing::Test {
 protected:
  void SetUp() override {
    auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
    Batch batch;
    for (int i = 1; i <= 10; ++i) batch.add({.tool = "tool", .request_id = std::to_string(i)});
    ASSERT_TRUE((*journal)->commit(batch).has_value());
    head = (*journal)->head();
    journal->reset();
    bytes = read_file(path());
    auto reader = open_segment(directory.path(), 1);
    SegmentHeader header;
    ASSERT_TRUE(reader->header(header));
    Frame frame;
    while (reader->next(frame) == SegmentReader::State::Frame) {
      offsets.push_back(frame.offset);
      payloads.emplace_back(frame.payload);
      hashes.push_back(frame.hash);
    }
    offsets.push_back(bytes.size());
    ASSERT_EQ(payloads.size(), 10U);
  }
  std::string path() const { return segment_path(directory.path(), 1); }
  std::string frame(std::size_t record) const { return bytes.substr(offsets[record - 1], offsets[record] - offsets[record - 1]); }
  Verification check(const std::string& changed) {
    write_file(path(), changed);
    return verify(directory.path(), head);
  }
  void expect_problem(const Verification& found, std::string_view words) {
    EXPECT_FALSE(found.ok);
    EXPECT_NE(found.problem.find(words), std::string::npos) << found.problem;
  }

  TempDirectory directory;
  ManualClock clock;
  Journal::Head head;
  std::string bytes;
  std::vector<std::uint64_t> offsets;
  std::vector<std::string> payloads;
  std::vector<Digest> hashes;
};

TEST_F(Tampering, LeavesAnUntouchedJournalAlone) {
  auto found = verify(directory.path(), head);
  EXPECT_TRUE(found.ok) << found.problem;
  EXPECT_EQ(found.records, 10U);
  EXPECT_EQ(found.first, 1U);
  EXPECT_EQ(found.last, 10U);
  EXPECT_EQ(found.head, head.hash);
}

// T-69
TEST_F(Tampering, FindsEveryChangedByte) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 0x20;
    EXPECT_FALSE(check(changed).ok) << "offset " << i;
  }
}

// T-69
TEST_F(Tampering, FindsARecordThatWasChangedWithItsChecksumMadeRight) {
  std::string changed = bytes;
  std::string payload = payloads[4];
  payload[payload.find("tool")] = 'T';
  std::string forged(kFrameHeaderBytes, '\0');
  forged += payload;
  // The attacker recomputes this record's own hash too, but not those behind it.
  seal_frame(forged.data(), {static_cast<std::uint32_t>(payload.size()), crc32c(0, payload), 5, hashes[3], blake2b(payload)});
  changed.replace(offsets[4], forged.size(), forged);
  expect_problem(check(changed), "sequence 6: the record does not match its chain hash");
}

// T-69
TEST_F(Tampering, FindsADeletedRecord) {
  std::string changed = bytes;
  changed.erase(offsets[4], frame(5).size());
  auto found = check(changed);
  expect_problem(found, "record 6 follows record 4");
  expect_problem(found, "offset " + std::to_string(offsets[4]));
  expect_problem(found, "audit-00000001.log");
}

// T-69
TEST_F(Tampering, FindsSwappedRecords) {
  std::string changed = bytes.substr(0, offsets[3]) + frame(5) + frame(4) + bytes.substr(offsets[5]);
  expect_problem(check(changed), "record 5 follows record 3");
}

// T-69
TEST_F(Tampering, FindsARepeatedRecord) {
  expect_problem(check(bytes.substr(0, offsets[5]) + frame(5) + bytes.substr(offsets[5])), "record 5 stands behind record 5");
}

// T-69
TEST_F(Tampering, FindsACutTailByThePublishedHead) {
  std::string changed = bytes.substr(0, offsets[8]);
  auto found = check(changed);
  expect_problem(found, "the journal ends at sequence 8, but sequence 10 was published");
  EXPECT_TRUE(verify(directory.path(), std::nullopt).ok);  // the chain alone cannot know
}

// T-69
TEST_F(Tampering, FindsARewrittenJournalByThePublishedHead) {
  std::string rewritten = bytes.substr(0, kSegmentHeaderBytes);
  Digest previous{};
  for (std::uint64_t i = 1; i <= 10; ++i) {
    std::string payload = payloads[i - 1];
    if (i == 3) payload[payload.find("tool")] = 'T';
    std::string forged = std::string(kFrameHeaderBytes, '\0') + payload;
    previous = seal_frame(forged.data(), {static_cast<std::uint32_t>(payload.size()), crc32c(0, payload), i, previous, blake2b(payload)});
    rewritten += forged;
  }
  expect_problem(check(rewritten), "its hash is not the published one");
}

TEST_F(Tampering, AcceptsAnOlderAnchorOfALongerJournal) {
  EXPECT_TRUE(verify(directory.path(), Journal::Head{7, hashes[6]}).ok);
  EXPECT_FALSE(verify(directory.path(), Journal::Head{7, hashes[5]}).ok);
}

TEST_F(Tampering, ReportsAnUnfinishedTail) { expect_problem(check(bytes.substr(0, bytes.size() - 3)), "the file ends inside a record"); }

}  // namespace
