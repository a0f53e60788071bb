#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "audit/audit.h"
#include "audit/segment.h"
#include "audit/testing/temp_directory.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // records name only what they are about

using namespace callgate;
using namespace callgate::audit;
using callgate::audit::testing::read_file;
using callgate::audit::testing::TempDirectory;
using callgate::audit::testing::write_file;

namespace {

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<Journal> open(Sync sync = Sync::Process, std::size_t segment_bytes = 64 * 1024 * 1024) {
    auto journal =
        Journal::open({.directory = directory.path(), .sync = sync, .segment_bytes_max = segment_bytes, .free_bytes_min = 0}, clock);
    EXPECT_TRUE(journal.has_value()) << (journal ? "" : journal.error().message);
    return journal ? std::move(*journal) : nullptr;
  }
  void commit(Journal& journal, int records, const std::string& tool = "refund_payment") {
    Batch batch;
    for (int i = 0; i < records; ++i) batch.add({.time = clock.now(), .decision_id = "dec_1", .tool = tool});
    auto done = journal.commit(batch);
    ASSERT_TRUE(done.has_value()) << done.error().message;
    EXPECT_TRUE(batch.empty());
  }
  std::string segment(int number) { return directory.file(segment_name(static_cast<std::uint32_t>(number))); }
  std::vector<Entry> read(std::uint64_t from = 1) {
    std::vector<Entry> entries;
    auto done = read_journal(directory.path(), from, [&](const Entry& entry) {
      entries.push_back(entry);
      return true;
    });
    EXPECT_TRUE(done.has_value()) << done.error().message;
    return entries;
  }
  // Where record `sequence` starts, in bytes of a single-segment journal.
  std::uint64_t offset_of(std::uint64_t sequence) {
    auto reader = open_segment(directory.path(), 1);
    SegmentHeader header;
    EXPECT_TRUE(reader->header(header));
    Frame frame;
    while (reader->next(frame) == SegmentReader::State::Frame)
      if (frame.sequence == sequence) return frame.offset;
    return 0;
  }

  TempDirectory directory;
  ManualClock clock;
};

