// Answers for the differential test. Reads frames (32-bit little-endian length, bytes) from standard input and answers each with
// one byte, `+` or `-`, and a frame: the canonical bytes, or the reason of the refusal.

#include <cstdint>
#include <cstdio>
#include <string>

#include "json/document.h"
#include "json/stream_check.h"

namespace {

bool read_frame(std::string& bytes) {
  std::uint8_t head[4];
  if (std::fread(head, 1, 4, stdin) != 4) return false;
  bytes.resize(std::size_t(head[0]) | std::size_t(head[1]) << 8 | std::size_t(head[2]) << 16 | std::size_t(head[3]) << 24);
  return std::fread(bytes.data(), 1, bytes.size(), stdin) == bytes.size();
}

void write_answer(char verdict, std::string_view bytes) {
  char head[5] = {verdict};
  for (int i = 0; i < 4; ++i) head[i + 1] = static_cast<char>(bytes.size() >> (8 * i));
  std::fwrite(head, 1, 5, stdout);
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

}  // namespace

int main() {
  std::string bytes;
  callgate::json::Document document;
  while (read_frame(bytes)) {
    auto done = document.parse(bytes);
    callgate::json::StreamCheck check;
    bool streamed = check.add(bytes) && check.finish();
    bool repeated = !done && (done.error().reason == "json.duplicate_key" || done.error().reason == "json.folded_key");
    if (streamed != done.has_value() && !repeated) {
      write_answer('-', "the stream check disagrees");
    } else if (done) {
      write_answer('+', document.canonical());
    } else {
      write_answer('-', done.error().reason);
    }
  }
  return 0;
}
