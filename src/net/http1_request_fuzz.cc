// Any bytes as a stream of requests. Properties: no prefix is judged otherwise than the whole; a body comes out the same however it is cut.

#include <algorithm>
#include <cstdlib>

#include "net/http1.h"

namespace {

using callgate::net::BodyReader;
using callgate::net::equals_ignoring_case;
using callgate::net::Head;
using callgate::net::Header;
using callgate::net::Progress;

constexpr callgate::net::HeadCaps kCaps{.bytes_max = 512, .headers_max = 8};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Body {
  std::string text, reason;
  std::size_t used = 0;
  bool done = false;
};

Body read_body(BodyReader body, std::string_view bytes, std::size_t step) {
  Body result;
  for (std::size_t at = 0; at < bytes.size() && !body.done() && result.reason.empty(); at += step) {
    std::string_view piece_in = bytes.substr(at, step);
    while (!piece_in.empty() && !body.done()) {
      const std::size_t before = piece_in.size();
      const auto piece = body.next(piece_in);
      result.used += before - piece_in.size();
      if (!piece) {
        result.reason = piece.error().reason;
        break;
      }
      result.text += *piece;
    }
  }
  result.done = body.done();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 2048));
  for (int requests = 0; requests < 4; ++requests) {
    Head whole;
    const auto outcome = callgate::net::read_request_head(rest, kCaps, whole);
    Head part;
    for (std::size_t cut = 0; cut < std::min<std::size_t>(rest.size(), 600); ++cut) {
      const auto early = callgate::net::read_request_head(rest.substr(0, cut), kCaps, part);
      if (!early) require(!outcome && early.error().reason == outcome.error().reason);
      else if (*early == Progress::Done) require(outcome && *outcome == Progress::Done && part.bytes == whole.bytes);
    }
    if (!outcome || *outcome != Progress::Done) return 0;
    require(whole.bytes <= rest.size() && !(whole.chunked && whole.content_length));
    require(!whole.target.empty() && (whole.target.front() == '/' || whole.target == "*"));
    for (const Header& header : whole.headers()) {
      require(!header.name.empty());
      require(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
      const auto same = [&](const Header& other) { return equals_ignoring_case(other.name, header.name); };
      require(whole.count(header.name) == static_cast<std::size_t>(std::ranges::count_if(whole.headers(), same)));
    }
    rest.remove_prefix(whole.bytes);
    if (!whole.chunked && !whole.content_length) continue;
    BodyReader body;
    body.start(whole.chunked ? BodyReader::Mode::Chunked : BodyReader::Mode::Length, whole.content_length.value_or(0));
    const Body at_once = read_body(body, rest, rest.size() + 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
      const Body split = read_body(body, rest, step);
      require(split.text == at_once.text && split.reason == at_once.reason && split.used == at_once.used && split.done == at_once.done);
    }
    if (!at_once.done) return 0;
    rest.remove_prefix(at_once.used);
  }
  return 0;
}