TEST_F(JournalTest, ReadsBackWhatWasCommittedInOrder) {
  auto journal = open();
  commit(*journal, 3);
  commit(*journal, 2, "list_customers");
  auto entries = read();
  ASSERT_EQ(entries.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(entries[i].sequence, i + 1);
  EXPECT_NE(entries[4].payload.find("\"tool\":\"list_customers\""), std::string::npos);
  EXPECT_EQ(read(4).size(), 2U);
  EXPECT_EQ(journal->head().sequence, 5U);
  EXPECT_EQ(journal->head().hash, entries[4].hash);
}

TEST_F(JournalTest, ChainsEachRecordToTheOneBefore) {
  auto journal = open();
  commit(*journal, 2);
  auto entries = read();
  EXPECT_EQ(entries[0].hash, chain_hash(Digest{}, 1, entries[0].payload));
  EXPECT_EQ(entries[1].hash, chain_hash(entries[0].hash, 2, entries[1].payload));
}

TEST_F(JournalTest, KeepsFilesForTheOwnerOnly) {
  auto journal = open();
  struct stat status {};
  ASSERT_EQ(::stat(segment(1).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(JournalTest, ContinuesTheChainAfterAStop) {
  {
    auto journal = open();
    commit(*journal, 3);
  }
  {
    auto journal = open();
    EXPECT_EQ(journal->head().sequence, 3U);
    commit(*journal, 3);
  }
  auto verification = verify(directory.path(), std::nullopt);
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.records, 6U);
}

TEST_F(JournalTest, RotatesSegmentsAndVerifiesAcrossThem) {
  auto journal = open(Sync::Process, 2'000);
  for (int i = 0; i < 50; ++i) commit(*journal, 3);
  auto numbers = list_segments(directory.path());
  EXPECT_GT(numbers->size(), 5U);
  auto verification = verify(directory.path(), journal->head());
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.records, 150U);
  EXPECT_EQ(read(100).size(), 51U);
  journal.reset();
  journal = open(Sync::Process, 2'000);
  EXPECT_EQ(journal->head().sequence, 150U);
}

TEST_F(JournalTest, RefusesASecondWriter) {
  auto journal = open();
  auto second = Journal::open({.directory = directory.path()}, clock);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().reason, "audit.locked");
}

TEST_F(JournalTest, CutsATornTailAndSaysSo) {
  {
    auto journal = open();
    commit(*journal, 3);
  }
  std::string bytes = read_file(segment(1));
  std::uint64_t third = offset_of(3);
  for (std::size_t keep : {third + 1, third + 47, third + 48, third + 60, static_cast<std::uint64_t>(bytes.size()) - 1}) {
    write_file(segment(1), bytes.substr(0, keep));
    {
      auto journal = open();
      EXPECT_EQ(journal->head().sequence, 3U);  // 2 kept, and the system record
    }
    auto entries = read();
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_NE(entries[2].payload.find("audit.recovered"), std::string::npos);
    EXPECT_NE(entries[2].payload.find("\"cut_bytes\":" + std::to_string(keep - third)), std::string::npos);
    EXPECT_TRUE(verify(directory.path(), std::nullopt).ok);
  }
}

TEST_F(JournalTest, StartsAgainAfterAStopBetweenCreatingASegmentAndItsHeader) {
  {
    auto journal = open();
    commit(*journal, 3);
  }
  write_file(segment(2), "CGAU");
  {
    auto journal = open();
    EXPECT_EQ(journal->head().sequence, 4U);
  }
  EXPECT_TRUE(verify(directory.path(), std::nullopt).ok);
}

TEST_F(JournalTest, ContinuesAJournalOfTheFormatBeforeInANewSegment) {
  {
    auto journal = open();
    commit(*journal, 3);
  }
  std::string bytes = read_file(segment(1));
  SegmentHeader header;
  ASSERT_TRUE(decode_header(bytes, header));
  header.version = 2;
  write_file(segment(1), encode_header(header) + bytes.substr(kSegmentHeaderBytes));
  auto journal = open();
  commit(*journal, 3);
  EXPECT_EQ(list_segments(directory.path())->size(), 2U);
  EXPECT_EQ(read().size(), 6U);
  const auto found = verify(directory.path(), journal->head());
  EXPECT_TRUE(found.ok) << found.problem;
}

TEST_F(JournalTest, RefusesToStartWhenTheMiddleIsDamaged) {
  {
    auto journal = open();
    commit(*journal, 3);
  }
  std::string bytes = read_file(segment(1));
  bytes[offset_of(2) + 60] ^= 1;
  write_file(segment(1), bytes);
  auto journal = Journal::open({.directory = directory.path()}, clock);
  ASSERT_FALSE(journal.has_value());
  EXPECT_EQ(journal.error().reason, "audit.damaged");
  EXPECT_NE(journal.error().message.find("audit-00000001.log"), std::string::npos);
  EXPECT_EQ(read_file(segment(1)), bytes);  // evidence is not touched
}

TEST_F(JournalTest, RefusesToStartWhenASegmentIsMissing) {
  {
    auto journal = open(Sync::Process, 1'000);
    for (int i = 0; i < 40; ++i) commit(*journal, 1);
  }
  std::filesystem::remove(segment(2));
  EXPECT_FALSE(Journal::open({.directory = directory.path()}, clock).has_value());
  auto verification = verify(directory.path(), std::nullopt);
  EXPECT_FALSE(verification.ok);
  EXPECT_NE(verification.problem.find("audit-00000002.log"), std::string::npos) << verification.problem;
}

// T-69
TEST_F(JournalTest, RefusesWhenTheDiskIsNearlyFull) {
  auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = std::uint64_t{1} << 62}, clock);
  ASSERT_TRUE(journal.has_value());
  Batch batch;
  batch.add({.tool = "x"});
  auto done = (*journal)->commit(batch);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::Unavailable);
  EXPECT_EQ(done.error().reason, "audit.unwritable");
  EXPECT_EQ(batch.size(), 1U);
  EXPECT_EQ((*journal)->head().sequence, 0U);
}

// T-69: a real short write, by the limit a process has on the size of its files.
TEST_F(JournalTest, TakesBackARealShortWrite) {
  auto journal = open();
  commit(*journal, 3);
  auto before = journal->head();
  const auto size = std::filesystem::file_size(segment(1));
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = old_limit;
  tight.rlim_cur = size + 100;  // inside the next record
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  Batch batch;
  batch.add({.tool = "refund_payment"});
  auto done = journal->commit(batch);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().reason, "audit.unwritable");
  EXPECT_EQ(std::filesystem::file_size(segment(1)), size);
  EXPECT_EQ(journal->head().sequence, before.sequence);
  ASSERT_TRUE(journal->commit(batch).has_value());
  auto verification = verify(directory.path(), journal->head());
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.records, 4U);
}

