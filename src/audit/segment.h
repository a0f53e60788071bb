#pragma once
// The bytes of the journal on disk (docs/reference/audit.md): a segment is a header and frames. Used by the writer, by recovery,
// by everything that reads. The reader trusts nothing: any bytes give frames, an end, or a reason why not.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"

namespace callgate::audit {

constexpr std::size_t kSegmentHeaderBytes = 64;  // magic 8, version 4, crc 4, first sequence 8, created 8, hash 32
constexpr std::size_t kFrameHeaderBytes = 48;    // length 4, crc 4, sequence 8, hash 32
constexpr std::uint32_t kPayloadBytesMax = 4 * 1024 * 1024;

constexpr std::uint32_t kSegmentVersion = 3;  // 2 is read too: its records hold no references

struct SegmentHeader {
  std::uint32_t version = kSegmentVersion;
  std::uint64_t first_sequence = 1;
  WallTime created{};
  Digest continues_from{};  // hash of the record before the first one; zeros at the very beginning
};
std::string encode_header(const SegmentHeader& header);
bool decode_header(std::string_view bytes, SegmentHeader& header);

// Fills the open header in front of a payload (frame = header and payload) and returns the record's hash. The CRC is over the payload.
struct Sealing {
  std::uint32_t payload_bytes, payload_crc;
  std::uint64_t sequence;
  const Digest& previous;
  const Digest& payload;  // its BLAKE2b: only this short step must wait for the record before
};
Digest seal_frame(char* frame, const Sealing& sealing);
Digest chain_hash(const Digest& previous, std::uint64_t sequence, std::string_view payload);

struct Frame {
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;
  Digest hash{};
  std::string_view payload;  // as it lies there: what the chain is over
  std::string_view record;   // its JSON, whole, whatever it refers to. Both until the next call on the reader
};

class File {  // owns a descriptor
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(other.release()) {}
  File& operator=(File&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~File() { reset(-1); }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd);

 private:
  int fd_ = -1;
};

// Lets go of the pages of an open segment that lie more than `kCachedBytes` before `offset` and are on disk. What is written next takes
// them again: where a virtual machine must ask its host for a page never used before, that one costs seven times as much.
constexpr std::uint64_t kCachedBytes = 8 * 1024 * 1024;
void forget_before(const File& file, std::uint64_t offset);

class SegmentReader {
 public:
  enum class State : std::uint8_t { Frame, End, Bad };  // End: the file stops on a frame border

  // read_bytes: how much is read at once; small for records here and there, large for a walk.
  explicit SegmentReader(File file, std::size_t read_bytes = 256 * 1024) : file_(std::move(file)), read_bytes_(read_bytes) {}
  bool header(SegmentHeader& header);  // reads it and moves behind it
  State next(Frame& frame);
  const char* problem() const { return problem_; }  // after Bad: what is wrong
  std::uint64_t offset() const { return base_ + at_; }
  std::uint64_t file_bytes() const;
  void seek(std::uint64_t offset);
  void forget() const { forget_before(file_, offset()); }  // what was read, from the page cache

 private:
  std::string_view want(std::size_t bytes);  // buffered bytes from here; shorter at the end of the file
  bool make_whole(Frame& frame);
  std::string_view payload_at(std::uint64_t offset);  // empty when no frame starts there
  File file_;
  std::size_t read_bytes_;
  std::vector<char> buffer_;
  std::uint64_t base_ = 0;           // file offset of buffer_[0]
  std::size_t at_ = 0, filled_ = 0;  // at_ > filled_ (then 0): what lies before at_ is to be read too
  std::string record_, other_;       // a record made whole, and the frame it refers to when that left the buffer
  std::uint64_t other_at_ = 0;
  const char* problem_ = "";
};

std::string segment_name(std::uint32_t number);  // audit-00000001.log
std::string segment_path(const std::string& directory, std::uint32_t number);
// Numbers of the segments there, ascending. A missing directory is an error.
Result<std::vector<std::uint32_t>> list_segments(const std::string& directory);
Result<SegmentReader> open_segment(const std::string& directory, std::uint32_t number, std::size_t read_bytes = 256 * 1024);
std::string errno_text(int error);

}  // namespace callgate::audit
