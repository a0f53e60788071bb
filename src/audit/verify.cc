// Walks the whole chain and says in plain words what was done to it, and where.

#include <fmt/core.h>

#include "audit/audit.h"
#include "audit/segment.h"

namespace callgate::audit {

namespace {

class Walk {
 public:
  Walk(const std::string& directory, const std::optional<Journal::Head>& expected) : directory_(directory), expected_(expected) {}

  Verification run() {
    auto numbers = list_segments(directory_);
    if (!numbers) {
      result_.problem = numbers.error().message;
      return result_;
    }
    for (std::size_t i = 0; i < numbers->size() && result_.problem.empty(); ++i) segment(*numbers, i);
    if (result_.problem.empty()) check_anchor();
    result_.ok = result_.problem.empty();
    return result_;
  }

 private:
  void report(std::uint32_t number, std::uint64_t offset, std::string_view what) {
    result_.problem = fmt::format("segment {}, offset {}, sequence {}: {}", segment_name(number), offset, last_ + 1, what);
  }

  void segment(const std::vector<std::uint32_t>& numbers, std::size_t index) {
    const std::uint32_t number = numbers[index];
    if (index > 0 && number != numbers[index - 1] + 1) {
      return report(numbers[index - 1] + 1, 0, "the segment is missing: its records were removed");
    }
    auto reader = open_segment(directory_, number);
    if (!reader) {
      result_.problem = reader.error().message;
      return;
    }
    SegmentHeader header;
    if (!reader->header(header)) return report(number, 0, "the segment's header is not readable: it was changed or cut");
    if (index == 0) {
      last_ = header.first_sequence - 1;
      result_.first = header.first_sequence;
      result_.head = header.continues_from;
      at_anchor(header.continues_from);
    } else if (header.first_sequence != last_ + 1) {
      return report(number, 0,
                    fmt::format("the segment starts with sequence {}: records in between were removed, or segments were swapped",
                                header.first_sequence));
    } else if (header.continues_from != result_.head) {
      return report(number, 0, "the segment does not continue from the one before it: one of them was replaced");
    }
    frames(*reader, number);
  }

  void frames(SegmentReader& reader, std::uint32_t number) {
    Frame frame;
    for (;;) {
      auto state = reader.next(frame);
      if (state == SegmentReader::State::Bad) state = again(reader, frame);
      if (state == SegmentReader::State::End) return;
      if (state == SegmentReader::State::Bad) return report(number, reader.offset(), reader.problem());
      if (!record(frame, number)) return;
    }
  }

  // A running gateway may have been in the middle of a write: look once more before calling it damage.
  static SegmentReader::State again(SegmentReader& reader, Frame& frame) {
    std::uint64_t offset = reader.offset();
    reader.seek(reader.file_bytes() + 1);  // drops what is buffered
    reader.seek(offset);
    return reader.next(frame);
  }

  bool record(const Frame& frame, std::uint32_t number) {
    if (frame.sequence > last_ + 1) {
      report(number, frame.offset,
             fmt::format("record {} follows record {}: the records in between were removed or moved", frame.sequence, last_));
      return false;
    }
    if (frame.sequence < last_ + 1) {
      report(number, frame.offset,
             fmt::format("record {} stands behind record {}: records were reordered or repeated", frame.sequence, last_));
      return false;
    }
    if (chain_hash(result_.head, frame.sequence, frame.payload) != frame.hash) {
      report(number, frame.offset, "the record does not match its chain hash: this record or one before it was changed");
      return false;
    }
    last_ = result_.last = frame.sequence;
    result_.head = frame.hash;
    ++result_.records;
    at_anchor(frame.hash);
    return true;
  }

  void at_anchor(const Digest& hash) {
    if (!expected_ || last_ != expected_->sequence) return;
    anchor_seen_ = true;
    anchor_matches_ = hash == expected_->hash;
  }

  void check_anchor() {
    if (!expected_ || anchor_matches_) return;
    if (anchor_seen_) {
      result_.problem = fmt::format("sequence {}: the chain is unbroken, but its hash is not the published one: the journal was rewritten",
                                    expected_->sequence);
    } else if (result_.last < expected_->sequence) {
      result_.problem = fmt::format("the journal ends at sequence {}, but sequence {} was published as its head: the tail was cut off",
                                    result_.last, expected_->sequence);
    } else {
      result_.problem = fmt::format("the published head {} is older than the first record kept ({}): compare with a newer one",
                                    expected_->sequence, result_.first);
    }
  }

  const std::string& directory_;
  const std::optional<Journal::Head>& expected_;
  Verification result_;
  std::uint64_t last_ = 0;
  bool anchor_seen_ = false, anchor_matches_ = false;
};

}  // namespace

Verification verify(const std::string& directory, const std::optional<Journal::Head>& expected_head) {
  return Walk(directory, expected_head).run();
}

}  // namespace callgate::audit