// T-69: killed in the middle of its work, at any moment: what commit() had acknowledged is there, and nothing is broken.
TEST_F(JournalTest, KeepsEveryAcknowledgedRecordAfterAKill) {
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    pid_t child = ::fork();
    if (child == 0) {
      auto journal = Journal::open({.directory = directory.path(), .segment_bytes_max = 50'000, .free_bytes_min = 0}, clock);
      Batch batch;
      for (std::uint64_t i = 0; journal; ++i) {
        batch.add({.tool = "refund_payment"});
        if (!(*journal)->commit(batch)) ::_exit(2);
        std::uint64_t acknowledged = (*journal)->head().sequence;
        if (::write(pipe_ends[1], &acknowledged, sizeof acknowledged) != sizeof acknowledged) ::_exit(3);
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    std::uint64_t acknowledged = 0, next = 0;
    for (int seen = 0; seen < 200 * (round + 1) && ::read(pipe_ends[0], &next, sizeof next) == sizeof next; ++seen) acknowledged = next;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    while (::read(pipe_ends[0], &next, sizeof next) == sizeof next) acknowledged = next;
    ::close(pipe_ends[0]);
    EXPECT_TRUE(WIFSIGNALED(status));
    auto journal = open();
    ASSERT_NE(journal, nullptr);
    EXPECT_GE(journal->head().sequence, acknowledged);
    EXPECT_TRUE(verify(directory.path(), journal->head()).ok);
  }
}

class AnomalyLoop : public JournalTest, public ::testing::WithParamInterface<Sync> {};

// T-69
TEST_P(AnomalyLoop, AnyFailingDiskStepIsARefusalAndTheChainGoesOn) {
  constexpr int kCommits = 8;
  for (int n = 1; n <= 3 * kCommits; ++n) {
    SCOPED_TRACE("failing step " + std::to_string(n));
    TempDirectory place;
    auto journal = Journal::open({.directory = place.path(), .sync = GetParam(), .segment_bytes_max = 900, .free_bytes_min = 0}, clock);
    ASSERT_TRUE(journal.has_value());
    (*journal)->fail_write_at(n);
    int refused = 0;
    for (int i = 0; i < kCommits; ++i) {
      Batch batch;
      batch.add({.tool = "first", .request_id = std::to_string(i)});
      batch.add({.tool = "second", .request_id = std::to_string(i)});
      auto before = (*journal)->head();
      auto done = (*journal)->commit(batch);
      if (done) continue;
      ++refused;
      EXPECT_EQ(done.error().code, Code::Unavailable);
      EXPECT_EQ(batch.size(), 2U);
      EXPECT_EQ((*journal)->head().sequence, before.sequence);
      auto verification = verify(place.path(), before);
      EXPECT_TRUE(verification.ok) << verification.problem;
      EXPECT_EQ(verification.records, before.sequence);    // nothing half visible
      ASSERT_TRUE((*journal)->commit(batch).has_value());  // the retry
    }
    EXPECT_LE(refused, 1);
    EXPECT_EQ(refused, n <= kCommits ? 1 : refused);
    auto verification = verify(place.path(), (*journal)->head());
    EXPECT_TRUE(verification.ok) << verification.problem;
    EXPECT_EQ(verification.records, 2U * kCommits);
  }
}

INSTANTIATE_TEST_SUITE_P(BothSyncs, AnomalyLoop, ::testing::Values(Sync::Process, Sync::Power));

class ManyWriters : public JournalTest, public ::testing::WithParamInterface<Sync> {};

TEST_P(ManyWriters, LoseNothingAndKeepOneChain) {
  constexpr int kThreads = 4, kBatches = 50;
  auto journal = open(GetParam(), 20'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Batch batch;
      for (int i = 0; i < kBatches; ++i) {
        batch.add({.tool = "tool", .request_id = std::to_string(t * 1000 + i)});
        batch.add({.tool = "tool"});
        EXPECT_TRUE(journal->commit(batch).has_value());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  auto verification = verify(directory.path(), journal->head());
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.records, static_cast<std::uint64_t>(2 * kThreads * kBatches));
}

INSTANTIATE_TEST_SUITE_P(BothSyncs, ManyWriters, ::testing::Values(Sync::Process, Sync::Power));

// T-69: with several committers, a failing sync fails every one of them that it covered, and all of them can try again.
TEST_F(JournalTest, AFailedGroupSyncIsARefusalForEveryoneInTheGroup) {
  auto journal = open(Sync::Power);
  for (int round = 1; round <= 20; ++round) {
    journal->fail_write_at(round);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        Batch batch;
        for (int i = 0; i < 5; ++i) {
          batch.add({.tool = "tool"});
          while (!journal->commit(batch)) {}
          EXPECT_TRUE(batch.empty());
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  auto verification = verify(directory.path(), journal->head());
  EXPECT_TRUE(verification.ok) << verification.problem;
  EXPECT_EQ(verification.records, 20U * 3 * 5);
}

}  // namespace
