#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "audit/audit.h"
#include "audit/recovery.h"
#include "audit/segment.h"
#include "base/write_at.h"

namespace callgate::audit {

namespace {

constexpr auto kSyncEvery = std::chrono::milliseconds(200);
constexpr std::uint64_t kForgetStep = 256 * 1024;

tl::unexpected<Error> unwritable(const std::string& directory, std::string_view why) {
  return fail(Code::Unavailable, "audit.unwritable",
              fmt::format("audit journal cannot be written: {}; free space or repair the disk under `{}`, then try again", why, directory));
}

}  // namespace

struct Journal::Inner {
  struct Mark {
    std::uint64_t offset = 0, sequence = 0;
    Digest hash{};
  };
  struct Waiter {
    enum class State : std::uint8_t { Waiting, Stored, TakenBack };
    std::uint64_t sequence = 0;
    State state = State::Waiting;
  };

  JournalOptions options;
  const Clock* clock = nullptr;
  File lock;

  mutable std::mutex mutex;
  std::condition_variable sync_done, wake;
  File file;
  std::uint32_t segment = 0;
  Mark written, synced;         // synced: only in Sync::Power
  std::uint64_t on_disk = 0;    // of this segment, as far as the thread that syncs has seen to it
  std::uint64_t forgot_at = 0;  // where `written` stood when pages of it were last let go
  bool tail_unclean = false;    // bytes after written.offset that could not be cut yet
  bool syncing = false, dirty = false, sync_broken = false, stopping = false;
  std::vector<Waiter*> waiters;  // Sync::Power: committers whose records are written but not synced yet
  int writes_until_failure = 0;
  std::optional<MonoTime> space_checked;
  bool space_ok = false;
  std::vector<File> retired;  // full segments the background thread still has to sync
  std::thread background;

