#pragma once
// What opening a journal does before the first commit: find the end, cut a torn tail, refuse a damaged middle.

#include <string>

#include "audit/segment.h"

namespace callgate::audit {

struct Recovered {
  std::uint32_t segment = 0;   // 0: no segment yet
  std::uint32_t version = 0;   // of its format
  File file;                   // open for writing; closed when segment is 0
  std::uint64_t offset = 0;    // end of the last good record
  std::uint64_t sequence = 0;  // of the last good record
  Digest hash{};
  std::uint64_t cut_bytes = 0;  // what a stop in the middle of a write had left behind
  std::string cut_segment;
};

Result<Recovered> recover_journal(const std::string& directory);

// Creates a segment with its header; the file must not exist.
Result<File> create_segment(const std::string& directory, std::uint32_t number, const SegmentHeader& header);

}  // namespace callgate::audit
