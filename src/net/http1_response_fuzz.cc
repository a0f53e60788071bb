// Any bytes as a response. Properties as for requests; besides, a response to HEAD never has a body.

#include <cstdlib>

#include "net/http1.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callgate::net;
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 1024));
  const HeadCaps caps{.bytes_max = 512, .headers_max = 8};
  Head whole, part;
  const auto outcome = read_response_head(bytes, caps, false, whole);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto early = read_response_head(bytes.substr(0, cut), caps, false, part);
    if (!early) require(!outcome && early.error().reason == outcome.error().reason);
    else if (*early == Progress::Done) require(outcome && *outcome == Progress::Done && part.bytes == whole.bytes);
  }
  const auto to_head = read_response_head(bytes, caps, true, part);
  if (!outcome) {
    require(!to_head && to_head.error().reason == outcome.error().reason);
    return 0;
  }
  require(to_head && *to_head == *outcome);
  if (*outcome != Progress::Done) return 0;
  require(part.content_length == 0u && !part.chunked);
  require(whole.status >= 100 && whole.status <= 599 && whole.status != 101);
  require(whole.chunked || whole.content_length || !whole.keep_alive);
  BodyReader body;
  body.start(whole.chunked          ? BodyReader::Mode::Chunked
             : whole.content_length ? BodyReader::Mode::Length
                                    : BodyReader::Mode::UntilClose,
             whole.content_length.value_or(0));
  std::string_view rest = bytes.substr(whole.bytes);
  std::size_t text = 0;
  while (!rest.empty() && !body.done()) {
    const auto piece = body.next(rest);
    if (!piece) return 0;
    text += piece->size();
  }
  require(text <= bytes.size() - whole.bytes);
  (void)body.on_close();
  return 0;
}
