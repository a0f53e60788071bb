#include "audit/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "audit/reference.h"
#include "base/crc32c.h"

namespace callgate::audit {

namespace {

constexpr std::string_view kMagic = "CGAUDIT\n";
constexpr std::uint32_t kOldestVersion = 2;

// Little endian on every machine, so that a journal can be verified elsewhere.
template <class T> void put(char* out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}
template <class T> T get(const char* in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  return static_cast<T>(value);
}

std::uint32_t header_crc(std::string_view bytes) {
  return crc32c(crc32c(0, bytes.substr(0, 12)), bytes.substr(16, kSegmentHeaderBytes - 16));
}

}  // namespace

std::string encode_header(const SegmentHeader& header) {
  std::string bytes(kSegmentHeaderBytes, '\0');
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  put<std::uint32_t>(bytes.data() + 8, header.version);
  put<std::uint64_t>(bytes.data() + 16, header.first_sequence);
  put<std::int64_t>(bytes.data() + 24, header.created.time_since_epoch().count());
  std::memcpy(bytes.data() + 32, header.continues_from.data(), 32);
  put<std::uint32_t>(bytes.data() + 12, header_crc(bytes));
  return bytes;
}

bool decode_header(std::string_view bytes, SegmentHeader& header) {
  if (bytes.size() < kSegmentHeaderBytes || bytes.substr(0, 8) != kMagic) return false;
  header.version = get<std::uint32_t>(bytes.data() + 8);
  if (header.version < kOldestVersion || header.version > kSegmentVersion) return false;
  if (get<std::uint32_t>(bytes.data() + 12) != header_crc(bytes)) return false;
  header.first_sequence = get<std::uint64_t>(bytes.data() + 16);
  header.created = WallTime(std::chrono::microseconds(get<std::int64_t>(bytes.data() + 24)));
  std::memcpy(header.continues_from.data(), bytes.data() + 32, 32);
  return header.first_sequence > 0;
}

namespace {

Digest chained(const Digest& previous, std::uint64_t sequence, const Digest& payload) {
  char bytes[72];
  std::memcpy(bytes, previous.data(), 32);
  put<std::uint64_t>(bytes + 32, sequence);
  std::memcpy(bytes + 40, payload.data(), 32);
  return blake2b({bytes, sizeof bytes});
}

}  // namespace

Digest seal_frame(char* frame, const Sealing& sealing) {
  const Digest hash = chained(sealing.previous, sealing.sequence, sealing.payload);
  put<std::uint32_t>(frame, sealing.payload_bytes);
  put<std::uint64_t>(frame + 8, sealing.sequence);
  std::memcpy(frame + 16, hash.data(), 32);
  std::uint32_t crc = crc32c(sealing.payload_crc, {frame + 8, 40});
  put<std::uint32_t>(frame + 4, crc32c(crc, {frame, 4}));
  return hash;
}

Digest chain_hash(const Digest& previous, std::uint64_t sequence, std::string_view payload) {
  return chained(previous, sequence, blake2b(payload));
}

void File::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

void forget_before(const File& file, std::uint64_t offset) {
  if (offset > kCachedBytes) (void)::posix_fadvise(file.get(), 0, static_cast<off_t>(offset - kCachedBytes), POSIX_FADV_DONTNEED);
}

std::uint64_t SegmentReader::file_bytes() const {
  struct stat status {};
  return ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void SegmentReader::seek(std::uint64_t offset) {
  if (offset >= base_ && offset <= base_ + filled_) {
    at_ = static_cast<std::size_t>(offset - base_);
    return;
  }
  // Going back a little: read what lies before as well, for the next step back will want it.
  const bool back = offset < base_ && base_ - offset < read_bytes_;
  at_ = back ? static_cast<std::size_t>(std::min<std::uint64_t>(offset, read_bytes_ / 4 * 3)) : 0;
  base_ = offset - at_;
  filled_ = 0;
}

std::string_view SegmentReader::want(std::size_t bytes) {
  if (filled_ >= at_ + bytes) return {buffer_.data() + at_, filled_ - at_};
  if (filled_ >= at_) {
    if (filled_ > at_) std::memmove(buffer_.data(), buffer_.data() + at_, filled_ - at_);
    base_ += at_;
    filled_ -= at_;
    at_ = 0;
  }
  const std::size_t needed = at_ + bytes;
  if (buffer_.size() < std::max(needed, read_bytes_)) buffer_.resize(std::max(needed, read_bytes_));
  while (filled_ < needed) {
    ssize_t got = ::pread(file_.get(), buffer_.data() + filled_, buffer_.size() - filled_, static_cast<off_t>(base_ + filled_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled_ += static_cast<std::size_t>(got);
  }
  return filled_ > at_ ? std::string_view(buffer_.data() + at_, filled_ - at_) : std::string_view();
}

bool SegmentReader::header(SegmentHeader& header) {
  seek(0);
  if (!decode_header(want(kSegmentHeaderBytes), header)) return false;
  at_ += kSegmentHeaderBytes;
  return true;
}

namespace {

bool checksum_right(std::string_view frame) {
  const std::uint32_t crc = crc32c(crc32c(0, frame.substr(kFrameHeaderBytes)), frame.substr(8, 40));
  return crc32c(crc, frame.substr(0, 4)) == get<std::uint32_t>(frame.data() + 4);
}

// How long the frame is that begins here; 0: none.
std::size_t frame_bytes(std::string_view header) {
  if (header.size() < kFrameHeaderBytes) return 0;
  const auto length = get<std::uint32_t>(header.data());
  return length == 0 || length > kPayloadBytesMax ? 0 : kFrameHeaderBytes + length;
}

}  // namespace

// Most often it is still in the buffer: a reference leads back within a batch.
std::string_view SegmentReader::payload_at(std::uint64_t offset) {
  std::string_view buffered;
  if (offset >= base_ && offset < base_ + filled_) buffered = {buffer_.data() + (offset - base_), filled_ - (offset - base_)};
  const std::size_t size = frame_bytes(buffered);
  if (size > 0 && size <= buffered.size()) {
    return checksum_right(buffered.substr(0, size)) ? buffered.substr(kFrameHeaderBytes, size - kFrameHeaderBytes) : std::string_view();
  }
  if (other_.empty() || other_at_ != offset) {
    char header[kFrameHeaderBytes];
    if (::pread(file_.get(), header, sizeof header, static_cast<off_t>(offset)) != static_cast<ssize_t>(sizeof header)) return {};
    other_.resize(frame_bytes({header, sizeof header}));
    const ssize_t got = ::pread(file_.get(), other_.data(), other_.size(), static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(other_.size()) || other_.empty() || !checksum_right(other_)) other_.clear();
    if (other_.empty()) return {};
    other_at_ = offset;
  }
  return std::string_view(other_).substr(kFrameHeaderBytes);
}

bool SegmentReader::make_whole(Frame& frame) {
  frame.record = frame.payload;
  if (!has_reference(frame.payload)) return true;
  Reference reference;
  const std::size_t member_bytes = read_reference(frame.payload, reference);
  if (member_bytes == 0 || reference.back == 0 || reference.back > frame.offset) return false;
  if (!restore(frame.payload, member_bytes, reference.bytes, payload_at(frame.offset - reference.back), record_)) return false;
  frame.record = record_;
  return true;
}

SegmentReader::State SegmentReader::next(Frame& frame) {
  auto bad = [this](const char* why) {
    problem_ = why;
    return State::Bad;
  };
  std::string_view bytes = want(kFrameHeaderBytes);
  if (bytes.empty()) return State::End;
  if (bytes.size() < kFrameHeaderBytes) return bad("the file ends inside a record's header");
  const std::size_t size = frame_bytes(bytes);
  if (size == 0) return bad("the record's length is impossible");
  if (offset() + size > base_ + filled_ && offset() + size > file_bytes()) return bad("the file ends inside a record");
  bytes = want(size);
  if (bytes.size() < size) return bad("the file ends inside a record");
  bytes = bytes.substr(0, size);
  if (!checksum_right(bytes)) return bad("the record's checksum is wrong: its bytes were changed");
  frame.offset = offset();
  frame.payload = bytes.substr(kFrameHeaderBytes);
  if (!make_whole(frame)) return bad("what the record refers to is not there");
  frame.sequence = get<std::uint64_t>(bytes.data() + 8);
  std::memcpy(frame.hash.data(), bytes.data() + 16, 32);
  at_ += size;
  return State::Frame;
}

std::string segment_name(std::uint32_t number) { return fmt::format("audit-{:08}.log", number); }

std::string segment_path(const std::string& directory, std::uint32_t number) { return directory + "/" + segment_name(number); }

Result<std::vector<std::uint32_t>> list_segments(const std::string& directory) {
  DIR* entries = ::opendir(directory.c_str());
  if (entries == nullptr) {
    return fail(Code::Unavailable, "audit.unreadable",
                fmt::format("audit directory `{}` cannot be read: {}", directory, errno_text(errno)));
  }
  std::vector<std::uint32_t> numbers;
  for (dirent* entry = ::readdir(entries); entry != nullptr; entry = ::readdir(entries)) {
    std::string_view name = entry->d_name;
    if (name.size() != 18 || name.substr(0, 6) != "audit-" || name.substr(14) != ".log") continue;
    std::uint32_t number = 0;
    auto parsed = std::from_chars(name.data() + 6, name.data() + 14, number);
    if (parsed.ptr == name.data() + 14 && number > 0) numbers.push_back(number);
  }
  ::closedir(entries);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<SegmentReader> open_segment(const std::string& directory, std::uint32_t number, std::size_t read_bytes) {
  std::string path = segment_path(directory, number);
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return fail(Code::Unavailable, "audit.unreadable", fmt::format("audit segment `{}` cannot be read: {}", path, errno_text(errno)));
  return SegmentReader(File(fd), read_bytes);
}

std::string errno_text(int error) { return std::generic_category().message(error); }

}  // namespace callgate::audit