  Result<void> commit(Batch& batch);
  Result<void> check_ready();
  Result<void> check_space();
  Result<void> rotate(std::unique_lock<std::mutex>& held);
  Mark seal(Batch& batch) const;
  Result<void> write(std::string_view bytes);
  void forget_behind();
  Result<void> wait_synced(std::unique_lock<std::mutex>& held, std::uint64_t sequence);
  void settle_waiters(bool stored);
  void cut_tail();
  void sync_behind();
  bool injected() { return writes_until_failure > 0 && --writes_until_failure == 0; }
};

// Chains the batch behind what is written; changes only the batch's own bytes.
Journal::Inner::Mark Journal::Inner::seal(Batch& batch) const {
  Mark mark = written;
  char* at = batch.bytes_.get();
  for (std::size_t i = 0; i < batch.items_.size(); ++i) {
    const Batch::Item& item = batch.items_[i];
    mark.hash = seal_frame(at, {item.payload_bytes, batch.sums_[i], ++mark.sequence, mark.hash, batch.digests_[i]});
    at += kFrameHeaderBytes + item.payload_bytes;
  }
  mark.offset += batch.used_;
  return mark;
}

Result<void> Journal::Inner::check_space() {
  MonoTime now = clock->mono();
  if (!space_checked || now - *space_checked >= std::chrono::seconds(1)) {
    struct statvfs status {};
    space_ok = ::statvfs(options.directory.c_str(), &status) == 0 &&
               static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize >= options.free_bytes_min;
    space_checked = now;
  }
  if (space_ok) return {};
  return unwritable(options.directory, fmt::format("less than {} bytes are free on its file system", options.free_bytes_min));
}

Result<void> Journal::Inner::check_ready() {
  CG_CHECK(check_space());
  if (tail_unclean) cut_tail();
  if (tail_unclean) return unwritable(options.directory, "an unfinished record could not be removed");
  if (sync_broken) return unwritable(options.directory, "the disk refused to store earlier records");
  return {};
}

void Journal::Inner::cut_tail() { tail_unclean = ::ftruncate(file.get(), static_cast<off_t>(written.offset)) != 0; }

Result<void> Journal::Inner::write(std::string_view bytes) {
  const bool inject = injected();
  // An injected failure is the nastiest real one: half of the bytes reach the file, then the disk is full.
  int error = write_at(file.get(), inject ? bytes.substr(0, bytes.size() / 2) : bytes, written.offset);
  if (inject && error == 0) error = ENOSPC;
  if (error == 0) return {};
  cut_tail();
  space_checked.reset();
  return unwritable(options.directory, errno_text(error));
}

// As many pages as were filled since then: the same ones are filled again, by the same thread. The one that syncs would let go of more at
// once, later, and in the meantime new ones would be taken. Only what is on disk: letting go of anything else begins to write it.
void Journal::Inner::forget_behind() {
  if (written.offset < forgot_at + kForgetStep) return;
  forget_before(file, std::min(written.offset, on_disk + kCachedBytes));
  forgot_at = written.offset;
}

// Starts the next segment. In Sync::Power the full one is safe on disk before anything follows it.
Result<void> Journal::Inner::rotate(std::unique_lock<std::mutex>& held) {
  sync_done.wait(held, [this] { return !syncing; });
  if (tail_unclean || injected()) return unwritable(options.directory, "the next segment could not be started");
  if (options.sync == Sync::Power && synced.sequence < written.sequence) {
    if (::fdatasync(file.get()) != 0) return unwritable(options.directory, errno_text(errno));
    synced = written;
    settle_waiters(true);
  }
  SegmentHeader header{.first_sequence = written.sequence + 1, .created = clock->now(), .continues_from = written.hash};
  CG_TRY(auto next, create_segment(options.directory, segment + 1, header));
  forget_before(file, on_disk + kCachedBytes);
  if (options.sync == Sync::Power) {
    File directory(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::fsync(next.get()) != 0 || ::fsync(directory.get()) != 0) {
      int error = errno;
      ::unlink(segment_path(options.directory, segment + 1).c_str());
      return unwritable(options.directory, errno_text(error));
    }
  } else if (file.open()) {
    retired.push_back(std::move(file));
  }
  file = std::move(next);
  on_disk = forgot_at = 0;
  ++segment;
  written.offset = kSegmentHeaderBytes;
  synced.offset = kSegmentHeaderBytes;
  return {};
}

// Tells the waiting threads what became of their records.
void Journal::Inner::settle_waiters(bool stored) {
  std::erase_if(waiters, [&](Waiter* waiter) {
    if (stored && waiter->sequence > synced.sequence) return false;
    waiter->state = stored ? Waiter::State::Stored : Waiter::State::TakenBack;
    return true;
  });
  sync_done.notify_all();
}

// Group commit: one of the waiting threads syncs for all that have written by then.
Result<void> Journal::Inner::wait_synced(std::unique_lock<std::mutex>& held, std::uint64_t sequence) {
  Waiter self{sequence};
  waiters.push_back(&self);
  while (self.state == Waiter::State::Waiting) {
    if (syncing) {
      sync_done.wait(held);
      continue;
    }
    syncing = true;
    Mark target = written;
    int fd = file.get();  // stays open: rotate() waits for syncing to end
    int error = injected() ? EIO : 0;
    held.unlock();
    if (error == 0 && ::fdatasync(fd) != 0) error = errno;
    held.lock();
    syncing = false;
    if (error == 0) {
      synced = target;
      on_disk = target.offset;
    } else {
      // Nobody may rely on what was not synced: it is all taken back, in the file too, and every waiter fails.
      written = synced;
      cut_tail();
    }
    settle_waiters(error == 0);
  }
  if (self.state == Waiter::State::Stored) return {};
  return unwritable(options.directory, "the disk refused to store the records");
}

Result<void> Journal::Inner::commit(Batch& batch) {
  std::unique_lock held(mutex);
  CG_CHECK(check_ready());
  while (segment == 0 || (written.offset + batch.used_ > options.segment_bytes_max && written.offset > kSegmentHeaderBytes)) {
    CG_CHECK(rotate(held));
  }
  Mark mark = seal(batch);
  CG_CHECK(write({batch.bytes_.get(), batch.used_}));
  written = mark;
  if (options.sync == Sync::Power) CG_CHECK(wait_synced(held, mark.sequence));
  dirty = true;
  forget_behind();
  return {};
}

void Journal::Inner::sync_behind() {
  std::unique_lock held(mutex);
  while (!stopping) {
    wake.wait_for(held, kSyncEvery, [this] { return stopping; });
    if (!dirty && retired.empty()) continue;
    std::vector<File> full = std::move(retired);
    retired.clear();
    dirty = false;
    File current(::dup(file.get()));  // a rotation may replace the file meanwhile
    const std::uint32_t of = segment;
    const std::uint64_t end = written.offset;
    held.unlock();
    bool ok = ::fdatasync(current.get()) == 0;
    for (const File& each : full) ok = ::fdatasync(each.get()) == 0 && ok;
    forget_before(current, end);
    for (const File& each : full) forget_before(each, options.segment_bytes_max + kCachedBytes);
    held.lock();
    sync_broken = !ok;
    if (!ok) dirty = true;
    else if (of == segment) on_disk = end;
  }
}

Journal::Journal() : inner_(std::make_unique<Inner>()) {}

Journal::~Journal() {
  Inner& inner = *inner_;
  if (inner.background.joinable()) {
    {
      std::scoped_lock held(inner.mutex);
      inner.stopping = true;
    }
    inner.wake.notify_all();
    inner.background.join();
  }
  for (const File& each : inner.retired) ::fdatasync(each.get());
  if (inner.file.open()) ::fdatasync(inner.file.get());
}

namespace {

Result<File> lock_directory(const std::string& directory) {
  ::mkdir(directory.c_str(), 0700);
  std::string path = directory + "/audit.lock";
  File lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.open()) return unwritable(directory, errno_text(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return fail(Code::Conflict, "audit.locked",
              fmt::format("audit journal `{}` is in use by another process; stop that one or choose another data directory", directory));
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, const Clock& clock) {
  std::unique_ptr<Journal> journal(new Journal());
  Inner& inner = *journal->inner_;
  inner.options = options;
  inner.clock = &clock;
  CG_TRY(inner.lock, lock_directory(options.directory));
  CG_TRY(auto found, recover_journal(options.directory));
  inner.segment = found.segment;
  inner.file = std::move(found.file);
  inner.written = inner.synced = Inner::Mark{found.offset, found.sequence, found.hash};
  if (inner.segment == 0 || found.version != kSegmentVersion) {
    std::unique_lock held(inner.mutex);
    CG_CHECK(inner.rotate(held));
  }
  if (options.sync == Sync::Process) inner.background = std::thread([&inner] { inner.sync_behind(); });
  if (found.cut_bytes == 0) return journal;
  std::string detail =
      fmt::format("{{\"segment\":\"{}\",\"cut_bytes\":{},\"last_sequence\":{}}}", found.cut_segment, found.cut_bytes, found.sequence);
  Record record;
  record.kind = Record::Kind::System;
  record.time = clock.now();
  record.reason = "audit.recovered";
  record.message = "an unfinished write at the end of the journal was cut off";
  record.detail_json = detail;
  Batch batch;
  batch.add(record);
  CG_CHECK(journal->commit(batch));
  return journal;
}

Result<void> Journal::commit(Batch& batch) {
  if (batch.empty()) return {};
  batch.hash_payloads();  // most of the work, outside the lock
  CG_CHECK(inner_->commit(batch));
  batch.clear();
  return {};
}

Journal::Head Journal::head() const {
  std::scoped_lock held(inner_->mutex);
  const Inner::Mark& mark = inner_->options.sync == Sync::Power ? inner_->synced : inner_->written;
  return {mark.sequence, mark.hash};
}

void Journal::fail_write_at(int n) {
  std::scoped_lock held(inner_->mutex);
  inner_->writes_until_failure = n;
}

}  // namespace callgate::audit
