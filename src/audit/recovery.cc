#include "audit/recovery.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>

namespace callgate::audit {

namespace {

tl::unexpected<Error> damaged(const std::string& directory, std::uint32_t number, std::uint64_t offset, const std::string& what) {
  return fail(
      Code::Unavailable, "audit.damaged",
      fmt::format("audit journal is damaged: segment {}, offset {}: {}; keep `{}` as evidence under another name and restore it from a "
                  "backup, or start with an empty audit directory",
                  segment_name(number), offset, what, directory));
}

// After a bad frame: is there a later record in this file? Then the middle is damaged, and cutting would destroy evidence.
bool record_follows(SegmentReader& reader, std::uint64_t from, std::uint64_t expected_sequence) {
  const std::uint64_t end = reader.file_bytes();
  const std::uint64_t sequence_max = expected_sequence + (end - from) / kFrameHeaderBytes;
  Frame frame;
  for (std::uint64_t at = from + 1; at + kFrameHeaderBytes < end; ++at) {
    reader.seek(at);
    if (reader.next(frame) == SegmentReader::State::Frame && frame.sequence > expected_sequence && frame.sequence <= sequence_max)
      return true;
  }
  return false;
}

// All segments but the last are only looked at from outside: numbers without a gap, readable headers, ascending sequences.
Result<void> check_outline(const std::string& directory, const std::vector<std::uint32_t>& numbers) {
  std::uint64_t first = 0;
  for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
    if (numbers[i + 1] != numbers[i] + 1) return damaged(directory, numbers[i] + 1, 0, "this segment is missing");
    CG_TRY(auto reader, open_segment(directory, numbers[i]));
    SegmentHeader header;
    if (!reader.header(header)) return damaged(directory, numbers[i], 0, "the segment's header is not readable");
    if (header.first_sequence < first) return damaged(directory, numbers[i], 0, "the segments are out of order");
    first = header.first_sequence;
  }
  return {};
}

bool blank(SegmentReader& reader) {
  std::uint64_t size = reader.file_bytes();
  if (size < kSegmentHeaderBytes) return true;
  if (size > kSegmentHeaderBytes) return false;
  SegmentHeader header;
  return !reader.header(header);
}

Result<void> cut(const std::string& directory, std::uint32_t number, std::uint64_t offset, File& file) {
  if (::ftruncate(file.get(), static_cast<off_t>(offset)) == 0 && ::fdatasync(file.get()) == 0) return {};
  return fail(
      Code::Unavailable, "audit.unwritable",
      fmt::format("audit segment `{}` cannot be cut back to its last record: {}", segment_path(directory, number), errno_text(errno)));
}

// Walks the last segment to its end. Checksums are enough here: they find accidents; verify() finds people.
Result<void> find_end(const std::string& directory, SegmentReader& reader, Recovered& found) {
  SegmentHeader header;
  if (!reader.header(header)) return damaged(directory, found.segment, 0, "the segment's header is not readable");
  found.version = header.version;
  found.sequence = header.first_sequence - 1;
  found.hash = header.continues_from;
  found.offset = kSegmentHeaderBytes;
  Frame frame;
  for (;;) {
    auto state = reader.next(frame);
    if (state == SegmentReader::State::End) return {};
    if (state == SegmentReader::State::Bad) break;
    if (frame.sequence != found.sequence + 1) {
      return damaged(directory, found.segment, frame.offset,
                     fmt::format("record {} stands where {} is expected", frame.sequence, found.sequence + 1));
    }
    found.sequence = frame.sequence;
    found.hash = frame.hash;
    found.offset = reader.offset();
  }
  std::string problem = reader.problem();
  if (record_follows(reader, found.offset, found.sequence + 1)) {
    return damaged(directory, found.segment, found.offset,
                   fmt::format("{} (sequence {}), and records follow it", problem, found.sequence + 1));
  }
  found.cut_bytes += reader.file_bytes() - found.offset;
  found.cut_segment = segment_name(found.segment);
  return {};
}

}  // namespace

Result<File> create_segment(const std::string& directory, std::uint32_t number, const SegmentHeader& header) {
  std::string path = segment_path(directory, number);
  File file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  std::string bytes = encode_header(header);
  if (file.open() && ::pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size())) return file;
  int error = errno;
  if (file.open()) ::unlink(path.c_str());  // half a header must not stay
  return fail(Code::Unavailable, "audit.unwritable", fmt::format("audit segment `{}` cannot be created: {}", path, errno_text(error)));
}

Result<Recovered> recover_journal(const std::string& directory) {
  CG_TRY(auto numbers, list_segments(directory));
  CG_CHECK(check_outline(directory, numbers));
  Recovered found;
  while (!numbers.empty()) {
    found.segment = numbers.back();
    CG_TRY(auto reader, open_segment(directory, found.segment));
    if (!blank(reader)) {
      CG_CHECK(find_end(directory, reader, found));
      found.file = File(::open(segment_path(directory, found.segment).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
      if (!found.file.open()) {
        return fail(
            Code::Unavailable, "audit.unwritable",
            fmt::format("audit segment `{}` cannot be opened for writing: {}", segment_path(directory, found.segment), errno_text(errno)));
      }
      if (found.cut_bytes > 0) CG_CHECK(cut(directory, found.segment, found.offset, found.file));
      return found;
    }
    // A stop between creating a segment and writing its header: nothing was in it yet.
    found.cut_bytes += reader.file_bytes();
    found.cut_segment = segment_name(found.segment);
    ::unlink(segment_path(directory, found.segment).c_str());
    numbers.pop_back();
  }
  found = Recovered{.segment = 0,
                    .version = 0,
                    .file = {},
                    .offset = 0,
                    .sequence = 0,
                    .hash = {},
                    .cut_bytes = found.cut_bytes,
                    .cut_segment = found.cut_segment};
  return found;
}

}  // namespace callgate::audit
