// Drops whole segments from the old end. A segment is as old as its newest record, and the header of the next one was written later.

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>

#include "audit/audit.h"
#include "audit/segment.h"

namespace callgate::audit {

Result<std::uint64_t> apply_retention(const std::string& directory, WallTime now, std::chrono::seconds keep) {
  CG_TRY(auto numbers, list_segments(directory));
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
    SegmentHeader header, next;
    CG_TRY(auto reader, open_segment(directory, numbers[i]));
    CG_TRY(auto follower, open_segment(directory, numbers[i + 1]));
    // Only with both ends of the chain at hand; anything doubtful stays, for verify() to report.
    if (!reader.header(header) || !follower.header(next) || numbers[i + 1] != numbers[i] + 1) break;
    if (next.created > now - keep) break;
    if (::unlink(segment_path(directory, numbers[i]).c_str()) != 0) {
      return fail(Code::Unavailable, "audit.unwritable",
                  fmt::format("audit segment `{}` cannot be removed: {}", segment_path(directory, numbers[i]), errno_text(errno)));
    }
    dropped += next.first_sequence - header.first_sequence;
  }
  return dropped;
}

}  // namespace callgate::audit
