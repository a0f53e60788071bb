// However a stream is cut into pieces, the same events and the same verdict come out (T-42); and what append_sse writes reads back alike.

#include <cstdlib>
#include <string>

#include "session/sse.h"

namespace {

using callgate::session::append_sse;
using callgate::session::SseEvent;
using callgate::session::SseReader;

constexpr std::size_t kEventMax = 300;

void note(std::string& seen, const SseEvent& event) {
  seen += "<" + std::string(event.event) + "|" + std::string(event.data) + "|" + (event.has_data ? "d" : "-");
  if (event.id) seen += "|id=" + std::string(*event.id);
  if (event.retry_ms) seen += "|retry=" + std::to_string(*event.retry_ms);
  seen += ">";
}

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string whole, rewritten, again;
  SseReader one(kEventMax);
  const bool ok = one.add(bytes,
                          [&](const SseEvent& event) {
                            note(whole, event);
                            append_sse(rewritten, event);
                            return true;
                          })
                      .has_value();

  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, size / 2 + 1}) {
    std::string pieces;
    SseReader many(kEventMax);
    bool good = true;
    for (std::size_t at = 0; good && at < bytes.size(); at += step) {
      const std::string piece = bytes.substr(at, step);  // its own allocation: a view kept too long is seen by the sanitizer
      good = many.add(piece,
                      [&](const SseEvent& event) {
                        note(pieces, event);
                        return true;
                      })
                 .has_value();
      expect(many.memory_bytes() < 64 * 1024);
    }
    expect(pieces == whole);
    expect(good == ok);
  }

  std::string reread;
  SseReader second(1 << 20);
  // A byte order mark of its own would be taken for the stream's, so the copy starts with a comment.
  expect(second
             .add(":\n" + rewritten,
                  [&](const SseEvent& event) {
                    note(reread, event);
                    append_sse(again, event);
                    return true;
                  })
             .has_value());
  expect(again == rewritten);
  return 0;
}
