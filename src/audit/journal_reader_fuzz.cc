// Any bytes as a segment: the reader must give frames, an end or a reason, in bounded memory, and never read past the file; and what it
// gives must not hang on how much it reads at once. A first byte `s` makes frames with right checksums out of the lines that follow, so
// that records and the references between them (reference.h) are reached; in a line `@` is the distance to the frame before.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "audit/reference.h"
#include "audit/segment.h"
#include "base/crc32c.h"

namespace {

using namespace callgate;
using namespace callgate::audit;

std::string sealed(std::string_view lines) {
  std::string bytes = encode_header({});
  Digest previous{};
  std::size_t before = bytes.size();
  for (std::uint64_t sequence = 1; !lines.empty(); ++sequence) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const std::size_t at = bytes.size();
    std::string payload;
    for (const char c : line) c == '@' ? payload += std::to_string(at - before) : payload += c;
    bytes.append(kFrameHeaderBytes, '\0') += payload;
    previous =
        seal_frame(bytes.data() + at, {static_cast<std::uint32_t>(payload.size()), crc32c(0, payload), sequence, previous, previous});
    before = at;
  }
  return bytes;
}

// All that a reader says of these bytes.
std::string said_of(std::string_view bytes, std::size_t read_bytes) {
  File file(::memfd_create("segment", MFD_CLOEXEC));
  if (!file.open() || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return {};
  SegmentReader reader(std::move(file), read_bytes);
  SegmentHeader header;
  if (!reader.header(header)) reader.seek(bytes.size() < kSegmentHeaderBytes ? 0 : kSegmentHeaderBytes);
  std::string said;
  Frame frame;
  for (std::uint64_t before = reader.offset();; before = reader.offset()) {
    const auto state = reader.next(frame);
    if (state != SegmentReader::State::Frame) return said += state == SegmentReader::State::End ? "end" : reader.problem();
    if (reader.offset() <= before || reader.offset() > bytes.size() || frame.offset != before || frame.record.empty()) std::abort();
    if (frame.record.size() > 2 * std::size_t{kPayloadBytesMax}) std::abort();
    said += std::to_string(frame.sequence) + ":";
    (said += frame.record) += "\n";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string made;
  if (bytes.starts_with('s')) bytes = made = sealed(bytes.substr(1));
  const std::string said = said_of(bytes, 256 * 1024);
  for (const std::size_t read_bytes : {1U, 100U})
    if (said_of(bytes, read_bytes) != said) std::abort();
  return 0;
}
