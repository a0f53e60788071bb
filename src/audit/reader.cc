// read_journal: the records in order, for exports, the index and people. Trusts nothing it reads; stops at what is still being written.

#include <fmt/core.h>

#include "audit/audit.h"
#include "audit/segment.h"

namespace callgate::audit {

namespace {

tl::unexpected<Error> broken(std::uint32_t number, std::uint64_t offset, std::string_view problem) {
  return fail(
      Code::Unavailable, "audit.damaged",
      fmt::format("audit segment {}, offset {}: {}; run `callgate audit verify` for a full report", segment_name(number), offset, problem));
}

}  // namespace

Result<void> read_journal(const std::string& directory, std::uint64_t from_sequence, const std::function<bool(const Entry&)>& each) {
  CG_TRY(auto numbers, list_segments(directory));
  // Start in the last segment that begins at or before the wanted record.
  std::size_t start = 0;
  for (std::size_t i = numbers.size(); i-- > 0 && start == 0;) {
    CG_TRY(auto reader, open_segment(directory, numbers[i]));
    SegmentHeader header;
    if (reader.header(header) && header.first_sequence <= from_sequence) start = i;
  }
  Entry entry;
  for (std::size_t i = start; i < numbers.size(); ++i) {
    const bool last = i + 1 == numbers.size();
    CG_TRY(auto reader, open_segment(directory, numbers[i]));
    SegmentHeader header;
    if (!reader.header(header)) {
      if (last && reader.file_bytes() <= kSegmentHeaderBytes) return {};
      return broken(numbers[i], 0, "the segment's header is not readable");
    }
    Frame frame;
    for (;;) {
      auto state = reader.next(frame);
      if (state == SegmentReader::State::End) break;
      if (state == SegmentReader::State::Bad) {
        if (last) return {};  // an unfinished write; recovery decides about it
        return broken(numbers[i], reader.offset(), reader.problem());
      }
      if (frame.sequence < from_sequence) continue;
      entry.sequence = frame.sequence;
      entry.hash = frame.hash;
      entry.payload.assign(frame.record);
      if (!each(entry)) return {};
    }
  }
  return {};
}

}  // namespace callgate::audit
