// Any bytes as a segment: the reader must give frames, an end or a reason, in bounded memory, and never read past the file.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "audit/segment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callgate::audit;
  File file(::memfd_create("segment", MFD_CLOEXEC));
  if (!file.open() || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  SegmentReader reader(std::move(file));
  SegmentHeader header;
  if (!reader.header(header)) reader.seek(size < kSegmentHeaderBytes ? 0 : kSegmentHeaderBytes);
  Frame frame;
  std::uint64_t before = reader.offset();
  for (;;) {
    auto state = reader.next(frame);
    if (state != SegmentReader::State::Frame) break;
    if (reader.offset() <= before || reader.offset() > size || frame.record.empty()) std::abort();
    before = reader.offset();
  }
  return 0;
}
